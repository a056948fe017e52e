"""Active segments: where values of many columns are above the threshold of their column."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from protsae.statistics import ragged


@dataclass(frozen=True, eq=False)
class Segments:
    """Maximal runs of neighbouring rows of one group at which a column is above its threshold.

    All arrays have shape (n_segments,). Rows are counted over all groups, from 0.

    Attributes
    ----------
    column, group : ndarray of int
    begin, end : ndarray of int
        Rows, half-open.
    peak : ndarray of int
        Row of the largest value, the first of equal ones.
    value : ndarray of float
        The value there.
    """

    column: np.ndarray
    group: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    peak: np.ndarray
    value: np.ndarray


def segments_above(
    values: sparse.csc_array | sparse.csr_array, threshold: np.ndarray, sizes: np.ndarray
) -> Segments:
    """The active segments of every column, by column, then group, then place.

    Parameters
    ----------
    values : sparse array, shape (n_rows, n_columns)
        None negative: activations of detectors at residues, proteins one after another.
    threshold : ndarray of float, shape (n_columns,)
        A column is on above it; none negative, so that what is not stored is never on.
    sizes : ndarray of int, shape (n_groups,)
        Rows of each group, that is, residues of each protein. No segment goes over an end.

    Examples
    --------
    Two proteins of three and two residues, one feature, on at residues 2 and 3 of the first, and 1
    of the second:

    >>> values = sparse.csc_array(np.array([[0.0], [1], [3], [2], [0]]))
    >>> found = segments_above(values, np.array([0.5]), np.array([3, 2]))
    >>> list(zip(found.begin.tolist(), found.end.tolist(), found.peak.tolist()))
    [(1, 3, 2), (3, 4, 3)]
    """
    by_column = sparse.csc_array(values).sorted_indices()
    stored = np.diff(by_column.indptr)
    is_on = by_column.data > np.repeat(threshold, stored)
    row, value = by_column.indices[is_on].astype(np.int64), by_column.data[is_on]
    column = ragged.groups(stored)[is_on]
    group = ragged.groups(sizes)[row]
    # Along a segment, rows rise as their numbers do.
    new = ragged.changes(column, group, row - np.arange(len(row)))
    opens = np.flatnonzero(new)
    closes = np.append(opens, len(row))[1:] - 1
    peak = np.lexsort((row, -value, np.cumsum(new)))[opens]
    return Segments(
        column[opens], group[opens], row[opens], row[closes] + 1, row[peak], value[peak]
    )
