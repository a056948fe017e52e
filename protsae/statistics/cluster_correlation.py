"""Pearson's correlation with its uncertainty over whole homology clusters."""

import numpy as np
from scipy.special import stdtrit

from protsae.statistics.cluster_intervals import MIN_CLUSTERS, effective_clusters


def correlation(moments: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pearson's correlation from sums by homology cluster, and its 95 % interval over clusters.

    tanh(artanh r +- t s): s^2 = (n - 1) / n sum_c (z_c - mean z)^2 is the jackknife's variance of
    z = artanh r, where z_c leaves cluster c out; t at as many degrees of freedom as clusters are
    effective (`effective_clusters`), less one: of sum (x - mean x)^2 by cluster, or of that of y,
    whichever has fewer. n - 1 would be sure of what a few clusters say. Where those are fewer than
    10, samples of 50 clusters of real features held the correlation of all in 75 to 78 % of cases
    with n - 1, and do in 83 to 85 %; over all features in 88 to 90, and 91 to 92 %. The interval is
    nominal: a sample of few clusters seldom has the strongest, and its r is then too high. In a
    planted world of lognormal strengths (sd 1) it holds the truth in 74 to 78 % of cases.

    Parameters
    ----------
    moments : ndarray, shape (n_clusters, ..., 6)
        n, sum x, sum y, sum x^2, sum y^2, sum xy; clusters of n = 0 do not count.

    Returns
    -------
    r, low, high : ndarray, float64, shape (...)
        NaN where one of the two is constant; the interval, too, with fewer than ``MIN_CLUSTERS``.

    References
    ----------
    Efron & Stein, Ann. Stat. 9, 586 (1981).

    Examples
    --------
    Twelve clusters alike, x = 0, 1, 1, 0 and y = 0, 1, 2, 1:

    >>> r, low, high = correlation(np.tile([4.0, 2, 4, 2, 6, 3], (12, 1)))
    >>> round(float(r), 3), round(float(low), 3), round(float(high), 3)
    (0.707, 0.707, 0.707)
    """
    total, some = moments.sum(0), moments[..., 0] > 0
    r, n = _pearson(total), some.sum(0)
    without = _pearson(total - moments)
    z = np.where(some, _artanh(np.where(np.isnan(without), r, without)), 0)
    mean = z.sum(0) / np.maximum(n, 1)
    squares = (np.where(some, z - mean, 0) ** 2).sum(0)
    error = np.sqrt(np.maximum(n - 1, 0) / np.maximum(n, 1) * squares)
    effective = [effective_clusters(of_cluster) for of_cluster in _squares(moments)]
    half = stdtrit(np.maximum(np.minimum(*effective) - 1, 1), 0.975) * error
    told = ~np.isnan(r) & (n >= MIN_CLUSTERS)
    low, high = np.tanh(_artanh(r) - half), np.tanh(_artanh(r) + half)
    return r, np.where(told, low, np.nan), np.where(told, high, np.nan)


def _artanh(r: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
    return found


def _squares(moments: np.ndarray) -> list[np.ndarray]:
    """sum (x - mean x)^2 of each cluster, and of y; the means are those of all clusters."""
    n, x, y, xx, yy, _ = np.moveaxis(moments, -1, 0)
    found = []
    for values, squares in ((x, xx), (y, yy)):
        mean = values.sum(0) / np.maximum(n.sum(0), 1)
        found.append(np.maximum(squares - 2 * mean * values + n * mean**2, 0))
    return found


def _pearson(sums: np.ndarray) -> np.ndarray:
    """From n, sum x, sum y, sum x^2, sum y^2, sum xy, along the last axis."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_x, of_y = xx / n - (x / n) ** 2, yy / n - (y / n) ** 2
        scale = np.sqrt(np.maximum(of_x, 0) * np.maximum(of_y, 0))
        r = (xy / n - x * y / n**2) / scale
        # What rounding leaves of a constant.
        constant = (of_x <= 1e-12 * xx / n) | (of_y <= 1e-12 * yy / n)
    found: np.ndarray = np.where(constant, np.nan, np.clip(r, -1, 1))
    return found
