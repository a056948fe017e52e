"""Uncertainty over whole homology clusters: relatives do not count as independent."""

import warnings
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import expit, logit, ndtr, stdtrit

INTERVAL = (2.5, 97.5)
"""Percentiles of a 95 % interval."""

MIN_CLUSTERS = 10
"""Homology clusters with the concept that an interval or a verdict needs: with fewer, intervals
hold the truth too rarely (benchmarks/planted_annotation.py), and the count alone is given."""

PSEUDO_CLUSTER = 0.25
"""Weight of a cluster with ratio 1/2, in mean clusters: near 0 and 1, few clusters show no spread.

Without it, intervals of nearly perfect detectors (F1 0.97) on 10 to 20 clusters hold the truth in
89 to 92 % of cases, with it in 96 %; elsewhere it changes coverage by less than 2 points
(benchmarks/planted_annotation.py gives the processes).
"""


def bootstrap_weights(n_clusters: int, n_resamplings: int, seed: int) -> np.ndarray:
    """How often each cluster is drawn in each resampling, with replacement.

    Returns
    -------
    ndarray, dtype=float64, shape=(n_resamplings, n_clusters)
        Rows sum to ``n_clusters``. A resampled sum is ``weights @ sums_by_cluster``.
    """
    rng = np.random.default_rng(seed)
    share = np.full(n_clusters, 1 / n_clusters)
    return rng.multinomial(n_clusters, share, size=n_resamplings).astype(np.float64)


def group_sums(rows: Any, group: np.ndarray, n_groups: int) -> Any:
    """Rows summed by group, such as homology clusters; exactly if they are whole numbers.

    Parameters
    ----------
    rows : ndarray or sparse array, shape (n_residues, ...)
    group : ndarray of int, shape (n_residues,)
        From 0.

    Returns
    -------
    ndarray or sparse array, as ``rows``, shape (n_groups, ...)

    Examples
    --------
    >>> group_sums(np.array([[1, 2], [3, 4], [5, 6]]), np.array([1, 0, 1]), 2).tolist()
    [[3, 4], [6, 8]]
    """
    ones = np.ones(len(group), dtype=np.int64)
    place = (group, np.arange(len(group)))
    return sparse.csr_array((ones, place), shape=(n_groups, len(group))) @ rows


def effective_clusters(weights: np.ndarray) -> np.ndarray:
    """(sum w)^2 / sum w^2: how many equal clusters would tell as much; 0 where all are 0.

    Parameters
    ----------
    weights : ndarray, shape (n_clusters, ...)
        What each cluster contributes, such as its residues with a concept; none negative.

    Returns
    -------
    ndarray, dtype=float64, shape=(...)
        Between 1 (one cluster has all) and n_clusters (all have the same).

    References
    ----------
    Kish, Survey Sampling (1965), section 11.7.

    Examples
    --------
    >>> effective_clusters(np.array([[3, 1], [3, 0], [0, 0]])).tolist()
    [2.0, 1.0]
    """
    exact = np.asarray(weights, dtype=np.float64)
    squares = (exact**2).sum(0)
    return np.divide(exact.sum(0) ** 2, squares, out=np.zeros(squares.shape), where=squares > 0)


