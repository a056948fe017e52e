"""The activation cache: one HDF5 file per shard, one contiguous dataset per layer.

A row is a residue. Attributes say what the rows came from; a file without ``complete`` or of
another ``format_version`` is refused. Datasets are contiguous, so readers map them.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from protsae.errors import UserError
from protsae.io.atomic import atomic_path

FORMAT = "protsae-activations"
FORMAT_VERSION = 1
MAX_RELATIVE_ERROR = 1e-3
"""Largest |x - float16(x)| / |x| over a row (Euclidean norms) that is stored without complaint."""

WriteRows = Callable[[int, int, np.ndarray], None]


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


def layer_name(layer: int) -> str:
    """Name of a layer's dataset and folder part: two digits at least.

    Examples
    --------
    >>> layer_name(6), layer_name(101)
    ('06', '101')
    """
    return f"{layer:02d}"


@contextmanager
def write_shard(
    path: str | Path,
    accessions: Sequence[str],
    lengths: Sequence[int],
    d_model: Mapping[int, int],
    dtype: str,
    source: CacheSource,
) -> Iterator[WriteRows]:
    """Write one shard; the file appears when the block ends with every row of every layer written.

    Parameters
    ----------
    accessions, lengths : sequences
        The shard's proteins in row order; protein i takes ``lengths[i]`` rows.
    d_model : mapping of layer to int
        Columns of each layer.
    dtype : {"float16", "float32"}
    source : CacheSource

    Yields
    ------
    callable (layer, first_row, rows)
        Stores ``rows``, float, shape (n, d_model), from ``first_row`` on; each row once.

    Raises
    ------
    UserError
        If a value is not finite, or float16 would overflow or lose more than
        ``MAX_RELATIVE_ERROR``.
    """
    n_residues = int(np.sum(lengths))
    n_written = dict.fromkeys(d_model, 0)
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        datasets = {
            layer: file.create_dataset(
                f"layers/{layer_name(layer)}", (n_residues, width), dtype, fill_time="never"
            )
            for layer, width in d_model.items()
        }

        def write(layer: int, first_row: int, rows: np.ndarray) -> None:
            datasets[layer][first_row : first_row + len(rows)] = _converted(rows, dtype, layer)
            n_written[layer] += len(rows)

        yield write
        assert set(n_written.values()) == {n_residues}, "rows were left unwritten"
        file["proteins"] = _protein_table(accessions, lengths)
        for name, value in vars(source).items():
            file.attrs[name] = value
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["complete"] = True


class LayerCache:
    """One layer's activations over all shards of a model, mapped read-only.

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
        self._rows = [shard.rows for shard in opened]
        self.d_model = int(self._rows[0].shape[1])
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
        return self._rows[shard][start:stop].astype(np.float32)

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
        names: list[str] = []
        parts: list[np.ndarray] = []
        n_rows = 0
        wanted = self.places(accessions)
        for accession, shard, offset, length in zip(
            *(wanted[c] for c in ("accession", "shard", "offset", "length")), strict=True
        ):
            if names and n_rows + length > max_rows:
                yield names, np.concatenate(parts)
                names, parts, n_rows = [], [], 0
            names.append(accession)
            parts.append(self.read(shard, offset, offset + length))
            n_rows += length
        if names:
            yield names, np.concatenate(parts)


@dataclass(frozen=True)
class _Shard:
    source: CacheSource
    proteins: pd.DataFrame
    rows: np.ndarray


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
        rows = np.memmap(
            path, dataset.dtype, "r", offset=dataset.id.get_offset(), shape=dataset.shape
        )
        source = CacheSource(**{key: file.attrs[key] for key in CacheSource.__annotations__})
    proteins = pd.DataFrame(
        {
            "accession": [value.decode() for value in table["accession"]],
            "offset": table["offset"].astype(np.int64),
            "length": table["length"].astype(np.int64),
        }
    )
    return _Shard(source, proteins, rows)


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


def _converted(rows: np.ndarray, dtype: str, layer: int) -> np.ndarray:
    if not np.isfinite(rows).all():
        raise UserError(f"layer {layer}: a value is NaN or infinite; check the model's weights")
    with np.errstate(over="ignore"):  # refused next, with a message
        stored = rows.astype(dtype)
    if dtype == "float16":
        _validate_float16(rows, stored, layer)
    return stored


def _validate_float16(rows: np.ndarray, stored: np.ndarray, layer: int) -> None:
    if np.isinf(stored).any():
        raise UserError(
            f"layer {layer}: a value of {np.abs(rows).max():.3g} does not fit float16 (largest "
            f"65504); set embed.dtype: float32"
        )
    size = np.linalg.norm(rows, axis=1)
    lost = np.linalg.norm(rows - stored.astype(np.float32), axis=1)
    if (lost > MAX_RELATIVE_ERROR * size).any():
        raise UserError(
            f"layer {layer}: float16 would lose more than {MAX_RELATIVE_ERROR:g} of a residue's "
            f"norm; set embed.dtype: float32"
        )


def _mismatch(
    path: str | Path, source: CacheSource, first: str | Path, expected: CacheSource
) -> str:
    key = next(k for k in vars(source) if getattr(source, k) != getattr(expected, k))
    return (
        f"{os.fspath(path)}: {key} is {getattr(source, key)}, but {os.fspath(first)} has "
        f"{getattr(expected, key)}; embed all shards again with the same settings"
    )
