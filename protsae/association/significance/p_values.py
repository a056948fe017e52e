"""What the nulls of a pair share: their result, and a bound on small p-values."""

from dataclasses import dataclass

import numpy as np

from protsae.statistics.sums.sum_distribution import SMALLEST

BOUNDED_BELOW = 1e-12
"""P-values that a bound shows to be smaller are not computed: no decision depends on them."""


@dataclass(frozen=True, eq=False)
class Null:
    """True positives of each pair, and their law under a null; shapes (n_pairs,).

    Attributes
    ----------
    observed : ndarray, int64
    expected : ndarray, float64
        Mean under the null.
    p_value : ndarray, float64
        Chance of at least ``observed``, exact from ``BOUNDED_BELOW`` on, else a bound from above;
        never 0. NaN where the null cannot test the pair.
    """

    observed: np.ndarray
    expected: np.ndarray
    p_value: np.ndarray

    @classmethod
    def empty(cls, n_pairs: int) -> "Null":
        """To be filled pair by pair."""
        return cls(np.zeros(n_pairs, np.int64), np.zeros(n_pairs), np.full(n_pairs, np.nan))

    def set(self, pairs: np.ndarray, found: np.ndarray) -> None:
        """Fill in some pairs, by observed, expected and p-value: shape (n, 3)."""
        self.observed[pairs], self.expected[pairs], self.p_value[pairs] = found.T


MOST_STEPS, CLOSE = 60, 1e-9
"""Steps of the search for a bound, and how far its logarithm may be from the least one."""
LEAST_SPREADS = 5
"""Largest standard deviations above the mean from which on a bound is worth its search."""


def tail_bounds(
    mean: np.ndarray, least: np.ndarray, most: np.ndarray, observed: np.ndarray
) -> np.ndarray:
    """At most this is P(sum of C_p >= observed), for independent C_p with these means and ranges.

    exp(-theta y) prod_p E exp(theta C_p), and E exp(theta C_p) is largest where C_p is only ever
    least or most; theta >= 0 is searched for the smallest. 1, the plain bound, where the sum lies
    less than ``LEAST_SPREADS`` of its largest possible standard deviations above its mean.

    Parameters
    ----------
    mean, least, most : ndarray, shape (n_sums, n_terms)
    observed : ndarray, shape (n_sums,)

    Returns
    -------
    ndarray, float64, shape (n_sums,)

    References
    ----------
    Hoeffding, J. Am. Stat. Assoc. 58, 13 (1963), equation 4.1 and Theorem 1.

    Examples
    --------
    Forty coins: the bound on forty heads is their chance, 2^-40; on half of them it says nothing.

    >>> coins = np.full((2, 40), 0.5), np.zeros((2, 40), int), np.ones((2, 40), int)
    >>> np.log2(tail_bounds(*coins, np.array([40, 20]))).round(6).tolist()
    [-40.0, 0.0]
    """
    spread = np.sqrt(((most - mean).clip(0) * (mean - least).clip(0)).sum(-1))
    far = (observed - mean.sum(-1) >= LEAST_SPREADS * spread) & (most > least).any(-1)
    bounds = np.ones(len(observed))
    if far.any():
        bounds[far] = _searched_bounds(mean[far], least[far], most[far], observed[far])
    return bounds


def _searched_bounds(
    mean: np.ndarray, least: np.ndarray, most: np.ndarray, observed: np.ndarray
) -> np.ndarray:
    # Terms that cannot vary have width 0 and add nothing.
    width = (most - least).astype(np.float64)
    share = np.divide(mean - least, width, out=np.zeros_like(width), where=width > 0).clip(0, 1)
    wanted = observed - least.sum(-1, dtype=np.float64)
    # exp(theta width) stays finite; any theta gives a bound.
    low, high = np.zeros(len(wanted)), np.minimum(600.0 / width.max(-1), 50.0)
    theta, log_bound = np.zeros((2, len(wanted)))
    open_ = np.arange(len(wanted))
    for _ in range(MOST_STEPS):
        w, s, tilt = width[open_], share[open_], theta[open_]
        grown = s * np.expm1(tilt[:, None] * w)
        found = np.log1p(grown).sum(-1) - tilt * wanted[open_]
        log_bound[open_] = np.minimum(log_bound[open_], found)
        most_likely = (grown + s) / (1 + grown)
        slope = (w * most_likely).sum(-1) - wanted[open_]
        curvature = (w**2 * most_likely * (1 - most_likely)).sum(-1)
        low[open_] = np.where(slope < 0, tilt, low[open_])
        high[open_] = np.where(slope < 0, high[open_], tilt)
        lower, upper = low[open_], high[open_]
        # The bound is convex and this close to its least value.
        near = (slope**2 <= 2 * CLOSE * curvature) | (upper - lower <= CLOSE * upper)
        if near.all():
            break
        newton = np.divide(slope, curvature, out=np.full_like(slope, -np.inf), where=curvature > 0)
        step = tilt - newton
        theta[open_] = np.where((lower < step) & (step < upper), step, (lower + upper) / 2)
        open_ = open_[~near]
    bounds: np.ndarray = np.exp(np.clip(log_bound, np.log(SMALLEST), 0.0))
    return bounds


def headline_p_value(rotation: np.ndarray, position: np.ndarray, whole: bool) -> np.ndarray:
    """The larger of both; that of the position null alone for a concept of whole proteins.

    NaN, no test, where the position null cannot tell.

    Examples
    --------
    >>> headline_p_value(np.array([0.01, 0.2, 0.3]), np.array([0.04, 0.1, np.nan]), False).tolist()
    [0.04, 0.2, nan]
    """
    return position if whole else np.maximum(rotation, position)
