"""Does a feature know the place? P-values where every protein's labels are rotated."""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import false_discovery_control

from protsae.association.runs import Runs, overlaps
from protsae.association.sums import SMALLEST, SumLaw

BOUNDED_BELOW = 1e-12
"""P-values that a bound shows to be smaller are not computed: no decision depends on them."""


@dataclass(frozen=True)
class ShiftNull:
    """True positives of each pair, and their law where labels are rotated; shapes (n_pairs,).

    Attributes
    ----------
    observed : ndarray, int64
    expected : ndarray, float64
        Mean under the null.
    p_value : ndarray, float64
        Chance of at least ``observed``, exact from ``BOUNDED_BELOW`` on, else a bound from above;
        never 0.
    """

    observed: np.ndarray
    expected: np.ndarray
    p_value: np.ndarray


def shift_null(
    on: list[Runs], labels: list[Runs], pairs: np.ndarray, lengths: np.ndarray
) -> ShiftNull:
    """The null that a feature knows the protein but not the place.

    The labels of each protein p are rotated by S_p, independent between proteins, so that they keep
    their lengths, spacing and protein. The statistic is the number of true positives,
    sum_p C_p(S_p) with C_p(s) = sum_i on_i label_(i+s mod L_p); F1 at a fixed threshold rises with
    it, as its margins stay. Its law is computed, not drawn.

    S_p is uniform on the rotations that break no run in two, 0 among them. Real stretches never
    run over the end of a protein, so that long ones, and what fires anywhere in long stretches,
    meet in the middle more often than under all L_p rotations, which benchmarks/planted_annotation
    shows to call far too many. Labels given as runs of one residue each rotate freely.

    Parameters
    ----------
    on : list of Runs
        Where each feature is on at its threshold.
    labels : list of Runs
        Where each property holds.
    pairs : ndarray of int, shape (n_pairs, 2)
        Indices into ``on`` and ``labels``.
    lengths : ndarray of int, shape (n_proteins,)

    Examples
    --------
    Two proteins of 5 residues, on exactly at the one residue labelled; both must fall in place:

    >>> lengths = np.array([5, 5])
    >>> runs = Runs.of_rows(np.array([1, 7]), lengths)
    >>> null = shift_null([runs], [runs], np.array([[0, 0]]), lengths)
    >>> null.observed.tolist(), null.expected.round(9).tolist(), null.p_value.round(9).tolist()
    ([2], [0.4], [0.04])
    """
    observed = np.zeros(len(pairs), dtype=np.int64)
    expected, p_value = np.zeros(len(pairs)), np.ones(len(pairs))
    for label in np.unique(pairs[:, 1]):
        rotated = _Rotated.of(labels[label], lengths)
        for pair in np.flatnonzero(pairs[:, 1] == label):
            found = rotated.pair_null(on[pairs[pair, 0]])
            observed[pair], expected[pair], p_value[pair] = found
    return ShiftNull(observed, expected, p_value)


@dataclass(frozen=True, eq=False)
class _Rotated:
    """A property's labels, in the proteins that have any, under the rotations that break no run.

    Attributes
    ----------
    present : ndarray of bool, shape (n_all_proteins,)
        Proteins that have the label; the others are left out of what follows.
    labels : Runs
    lengths, first : ndarray of int, shape (n_proteins,)
        Residues and first row of each.
    allowed : ndarray of bool, shape (n_residues,)
        Rotation by 0, 1, ..., L_p - 1 breaks no run.
    before, share_before : ndarray, shape (n_residues + 1,)
        Residues with the label before each row; and the sum of shares of allowed rotations that
        put the label there.
    """

    present: np.ndarray
    labels: Runs
    lengths: np.ndarray
    first: np.ndarray
    allowed: np.ndarray
    before: np.ndarray
    share_before: np.ndarray

    @classmethod
    def of(cls, labels: Runs, lengths: np.ndarray) -> "_Rotated":
        present = labels.sizes(len(lengths)) > 0
        labels, lengths = labels.among(present), lengths[present]
        first = np.cumsum(lengths) - lengths
        n_residues = int(lengths.sum())
        allowed = np.ones(n_residues, dtype=bool)
        allowed[_rows(Runs(labels.protein, labels.begin + 1, labels.end), first)] = False
        has_label = np.zeros(n_residues, dtype=np.int64)
        has_label[_rows(labels, first)] = 1
        share = np.zeros(n_residues)
        if n_residues:
            # What C counts with the allowed rotations as "on": of these, those that label a row.
            number = overlaps(Runs.of_rows(np.flatnonzero(allowed), lengths), labels, lengths)
            share = number / np.repeat(np.add.reduceat(allowed, first, dtype=np.int64), lengths)
        before, share_before = (np.append(0, np.cumsum(x)) for x in (has_label, share))
        return cls(present, labels, lengths, first, allowed, before, share_before)

    def pair_null(self, on: Runs) -> tuple[int, float, float]:
        """Observed and expected true positives, and the p-value."""
        on = on.among(self.present)
        begin, end = self.first[on.protein] + on.begin, self.first[on.protein] + on.end
        observed = int((self.before[end] - self.before[begin]).sum())
        share = self.share_before[end] - self.share_before[begin]
        mean = np.bincount(on.protein, share, len(self.lengths))
        expected = float(mean.sum())
        n_on, n_labelled = (runs.sizes(len(self.lengths)) for runs in (on, self.labels))
        least = np.maximum(n_on + n_labelled - self.lengths, 0)
        p_value = tail_bound(mean, least, np.minimum(n_on, n_labelled), observed)
        if p_value >= BOUNDED_BELOW:
            p_value = self._p_value(on, n_on > 0, observed)
        return observed, expected, p_value

    def _p_value(self, on: Runs, both: np.ndarray, observed: int) -> float:
        if not both.any():
            return 1.0
        lengths = self.lengths[both]
        shared = overlaps(on.among(both), self.labels.among(both), lengths)
        allowed = self.allowed[np.repeat(both, self.lengths)]
        n_allowed = np.add.reduceat(allowed, np.cumsum(lengths) - lengths, dtype=np.int64)
        return SumLaw.of_draws(shared[allowed], n_allowed).at_least(observed)


