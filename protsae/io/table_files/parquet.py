"""Tables: written whole or not at all, checked against their schema on writing and on reading.

Every Parquet file carries, under the key ``protsae`` of its metadata, a JSON object with the
format, the name and version of its table, and whatever provenance the stage gave. Pages, footer
and the whole have checksums: what is read is what was written. Equal rows and metadata give
equal bytes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from protsae.errors import UserError, is_no_memory
from protsae.io.atomic import atomic_path
from protsae.io.table_files.parquet_seal import SEAL, UNSEALED, seal, validate_body, validate_footer
from protsae.one_line import reason
from protsae.provenance import file_sha256
from protsae.schema.table import Table, conform

FORMAT = "protsae-table"
FORMAT_VERSION = 2
_KEY = "protsae"
_AGAIN = "run the stage that writes it again"
_ARROW = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "list of numbers": pa.list_(pa.float64()),
}


class TableWriter:
    """Appends data frames to one Parquet file; made by `open_table`."""

    def __init__(self, writer: pq.ParquetWriter, path: str | Path, table: Table) -> None:
        self._writer, self._path, self._table = writer, path, table

    def append(self, rows: pd.DataFrame) -> None:
        """Write ``rows`` as a row group; they must have the columns of the table."""
        self._writer.write_table(_arrow(rows, self._table, self._path))

    def describe(self, metadata: Mapping[str, Any]) -> None:
        """Set the provenance; once, when all that it names is known."""
        self._writer.add_key_value_metadata(_stamps(self._table, metadata))


@contextmanager
def open_table(path: str | Path, table: Table) -> Iterator[TableWriter]:
    """Write a table piece by piece, for tables larger than memory.

    Parameters
    ----------
    path : str or Path
        Appears when the block ends without an exception, and not before.
    table : Table

    Examples
    --------
    >>> import tempfile
    >>> from protsae.schema.protein_tables import FETCHED
    >>> path = Path(tempfile.mkdtemp()) / "t.parquet"
    >>> row = {"accession": "P1", "entry_name": None, "organism": None, "taxon_id": None}
    >>> with open_table(path, FETCHED) as writer:
    ...     writer.append(pd.DataFrame([{**row, "length": 3, "sequence": "MKV"}]))
    ...     writer.describe({"stage": "example"})
    >>> read_table(path, FETCHED)["sequence"].tolist()
    ['MKV']
    """
    empty = pd.DataFrame({name: pd.Series(dtype=object) for name in table.names})
    schema = _arrow(empty, table, path).schema
    with atomic_path(path) as temporary:
        with pq.ParquetWriter(
            temporary, schema, compression="zstd", write_page_checksum=True
        ) as writer:
            yield TableWriter(writer, path, table)
        seal(temporary)


def write_table(
    path: str | Path, rows: pd.DataFrame, table: Table, metadata: Mapping[str, Any]
) -> None:
    """Write a whole table.

    Parameters
    ----------
    rows : DataFrame
        With the columns of ``table``; its index is not stored.
    metadata : mapping
        JSON-able provenance, e.g. checksums of what the table was made from.

    Raises
    ------
    UserError
        If the rows are not those of ``table``, as `conform` says; nothing is written.
    """
    data = _arrow(rows, table, path)
    # Its own metadata first: pandas keeps dtypes such as nullable integers there.
    data = data.replace_schema_metadata(
        {**(data.schema.metadata or {}), **_stamps(table, metadata)}
    )
    with atomic_path(path) as temporary:
        pq.write_table(data, temporary, compression="zstd", write_page_checksum=True)
        seal(temporary)


def write_tsv(path: str | Path, rows: pd.DataFrame) -> None:
    """Tab-separated, numbers with 4 significant digits, empty where there is no value."""
    with atomic_path(path) as temporary:
        rows.to_csv(temporary, sep="\t", index=False, float_format="%.4g", lineterminator="\n")


def text_checksums(*paths: Path) -> dict[str, str]:
    """SHA-256 of text tables by their names, for the metadata of a Parquet table beside them.

    A text has no place for a checksum of its own.
    """
    return {path.name: file_sha256(path) for path in paths}


def read_table(
    path: str | Path,
    table: Table,
    columns: Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Read a table, or some of its columns or rows, with exactly the types of its schema.

    Parameters
    ----------
    columns : sequence of str, optional
        Default: all.
    where : mapping of str to value, optional
        Only the rows with these values in these columns, which are among ``columns``. The others
        take no more memory than in Arrow.

    Raises
    ------
    UserError
        If the file is missing, damaged, not a table of protsae, another table or of another version
        than ``table``, or if `conform` refuses its rows.
    """
    validate_table(path, table)
    wanted = table if columns is None else table.only(columns)
    pages = _read_pages(path, columns)
    for name, value in (where or {}).items():
        if name in pages.column_names:
            pages = pages.filter(pc.equal(pages[name], value))
    return conform(pages.to_pandas(use_threads=False), wanted, str(path))


