"""Codes: what a set of detectors is at every residue, read by whole proteins, sparse."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy import sparse

Encode = Callable[[np.ndarray], np.ndarray | sparse.csr_array]
"""Layer activations of a protein's residues (n, d_model) to what `Join` takes, float32; by default
to detectors (n, n_features), none negative: sparse with only positive values stored, or dense."""

Join = Callable[[list[Any]], sparse.csr_array]
"""What `Encode` gives for some proteins to their codes, one protein after another."""

ReadBlocks = Callable[[set[str], int], Iterator[tuple[list[str], np.ndarray]]]
"""Accessions wanted and most rows at a time, to blocks of whole proteins and their activations."""


class Codes(Protocol):
    """A set of detectors, whether its codes are stored or computed as they are read."""

    @property
    def n_features(self) -> int:
        """Size of the set."""

    def blocks(
        self, accessions: set[str], max_rows: int
    ) -> Iterator[tuple[list[str], sparse.csr_array]]:
        """Whole proteins at a time, in the order of the protein table.

        Yields
        ------
        (accessions, codes)
            Rows of these proteins one after another, float32, shape (n_residues, n_features), at
            most ``max_rows`` of them unless a single protein is longer; only positive values are
            stored.
        """


def sparse_rows(dense: np.ndarray) -> sparse.csr_array:
    """The values of a table that are not 0, as ``sparse.csr_array(dense)`` has them.

    SciPy finds them by row and column at once, which takes 3 to 18 times as long.

    Parameters
    ----------
    dense : ndarray, shape (n_rows, n_columns)

    Examples
    --------
    >>> rows = sparse_rows(np.array([[0.0, 2.0], [0.0, 0.0], [3.0, 4.0]]))
    >>> rows.indptr.tolist(), rows.indices.tolist(), rows.data.tolist()
    ([0, 1, 1, 3], [1, 0, 1], [2.0, 3.0, 4.0])
    """
    stored = dense != 0
    place = np.flatnonzero(stored)
    column = (place % dense.shape[1]).astype(np.int32)
    ends = np.append(0, np.cumsum(np.count_nonzero(stored, axis=1)))
    return sparse.csr_array((dense.ravel()[place], column, ends), shape=dense.shape)


def stacked(parts: list[Any]) -> sparse.csr_array:
    """Codes of several proteins, dense or sparse, one after another."""
    rows = [sparse_rows(part) if isinstance(part, np.ndarray) else part for part in parts]
    return sparse.csr_array(sparse.vstack(rows))


@dataclass(frozen=True)
class Encoded:
    """Codes computed as they are read.

    Each protein is encoded by itself: a matrix product of another number of rows may round
    otherwise, and results would depend on which proteins happen to be read together.

    Parameters
    ----------
    read : ReadBlocks
    encode : Encode
    n_features : int
    join : Join

    Examples
    --------
    >>> rows = {"P1": np.ones((2, 1), np.float32), "P2": np.zeros((3, 1), np.float32)}
    >>> codes = Encoded(lambda names, _: (([n], rows[n]) for n in sorted(names)), np.sqrt, 1)
    >>> [(names, part.shape, part.nnz) for names, part in codes.blocks({"P1", "P2"}, 5)]
    [(['P1', 'P2'], (5, 1), 2)]
    """

    read: ReadBlocks
    encode: Encode
    n_features: int
    join: Join = stacked

    def blocks(
        self, accessions: set[str], max_rows: int
    ) -> Iterator[tuple[list[str], sparse.csr_array]]:
        """As of `Codes`, in the order of ``read``."""
        names: list[str] = []
        parts: list[np.ndarray | sparse.csr_array] = []
        n_rows = 0
        for [name], rows in self.read(accessions, 1):
            if names and n_rows + len(rows) > max_rows:
                yield names, self.join(parts)
                names, parts, n_rows = [], [], 0
            names.append(name)
            parts.append(self.encode(rows))
            n_rows += len(rows)
        if names:
            yield names, self.join(parts)


@dataclass(frozen=True)
class Chosen:
    """Some features of other codes.

    Parameters
    ----------
    codes : Codes
    features : ndarray of int
    """

    codes: Codes
    features: np.ndarray

    @property
    def n_features(self) -> int:
        """How many were chosen."""
        return len(self.features)

    def blocks(
        self, accessions: set[str], max_rows: int
    ) -> Iterator[tuple[list[str], sparse.csr_array]]:
        """As of `Codes`."""
        for names, rows in self.codes.blocks(accessions, max_rows):
            yield names, rows[:, self.features]


class LastRead:
    """Codes of which the last reading is kept in memory, for the next one.

    Parameters
    ----------
    codes : Codes
    most_values : int
        A reading of more activations is not kept, 8 bytes each.

    Examples
    --------
    The second time, nothing is encoded:

    >>> rows, times = np.ones((2, 1), np.float32), []
    >>> encoded = Encoded(lambda *_: [(["P1"], rows)], lambda x: times.append(1) or x, 1)
    >>> codes = LastRead(encoded, most_values=2)
    >>> [[part.nnz for _, part in codes.blocks({"P1"}, 5)] for _ in range(2)], len(times)
    ([[2], [2]], 1)
    """

    def __init__(self, codes: Codes, most_values: int) -> None:
        self._codes, self._most_values = codes, most_values
        self._asked: tuple[set[str], int] | None = None
        self._kept: list[tuple[list[str], sparse.csr_array]] = []

    @property
    def n_features(self) -> int:
        """Size of the set."""
        return self._codes.n_features

    def blocks(
        self, accessions: set[str], max_rows: int
    ) -> Iterator[tuple[list[str], sparse.csr_array]]:
        """As of `Codes`."""
        if self._asked == (accessions, max_rows):
            yield from self._kept
            return
        self._asked, self._kept = None, []
        n_values = 0
        for names, rows in self._codes.blocks(accessions, max_rows):
            n_values += rows.nnz
            if n_values <= self._most_values:
                self._kept.append((names, rows))
            else:
                self._kept.clear()
            yield names, rows
        if n_values <= self._most_values:
            self._asked = accessions, max_rows


def signed(parts: list[np.ndarray]) -> sparse.csr_array:
    """Both signs of projections: max(y, 0) beside max(-y, 0).

    Detector i < n is direction i, detector n + i its negative.

    Examples
    --------
    >>> signed([np.array([[2.0, -1.0]]), np.array([[0.0, 3.0]])]).toarray().tolist()
    [[2.0, 0.0, 0.0, 1.0], [0.0, 3.0, 0.0, 0.0]]
    """
    projected = np.concatenate(parts)
    n_rows, n = projected.shape
    # Each direction has one of its two signs: as many values in each row as directions.
    column = np.arange(n, dtype=np.int32) + np.where(projected > 0, np.int32(0), np.int32(n))
    ends = np.arange(0, projected.size + 1, n, dtype=np.int32)
    size = np.abs(projected).ravel()
    codes = sparse.csr_array((size, column.ravel(), ends), shape=(n_rows, 2 * n))
    codes.eliminate_zeros()
    return codes
