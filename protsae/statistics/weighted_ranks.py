"""Scores of weighted items from their ranks: for items resampled in groups, all at once."""

from typing import Literal

import numpy as np
import pandas as pd


def ranked_pairs(
    score: np.ndarray, label: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of an item with the label and one without, and those that the score ranks rightly.

    sum_ij w_i w_j ([s_i > s_j] + [s_i = s_j] / 2) and sum_ij w_i w_j, i with the label, j without.
    The first over the second is AUROC.

    Parameters
    ----------
    score, label : ndarray, shape (n_items,)
    weight : ndarray, shape (..., n_items)

    Returns
    -------
    right, pairs : ndarray, float64, shape (...)

    Examples
    --------
    >>> score, label = np.array([1.0, 2.0, 2.0]), np.array([False, False, True])
    >>> right, pairs = ranked_pairs(score, label, np.array([3.0, 1.0, 1.0]))
    >>> float(right), float(pairs)
    (3.5, 4.0)
    """
    order, starts = _ties(score)
    weights = np.asarray(weight, dtype=np.float64)[..., order]
    if not len(order):
        empty = np.zeros(weights.shape[:-1])
        return empty, empty
    have, lack = (
        np.add.reduceat(weights * side, starts, axis=-1) for side in (label[order], ~label[order])
    )
    below = lack.cumsum(-1) - lack
    right: np.ndarray = (have * (below + lack / 2)).sum(-1)
    return right, have.sum(-1) * lack.sum(-1)


def precision_sums(score: np.ndarray, label: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Precision at each item with the label, summed by weight; over their weight it is AP.

    Precision at an item is the share with the label of all whose score is at least its own.

    Parameters and shapes are those of `ranked_pairs`.

    Examples
    --------
    >>> score, label = np.array([3.0, 2.0, 1.0]), np.array([True, False, True])
    >>> float(precision_sums(score, label, np.ones(3)))  # 1 + 2 / 3
    1.6666666666666665
    """
    order, starts = _ties(-score)
    weights = np.asarray(weight, dtype=np.float64)[..., order]
    if not len(order):
        return np.zeros(weights.shape[:-1])
    have, every = (
        np.add.reduceat(weights * side, starts, axis=-1)
        for side in (label[order], np.ones(len(order)))
    )
    above = every.cumsum(-1)
    precision = np.divide(have.cumsum(-1), above, out=np.zeros_like(above), where=above > 0)
    found: np.ndarray = (have * precision).sum(-1)
    return found


def mean_ranks(values: np.ndarray, axis: Literal[0, 1] = 0) -> np.ndarray:
    """Ranks from 1 on along an axis; equal values have the mean of theirs.

    As `scipy.stats.rankdata`, which half a second of imports comes with.

    Parameters
    ----------
    values : ndarray, of one or two dimensions
        Without NaN.

    Returns
    -------
    ndarray, float64, as ``values``

    Examples
    --------
    >>> mean_ranks(np.array([5.0, 1.0, 5.0])).tolist()
    [2.5, 1.0, 2.5]
    >>> mean_ranks(np.array([[2, 7], [9, 4]]), axis=1).tolist()
    [[1.0, 2.0], [2.0, 1.0]]
    """
    ranks: np.ndarray = pd.DataFrame(values).rank(axis=axis).to_numpy()
    return ranks.reshape(values.shape)


def weighted_ranks(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weight of the items below each, and half of that of those equal to it.

    Parameters
    ----------
    values : ndarray, shape (n_items,)
    weight : ndarray, shape (..., n_items)

    Returns
    -------
    ndarray, float64, as ``weight``

    Examples
    --------
    >>> weighted_ranks(np.array([5.0, 1.0, 5.0]), np.ones(3)).tolist()
    [2.0, 0.5, 2.0]
    """
    order, starts = _ties(values)
    weights = np.asarray(weight, dtype=np.float64)[..., order]
    ranks = np.zeros(weights.shape)
    if not len(order):
        return ranks
    block = np.add.reduceat(weights, starts, axis=-1)
    middle = block.cumsum(-1) - block / 2
    sizes = np.diff(np.append(starts, len(order)))
    ranks[..., order] = np.repeat(middle, sizes, axis=-1)
    return ranks


def weighted_correlation(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Pearson's correlation of weighted items; NaN where one of the two is constant.

    Parameters
    ----------
    x, y, weight : ndarray, shape (..., n_items)

    Examples
    --------
    >>> x, y = np.array([0.0, 1.0, 9.0]), np.array([2.0, 3.0, 0.0])
    >>> float(weighted_correlation(x, y, np.array([1.0, 1.0, 0.0])))
    1.0
    """
    total = weight.sum(-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        dx, dy = (values - (values * weight).sum(-1, keepdims=True) / total for values in (x, y))
        of_x, of_y, both = ((weight * product).sum(-1) for product in (dx * dx, dy * dy, dx * dy))
        # What rounding leaves of a constant.
        varies = np.minimum(of_x / (weight * x * x).sum(-1), of_y / (weight * y * y).sum(-1))
        found = np.where(varies > 1e-12, both / np.sqrt(of_x * of_y), np.nan)
    return np.clip(found, -1, 1)


def _ties(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order of rising values, and where in it each distinct value starts."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(order) else order
    return order, starts
