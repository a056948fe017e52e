"""Shares in a row of bins that rise from one bin to the next, from counts, drawn to the mean."""

import numpy as np
from scipy.optimize import isotonic_regression

PRIOR_WEIGHT = 2
"""Weight of the mean in a bin, as in Laplace's rule (one hit and one miss)."""


def monotone_share(hits: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Share of hits in each bin of a row; rises along the row.

    In a bin with k of n, (k + 2 r) / (n + 2), where r = (K + 1) / (N + 2) is the same over all bins
    of the row; then the isotonic regression of these, with weights n + 2.

    Parameters
    ----------
    hits, number : ndarray of int, shape (n_rows, n_bins)

    Returns
    -------
    ndarray, dtype=float64, shape=(n_rows, n_bins)
        Above 0 and below 1.

    Examples
    --------
    0 of 2, 0 of 0, and 4 of 4: r = 5 / 8, so that the shares are 1.25 / 4, r and 5.25 / 6.

    >>> monotone_share(np.array([[0, 0, 4]]), np.array([[2, 0, 4]])).tolist()
    [[0.3125, 0.625, 0.875]]
    """
    overall = (hits.sum(1, keepdims=True) + 1) / (number.sum(1, keepdims=True) + 2)
    weights = number + PRIOR_WEIGHT
    share = (hits + PRIOR_WEIGHT * overall) / weights
    rising = [isotonic_regression(s, weights=w).x for s, w in zip(share, weights, strict=True)]
    return np.array(rising).reshape(number.shape)
