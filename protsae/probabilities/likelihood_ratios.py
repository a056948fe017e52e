"""From counts to probabilities that hold at any base rate: likelihood ratios, by activation."""

from dataclasses import dataclass, fields, replace

import numpy as np
from scipy.special import logit, stdtrit

from protsae.probabilities.binned_counts import BinnedCounts
from protsae.statistics import ragged
from protsae.statistics.cluster_intervals import PSEUDO_CLUSTER, effective_clusters
from protsae.statistics.monotone_share import monotone_share


def probability_at(likelihood_ratio: np.ndarray, base_rate: np.ndarray | float) -> np.ndarray:
    """L b / (L b + 1 - b): probability of a concept, from likelihood ratio L and base rate b.

    With L = t / f this is the precision t b / (t b + f (1 - b)) of a detector with recall t and
    false-positive rate f, where a share b of the residues has the concept.

    Examples
    --------
    On at 80 % of the residues with the concept and at 2 % of the others, where one residue in ten
    and where one in a hundred has it:

    >>> probability_at(np.array(0.8 / 0.02), np.array([0.1, 0.01])).round(3).tolist()
    [0.816, 0.288]
    """
    odds = likelihood_ratio * np.asarray(base_rate)
    found: np.ndarray = odds / (odds + 1 - base_rate)
    return found


@dataclass(frozen=True, eq=False)
class LikelihoodRatios:
    """Of each bin of activation, how much more common it is where the concept is than elsewhere.

    Attributes
    ----------
    value, low, high : ndarray of float, shape (n_bins,)
        (tp / positives) / (fp / negatives), rising, and its 95 % interval over homology clusters.
    influence : ndarray of float, shape (n_clusters + 1, n_bins)
        How far each cluster moves the logarithm of the value: the sum of squares is its variance.
    freedom : ndarray of float, shape (n_bins,)
        Degrees of freedom of Student's t.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    influence: np.ndarray
    freedom: np.ndarray

    def beside(self, other: "LikelihoodRatios") -> "LikelihoodRatios":
        """These bins, then those of ``other``, from the same clusters."""
        pairs = ((getattr(each, f.name) for each in (self, other)) for f in fields(self))
        return LikelihoodRatios(*(np.concatenate([*pair], axis=-1) for pair in pairs))

    def over(self, factor: float) -> "LikelihoodRatios":
        """All divided by a number that is taken as known."""
        return replace(
            self, value=self.value / factor, low=self.low / factor, high=self.high / factor
        )


def likelihood_ratios(counts: BinnedCounts) -> LikelihoodRatios:
    """Rising with activation, with intervals over homology clusters.

    The share of each bin that has the concept is `monotone_share`; its odds by those of the base
    rate are the likelihood ratio L. The interval is log L' +- t s, with L' = (tp / P) / (fp / N),
    s^2 = n / (n - 1) sum h_c^2 and h_c = tp_c / tp - fp_c / fp - P_c / P + N_c / N (linearised),
    over the n clusters with the feature on or the concept; bins that `monotone_share` makes equal
    count as one. A pseudo-cluster of half positives is added to tp and fp of L' and h, as in
    `share_interval`: residues without exception in few clusters do not make a ratio sure. The
    interval encloses L.

    Examples
    --------
    Twelve clusters alike: half of 4 residues have the concept where the feature is on, 2 of 96
    elsewhere:

    >>> ones = np.ones((12, 1), int)
    >>> counts = BinnedCounts(2 * ones, 4 * ones, 4 * ones[:, 0], 100 * ones[:, 0])
    >>> found = likelihood_ratios(counts)
    >>> round(float(found.value[0]), 6), round(float(probability_at(found.value, 0.04)[0]), 6)
    (24.0, 0.5)
    """
    share = monotone_share(counts.tp.sum(0)[None], counts.on.sum(0)[None])[0]
    log_ratio = logit(share) - logit(counts.base_rate)
    block = ragged.changes(share)
    joined = counts.joined(np.flatnonzero(block))
    middle, influence, freedom = log_ratio_influences(joined)
    half = stdtrit(freedom, 0.975) * np.sqrt((influence**2).sum(0))
    place = np.cumsum(block) - 1
    return LikelihoodRatios(
        np.exp(log_ratio),
        np.exp(np.minimum((middle - half)[place], log_ratio)),
        np.exp(np.maximum((middle + half)[place], log_ratio)),
        influence[:, place],
        freedom[place],
    )


def log_ratio_influences(counts: BinnedCounts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log L' of `likelihood_ratios` by bin, how far clusters move it, and degrees of freedom.

    Returns
    -------
    middle : ndarray of float, shape (n_bins,)
    influence : ndarray of float, shape (n_clusters + 1, n_bins)
        Scaled so that its sum of squares is the variance; the last is of the pseudo-cluster.
    freedom : ndarray of float, shape (n_bins,)
        Of Student's t.
    """
    tp, fp = counts.tp.astype(np.float64), (counts.on - counts.tp).astype(np.float64)
    share = counts.positives / counts.positives.sum()
    negatives = counts.known - counts.positives
    is_on = counts.on > 0
    pseudo = PSEUDO_CLUSTER * counts.on.sum(0) / np.maximum(is_on.sum(0), 1) / 2
    pseudo = np.maximum(pseudo, PSEUDO_CLUSTER / 2)
    tp, fp = np.vstack([tp, pseudo]), np.vstack([fp, pseudo])
    outside = np.append(share - negatives / negatives.sum(), 0.0)
    middle = np.log(tp.sum(0) / counts.positives.sum()) - np.log(fp.sum(0) / negatives.sum())
    found = tp / tp.sum(0) - fp / fp.sum(0) - outside[:, None]
    n_clusters = (is_on | (counts.positives > 0)[:, None]).sum(0)
    freedom = np.maximum(effective_clusters(counts.on) - 1, 1)
    return middle, found * np.sqrt((n_clusters + 1) / np.maximum(n_clusters, 1)), freedom