def interval(
    resampled: np.ndarray, percentiles: tuple[float, float] = INTERVAL
) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval along the first axis; undefined resamplings (NaN) are left out.

    Examples
    --------
    >>> low, high = interval(np.arange(101.0))
    >>> float(low), float(high)
    (2.5, 97.5)
    """
    if not resampled.size:
        undefined = np.full(resampled.shape[1:], np.nan)
        return undefined, undefined
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="All-NaN")
        low, high = np.nanpercentile(resampled, percentiles, axis=0)
    return low, high


def expanded_percentiles(n_clusters: float) -> tuple[float, float]:
    """Percentiles of resamplings of n clusters between which a 95 % interval lies.

    100 Phi(-+ t sqrt(n / (n - 1))), t Student's at n - 1 degrees of freedom, n at least 2: 2.5 and
    97.5 where there are many. Resampling takes the variance of n clusters for known, and too small
    by (n - 1) / n.

    References
    ----------
    Hesterberg, Am. Stat. 69, 371 (2015): expanded percentile intervals.

    Examples
    --------
    >>> [round(expanded_percentiles(n)[0], 2) for n in (2, 10, 40, 1000)]
    [0.0, 0.86, 2.03, 2.48]
    """
    freedom = max(n_clusters - 1, 1.0)
    low = 100 * float(ndtr(-np.sqrt((freedom + 1) / freedom) * stdtrit(freedom, 0.975)))
    return low, 100 - low


def ratio_interval(
    numerator: np.ndarray, denominator: np.ndarray, weights: np.ndarray
) -> tuple[float, float]:
    """95 % interval of sum(numerator) / sum(denominator), both given by cluster.

    Between the `expanded_percentiles` of the resamplings, by the ``effective_clusters`` of the
    denominator: with 10 to 40 clusters of unequal sizes, intervals between 2.5 and 97.5 hold the
    truth in 83 to 93 % of cases, these in 93 to 97 %.

    Parameters
    ----------
    numerator, denominator : ndarray, shape (n_clusters,)
    weights : ndarray, shape (n_resamplings, n_clusters)
        From ``bootstrap_weights``.
    """
    below = weights @ denominator
    ratio = np.divide(
        weights @ numerator, below, out=np.full(len(weights), np.nan), where=below != 0
    )
    low, high = interval(ratio, expanded_percentiles(float(effective_clusters(denominator))))
    return float(low), float(high)


def ratio_error(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Standard error of R = sum X_c / sum Y_c from its sums by cluster.

    sqrt(n / (n - 1) sum (X_c - R Y_c)^2) / sum Y_c over the n clusters with Y_c > 0.

    Parameters
    ----------
    numerator, denominator : ndarray, shape (n_clusters, ...)

    Returns
    -------
    ndarray, dtype=float64, shape (...)
        Infinite where fewer than two clusters have any: nothing is known of the spread.

    References
    ----------
    Cochran, Sampling Techniques (1977), section 6.3.

    Examples
    --------
    >>> float(ratio_error(np.array([1, 0, 0]), np.array([2, 2, 0])))
    0.25
    """
    x, y = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    n_clusters, total = (y > 0).sum(0), y.sum(0)
    some = n_clusters > 1
    share = np.divide(x.sum(0), total, out=np.zeros(total.shape), where=some)
    squares = ((x - share * y) ** 2).sum(0) * n_clusters / np.maximum(n_clusters - 1, 1)
    undefined = np.full(total.shape, np.inf)
    return np.divide(np.sqrt(squares), total, out=undefined, where=some)


