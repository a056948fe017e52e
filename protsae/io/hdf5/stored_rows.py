"""How the rows of one layer lie in an HDF5 file: plainly, or compressed in chunks.

Plain rows are a contiguous dataset that HDF5 allocates at once and never touches again: they are
written and read through the file itself, as fast as any file, and by several threads at a time.
"""

import os
import weakref
from pathlib import Path
from typing import Literal, Protocol

import h5py
import numpy as np

GZIP_CHUNK_ROWS = 128
"""Rows compressed together: about as many as a shuffled reader asks for at a time."""
GZIP_CACHE_BYTES = 2**24
"""Chunks of a layer that HDF5 keeps uncompressed while they fill."""


Compression = Literal["none", "gzip"]


class StoredRows(Protocol):
    """Rows that are written from, and read into, C-contiguous arrays of the stored dtype."""

    def write(self, first_row: int, rows: np.ndarray) -> None:
        """Store ``rows`` from ``first_row`` on."""

    def read(self, first_row: int, out: np.ndarray) -> None:
        """Fill ``out`` with the rows from ``first_row`` on."""


def create_rows(
    group: h5py.Group,
    name: str,
    shape: tuple[int, int],
    dtype: str,
    compression: Compression,
) -> h5py.Dataset:
    """An HDF5 dataset of this shape, its values unset."""
    if compression == "gzip":
        return group.create_dataset(
            name,
            shape,
            dtype,
            chunks=(min(GZIP_CHUNK_ROWS, shape[0]), shape[1]),
            compression="gzip",
            compression_opts=1,
            shuffle=True,
            fill_time="never",
        )
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_layout(h5py.h5d.CONTIGUOUS)
    # Without early allocation a dataset has no place in the file until HDF5 writes to it.
    creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    creation.set_obj_track_times(False)  # or equal inputs would not give equal bytes
    kind, space = h5py.h5t.py_create(np.dtype(dtype)), h5py.h5s.create_simple(shape)
    h5py.h5d.create(group.id, name.encode(), kind, space, creation)
    return group[name]


def open_rows(path: str | Path, dataset: h5py.Dataset, writable: bool = False) -> StoredRows:
    """The rows of a dataset of an open file; read-only ones outlive that file's handle."""
    if dataset.chunks is None:
        return PlainRows(path, dataset, writable)
    return GzipRows(dataset if writable else h5py.File(path, "r", locking=False)[dataset.name])


class PlainRows:
    """Rows of a contiguous dataset, through a file descriptor of their own."""

    def __init__(self, path: str | Path, dataset: h5py.Dataset, writable: bool):
        self._path = path
        self._offset = dataset.id.get_offset()
        self._row_bytes = dataset.shape[1] * dataset.dtype.itemsize
        self._descriptor = os.open(path, os.O_RDWR if writable else os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)

    def write(self, first_row: int, rows: np.ndarray) -> None:
        """Store ``rows`` from ``first_row`` on."""
        place = self._offset + first_row * self._row_bytes
        n_done = os.pwrite(self._descriptor, rows.data, place)
        while n_done < rows.nbytes:
            left = rows.reshape(-1).view(np.uint8)[n_done:]
            n_done += os.pwrite(self._descriptor, left.data, place + n_done)

    def read(self, first_row: int, out: np.ndarray) -> None:
        """Fill ``out`` with the rows from ``first_row`` on."""
        place = self._offset + first_row * self._row_bytes
        n_done = os.preadv(self._descriptor, [out.data], place)
        while n_done < out.nbytes:
            left = out.reshape(-1).view(np.uint8)[n_done:]
            n_more = os.preadv(self._descriptor, [left.data], place + n_done)
            if not n_more:
                raise EOFError(f"{self._path}: the file became shorter while it was read")
            n_done += n_more


class GzipRows:
    """Rows of a compressed dataset, through HDF5."""

    def __init__(self, dataset: h5py.Dataset):
        self._dataset = dataset

    def write(self, first_row: int, rows: np.ndarray) -> None:
        """Store ``rows`` from ``first_row`` on."""
        if len(rows):
            self._dataset.write_direct(rows, dest_sel=np.s_[first_row : first_row + len(rows)])

    def read(self, first_row: int, out: np.ndarray) -> None:
        """Fill ``out`` with the rows from ``first_row`` on."""
        if len(out):
            self._dataset.read_direct(out, np.s_[first_row : first_row + len(out)])
