"""What every shard of a cache says of itself: where it came from, and which protein has which rows.

A row is a residue. Attributes say what the rows came from; a file without ``complete`` or of
another ``format_version`` is refused. ``header_xxh3`` is a checksum of all attributes, names,
shapes and types, and of what is stored outside the rows, whose blocks have checksums of their own.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import xxhash

from protsae.errors import UserError
from protsae.io.hdf5.attributes import read_attribute, read_attributes, write_text
from protsae.one_line import reason
from protsae.statistics import ragged

_CHECKSUM = "header_xxh3"
_SIGNATURE = b"\x89HDF\r\n\x1a\n"


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
    rows : str
        Group of the rows.
    stage : str
        As in "run the ... stage again".
    """

    format: str
    version: int
    what: str
    rows: str
    stage: str


def create_shard(path: str | Path, **options: int) -> h5py.File:
    """A new file, in the layout of HDF5 1.10, which has checksums of its own structures."""
    return h5py.File(path, "w", libver=("v110", "v110"), **options)


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
        write_text(file, name, value)
    write_text(file, "format", kind.format)
    file.attrs["format_version"] = kind.version
    file.attrs["complete"] = True
    seal_header(file, kind)


def seal_header(file: h5py.File, kind: ShardKind) -> None:
    """State the checksum of all that is in the file but its rows."""
    write_text(file, _CHECKSUM, _header_checksum(file, kind))


def open_shard(path: str | Path, kind: ShardKind) -> h5py.File:
    """An open file of this kind.

    Raises
    ------
    UserError
        If it is missing or damaged, or not a complete file of this kind and version.
    """
    again = f"run the {kind.stage} stage again"
    try:
        # Shards are replaced whole, never changed: nothing to lock, and some disks refuse to.
        file = h5py.File(path, "r", locking=False)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run the {kind.stage} stage first") from None
    except OSError as error:
        raise UserError(_unreadable(Path(path), error, again)) from None
    try:
        _validate_header(path, file, kind, again)
    except UserError:
        file.close()
        raise
    # HDF5 has an exception of its own for each of its structures, all of them equally damaged.
    except Exception as error:
        file.close()
        raise UserError(
            f"{path}: damaged ({type(error).__name__}: {reason(error)}); {again}"
        ) from None
    return file


def _unreadable(path: Path, error: OSError, again: str) -> str:
    if path.is_dir():
        return f"{path}: a folder; expected an HDF5 file"
    with path.open("rb") as file:
        is_hdf5 = file.read(len(_SIGNATURE)) == _SIGNATURE
    if not is_hdf5:
        return f"{path}: not an HDF5 file; delete it and {again}"
    return f"{path}: HDF5 cannot open it ({reason(error)}); {again}"


def _validate_header(path: str | Path, file: h5py.File, kind: ShardKind, again: str) -> None:
    found = read_attribute(file, "format"), read_attribute(file, "format_version")
    if found != (kind.format, kind.version) or not read_attribute(file, "complete"):
        raise UserError(
            f"{path}: format {found[0] or 'unknown'} version {found[1]}; expected a complete "
            f"{kind.format} file of version {kind.version}; {again}"
        )
    if read_attribute(file, _CHECKSUM) != _header_checksum(file, kind):
        raise UserError(f"{path}: damaged: its header does not fit its checksum; {again}")


def _header_checksum(file: h5py.File, kind: ShardKind) -> str:
    """XXH3 of everything but the rows, in the order of the names."""
    digest = xxhash.xxh3_128()

    def add(name: str, item: h5py.HLObject) -> None:
        attributes = {k: value for k, value in read_attributes(item).items() if k != _CHECKSUM}
        digest.update(f"{name}\0{attributes!r}\0".encode())
        if isinstance(item, h5py.Dataset):
            digest.update(f"{item.shape} {item.dtype}\0".encode())
            if not name.startswith(f"{kind.rows}/"):
                digest.update(np.asarray(item[()]).tobytes())

    add("/", file)
    file.visititems(add)
    return digest.hexdigest()


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

    def followed_by(self, other: "ShardIndex") -> "ShardIndex":
        """The proteins of both; those of the other have its shards, numbered on.

        ``source`` stays that of the first.

        Raises
        ------
        UserError
            If the other is of another model or other settings, or has one of these proteins.
        """
        for key, value in vars(self.source).items():
            found = getattr(other.source, key)
            if key != "protein_set_sha256" and found != value:
                raise UserError(
                    f"{self._what} of further proteins: {key} is {found}; expected {value}, as of "
                    "the other proteins; run the stage that writes them again for both"
                )
        n_shards = int(self.proteins["shard"].max()) + 1
        renumbered = other.proteins.assign(shard=other.proteins["shard"] + n_shards)
        joined = copy.copy(self)
        joined.proteins = pd.concat([self.proteins, renumbered], ignore_index=True)
        if (twice := joined.proteins["accession"].duplicated()).any():
            raise UserError(
                f"{self._what} of further proteins: {joined.proteins['accession'][twice].iloc[0]} "
                "is an annotated protein; run the further stage again"
            )
        return joined

    def lengths(self) -> dict[str, int]:
        """Rows of each protein, by its accession."""
        return dict(zip(self.proteins["accession"], self.proteins["length"].tolist(), strict=True))

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

    def groups(
        self, accessions: set[str], max_rows: int
    ) -> Iterator[tuple[list[str], list[tuple[int, int, int]]]]:
        """Some proteins at a time: at most ``max_rows`` rows, or a single protein.

        Groups run on over the end of a shard, so that they do not depend on the sharding.

        Yields
        ------
        (accessions, places)
            In cache order; shard, first row and number of rows of each.
        """
        wanted = self.places(accessions)
        names = wanted["accession"].tolist()
        columns = (wanted[name].tolist() for name in ("shard", "offset", "length"))
        places = list(zip(*columns, strict=True))
        first, n_rows = 0, 0
        for i, (_, _, length) in enumerate(places):
            if i > first and n_rows + length > max_rows:
                yield names[first:i], places[first:i]
                first, n_rows = i, 0
            n_rows += length
        if n_rows:
            yield names[first:], places[first:]


def _source(file: h5py.File) -> CacheSource:
    return CacheSource(
        **{key: str(read_attribute(file, key)) for key in CacheSource.__annotations__}
    )


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
    table["offset"] = ragged.starts(np.asarray(lengths))
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
