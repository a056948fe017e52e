"""Correlations of features with scales of residues."""

from collections.abc import Callable

import numpy as np
from scipy import sparse

from protsae.association.scoring.metrics import ratio


def pearson(activations: sparse.csc_array, scales: np.ndarray) -> np.ndarray:
    """Pearson's r = cov(a, y) / (sd(a) sd(y)) of every feature with every scale.

    Residues where a scale is undefined (NaN) do not count for it.

    Parameters
    ----------
    activations : csc_array, shape (n_residues, n_features)
        None negative.
    scales : ndarray of float, shape (n_residues, n_scales)

    Returns
    -------
    ndarray, float64, shape (n_scales, n_features)
        0 where the feature or the scale does not vary.

    Examples
    --------
    >>> activations = sparse.csc_array(np.array([[0.0], [1], [2]]))
    >>> pearson(activations, np.array([[5.0, 3], [6, 2], [7, 1]])).ravel().round(9).tolist()
    [1.0, -1.0]
    """
    return _correlations(activations, scales, lambda part: part.astype(np.float64), np.asarray)


def spearman(activations: sparse.csc_array, scales: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation: Pearson's r of midranks, of all residues with zeros among them.

    Parameters and result as of ``pearson``.

    Examples
    --------
    >>> activations = sparse.csc_array(np.array([[0.0], [1], [9]]))
    >>> spearman(activations, np.array([[5.0, 3], [6, 2], [7, 1]])).ravel().tolist()
    [1.0, -1.0]
    """
    return _correlations(activations, scales, _rank_excess, midranks)


def _correlations(
    activations: sparse.csc_array,
    scales: np.ndarray,
    of_features: Callable[[sparse.csc_array], sparse.csc_array],
    of_scales: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Pearson's r of what the two functions make of the residues where a scale is defined."""
    found = np.zeros((scales.shape[1], activations.shape[1]))
    # Scales undefined at the same residues share what is made of the features.
    by_mask: dict[bytes, list[int]] = {}
    for scale, undefined in enumerate(np.isnan(scales).T):
        by_mask.setdefault(undefined.tobytes(), []).append(scale)
    for chosen in by_mask.values():
        mask = ~np.isnan(scales[:, chosen[0]])
        if not mask.any():
            continue
        defined = activations if mask.all() else sparse.csc_array(activations[mask])
        values = of_features(defined)
        # Centred scales need no centred features: a constant taken off these changes no covariance.
        centred = of_scales(scales[mask][:, chosen].astype(np.float64))
        squares = (centred**2).sum(0)
        centred = centred - centred.mean(0)
        spread = _spread((centred**2).sum(0), squares)[:, None] * _column_spread(values)
        # Perfect ones exceed 1 by rounding.
        found[chosen] = ratio((values.T @ centred).T, np.sqrt(spread)).clip(-1, 1)
    return found


def _column_spread(values: sparse.csc_array) -> np.ndarray:
    """sum (v - mean)^2 of each column."""
    squares = values.multiply(values).sum(0)
    return _spread(squares - values.sum(0) ** 2 / values.shape[0], squares)


def _spread(spread: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Exactly 0 where nothing but rounding is left of the squares."""
    return np.where(spread > 1e-12 * squares, spread, 0.0)


def _rank_excess(activations: sparse.csc_array) -> sparse.csc_array:
    """Midranks less that of zero, where stored: sparse as the activations are."""
    n_residues, n_features = activations.shape
    excess = activations.astype(np.float64)
    for f in range(n_features):
        part = slice(activations.indptr[f], activations.indptr[f + 1])
        value = activations.data[part]
        stored = value != 0
        n_zero = n_residues - int(stored.sum())
        excess.data[part][stored] = midranks(value[stored]) + n_zero - (n_zero + 1) / 2
    return excess


def midranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1 along the first axis; equal values share the mean of theirs.

    Parameters
    ----------
    values : ndarray, shape (n,) or (n, m)
        Without NaN.

    Examples
    --------
    >>> midranks(np.array([5.0, 1, 5])).tolist()
    [2.5, 1.0, 2.5]
    """
    if values.ndim > 1:
        return np.stack([midranks(column) for column in values.T], axis=1)
    order = np.argsort(values)
    ordered = values[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)) + 1
    sizes = np.diff(ends, prepend=0)
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(ends - (sizes - 1) / 2, sizes)
    return ranks