def check_table(path: str | Path, table: Table) -> tuple[dict[str, Any], dict[str, set[Any]]]:
    """Read every page of a table, without making rows of them: ten times as fast as `read_table`.

    The pages are those that were written, and what was written was checked against the schema.

    Returns
    -------
    metadata : dict
    places : dict
        The values in the columns that say of which model, layer and variant the rows are.

    Raises
    ------
    UserError
        As `validate_table`, and if a page is damaged.
    """
    metadata = validate_table(path, table)
    data = _read_pages(path, None)
    named = {column.name for column in table.columns}.intersection(_PLACES)
    return metadata, {name: set(data[name].unique().to_pylist()) for name in sorted(named)}


_PLACES = ("model", "layer", "variant")


def _read_pages(path: str | Path, columns: Sequence[str] | None) -> pa.Table:
    """All columns, or those of the wanted that there are; every byte is checked.

    In one thread: where there is no memory for another, Arrow waits for it for ever.
    """
    validate_body(path)
    try:
        file = pq.ParquetFile(path, pre_buffer=False, page_checksum_verification=True)
        with file:
            there = file.schema_arrow.names
            wanted = None if columns is None else [name for name in columns if name in there]
            return file.read(wanted, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        if is_no_memory(error):
            raise
        raise UserError(f"{path}: damaged ({reason(error)}); {_AGAIN}") from None


def validate_table(path: str | Path, table: Table) -> dict[str, Any]:
    """The metadata of a file, if it holds this table in this version.

    Raises
    ------
    UserError
        As `read_metadata`, and if it holds another table or another version of it.
    """
    metadata = read_metadata(path)
    found = metadata.get("table"), metadata.get("table_version")
    if found != (table.name, table.version):
        raise UserError(
            f"{path}: holds the {found[0]} table, version {found[1]}; expected {table.name}, "
            f"version {table.version} (docs/tables.md); {_AGAIN}"
        )
    return metadata


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Format, version and provenance of a table, without reading its rows.

    Raises
    ------
    UserError
        If the file is missing, is not Parquet, was not written by protsae or by one with another
        format, or if its footer is damaged.
    """
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; run the stage that writes it first")
    validate_footer(path)
    metadata: dict[str, Any] = json.loads((pq.read_metadata(path).metadata or {})[_KEY.encode()])
    if metadata.get("format_version") != FORMAT_VERSION:
        raise UserError(
            f"{path}: format version {metadata.get('format_version')}; this protsae reads "
            f"{FORMAT_VERSION}; {_AGAIN}"
        )
    return metadata


def _arrow(rows: pd.DataFrame, table: Table, path: str | Path) -> pa.Table:
    """The rows, checked, in the types in which they are stored."""
    schema = pa.schema([(column.name, _ARROW[column.kind]) for column in table.columns])
    return pa.Table.from_pandas(
        conform(rows, table, str(path)), schema=schema, preserve_index=False
    )


def _stamps(table: Table, metadata: Mapping[str, Any]) -> dict[str, str]:
    document = {
        **metadata,
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "table": table.name,
        "table_version": table.version,
    }
    return {_KEY: json.dumps(document, sort_keys=True, ensure_ascii=False), SEAL: UNSEALED}
