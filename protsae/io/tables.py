"""Tables: written atomically, same bytes from same content; Parquet is checked on reading.

Every Parquet file carries, under the key ``protsae`` of its metadata, a JSON object with the name
and version of the format and whatever provenance the stage gave.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from protsae.errors import UserError
from protsae.io.atomic import atomic_path

FORMAT = "protsae-table"
FORMAT_VERSION = 1
_KEY = "protsae"


class TableWriter:
    """Appends data frames to one Parquet file; made by `open_table`."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer, self._schema = writer, schema

    def append(self, rows: pd.DataFrame) -> None:
        """Write ``rows`` as a row group; columns in the order and types of the table."""
        self._writer.write_table(
            pa.Table.from_pandas(rows, schema=self._schema, preserve_index=False)
        )

    def describe(self, metadata: Mapping[str, Any]) -> None:
        """Set the provenance; once, when all that it names is known."""
        self._writer.add_key_value_metadata({_KEY: _described(metadata)})


@contextmanager
def open_table(path: str | Path, empty: pd.DataFrame) -> Iterator[TableWriter]:
    """Write a table piece by piece, for tables larger than memory.

    Parameters
    ----------
    path : str or Path
        Appears when the block ends without an exception, and not before.
    empty : DataFrame
        No rows, but the columns with their dtypes.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.parquet"
    >>> rows = pd.DataFrame({"n": [1, 2]})
    >>> with open_table(path, rows.head(0)) as table:
    ...     table.append(rows)
    ...     table.describe({"stage": "example"})
    >>> read_table(path)["n"].tolist()
    [1, 2]
    """
    schema = pa.Schema.from_pandas(empty, preserve_index=False)
    with (
        atomic_path(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        yield TableWriter(writer, schema)


def write_table(path: str | Path, table: pd.DataFrame, metadata: Mapping[str, Any]) -> None:
    """Write a whole table; equal tables and metadata give equal bytes.

    Parameters
    ----------
    table : DataFrame
        Its index is not stored.
    metadata : mapping
        JSON-able provenance, e.g. checksums of what the table was made from.
    """
    data = pa.Table.from_pandas(table, preserve_index=False)
    # Its own metadata first: pandas keeps dtypes such as nullable integers there.
    data = data.replace_schema_metadata(
        {**(data.schema.metadata or {}), _KEY: _described(metadata)}
    )
    with atomic_path(path) as temporary:
        pq.write_table(data, temporary, compression="zstd")


def write_tsv(path: str | Path, table: pd.DataFrame) -> None:
    """Tab-separated, numbers with 4 significant digits, empty where there is no value."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.4g", lineterminator="\n")


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table of protsae, or some of its columns.

    Raises
    ------
    UserError
        If the file is missing, is not Parquet, was not made by protsae, has a format version that
        this protsae does not know, or lacks one of ``columns``.
    """
    read_metadata(path)
    names = pq.read_schema(path).names
    missing = [name for name in columns or () if name not in names]
    if missing:
        raise UserError(
            f"{path}: no column {', '.join(map(repr, missing))}; found {', '.join(names)}; "
            "run the stage that writes it again"
        )
    return pq.read_table(path, columns=list(columns) if columns is not None else None).to_pandas()


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Format, version and provenance of a table, without reading its rows.

    Raises
    ------
    UserError
        As `read_table`.
    """
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; run the stage that writes it first")
    try:
        found = pq.read_metadata(path).metadata or {}
    except (pa.ArrowInvalid, OSError):
        raise UserError(
            f"{path}: not a Parquet file; expected a table written by protsae"
        ) from None
    if _KEY.encode() not in found:
        raise UserError(f"{path}: not written by protsae (no 'protsae' in the Parquet metadata)")
    metadata = json.loads(found[_KEY.encode()])
    if metadata.get("format_version") != FORMAT_VERSION:
        raise UserError(
            f"{path}: format version {metadata.get('format_version')}; this protsae reads "
            f"{FORMAT_VERSION}; run the stage that writes it again"
        )
    return metadata


def _described(metadata: Mapping[str, Any]) -> str:
    document = {"format": FORMAT, "format_version": FORMAT_VERSION, **metadata}
    return json.dumps(document, sort_keys=True, ensure_ascii=False)
