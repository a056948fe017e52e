"""Rows with a checksum per block, so that what is read is what was written.

A block is up to ``BLOCK_ROWS`` rows of one protein, from its first row on: what a shuffled reader
asks for at a time, and whole proteins are whole blocks. Its checksum is the XXH3 of its bytes as
they are stored.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import xxhash

from protsae.errors import UserError, is_no_memory
from protsae.io.hdf5.stored_rows import StoredRows
from protsae.statistics import ragged

BLOCK_ROWS = 128
"""Long enough for the disk, short enough that a shuffled buffer mixes many proteins."""


def cut_blocks(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut proteins into blocks.

    Parameters
    ----------
    lengths : ndarray, int64
        Rows of each protein.

    Returns
    -------
    protein, before : ndarray, int64, shape (n_blocks,)
        The protein of each block, and how many of the protein's rows come before it.

    Examples
    --------
    >>> [found.tolist() for found in cut_blocks(np.array([130, 3]))]
    [[0, 0, 1], [0, 128, 0]]
    """
    n_blocks = -(-lengths // BLOCK_ROWS)
    return ragged.groups(n_blocks), ragged.places(n_blocks) * BLOCK_ROWS


def block_starts(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    """First row of each block, of proteins that lie one after another; and the end of the last.

    Parameters
    ----------
    lengths : sequence of int
        Rows of each protein.

    Returns
    -------
    ndarray, int64, shape (n_blocks + 1,)

    Examples
    --------
    >>> block_starts([130, 3, 128]).tolist()
    [0, 128, 130, 133, 261]
    """
    rows = np.asarray(lengths, np.int64)
    protein, before = cut_blocks(rows)
    return np.append(ragged.starts(rows)[protein] + before, rows.sum())


class ChecksummingRows:
    """Writes rows and keeps the checksum of every block.

    Parameters
    ----------
    rows : StoredRows
    starts : ndarray
        From `block_starts`.

    Attributes
    ----------
    n_written : int
        Rows written so far.
    """

    def __init__(self, rows: StoredRows, starts: np.ndarray) -> None:
        self._rows, self._starts = rows, starts
        self._checksums = np.zeros(len(starts) - 1, np.uint64)
        self._is_done = np.zeros(len(starts) - 1, bool)
        self.n_written = 0

    def write(self, first_row: int, rows: np.ndarray) -> None:
        """Store ``rows`` from ``first_row`` on; each row once.

        Raises
        ------
        UserError
            If a value is NaN or infinite.
        """
        if not _all_finite(rows):
            raise UserError(
                f"an activation in row {first_row + int(_bad_row(rows))} of the shard is NaN or "
                "infinite; nothing is written; check the model's weights, or embed in float32"
            )
        self._rows.write(first_row, rows)
        self.n_written += len(rows)
        for block, start, stop in _blocks(self._starts, first_row, first_row + len(rows)):
            if first_row <= start and stop <= first_row + len(rows):
                self._put(block, rows[start - first_row : stop - first_row])

    def checksums(self, d_model: int, dtype: np.dtype) -> np.ndarray:
        """Checksum of every block, uint64; blocks that were written in parts are read again."""
        for block in np.flatnonzero(~self._is_done).tolist():
            start, stop = self._starts[block : block + 2].tolist()
            rows = np.empty((stop - start, d_model), dtype)
            self._rows.read(start, rows)
            self._put(block, rows)
        return self._checksums

    def _put(self, block: int, rows: np.ndarray) -> None:
        self._checksums[block] = xxhash.xxh3_64_intdigest(rows.data)
        self._is_done[block] = True


class CheckedRows:
    """Reads rows, each block checked as it is read.

    Parameters
    ----------
    rows : StoredRows
    starts : ndarray
        From `block_starts`.
    checksums : ndarray, uint64
        From `ChecksummingRows.checksums`.
    path : str or Path
        For messages.
    """

    def __init__(
        self, rows: StoredRows, starts: np.ndarray, checksums: np.ndarray, path: str | Path
    ) -> None:
        self._rows, self._starts, self._path = rows, starts, path
        self._checksums = checksums

    def read(self, first_row: int, out: np.ndarray) -> None:
        """Fill ``out`` with the rows from ``first_row`` on.

        Raises
        ------
        UserError
            If a block is not the one that was written.
        """
        stop_row = first_row + len(out)
        for block, start, stop in _blocks(self._starts, first_row, stop_row):
            begin, end = max(start, first_row), min(stop, stop_row)
            part = out[begin - first_row : end - first_row]
            if end - begin == stop - start:
                self._read(block, start, part)
            else:
                whole = np.empty((stop - start, out.shape[1]), out.dtype)
                self._read(block, start, whole)
                part[:] = whole[begin - start : end - start]

    def check(self, d_model: int, dtype: np.dtype) -> None:
        """Read every block, and raise UserError if one is not the one that was written."""
        scratch = np.empty((BLOCK_ROWS, d_model), dtype)
        for block, (start, stop) in enumerate(pairwise(self._starts.tolist())):
            self._read(block, start, scratch[: stop - start])

    def _read(self, block: int, start: int, out: np.ndarray) -> None:
        try:
            self._rows.read(start, out)
            is_same = xxhash.xxh3_64_intdigest(out.data) == self._checksums[block]
        except (OSError, EOFError) as error:  # of a compressed chunk, or a file now shorter
            if is_no_memory(error):
                raise
            is_same = False
        if not is_same:
            raise UserError(
                f"{self._path}: damaged: rows {start:,} to {start + len(out) - 1:,} do not fit "
                "their checksum; run the embed or onehot stage again"
            )


def _blocks(starts: np.ndarray, first_row: int, stop_row: int) -> Iterator[tuple[int, int, int]]:
    """Number, first row and end of every block that has one of these rows."""
    if stop_row <= first_row:
        return
    first = int(np.searchsorted(starts, first_row, "right")) - 1
    last = int(np.searchsorted(starts, stop_row, "left"))
    bounds = starts[first : last + 1].tolist()
    for number, (start, stop) in enumerate(pairwise(bounds)):
        yield first + number, start, stop


def _all_finite(rows: np.ndarray) -> bool:
    if rows.dtype == np.float16:
        # Ten times as fast as NumPy, which widens every half: an exponent of ones is NaN or inf.
        return not ((rows.view(np.uint16) & 0x7C00) == 0x7C00).any()
    return bool(np.isfinite(rows).all())


def _bad_row(rows: np.ndarray) -> int:
    return int((~np.isfinite(rows)).any(axis=1).argmax())
