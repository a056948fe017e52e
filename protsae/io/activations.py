"""The activation cache: one HDF5 file per shard, one dataset per layer.

A row is a residue. Attributes say what the rows came from; a file without ``complete`` or of
another ``format_version`` is refused. Datasets are contiguous unless compression is asked for.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from protsae.errors import UserError
from protsae.io.atomic import atomic_path
from protsae.io.stored_rows import (
    GZIP_CACHE_BYTES,
    Compression,
    StoredRows,
    create_rows,
    open_rows,
)

FORMAT = "protsae-activations"
FORMAT_VERSION = 2

WIDEN_BYTES = 2**19
"""float16 rows that are widened at a time: few enough to stay in the processor's cache."""


@dataclass(frozen=True)
class CacheSource:
    """What a shard's activations came from.

    Attributes
    ----------
    model : str
        Model name, ``onehot`` for one-hot sequences.
    weights_sha256 : str
        Checksum of the model's weights; empty for ``onehot``.
    protein_set_sha256 : str
        Checksum of all proteins of the run, not of this shard alone.
    settings : str
        The stage's settings as JSON.
    code_version : str
        protsae's version.
    """

    model: str
    weights_sha256: str
    protein_set_sha256: str
    settings: str
    code_version: str


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
        self, datasets: Mapping[int, LayerFormat], n_residues: int, rows: Mapping[int, StoredRows]
    ):
        self._datasets = datasets
        self._n_residues = n_residues
        self._rows = rows
        self._n_written = dict.fromkeys(datasets, 0)
        self._notes: list[tuple[int, str, float | str]] = []

    def write(self, layer: int, first_row: int, rows: np.ndarray) -> None:
        """Store ``rows`` from ``first_row`` on; each row once.

        Parameters
        ----------
        rows : ndarray, shape (n, d_model)
            C-contiguous, of the layer's dtype: nothing is converted here.
        """
        form = self._datasets[layer]
        found = f"layer {layer}: {rows.dtype} {rows.shape} at row {first_row} of {self._n_residues}"
        assert rows.dtype == form.dtype, f"{found}; expected {form.dtype}"
        assert rows.ndim == 2, f"{found}; expected rows and columns"
        assert rows.shape[1] == form.d_model, f"{found}; expected {form.d_model} columns"
        assert rows.flags.c_contiguous, f"{found}; expected C-contiguous rows"
        assert 0 <= first_row <= self._n_residues - len(rows), f"{found}; out of bounds"
        self._rows[layer].write(first_row, rows)
        self._n_written[layer] += len(rows)

    def note(self, layer: int, name: str, value: float | str) -> None:
        """Keep a fact about a layer as an attribute of its dataset."""
        self._notes.append((layer, name, value))

    def finish(self, layers: Mapping[int, h5py.Dataset]) -> None:
        """Check that all is written, and store the notes."""
        for layer, n_written in self._n_written.items():
            assert n_written == self._n_residues, (
                f"layer {layer}: {n_written} of {self._n_residues} rows were written"
            )
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
    n_residues = int(np.sum(lengths))
    with (
        atomic_path(path) as temporary,
        h5py.File(temporary, "w", rdcc_nbytes=GZIP_CACHE_BYTES) as file,
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
            layer: open_rows(temporary, dataset, writable=True) for layer, dataset in layers.items()
        }
        writer = ShardWriter(datasets, n_residues, rows)
        yield writer
        writer.finish(layers)
        file["proteins"] = _protein_table(accessions, lengths)
        for name, value in vars(source).items():
            file.attrs[name] = value
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["complete"] = True


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
    source : CacheSource
    d_model : int
    dtype : dtype
        What the rows are stored in: float16, or float32 if any shard is.
    proteins : DataFrame
        accession, shard, offset (first row in its shard), length; in shard order.

    Raises
    ------
    UserError
        If a file is missing, is no complete activation file, lacks the layer, holds a protein of
        another file, or disagrees with the others or with the proteins about where it came from.
    """

    def __init__(self, paths: Sequence[str | Path], layer: int, protein_set_sha256: str):
        self.layer = layer
        opened = [_open_shard(path, layer) for path in paths]
        self.source = opened[0].source
        for path, shard in zip(paths, opened, strict=True):
            if shard.source != self.source:
                raise UserError(_mismatch(path, shard.source, paths[0], self.source))
        if self.source.protein_set_sha256 != protein_set_sha256:
            raise UserError(
                f"{paths[0]}: holds activations of protein set "
                f"{self.source.protein_set_sha256[:12]}, but the proteins given are "
                f"{protein_set_sha256[:12]}; embed these proteins first"
            )
        self._shards = opened
        self.d_model = opened[0].d_model
        self.dtype = np.result_type(*(shard.dtype for shard in opened))
        self.proteins = pd.concat(
            [shard.proteins.assign(shard=i) for i, shard in enumerate(opened)], ignore_index=True
        )
        twice = self.proteins[self.proteins["accession"].duplicated()]
        if len(twice):
            raise UserError(
                f"{paths[twice['shard'].iloc[0]]}: protein {twice['accession'].iloc[0]} is in "
                f"another activation file too; give each shard once"
            )

    def places(self, accessions: set[str]) -> pd.DataFrame:
        """Rows of ``proteins`` for these proteins, in cache order.

        Raises
        ------
        UserError
            If some are in none of the files: a shard was not given.
        """
        wanted = self.proteins[self.proteins["accession"].isin(list(accessions))]
        if len(wanted) < len(accessions):
            absent = sorted(accessions.difference(wanted["accession"]))
            raise UserError(
                f"activations: {len(absent)} of the {len(accessions)} proteins asked for are in "
                f"none of the files given, first {absent[0]}; give all shards"
            )
        return wanted

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
        from protsae.io.float16 import to_float32  # torch: writers of one-hot codes need none

        step = max(1, WIDEN_BYTES // (self.d_model * stored.dtype.itemsize))
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
        wanted = self.places(accessions)
        block: list[tuple[str, int, int, int]] = []
        n_rows = 0
        for protein in zip(
            *(wanted[c].tolist() for c in ("accession", "shard", "offset", "length")), strict=True
        ):
            if block and n_rows + protein[3] > max_rows:
                yield self._read_block(block)
                block, n_rows = [], 0
            block.append(protein)
            n_rows += protein[3]
        if block:
            yield self._read_block(block)

    def _read_block(self, block: list[tuple[str, int, int, int]]) -> tuple[list[str], np.ndarray]:
        rows = np.empty((sum(length for *_, length in block), self.d_model), np.float32)
        first = 0
        for _, shard, offset, length in block:
            self.read_into(shard, offset, rows[first : first + length])
            first += length
        return [accession for accession, *_ in block], rows


@dataclass(frozen=True)
class _Shard:
    source: CacheSource
    proteins: pd.DataFrame
    rows: StoredRows
    n_residues: int
    d_model: int
    dtype: np.dtype


def _open_shard(path: str | Path, layer: int) -> _Shard:
    name = f"layers/{layer_name(layer)}"
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run the embed or onehot stage first") from None
    except OSError:
        raise UserError(f"{path}: not a readable HDF5 file; delete it and embed again") from None
    with file:
        found = (file.attrs.get("format"), file.attrs.get("format_version"))
        if found != (FORMAT, FORMAT_VERSION) or not file.attrs.get("complete", False):
            raise UserError(
                f"{path}: format {found[0]} version {found[1]}; expected a complete {FORMAT} file "
                f"of version {FORMAT_VERSION}; delete it and embed again"
            )
        if name not in file:
            layers = ", ".join(str(int(key)) for key in file["layers"])
            raise UserError(f"{path}: layer {layer} is not in this cache; it has {layers}")
        table = file["proteins"][:]
        dataset = file[name]
        source = CacheSource(**{key: file.attrs[key] for key in CacheSource.__annotations__})
        (n_residues, d_model), dtype = dataset.shape, dataset.dtype
        rows = open_rows(path, dataset)
    proteins = pd.DataFrame(
        {
            "accession": [value.decode() for value in table["accession"]],
            "offset": table["offset"].astype(np.int64),
            "length": table["length"].astype(np.int64),
        }
    )
    return _Shard(source, proteins, rows, n_residues, d_model, dtype)


def _protein_table(accessions: Sequence[str], lengths: Sequence[int]) -> np.ndarray:
    encoded = [accession.encode() for accession in accessions]
    width = max(map(len, encoded))
    table = np.empty(
        len(encoded), dtype=[("accession", f"S{width}"), ("offset", "i8"), ("length", "i8")]
    )
    table["accession"] = encoded
    table["length"] = lengths
    table["offset"] = np.cumsum(lengths) - np.asarray(lengths)
    return table


def _mismatch(
    path: str | Path, source: CacheSource, first: str | Path, expected: CacheSource
) -> str:
    key = next(k for k in vars(source) if getattr(source, k) != getattr(expected, k))
    return (
        f"{os.fspath(path)}: {key} is {getattr(source, key)}, but {os.fspath(first)} has "
        f"{getattr(expected, key)}; embed all shards again with the same settings"
    )
