"""What the nulls of a pair share: their result, and a bound on small p-values."""

from dataclasses import dataclass

import numpy as np

from protsae.statistics.sum_distribution import SMALLEST

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


def tail_bound(mean: np.ndarray, least: np.ndarray, most: np.ndarray, observed: int) -> float:
    """At most this is P(sum of C_p >= observed), for independent C_p with these means and ranges.

    exp(-theta y) prod_p E exp(theta C_p), and E exp(theta C_p) is largest where C_p is only ever
    least or most; theta >= 0 is searched for the smallest. 1, the plain bound, where the sum lies
    less than ``LEAST_SPREADS`` of its largest possible standard deviations above its mean.

    Parameters
    ----------
    mean, least, most : ndarray, shape (n_terms,)

    References
    ----------
    Hoeffding, J. Am. Stat. Assoc. 58, 13 (1963), equation 4.1 and Theorem 1.

    Examples
    --------
    Forty coins: the bound on forty heads is their chance, 2^-40; on half of them it says nothing.

    >>> coins = np.full(40, 0.5), np.zeros(40, int), np.ones(40, int)
    >>> round(float(np.log2(tail_bound(*coins, 40))), 6), tail_bound(*coins, 20)
    (-40.0, 1.0)
    """
    varies = most > least
    spread = np.sqrt(((most - mean).clip(0) * (mean - least).clip(0)).sum())
    if observed - float(mean.sum()) < LEAST_SPREADS * spread:
        return 1.0
    if not varies.any():
        return 1.0
    width = (most - least)[varies].astype(np.float64)
    share = ((mean - least)[varies] / width).clip(0, 1)
    wanted = observed - float(least.sum())

    # exp(theta width) stays finite; any theta gives a bound.
    low, high = 0.0, min(600.0 / width.max(), 50.0)
    theta, log_bound = 0.0, 0.0
    for _ in range(MOST_STEPS):
        grown = share * np.expm1(theta * width)
        log_bound = min(log_bound, float(np.log1p(grown).sum() - theta * wanted))
        most_likely = (grown + share) / (1 + grown)
        slope = float((width * most_likely).sum() - wanted)
        curvature = float((width**2 * most_likely * (1 - most_likely)).sum())
        low, high = (theta, high) if slope < 0 else (low, theta)
        # The bound is convex and this close to its least value.
        if slope**2 <= 2 * CLOSE * curvature or high - low <= CLOSE * high:
            break
        step = theta - slope / curvature if curvature > 0 else np.inf
        theta = step if low < step < high else (low + high) / 2
    return float(np.exp(np.clip(log_bound, np.log(SMALLEST), 0.0)))


def headline_p_value(rotation: np.ndarray, position: np.ndarray, whole: bool) -> np.ndarray:
    """The larger of both; that of the position null alone for a concept of whole proteins.

    NaN, no test, where the position null cannot tell.

    Examples
    --------
    >>> headline_p_value(np.array([0.01, 0.2, 0.3]), np.array([0.04, 0.1, np.nan]), False).tolist()
    [0.04, 0.2, nan]
    """
    return position if whole else np.maximum(rotation, position)
