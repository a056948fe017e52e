"""Codes: the activations of a layer's SAEs at every residue, one HDF5 file per shard.

Each SAE is a group in AnnData's layout of a sparse matrix by rows (``encoding-type`` csr_matrix,
version 0.1.0: data, indices, indptr), so that ``anndata.io.sparse_dataset`` reads it, too. A row is
a residue, a column a feature.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy import sparse

from protsae.errors import UserError, is_no_memory
from protsae.io.atomic import atomic_path
from protsae.io.hdf5.attributes import read_attribute, write_text
from protsae.io.hdf5.shard_index import (
    CacheSource,
    ShardIndex,
    ShardKind,
    create_shard,
    open_shard,
    write_index,
)
from protsae.one_line import reason

KIND = ShardKind("protsae-codes", 4, "codes", "codes", "encode")

CHUNK = 2**16
"""Values stored, and checked by one checksum, together."""


class CodesWriter:
    """Takes the codes of a shard's proteins, in order; made by `write_codes`."""

    def __init__(self, groups: Mapping[str, h5py.Group]):
        self._groups = groups
        self._row_sizes: dict[str, list[np.ndarray]] = {variant: [] for variant in groups}

    def append(self, variant: str, codes: sparse.csr_array) -> None:
        """Store the next rows of an SAE: float32, shape (n_residues, n_features), none negative."""
        group = self._groups[variant]
        expected = group.attrs["shape"][1]
        assert codes.shape[1] == expected, f"{variant}: {codes.shape}; expected {expected} columns"
        for name in ("data", "indices"):
            dataset, values = group[name], getattr(codes, name)
            stored = len(dataset)
            dataset.resize((stored + len(values),))
            dataset[stored:] = values
        self._row_sizes[variant].append(np.diff(codes.indptr))

    def finish(self, n_residues: int) -> None:
        """Check that all is written, and store where each row begins."""
        for variant, group in self._groups.items():
            sizes = np.concatenate(self._row_sizes[variant], dtype=np.int64)
            assert len(sizes) == n_residues, f"{variant}: {len(sizes)} of {n_residues} rows"
            indptr = np.append(0, np.cumsum(sizes))
            group.create_dataset(
                "indptr", data=indptr, chunks=(min(CHUNK, len(indptr)),), fletcher32=True
            )


@contextmanager
def write_codes(
    path: str | Path,
    accessions: Sequence[str],
    lengths: Sequence[int],
    n_features: Mapping[str, int],
    digests: Mapping[str, str],
    source: CacheSource,
) -> Iterator[CodesWriter]:
    """Write one shard; the file appears when the block ends with every row of every SAE written.

    Parameters
    ----------
    accessions, lengths : sequences
        The shard's proteins in row order; protein i takes ``lengths[i]`` rows.
    n_features, digests : mapping of SAE variant to its width, and to `sae_sha256`
    source : CacheSource
        Of the activations.
    """
    n_residues = int(np.sum(lengths))
    with atomic_path(path) as temporary, create_shard(temporary) as file:
        groups = {}
        for variant, width in n_features.items():
            group = groups[variant] = file.create_group(f"codes/{variant}")
            # As AnnData wants them, with a variable length; protsae does not read them.
            group.attrs["encoding-type"] = "csr_matrix"
            group.attrs["encoding-version"] = "0.1.0"
            group.attrs["shape"] = np.array([n_residues, width])
            write_text(group, "sae_sha256", digests[variant])
            for name, dtype in (("data", np.float32), ("indices", np.int32)):
                group.create_dataset(
                    name, (0,), dtype, maxshape=(None,), chunks=(CHUNK,), fletcher32=True
                )
        writer = CodesWriter(groups)
        yield writer
        writer.finish(n_residues)
        write_index(file, KIND, accessions, lengths, source)


class StoredCodes:
    """Codes of one SAE over all shards of a layer, read-only.

    Parameters
    ----------
    paths : sequence of path
        The shards in the order of the protein table.
    variant : str
    sae_sha256 : str
        Checksum of the files of the SAE that the codes are to be of.
    protein_set_sha256 : str
        Checksum of the protein table that is used beside the codes.

    Attributes
    ----------
    n_features : int
    index : ShardIndex

    Raises
    ------
    UserError
        If a file is missing, is no complete file of codes, lacks the SAE or has those of other
        weights, does not fit the others (`ShardIndex`), or, while it is read, if it is damaged.
    """

    def __init__(
        self, paths: Sequence[str | Path], variant: str, sae_sha256: str, protein_set_sha256: str
    ):
        with ExitStack() as opened:
            files = [opened.enter_context(open_shard(path, KIND)) for path in paths]
            groups = [_group(p, f, variant, sae_sha256) for p, f in zip(paths, files, strict=True)]
            self.index = ShardIndex(paths, files, KIND, protein_set_sha256)
            self._indptr = [_indptr(p, group) for p, group in zip(paths, groups, strict=True)]
            self.n_features = int(groups[0].attrs["shape"][1])
        self._paths = list(paths)
        self._name = f"codes/{variant}"

    def blocks(
        self, accessions: set[str], max_rows: int
    ) -> Iterator[tuple[list[str], sparse.csr_array]]:
        """Whole proteins at a time, in the order of the shards.

        Yields
        ------
        (accessions, codes)
            Rows of these proteins one after another, float32, shape (n_residues, n_features), at
            most ``max_rows`` of them unless a single protein is longer.
        """
        with ExitStack() as opened:
            files = [opened.enter_context(open_shard(path, KIND)) for path in self._paths]
            values = [
                _Values.of(path, file[self._name])
                for path, file in zip(self._paths, files, strict=True)
            ]
            for names, places in self.index.groups(accessions, max_rows):
                parts, sizes = [], [np.zeros(1, np.int64)]
                for shard, offset, length in _joined(places):
                    indptr = self._indptr[shard][offset : offset + length + 1]
                    parts.append(values[shard].read(indptr[0], indptr[-1]))
                    sizes.append(np.diff(indptr))
                yield names, self._joined_rows(parts, np.concatenate(sizes))

    def _joined_rows(
        self, parts: list[tuple[np.ndarray, np.ndarray]], sizes: np.ndarray
    ) -> sparse.csr_array:
        data, indices = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        offsets = np.cumsum(sizes)
        # SciPy makes the columns as wide as these offsets, of which few need 8 bytes.
        if len(data) <= np.iinfo(np.int32).max:
            offsets = offsets.astype(np.int32)
        return sparse.csr_array((data, indices, offsets), (len(sizes) - 1, self.n_features))


