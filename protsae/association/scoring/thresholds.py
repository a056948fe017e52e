"""Thresholds that move with a feature's scale: quantiles of its positive activations."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse


def positive_quantiles(activations: sparse.csc_array, quantiles: Sequence[float]) -> np.ndarray:
    """Thresholds of each feature, ascending; a feature is "on" where it exceeds one.

    Quantile 0 is the threshold 0 (any activity), also of a feature that is never active here: a
    rare one may be elsewhere. Quantile q > 0 is the smallest positive activation with at least a
    share q of the positive activations at or below it; without any it is infinity, which nothing
    exceeds.

    Parameters
    ----------
    activations : csc_array, shape (n_residues, n_features)
        Only positive values stored.
    quantiles : sequence of float
        In [0, 1).

    Returns
    -------
    ndarray, dtype=float32, shape=(n_thresholds, n_features)

    Examples
    --------
    >>> x = sparse.csc_array(np.array([[0.0, 0], [1, 0], [3, 0], [2, 0], [4, 0]], np.float32))
    >>> positive_quantiles(x, [0, 0.5]).tolist()
    [[0.0, 0.0], [2.0, inf]]
    """
    share = np.sort(np.asarray(quantiles, dtype=np.float64))
    thresholds = np.full((len(share), activations.shape[1]), np.inf, dtype=np.float32)
    # One feature at a time: a sort of all values by feature would copy them several times over.
    for feature in np.flatnonzero(np.diff(activations.indptr)):
        column = slice(activations.indptr[feature], activations.indptr[feature + 1])
        positive = np.sort(activations.data[column])
        rank = np.maximum(np.ceil(share * len(positive)).astype(np.int64) - 1, 0)
        thresholds[:, feature] = positive[rank]
    thresholds[share == 0] = 0
    return thresholds


def passed_thresholds(activations: sparse.csr_array, thresholds: np.ndarray) -> sparse.csr_array:
    """Number of thresholds that each activation exceeds; what exceeds none is not stored.

    Parameters
    ----------
    activations : csr_array, shape (n_residues, n_features)
        None negative.
    thresholds : ndarray, shape (n_thresholds, n_features)
        Ascending along the first axis, none negative; at most 255.

    Returns
    -------
    csr_array, dtype=uint8, shape=(n_residues, n_features)
        A residue is on at threshold t where the number is above t.

    Examples
    --------
    >>> x = sparse.csr_array(np.array([[0.0, 3], [2, 5]], np.float32))
    >>> passed_thresholds(x, np.array([[0.0, 3], [1, 4]])).toarray().tolist()
    [[0, 0], [2, 2]]
    """
    if len(thresholds) > np.iinfo(np.uint8).max:
        raise ValueError(f"{len(thresholds)} thresholds; at most {np.iinfo(np.uint8).max} fit")
    number = np.zeros(activations.nnz, dtype=np.uint8)
    for threshold in thresholds:
        number += activations.data > threshold.take(activations.indices)
    passed = sparse.csr_array(
        (number, activations.indices, activations.indptr), shape=activations.shape
    )
    if not number.all():
        passed = passed.copy()  # the arrays of indices are shared with the activations
        passed.eliminate_zeros()
    return passed
