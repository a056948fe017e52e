"""Is a detector better than everything it is compared with? Paired over homology clusters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from protsae.statistics.cluster_intervals import MIN_CLUSTERS, effective_clusters
from protsae.statistics.multiple_testing import benjamini_hochberg

LEVEL = 0.05
"""False discovery rate of verdicts."""

ABOVE, BELOW, UNDECIDED = "above", "below", "undecided"

COMPARED = ("f1_difference", "f1_difference_low", "f1_difference_high")
P_VALUES = ("p_above", "p_below")


@dataclass(frozen=True, eq=False)
class CountsByCluster:
    """Residues of each homology cluster on which detectors of one concept are on.

    Attributes
    ----------
    tp, on : ndarray of int, shape (n_clusters, n_detectors)
        On and labelled; on, of the residues whose label is known.
    """

    tp: np.ndarray
    on: np.ndarray

    @classmethod
    def beside(cls, parts: Sequence["CountsByCluster"]) -> "CountsByCluster":
        """Detectors of all parts, one after another."""
        return cls(np.hstack([part.tp for part in parts]), np.hstack([part.on for part in parts]))

    def of(self, detectors: np.ndarray) -> "CountsByCluster":
        """Of some of the detectors."""
        return CountsByCluster(self.tp[:, detectors], self.on[:, detectors])


def compare(own: CountsByCluster, others: CountsByCluster, positives: np.ndarray) -> pd.DataFrame:
    """F1 of each detector less the largest F1 of the others: D = F1 - max_b F1_b.

    The delete-one-cluster jackknife: every replicate leaves one cluster out of all counts and takes
    the maximum anew, so that which of the others is best is part of the uncertainty. With
    s^2 = (n - 1) / n sum_c (D_(c) - mean D)^2 over the n clusters with a residue that counts, D +-
    t s is the 95 % interval, and D / s has Student's t at as many degrees of freedom as clusters
    with the concept are effective (`effective_clusters` of ``positives``), less one.

    The largest of several F1s is too large on the very proteins it was found on. That makes "above"
    cautious. For "below", each of the B others is tested by itself, F1 - F1_b likewise, and p_below
    is B times the smallest of their p-values (Bonferroni): below the largest is below at least one.

    Parameters
    ----------
    own, others : CountsByCluster
    positives : ndarray of int, shape (n_clusters,)
        Residues with the concept.

    Returns
    -------
    DataFrame
        A row for each of ``own``: f1_difference, its interval, the one-sided p_above (of D <= 0)
        and p_below (of F1 >= each F1_b), and ``other``, which of the others has the largest F1. All
        but the first and last are NaN where fewer than ``MIN_CLUSTERS`` clusters have the concept.

    References
    ----------
    Miller, Biometrika 61, 1 (1974): the jackknife, of ratios and of smooth functions of means.

    Examples
    --------
    Eleven clusters of 10 residues with the concept: found to 6 to 8, and the other finds 5.

    >>> positives = np.full(11, 10)
    >>> own = np.array([6, 7, 8, 7, 6, 7, 8, 7, 6, 8, 7])[:, None]
    >>> half = np.full((11, 1), 5)
    >>> found = compare(CountsByCluster(own, own), CountsByCluster(half, half), positives)
    >>> found[["f1_difference", "f1_difference_low", "f1_difference_high"]].round(3).values.tolist()
    [[0.157, 0.121, 0.193]]
    >>> bool(found["p_above"][0] < 1e-5)
    True
    """
    total = _f1(own, positives[:, None])
    of_others = _f1(others, positives[:, None])
    counts = (own.on.max(1, initial=0) + others.on.max(1, initial=0) + positives) > 0
    n = int(counts.sum())
    left_out = [_f1_without(each, positives, counts) for each in (own, others)]

    def error_beside(other: np.ndarray) -> np.ndarray:
        replicates = left_out[0] - other[:, None]
        mean = replicates.sum(0) / max(n, 1)
        squares = (n - 1) / max(n, 1) * ((replicates - mean) ** 2).sum(0)
        # Equal in every replicate, to rounding: what differs in all clusters alike is taken for
        # certain, though a cluster that is none of these may be unlike them (docs/tables.md).
        return np.maximum(np.sqrt(squares), 1e-12)

    difference, error = total - of_others.max(), error_beside(left_out[1].max(1))
    freedom = max(float(effective_clusters(positives)) - 1, 1.0)
    half = stdtrit(freedom, 0.975) * error
    beside_each = np.stack(
        [
            (total - f1) / error_beside(other)
            for f1, other in zip(of_others, left_out[1].T, strict=True)
        ]
    )
    found = {
        "f1_difference_low": difference - half,
        "f1_difference_high": difference + half,
        "p_above": stdtr(freedom, -difference / error),
        "p_below": (len(of_others) * stdtr(freedom, beside_each.min(0))).clip(max=1),
    }
    enough = (positives > 0).sum() >= MIN_CLUSTERS
    bounded = {
        name: np.clip(x, -1, 1) if enough else np.full_like(x, np.nan) for name, x in found.items()
    }
    return pd.DataFrame({**bounded, "f1_difference": difference, "other": int(of_others.argmax())})


def verdicts(
    p_above: np.ndarray,
    p_below: np.ndarray,
    called: np.ndarray,
    group: np.ndarray | None = None,
) -> pd.DataFrame:
    """Verdict on each pair that was called; the two directions are corrected each by itself.

    Parameters
    ----------
    p_above, p_below : ndarray, shape (n_pairs,)
        From `compare`; NaN: no verdict.
    called : ndarray of bool, shape (n_pairs,)
        Pairs with q <= 0.05. The others get no verdict, and are no tests.
    group : ndarray, shape (n_pairs,), optional
        Pairs that are corrected together, as of `benjamini_hochberg`.

    Returns
    -------
    DataFrame
        verdict_p_value and verdict_q_value of "above", and verdict: above, below, undecided, or
        None.

    Examples
    --------
    >>> above = np.array([0.001, 0.9, 0.2, np.nan])
    >>> verdicts(above, 1 - above, np.array([True, True, True, True]))["verdict"].tolist()
    ['above', 'undecided', 'undecided', None]
    """
    tested = called & ~np.isnan(p_above)
    above, below = (np.where(tested, p, np.nan) for p in (p_above, p_below))
    q_above, q_below = (benjamini_hochberg(p, group) for p in (above, below))
    verdict = np.full(len(tested), None, dtype=object)  # not NaN: a column of text
    verdict[tested] = UNDECIDED
    verdict[q_above <= LEVEL] = ABOVE
    verdict[q_below <= LEVEL] = BELOW
    text = pd.Series(verdict, dtype=object)
    return pd.DataFrame({"verdict_p_value": above, "verdict_q_value": q_above, "verdict": text})


def _f1(counts: CountsByCluster, positives: np.ndarray) -> np.ndarray:
    sizes = counts.on.sum(0) + positives.sum()
    found: np.ndarray = 2 * counts.tp.sum(0) / np.maximum(sizes, 1)
    return found


def _f1_without(counts: CountsByCluster, positives: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """F1 of all other clusters: float64, shape (n_clusters, n_detectors)."""
    tp = counts.tp.sum(0) - counts.tp[clusters]
    sizes = (
        counts.on.sum(0) - counts.on[clusters] + (positives.sum() - positives[clusters])[:, None]
    )
    found: np.ndarray = 2 * tp / np.maximum(sizes, 1)
    return found