def read_codes_source(path: str | Path) -> tuple[CacheSource, dict[str, str]]:
    """Where a shard's codes come from, and the checksum of each SAE by variant; no code is read.

    Raises
    ------
    UserError
        If it is missing, damaged or no complete file of codes.
    """
    with open_shard(path, KIND) as file:
        index = ShardIndex([path], [file], KIND, str(read_attribute(file, "protein_set_sha256")))
        saes = {
            variant: str(read_attribute(group, "sae_sha256"))
            for variant, group in file["codes"].items()
        }
    return index.source, saes


def check_codes(path: str | Path) -> dict[str, Any]:
    """Read every code of a shard; what it says of itself.

    Returns
    -------
    dict
        The fields of `CacheSource`, ``saes`` (the checksum of each SAE, by variant), and the length
        of each protein by its accession.

    Raises
    ------
    UserError
        As `StoredCodes`.
    """
    with open_shard(path, KIND) as file:
        index = ShardIndex([path], [file], KIND, str(read_attribute(file, "protein_set_sha256")))
        saes = {}
        for variant, group in file["codes"].items():
            saes[variant] = str(read_attribute(group, "sae_sha256"))
            n_values, values = int(_indptr(path, group)[-1]), _Values.of(path, group)
            for first in range(0, n_values, _CHECKED_VALUES):
                values.read(first, min(n_values, first + _CHECKED_VALUES))
    return {**vars(index.source), "saes": saes, "proteins": index.lengths()}


_CHECKED_VALUES = 2**20
_AGAIN = "encode again"


@contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """What HDF5 says of a damaged file, as one line."""
    try:
        yield
    except OSError as error:
        if is_no_memory(error):
            raise
        raise UserError(f"{path}: damaged ({reason(error)}); {_AGAIN}") from None


@dataclass(frozen=True)
class _Values:
    """The values of a file's codes and their features, opened once: each opening takes a while."""

    path: str | Path
    name: str
    data: h5py.Dataset
    indices: h5py.Dataset
    n_features: int

    @classmethod
    def of(cls, path: str | Path, group: h5py.Group) -> "_Values":
        name, n_features = group.name.removeprefix("/"), int(group.attrs["shape"][1])
        with _named(path):
            return cls(path, name, group["data"], group["indices"], n_features)

    def read(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Some of them, checked: SciPy would read and write beside its arrays."""
        with _named(self.path):
            data, indices = self.data[first:last], self.indices[first:last]
        if len(indices) and not 0 <= indices.min() <= indices.max() < self.n_features:
            raise UserError(
                f"{self.path}: {self.name} has features that are not among {self.n_features}; "
                f"{_AGAIN}"
            )
        if len(data) and not (data.min() >= 0 and data.max() < np.inf):  # a NaN fails both
            raise UserError(
                f"{self.path}: {self.name} has values that are NaN, infinite or below 0; {_AGAIN}"
            )
        return data, indices


def _indptr(path: str | Path, group: h5py.Group) -> np.ndarray:
    """Where each row begins, checked: SciPy ends in a segmentation fault where it falls.

    Lengths of the three datasets are in the checksum of the header.
    """
    with _named(path):
        indptr: np.ndarray = group["indptr"][:]
    n_rows, n_values = int(group.attrs["shape"][0]), len(group["data"])
    if indptr[0] != 0 or indptr[-1] != n_values or (np.diff(indptr) < 0).any():
        raise UserError(
            f"{path}: {group.name}/indptr does not cut {n_values:,} values into {n_rows:,} rows; "
            f"{_AGAIN}"
        )
    return indptr


def _group(path: str | Path, file: h5py.File, variant: str, sae_sha256: str) -> h5py.Group:
    if variant not in file["codes"]:
        present = ", ".join(sorted(file["codes"]))
        raise UserError(f"{path}: no codes of SAE {variant}; it has {present}; encode again")
    group = file["codes"][variant]
    found = str(read_attribute(group, "sae_sha256"))
    if found != sae_sha256:
        raise UserError(
            f"{path}: the codes of {variant} are of SAE {found[:12]}, but the one given is "
            f"{sae_sha256[:12]}; encode again"
        )
    return group


def _joined(places: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Shard, first row and rows, of proteins that stand one after another as one piece.

    Examples
    --------
    >>> _joined([(0, 0, 3), (0, 3, 2), (0, 7, 1), (1, 0, 4)])
    [(0, 0, 5), (0, 7, 1), (1, 0, 4)]
    """
    pieces: list[tuple[int, int, int]] = []
    for shard, offset, length in places:
        if pieces and pieces[-1][0] == shard and sum(pieces[-1][1:]) == offset:
            pieces[-1] = (shard, pieces[-1][1], pieces[-1][2] + length)
        else:
            pieces.append((shard, offset, length))
    return pieces