def tail_bound(mean: np.ndarray, least: np.ndarray, most: np.ndarray, observed: int) -> float:
    """At most this is P(sum of C_p >= observed), for independent C_p with these means and ranges.

    exp(-theta y) prod_p E exp(theta C_p), and E exp(theta C_p) is largest where C_p is only ever
    least or most; theta >= 0 is searched for the smallest.

    Parameters
    ----------
    mean, least, most : ndarray, shape (n_terms,)

    References
    ----------
    Hoeffding, J. Am. Stat. Assoc. 58, 13 (1963), equation 4.1 and Theorem 1.

    Examples
    --------
    Three coins: the bound on three heads is their chance; on two (1/2) it is loose.

    >>> coins = np.full(3, 0.5), np.zeros(3, int), np.ones(3, int)
    >>> round(tail_bound(*coins, 3), 6), round(tail_bound(*coins, 2), 2)
    (0.125, 0.84)
    """
    varies = most > least
    lacking = float((most[varies] - mean[varies]).sum()) if varies.any() else 0.0
    above = observed - float(mean.sum())
    if above <= 0 or lacking <= 0:
        return 1.0
    width = (most - least)[varies].astype(np.float64)
    share = ((mean - least)[varies] / width).clip(0, 1)
    wanted = observed - float(least.sum())

    def log_bound(theta: float) -> float:
        return float(np.log1p(share * np.expm1(theta * width)).sum() - theta * wanted)

    # exp(theta width) stays finite; any theta gives a bound.
    steepest = min(600.0 / width.max(), 50.0)
    best = minimize_scalar(log_bound, bounds=(0.0, steepest), method="bounded")
    return float(np.exp(np.clip(best.fun, np.log(SMALLEST), 0.0)))


def _rows(runs: Runs, first: np.ndarray) -> np.ndarray:
    places = runs.residues()
    return first[places.protein] + places.place


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Smallest false discovery rate at which each is called; NaN stays, and is no test.

    References
    ----------
    Benjamini & Hochberg, J. R. Stat. Soc. B 57, 289 (1995).

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.01, np.nan, 0.04, 0.03])).tolist()
    [0.03, nan, 0.04, 0.04]
    """
    q_values = np.full(len(p_values), np.nan)
    tested = ~np.isnan(p_values)
    if tested.any():
        q_values[tested] = false_discovery_control(p_values[tested], method="bh")
    return q_values


def least_true(p_values: np.ndarray, chosen: np.ndarray, error: float = 0.05) -> int:
    """How many of the chosen hypotheses are false nulls at least, with confidence 1 - ``error``.

    d = max over u of 1 - u + #{i chosen: h p_i <= u error}, u = 1 to #chosen, where h is the size
    of the largest set of hypotheses that Simes' test does not reject: the closed testing procedure
    with Simes' test, which rejects a set of m if its j-th smallest p-value is at most j error / m
    for any j. It holds for any choice, also one made after looking, and where Benjamini-Hochberg's
    q-values do (p-values independent or positively dependent).

    Parameters
    ----------
    p_values : ndarray, shape (n,)
        Of all hypotheses tested, chosen or not; no NaN.
    chosen : ndarray of bool, shape (n,)

    References
    ----------
    Goeman, Meijer, Krebs & Solari, Biometrika 106, 841 (2019): simultaneous control of all false
    discovery proportions.

    Examples
    --------
    Of the two smallest of four both are true discoveries, of the three smallest no more than two:

    >>> p = np.array([0.001, 0.002, 0.3, 0.8])
    >>> least_true(p, p < 0.1), least_true(p, p < 0.5)
    (2, 2)
    """
    ordered = np.sort(p_values)
    n = len(ordered)

    def rejected(m: int) -> bool:
        """Simes' test of the m largest; if it rejects them, it rejects the m + 1 largest, too."""
        return bool((ordered[n - m :] * m <= error * np.arange(1, m + 1)).any())

    h = bisect_left(range(n + 1), True, key=rejected) - 1
    # The least u for which each chosen one is counted.
    least_u = np.sort(np.ceil(h * p_values[chosen] / error).astype(np.int64).clip(min=1))
    u = np.arange(1, len(least_u) + 1)
    found = 1 - u + np.searchsorted(least_u, u, side="right")
    return int(found.max(initial=0))
