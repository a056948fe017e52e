"""What the nulls of a pair share: their result, a bound on small p-values, multiple testing."""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control

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
    lacking = float((most[varies] - mean[varies]).sum()) if varies.any() else 0.0
    above = observed - float(mean.sum())
    if above <= 0 or lacking <= 0:
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


def benjamini_hochberg(p_values: np.ndarray, group: np.ndarray | None = None) -> np.ndarray:
    """Smallest false discovery rate at which each is called; NaN stays, and is no test.

    Parameters
    ----------
    p_values : ndarray, shape (n,)
    group : ndarray, shape (n,), optional
        Hypotheses with the same value are corrected together, others apart: false calls in one
        group are then a small share of that group's calls, however many another one has.

    References
    ----------
    Benjamini & Hochberg, J. R. Stat. Soc. B 57, 289 (1995).

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.01, np.nan, 0.04, 0.03])).tolist()
    [0.03, nan, 0.04, 0.04]
    >>> benjamini_hochberg(np.array([0.01, 0.02, 0.04]), np.array([0, 1, 1])).tolist()
    [0.01, 0.04, 0.04]
    """
    q_values = np.full(len(p_values), np.nan)
    is_tested = ~np.isnan(p_values)
    groups = np.zeros(len(p_values), np.int64) if group is None else group
    for one in np.unique(groups[is_tested]):
        members = is_tested & (groups == one)
        q_values[members] = false_discovery_control(p_values[members], method="bh")
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
