"""The activation cache: one HDF5 file per shard, one dataset per layer.

Datasets are contiguous unless compression is asked for. Beside each, ``checksums/NN`` has the XXH3
of every block of its rows (`protsae.io.hdf5.checked_rows`).
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from protsae.errors import UserError
from protsae.io.atomic import atomic_path
from protsae.io.hdf5.attributes import read_attribute
from protsae.io.hdf5.checked_rows import BLOCK_ROWS, CheckedRows, ChecksummingRows, block_starts
from protsae.io.hdf5.float16 import to_float32
from protsae.io.hdf5.shard_index import (
    CacheSource,
    ShardIndex,
    ShardKind,
    create_shard,
    open_shard,
    write_index,
)
from protsae.io.hdf5.stored_rows import GZIP_CACHE_BYTES, Compression, create_rows, open_rows

KIND = ShardKind("protsae-activations", 4, "activations", "layers", "embed or onehot")


WIDEN_BYTES = 2**19
"""float16 rows that are widened at a time: few enough to stay in the processor's cache."""


@dataclass(frozen=True)
class LayerFormat:
    """How one layer is stored.

    Attributes
    ----------
    d_model : int
        Columns.
    dtype : str
        ``float16`` or ``float32``.
    """

    d_model: int
    dtype: str


def layer_name(layer: int) -> str:
    """Name of a layer's dataset and folder part: two digits at least.

    Examples
    --------
    >>> layer_name(6), layer_name(101)
    ('06', '101')
    """
    return f"{layer:02d}"


class ShardWriter:
    """Takes the rows of a shard's layers, in any order; made by `write_shard`."""

    def __init__(
        self,
        datasets: Mapping[int, LayerFormat],
        n_residues: int,
        rows: Mapping[int, ChecksummingRows],
    ):
        self._datasets = datasets
        self._n_residues = n_residues
        self._rows = rows
        self._notes: list[tuple[int, str, float | str]] = []

    def write(self, layer: int, first_row: int, rows: np.ndarray) -> None:
        """Store ``rows`` from ``first_row`` on; each row once.

        Parameters
        ----------
        rows : ndarray, shape (n, d_model)
            C-contiguous, of the layer's dtype: nothing is converted here.

        Raises
        ------
        UserError
            If a value is NaN or infinite.
        """
        form = self._datasets[layer]
        found = f"layer {layer}: {rows.dtype} {rows.shape} at row {first_row} of {self._n_residues}"
        assert rows.dtype == form.dtype, f"{found}; expected {form.dtype}"
        assert rows.ndim == 2, f"{found}; expected rows and columns"
        assert rows.shape[1] == form.d_model, f"{found}; expected {form.d_model} columns"
        assert rows.flags.c_contiguous, f"{found}; expected C-contiguous rows"
        assert 0 <= first_row <= self._n_residues - len(rows), f"{found}; out of bounds"
        self._rows[layer].write(first_row, rows)

    def note(self, layer: int, name: str, value: float | str) -> None:
        """Keep a fact about a layer as an attribute of its dataset."""
        self._notes.append((layer, name, value))

    def finish(self, layers: Mapping[int, h5py.Dataset], checksums: h5py.Group) -> None:
        """Check that all is written; store the checksums and the notes."""
        for layer, rows in self._rows.items():
            assert rows.n_written == self._n_residues, (
                f"layer {layer}: {rows.n_written} of {self._n_residues} rows were written"
            )
            form = self._datasets[layer]
            checksums[layer_name(layer)] = rows.checksums(form.d_model, np.dtype(form.dtype))
        for layer, name, value in self._notes:
            layers[layer].attrs[name] = value


@contextmanager
def write_shard(
    path: str | Path,
    accessions: Sequence[str],
    lengths: Sequence[int],
    datasets: Mapping[int, LayerFormat],
    source: CacheSource,
    compression: Compression = "none",
) -> Iterator[ShardWriter]:
    """Write one shard; the file appears when the block ends with every row of every layer written.

    Parameters
    ----------
    accessions, lengths : sequences
        The shard's proteins in row order; protein i takes ``lengths[i]`` rows.
    datasets : mapping of layer to LayerFormat
    source : CacheSource
    compression : {"none", "gzip"}
        ``gzip`` is level 1 on shuffled bytes; `CacheSettings` states its price.
    """
    starts = block_starts(lengths)
    n_residues = int(starts[-1])
    with (
        atomic_path(path) as temporary,
        create_shard(temporary, rdcc_nbytes=GZIP_CACHE_BYTES) as file,
    ):
        group = file.create_group("layers")
        layers = {
            layer: create_rows(
                group, layer_name(layer), (n_residues, form.d_model), form.dtype, compression
            )
            for layer, form in datasets.items()
        }
        file.flush()  # or the file would not yet be there to be opened a second time
        rows = {
            layer: ChecksummingRows(open_rows(temporary, dataset, writable=True), starts)
            for layer, dataset in layers.items()
        }
        writer = ShardWriter(datasets, n_residues, rows)
        yield writer
        writer.finish(layers, file.create_group("checksums"))
        write_index(file, KIND, accessions, lengths, source)


