"""Ragged rows: groups of unequal sizes, one after another in flat arrays; and their intervals.

Inside protsae an interval of residues is 0-based and half-open, [begin, end), as Python's slices
are; files, tables and messages have UniProt's [start, end], 1-based and inclusive. `half_open` and
`inclusive` convert arrays between the two.
"""

from collections.abc import Iterator

import numpy as np


def starts(sizes: np.ndarray) -> np.ndarray:
    """Place of the first element of each group.

    Examples
    --------
    >>> starts(np.array([3, 0, 2])).tolist()
    [0, 3, 3]
    """
    before: np.ndarray = np.cumsum(sizes) - sizes
    return before


def sizes_of(first: np.ndarray, n_elements: int) -> np.ndarray:
    """Elements of each group, from the place of its first: no group is empty.

    Examples
    --------
    >>> sizes_of(np.array([0, 3]), 5).tolist()
    [3, 2]
    """
    sizes: np.ndarray = np.diff(np.append(first, n_elements))
    return sizes


def groups(sizes: np.ndarray, dtype: type[np.integer] = np.int64) -> np.ndarray:
    """Number of the group of each element.

    Examples
    --------
    >>> groups(np.array([3, 0, 2])).tolist()
    [0, 0, 0, 2, 2]
    """
    return np.repeat(np.arange(len(sizes), dtype=dtype), sizes)


def places(sizes: np.ndarray) -> np.ndarray:
    """Place of each element in its group, from 0.

    Examples
    --------
    >>> places(np.array([3, 0, 2])).tolist()
    [0, 1, 2, 0, 1]
    """
    return ranges(np.zeros_like(sizes), sizes)


def ranges(begin: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The numbers ``begin``, ``begin + 1``, ..., ``size`` of them, for each group.

    Examples
    --------
    >>> ranges(np.array([7, 5, 1]), np.array([3, 0, 2])).tolist()
    [7, 8, 9, 1, 2]
    """
    numbers: np.ndarray = np.repeat(begin - starts(sizes), sizes) + np.arange(sizes.sum())
    return numbers


def changes(*keys: np.ndarray) -> np.ndarray:
    """Whether an element differs from the one before it in any key; bool, and the first does.

    Examples
    --------
    >>> changes(np.array([4, 4, 4, 6]), np.array([1, 1, 2, 2])).tolist()
    [True, False, True, True]
    """
    new = np.ones(len(keys[0]), dtype=bool)
    new[1:] = False
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return new


def runs(sizes: np.ndarray, most: int) -> Iterator[slice]:
    """Runs of successive groups with at most ``most`` elements in all; a larger group is alone.

    Examples
    --------
    >>> list(runs(np.array([3, 0, 2, 9, 1]), 5))
    [slice(0, 3, None), slice(3, 4, None), slice(4, 5, None)]
    """
    ends = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        before = ends[first - 1] if first else 0
        stop = max(first + 1, int(np.searchsorted(ends, before + most, side="right")))
        yield slice(first, stop)
        first = stop


def half_open(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``begin`` and ``end``, 0-based and half-open, of 1-based inclusive ``start`` and ``end``.

    Examples
    --------
    >>> half_open(np.array([1, 4]), np.array([3, 4]))
    (array([0, 3]), array([3, 4]))
    """
    return start - 1, end


def inclusive(begin: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``start`` and ``end``, 1-based and inclusive, of 0-based half-open ``begin`` and ``end``.

    Examples
    --------
    >>> inclusive(np.array([0, 3]), np.array([3, 4]))
    (array([1, 4]), array([3, 4]))
    """
    return begin + 1, end
