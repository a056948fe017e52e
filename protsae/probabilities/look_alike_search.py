"""Which other concept a feature is on at, where it is wrong: its look-alike, from valid."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import stdtrit, xlogy

from protsae.probabilities.binned_counts import BinnedCounts
from protsae.probabilities.labelled_split import LabelledSplit, ScoredFeature
from protsae.probabilities.likelihood_ratios import log_ratio_influences
from protsae.probabilities.look_alike_sites import LookAlike, look_alike_factor
from protsae.statistics.cluster_intervals import MIN_CLUSTERS, effective_clusters

ERROR = 0.05
"""Chance that a feature without look-alikes is given one, over all concepts that are tried."""
LEAST_SHARE = 0.1
"""Share of the residues at which a feature is wrong that its look-alike must have."""
MOST_OVERLAP = 0.05
"""Share of residues that a look-alike and the concept of the feature may have in common, of those
of the rarer one: a subtype of the concept, or what it is a subtype of, is no look-alike."""
MOST_APART = 0.05
"""Share of residues at which only one of their labels may be known: else the look-alike's rate
among residues without the concept is not known either."""
RATE_ERROR, MOST_CHANGE = 5, 0.25
"""By what factor the rate of a look-alike may be wrong, and what share more or fewer residues with
the concept may then be expected: else the look-alike does harm where its rate is a guess."""


def find_look_alikes(
    valid: LabelledSplit, scored: Sequence[ScoredFeature], candidates: Mapping[int, LookAlike]
) -> list[LookAlike | None]:
    """The look-alike of each feature with its concept; None where there is none.

    Of the concepts that exclude that of the feature (``MOST_OVERLAP``) and are known at the same
    residues (``MOST_APART``), the one that tells most about where on valid the feature is on
    without its own concept (`most_alike`). It must be that of ``LEAST_SHARE`` of these residues,
    and the feature more often on there than elsewhere, as tested over homology clusters with
    ``ERROR`` shared among the concepts. A wrong rate of it may change how many residues with the
    concept are expected by ``MOST_CHANGE`` at most. The feature must be on in ``MIN_CLUSTERS`` at
    the look-alike, near the look-alike's feature, and far from it, and its own concept be in as
    many: else it is uncalibrated, whatever is found.

    Parameters
    ----------
    candidates : mapping of int to LookAlike
        By column of the labels; each for the concept that it leads with.
    """
    columns = np.array(list(candidates), dtype=np.int64)
    found: list[LookAlike | None] = []
    for own in scored:
        found.append(None)
        exclude = valid.overlaps(own.concept, columns) <= MOST_OVERLAP
        tried = columns[exclude & (valid.known_apart(own.concept, columns) <= MOST_APART)]
        best = most_alike(*valid.wrong_at(own, tried))
        if best >= 0:
            look_alike = candidates[int(tried[best])]
            if _is_alike(valid, own, look_alike, int(tried[best]), len(tried)):
                found[-1] = look_alike
    return found


def most_alike(wrong: int, wrong_at: np.ndarray, size: int, size_at: np.ndarray) -> int:
    """The concept that tells most about where a feature is on without its own; -1 if none does.

    By the log-likelihood of being on, given whether a residue has the concept, among concepts at
    which the feature is on more often than elsewhere.

    Parameters
    ----------
    wrong, size : int
        Residues without the feature's own concept: where it is on, and all.
    wrong_at, size_at : ndarray of int, shape (n_concepts,)
        Those of them with each of the other concepts.

    Examples
    --------
    Wrong at 20 of 1,000 residues. Ten of these are among the 50 of the second concept:

    >>> most_alike(20, np.array([1, 10, 0]), 1000, np.array([50, 50, 400]))
    1
    """
    rest, size_of_rest = wrong - wrong_at, size - size_at
    more = wrong_at * size_of_rest > rest * size_at
    told = _log_likelihood(wrong_at, size_at) + _log_likelihood(rest, size_of_rest)
    return int(np.where(more, told, -np.inf).argmax()) if more.any() else -1


def most_change(of_concept: Sequence[BinnedCounts], mistaken: Sequence[BinnedCounts]) -> float:
    """By what share the residues expected change if the look-alike's rate is ``RATE_ERROR`` off.

    Expected are sum_b n_b p_b, with the odds of each p_b over `look_alike_factor`; the larger of
    the changes where the rate on valid is taken to be so many times lower, and higher.

    Parameters
    ----------
    of_concept, mistaken : sequence of BinnedCounts
        One bin each, far from the look-alike's feature and near it: of the feature's concept, and
        of the look-alike where it is absent.

    Examples
    --------
    Half of the residues where it is on are right. Where wrong, it is on three times as often at
    the look-alike, which a tenth of the residues have. If half of them had it, odds of 1 would be
    1.2 / 2, and a probability of 0.5 about 0.37:

    >>> ones = np.ones((10, 1), int)
    >>> of_concept = BinnedCounts(50 * ones, 100 * ones, 100 * ones[:, 0], 2000 * ones[:, 0])
    >>> alike = BinnedCounts(30 * ones, 120 * ones, 100 * ones[:, 0], 1000 * ones[:, 0])
    >>> round(most_change([of_concept, of_concept], [alike, alike]), 2)
    0.26
    """
    tp, on = (np.array([getattr(part, name).sum() for part in of_concept]) for name in ("tp", "on"))
    odds = (tp + 0.5) / (on - tp + 0.5)
    ratio = np.exp([log_ratio_influences(part)[0][0] for part in mistaken])
    rate = mistaken[0].base_rate

    def expected(assumed: float) -> float:
        found = odds / look_alike_factor(ratio, rate, assumed)
        return float((on * found / (1 + found)).sum())

    changed = [expected(each) for each in (rate / RATE_ERROR, min(rate * RATE_ERROR, 1.0))]
    return max(abs(each / expected(rate) - 1) for each in changed)


def _is_alike(
    valid: LabelledSplit, own: ScoredFeature, look_alike: LookAlike, concept: int, n_tried: int
) -> bool:
    far, near = valid.mistaken(own, look_alike, concept)
    both = far.beside(near).joined(np.array([0]))
    of_concept = valid.counts(own, own.edges[:1], look_alike)
    counted = (both.tp, of_concept[0].positives, *(part.on for part in of_concept))
    if min(np.count_nonzero(counts) for counts in counted) < MIN_CLUSTERS:
        return False
    if both.tp.sum() < LEAST_SHARE * both.on.sum():
        return False
    if most_change(of_concept, [far, near]) > MOST_CHANGE:
        return False
    [log_ratio], influence, [freedom] = log_ratio_influences(both)
    # Clusters with the look-alike may be few, however many there are where the feature is wrong.
    freedom = min(freedom, max(float(effective_clusters(both.tp)[0]) - 1, 1.0))
    least = stdtrit(freedom, 1 - ERROR / n_tried) * np.sqrt((influence**2).sum())
    return bool(log_ratio > least)


def _log_likelihood(hits: np.ndarray, number: np.ndarray) -> np.ndarray:
    misses = number - hits
    found: np.ndarray = xlogy(hits, hits) + xlogy(misses, misses) - xlogy(number, number)
    return found
