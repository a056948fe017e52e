"""Sparse matrices put together column by column."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse


def sparse_columns(
    rows: Sequence[np.ndarray], values: Sequence[np.ndarray], n_rows: int
) -> sparse.csc_array:
    """A matrix from the rows, ascending, and the values of each column.

    Examples
    --------
    >>> rows, values = [np.array([0, 2]), np.array([1])], [np.array([3.0, 4]), np.array([5.0])]
    >>> sparse_columns(rows, values, 3).toarray().tolist()
    [[3.0, 0.0], [0.0, 5.0], [4.0, 0.0]]
    """
    first = np.concatenate([[0], np.cumsum([len(own) for own in rows])])
    parts = np.concatenate(values), np.concatenate(rows), first
    return sparse.csc_array(parts, shape=(n_rows, len(rows)))


def ones_in(rows: Sequence[np.ndarray], n_rows: int) -> sparse.csc_array:
    """1.0 in these rows of each column."""
    return sparse_columns(rows, [np.ones(len(own)) for own in rows], n_rows)