@dataclass(frozen=True)
class Agreement:
    """Whether residues have a concept as often as their probabilities say.

    Attributes
    ----------
    observed : int
        Residues with the concept, of those at which the feature is on.
    expected, low, high : float
        Sum of the probabilities, and the 95 % interval around it in which the observed number
        lies if they hold.
    """

    observed: int
    expected: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether the observed number is within the interval."""
        return self.low <= self.observed <= self.high


def agreement_on(ratios: LikelihoodRatios, counts: BinnedCounts) -> Agreement:
    """Expected and observed positives in proteins that the ratios were not taken from.

    The base rate b is that of these proteins. E = sum_b n_b p_b, and E +- (t s + 1/2) for the
    observed number O, which is whole, with s^2 the sum of two variances over homology clusters:
    that of O - E here, r_c = tp_c - sum_b p_b n_cb - (O - E) n_c / n - E' (P_c - b K_c) / K, with
    E' the derivative by the base rate; and that of E by the ratios, whose logarithms move by
    ``influence``. t is Student's, of the fewer effective clusters of the two.

    Examples
    --------
    A ratio of 24 at a base rate of 4 % is a probability of a half:

    >>> ones = np.ones((12, 1), int)
    >>> counts = BinnedCounts(2 * ones, 4 * ones, 4 * ones[:, 0], 100 * ones[:, 0])
    >>> found = agreement_on(likelihood_ratios(counts), counts)
    >>> found.observed, round(found.expected, 6), found.holds
    (24, 24.0, True)
    """
    rate, on = counts.base_rate, counts.on.sum(0)
    probability = probability_at(ratios.value, rate)
    expected = float(on @ probability)
    observed, n_on = int(counts.tp.sum()), max(int(on.sum()), 1)
    slope = on * probability * (1 - probability)
    of_rate = slope.sum() / (rate * (1 - rate)) if 0 < rate < 1 else 0.0
    rest = counts.tp.sum(1) - counts.on @ probability
    rest = rest - (observed - expected) * counts.on.sum(1) / n_on
    rest = rest - of_rate * (counts.positives - rate * counts.known) / counts.known.sum()
    n_clusters = max(int(((counts.on.sum(1) > 0) | (counts.positives > 0)).sum()), 2)
    variance = n_clusters / (n_clusters - 1) * (rest**2).sum()
    variance += ((ratios.influence @ slope) ** 2).sum()
    freedom = min(float(effective_clusters(counts.on.sum(1)) - 1), float(ratios.freedom.max()))
    half = float(stdtrit(max(freedom, 1.0), 0.975) * np.sqrt(variance)) + 0.5
    return Agreement(observed, expected, max(expected - half, 0.0), min(expected + half, n_on))
