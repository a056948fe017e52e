"""Uncertainty by resampling whole homology clusters: relatives do not count as independent."""

import warnings

import numpy as np

INTERVAL = (2.5, 97.5)
"""Percentiles of a 95 % interval."""


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


def effective_clusters(weights: np.ndarray) -> np.ndarray:
    """(sum w)^2 / sum w^2: how many equal clusters would tell as much; 0 where all are 0.

    Parameters
    ----------
    weights : ndarray, shape (n_clusters, ...)
        What each cluster contributes, such as its residues with a property; none negative.

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


def interval(resampled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % percentile interval along the first axis; undefined resamplings (NaN) are left out.

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
        low, high = np.nanpercentile(resampled, INTERVAL, axis=0)
    return low, high


def ratio_interval(
    numerator: np.ndarray, denominator: np.ndarray, weights: np.ndarray
) -> tuple[float, float]:
    """Interval of sum(numerator) / sum(denominator), both given by cluster.

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
    low, high = interval(ratio)
    return float(low), float(high)