class LayerCache:
    """One layer's activations over all shards of a model, read-only; threads may share it.

    Parameters
    ----------
    paths : sequence of path
        The shards, in any order; they must come from the same model, proteins and settings.
    layer : int
    protein_set_sha256 : str
        Checksum of the protein table that is used beside the cache.

    Attributes
    ----------
    index : ShardIndex
        Proteins and their rows.
    d_model : int
    dtype : dtype
        What the rows are stored in: float16, or float32 if any shard is.

    Raises
    ------
    UserError
        If a file is missing, is no complete activation file, lacks the layer, does not fit the
        others (`ShardIndex`), or, while it is read, if it is damaged.
    """

    def __init__(self, paths: Sequence[str | Path], layer: int, protein_set_sha256: str):
        self.layer = layer
        with ExitStack() as opened:
            files = [opened.enter_context(open_shard(path, KIND)) for path in paths]
            self.index = ShardIndex(paths, files, KIND, protein_set_sha256)
            lengths = [
                rows["length"].to_numpy() for _, rows in self.index.proteins.groupby("shard")
            ]
            self._shards = [
                _open_layer(path, file, layer, block_starts(of_shard))
                for path, file, of_shard in zip(paths, files, lengths, strict=True)
            ]
        self.d_model = self._shards[0].d_model
        self.dtype = np.result_type(*(shard.dtype for shard in self._shards))

    def followed_by(self, other: "LayerCache") -> "LayerCache":
        """The proteins of both as one cache, of this one's ``source``.

        Raises
        ------
        UserError
            As `ShardIndex.followed_by`.
        """
        joined = copy.copy(self)
        joined.index = self.index.followed_by(other.index)
        joined._shards = [*self._shards, *other._shards]
        joined.dtype = np.result_type(self.dtype, other.dtype)
        return joined

    @property
    def source(self) -> CacheSource:
        """Where the activations came from."""
        return self.index.source

    def read(self, shard: int, start: int, stop: int) -> np.ndarray:
        """Rows ``start:stop`` of a shard, float32, shape (stop - start, d_model)."""
        rows = np.empty((stop - start, self.d_model), np.float32)
        self.read_into(shard, start, rows)
        return rows

    def read_into(self, shard: int, start: int, out: np.ndarray) -> None:
        """Fill ``out`` with the rows of a shard from ``start`` on.

        Parameters
        ----------
        out : ndarray, shape (n, d_model)
            C-contiguous; of the cache's `dtype`, or float32.
        """
        stored = self._shards[shard]
        stop = start + len(out)
        assert 0 <= start <= stop <= stored.n_residues, (
            f"rows {start} to {stop} of {stored.n_residues}"
        )
        if out.dtype == stored.dtype:
            stored.rows.read(start, out)
            return
        # Whole blocks, or their rows would be read twice.
        blocks = WIDEN_BYTES // (BLOCK_ROWS * self.d_model * stored.dtype.itemsize)
        step = max(1, blocks) * BLOCK_ROWS
        scratch = np.empty((min(step, len(out)), self.d_model), stored.dtype)
        for first in range(0, len(out), step):
            wide = out[first : first + step]
            stored.rows.read(start + first, scratch[: len(wide)])
            to_float32(scratch[: len(wide)], wide)

    def protein_blocks(
        self, accessions: set[str], max_rows: int
    ) -> Iterator[tuple[list[str], np.ndarray]]:
        """Whole proteins at a time, in cache order.

        Yields
        ------
        (accessions, rows)
            Rows of these proteins one after another, float32, shape (n_residues, d_model), at most
            ``max_rows`` of them unless a single protein is longer.
        """
        for names, places in self.index.groups(accessions, max_rows):
            rows = np.empty((sum(length for *_, length in places), self.d_model), np.float32)
            first = 0
            for shard, offset, length in places:
                self.read_into(shard, offset, rows[first : first + length])
                first += length
            yield names, rows


def check_activations(path: str | Path) -> dict[str, Any]:
    """Read every row of a shard; what it says of itself.

    Returns
    -------
    dict
        The fields of `CacheSource`, ``layers``, and the length of each protein by its accession.

    Raises
    ------
    UserError
        As `LayerCache`, and if a block of rows is damaged.
    """
    with open_shard(path, KIND) as file:
        index = ShardIndex([path], [file], KIND, str(read_attribute(file, "protein_set_sha256")))
        starts = block_starts(index.proteins["length"].to_numpy())
        layers = sorted(int(name) for name in file["layers"])
        for layer in layers:
            shard = _open_layer(path, file, layer, starts)
            shard.rows.check(shard.d_model, shard.dtype)
    return {**vars(index.source), "layers": layers, "proteins": index.lengths()}


@dataclass(frozen=True)
class _Shard:
    rows: CheckedRows
    n_residues: int
    d_model: int
    dtype: np.dtype


def _open_layer(path: str | Path, file: h5py.File, layer: int, starts: np.ndarray) -> _Shard:
    name = f"layers/{layer_name(layer)}"
    if name not in file:
        layers = ", ".join(str(int(key)) for key in file["layers"])
        raise UserError(f"{path}: layer {layer} is not in this cache; it has {layers}")
    dataset = file[name]
    n_residues, d_model = dataset.shape
    checksums = file[f"checksums/{layer_name(layer)}"][:]
    if n_residues != starts[-1] or len(checksums) != len(starts) - 1:
        raise UserError(
            f"{path}: {n_residues:,} rows of layer {layer} and {len(checksums):,} checksums; "
            f"expected {starts[-1]:,} rows in {len(starts) - 1:,} blocks, as its proteins have; "
            f"run the {KIND.stage} stage again"
        )
    rows = CheckedRows(open_rows(path, dataset), starts, checksums, path)
    return _Shard(rows, n_residues, d_model, dataset.dtype)
