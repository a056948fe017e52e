"""What every shard of a cache says of itself: where it came from, and which protein has which rows.

A row is a residue. Attributes say what the rows came from; a file without ``complete`` or of
another ``format_version`` is refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from protsae.errors import UserError


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
class ShardKind:
    """A file format, and the stage that writes it.

    Attributes
    ----------
    format, version : str, int
    what : str
        What its files hold, as in "holds ... of".
    stage : str
        As in "run the ... stage again".
    """

    format: str
    version: int
    what: str
    stage: str


def write_index(
    file: h5py.File,
    kind: ShardKind,
    accessions: Sequence[str],
    lengths: Sequence[int],
    source: CacheSource,
) -> None:
    """Finish a shard: protein i takes ``lengths[i]`` rows; ``complete`` comes last."""
    file["proteins"] = _protein_table(accessions, lengths)
    for name, value in vars(source).items():
        file.attrs[name] = value
    file.attrs["format"] = kind.format
    file.attrs["format_version"] = kind.version
    file.attrs["complete"] = True


def open_shard(path: str | Path, kind: ShardKind) -> h5py.File:
    """An open file of this kind.

    Raises
    ------
    UserError
        If it is missing or not a complete file of this kind and version.
    """
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run the {kind.stage} stage first") from None
    except OSError:
        raise UserError(
            f"{path}: not a readable HDF5 file; delete it and run the {kind.stage} stage again"
        ) from None
    found = (file.attrs.get("format"), file.attrs.get("format_version"))
    if found == (kind.format, kind.version) and file.attrs.get("complete", False):
        return file
    file.close()
    raise UserError(
        f"{path}: format {found[0]} version {found[1]}; expected a complete {kind.format} file "
        f"of version {kind.version}; delete it and run the {kind.stage} stage again"
    )


class ShardIndex:
    """Which rows of which shard belong to each protein.

    Parameters
    ----------
    paths : sequence of path
        The shards; they must come from the same model, proteins and settings.
    files : sequence of h5py.File
        From ``open_shard``; read here and not kept.
    kind : ShardKind
    protein_set_sha256 : str
        Checksum of the protein table that is used beside the cache.

    Attributes
    ----------
    source : CacheSource
    proteins : DataFrame
        accession, offset (first row in its shard), length, shard; in shard order.

    Raises
    ------
    UserError
        If shards hold the same protein, or disagree with each other or with the proteins about
        where they came from.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        files: Sequence[h5py.File],
        kind: ShardKind,
        protein_set_sha256: str,
    ):
        self._what = kind.what
        sources = [_source(file) for file in files]
        self.source = sources[0]
        for path, source in zip(paths, sources, strict=True):
            if source != self.source:
                raise UserError(_mismatch(path, source, paths[0], self.source, kind))
        if self.source.protein_set_sha256 != protein_set_sha256:
            raise UserError(
                f"{paths[0]}: holds {kind.what} of protein set "
                f"{self.source.protein_set_sha256[:12]}, but the proteins given are "
                f"{protein_set_sha256[:12]}; run the {kind.stage} stage on these proteins first"
            )
        tables = [_read_protein_table(file).assign(shard=i) for i, file in enumerate(files)]
        self.proteins = pd.concat(tables, ignore_index=True)
        twice = self.proteins[self.proteins["accession"].duplicated()]
        if len(twice):
            raise UserError(
                f"{paths[twice['shard'].iloc[0]]}: protein {twice['accession'].iloc[0]} is in "
                f"another file of {kind.what} too; give each shard once"
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
                f"{self._what}: {len(absent)} of the {len(accessions)} proteins asked for are in "
                f"none of the files given, first {absent[0]}; give all shards"
            )
        return wanted

    def validate_order(self, accessions: Sequence[str], flag: str) -> None:
        """Raise UserError unless proteins come in this order, that of their table.

        Results would else depend on the order in which a command was given the shards.
        """
        found = self.proteins["accession"].tolist()
        held = set(found)
        if found != [name for name in accessions if name in held]:
            raise UserError(
                f"{flag}: the shards hold the proteins in another order than the table of "
                "proteins; give them in the order of their numbers"
            )

    def groups(self, accessions: set[str], max_rows: int) -> Iterator[pd.DataFrame]:
        """``places`` some proteins at a time: at most ``max_rows`` rows, or a single protein.

        Groups run on over the end of a shard, so that they do not depend on the sharding.
        """
        wanted = self.places(accessions)
        first, n_rows = 0, 0
        for i, length in enumerate(wanted["length"].tolist()):
            if i > first and n_rows + length > max_rows:
                yield wanted.iloc[first:i]
                first, n_rows = i, 0
            n_rows += length
        if n_rows:
            yield wanted.iloc[first:]


def _source(file: h5py.File) -> CacheSource:
    return CacheSource(**{key: file.attrs[key] for key in CacheSource.__annotations__})


def _read_protein_table(file: h5py.File) -> pd.DataFrame:
    table = file["proteins"][:]
    return pd.DataFrame(
        {
            "accession": [value.decode() for value in table["accession"]],
            "offset": table["offset"].astype(np.int64),
            "length": table["length"].astype(np.int64),
        }
    )


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
    path: str | Path,
    source: CacheSource,
    first: str | Path,
    expected: CacheSource,
    kind: ShardKind,
) -> str:
    key = next(k for k in vars(source) if getattr(source, k) != getattr(expected, k))
    return (
        f"{path}: {key} is {getattr(source, key)}, but {first} has "
        f"{getattr(expected, key)}; run the {kind.stage} stage again for all shards"
    )