def share_interval(numerator: np.ndarray, denominator: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of R = sum X_c / sum Y_c, a share of 0 to 1, from its sums by cluster.

    logit R +- t s / (R (1 - R)), with s^2 = n / (n - 1) sum (X_c - R Y_c)^2 / (sum Y_c)^2 over the
    n clusters with Y_c > 0 (linearised ratio estimator) and Student's t at as many degrees of
    freedom as clusters are effective (``effective_clusters`` of Y), less one. F1 is such a share,
    X = 2 TP and Y = on + positives. On few clusters it holds the truth where resampling does not:
    see benchmarks/planted_annotation.py.

    Parameters
    ----------
    numerator, denominator : ndarray, shape (n_clusters, ...)
        0 <= X_c <= Y_c.

    Returns
    -------
    low, high : ndarray, float64, shape (...)
        They enclose R; NaN where all Y_c are 0.

    References
    ----------
    Cochran, Sampling Techniques (1977), section 6.3 (ratio) and 9A (clusters).

    Examples
    --------
    Halves in 101 clusters alike, but for one with none:

    >>> x, y = np.full(101, 5), np.full(101, 10)
    >>> x[0] = 0
    >>> low, high = share_interval(x, y)
    >>> round(float(low), 3), round(float(high), 3)
    (0.485, 0.505)
    """
    x, y = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    n_clusters = (y > 0).sum(0)
    some = n_clusters > 0
    mean = y.sum(0) / np.maximum(n_clusters, 1)
    estimate = np.divide(x.sum(0), y.sum(0), out=np.full(mean.shape, np.nan), where=some)
    x = np.concatenate([x, PSEUDO_CLUSTER * mean[None] / 2])
    y = np.concatenate([y, PSEUDO_CLUSTER * mean[None]])
    total = np.where(some, y.sum(0), 1)
    share = np.where(some, x.sum(0) / total, 0.5)
    squares = ((x - share * y) ** 2).sum(0) * (n_clusters + 1) / np.maximum(n_clusters, 1)
    freedom = np.maximum(effective_clusters(y) - 1, 1)
    half = stdtrit(freedom, 0.975) * np.sqrt(squares) / total / (share * (1 - share))
    low, high = expit(logit(share) - half), expit(logit(share) + half)
    # The pseudo-cluster draws the interval inwards: a perfect score stays within its own.
    return np.minimum(low, estimate), np.maximum(high, estimate)


def f1_interval(
    tp: np.ndarray, on: np.ndarray, positives: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of F1 from counts by homology cluster; NaN where too few clusters tell.

    `share_interval` of 2 TP / (on + positives), if at least ``MIN_CLUSTERS`` clusters have the
    concept.

    Parameters
    ----------
    tp, on, positives : ndarray of int, shape (n_clusters, ...)
        Residues on and labelled, on, and labelled.

    Examples
    --------
    >>> counts = np.full((9, 1), 5)
    >>> f1_interval(counts, counts, counts)[0].tolist()
    [nan]
    """
    low, high = share_interval(2 * tp, on + positives)
    told = (np.asarray(positives) > 0).sum(0) >= MIN_CLUSTERS
    return np.where(told, low, np.nan), np.where(told, high, np.nan)


def auroc_interval(
    placed: np.ndarray, positives: np.ndarray, passed: np.ndarray, negatives: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of AUROC A = sum P_c / M = sum N_c / N from its sums by cluster.

    P_c sums, over the m_c positives of cluster c, the share of all negatives that lie below (equal
    ones half); N_c, over its n_c negatives, the share of all positives above; M and N are the sums
    of m_c and n_c. logit A +- t s / (A (1 - A)), with s^2 = k / (k - 1) sum r_c^2 +
    l / (l - 1) sum q_c^2 + 2 j / (j - 1) sum r_c q_c, r_c = (P_c - A m_c) / M,
    q_c = (N_c - A n_c) / N, over the k clusters with positives, l with negatives, j with any; t as
    in `share_interval`, of whichever are fewer. A pseudo-cluster is added as there.

    Parameters
    ----------
    placed, positives, passed, negatives : ndarray, shape (n_clusters, ...)
        P_c, m_c, N_c, n_c.

    Returns
    -------
    low, high : ndarray, float64, shape (...)
        They enclose A; NaN where all are positives, or fewer than ``MIN_CLUSTERS`` clusters have
        any.

    References
    ----------
    Obuchowski, Biometrics 53, 567 (1997): AUROC of clustered data, after DeLong et al.

    Examples
    --------
    Of two positives in each of 101 clusters one lies above all negatives, one above half:

    >>> ones = np.ones(101)
    >>> low, high = auroc_interval(1.5 * ones, 2 * ones, 3 * ones, 4 * ones)
    >>> round(float(low), 3), round(float(high), 3)
    (0.747, 0.752)
    """
    parts, sizes, freedom = [], [], np.inf
    for values, weights in ((placed, positives), (passed, negatives)):
        x, y = np.asarray(values, dtype=np.float64), np.asarray(weights, dtype=np.float64)
        n_clusters = (y > 0).sum(0)
        mean = y.sum(0) / np.maximum(n_clusters, 1)
        x = np.concatenate([x, PSEUDO_CLUSTER * mean[None] / 2])
        y = np.concatenate([y, PSEUDO_CLUSTER * mean[None]])
        parts.append((x, y))
        sizes.append(n_clusters)
        freedom = np.minimum(freedom, np.maximum(effective_clusters(y) - 1, 1))
    some = (sizes[0] > 0) & (sizes[1] > 0)
    totals = [np.where(some, y.sum(0), 1) for _, y in parts]
    area = np.mean([x.sum(0) / total for (x, _), total in zip(parts, totals, strict=True)], axis=0)
    area = np.where(some, area, 0.5)
    r, q = ((x - area * y) / total for (x, y), total in zip(parts, totals, strict=True))
    n_any = ((np.asarray(positives) > 0) | (np.asarray(negatives) > 0)).sum(0)
    squares = sum(
        share * (n + 1) / np.maximum(n, 1)
        for share, n in (
            ((r**2).sum(0), sizes[0]),
            ((q**2).sum(0), sizes[1]),
            (2 * (r * q).sum(0), n_any),
        )
    )
    half = stdtrit(freedom, 0.975) * np.sqrt(squares) / (area * (1 - area))
    estimate = np.where(some, np.sum(placed, 0) / np.maximum(np.sum(positives, 0), 1), np.nan)
    low, high = expit(logit(area) - half), expit(logit(area) + half)
    told = sizes[0] >= MIN_CLUSTERS
    low, high = np.minimum(low, estimate), np.maximum(high, estimate)
    return np.where(told, low, np.nan), np.where(told, high, np.nan)
