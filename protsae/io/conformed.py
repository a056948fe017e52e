"""Parquet tables with the columns and the version that `protsae.tables_schema` gives them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from protsae.errors import UserError
from protsae.io.tables import read_metadata, read_table, write_table
from protsae.tables_schema import Table, conform


def write_conformed(
    path: str | Path, frame: pd.DataFrame, table: Table, metadata: Mapping[str, Any]
) -> None:
    """`write_table` with the columns of ``table``, its name and version beside ``metadata``.

    Raises
    ------
    UserError
        If the columns are not those of ``table``, as `conform` says.
    """
    stamped = {**metadata, "table": table.name, "table_version": table.version}
    write_table(path, conform(frame, table, str(path)), stamped)


def read_conformed(path: str | Path, table: Table) -> pd.DataFrame:
    """A whole table, with exactly the columns of ``table`` and their types.

    Raises
    ------
    UserError
        As `read_table`, `validate_version` and `conform` do.
    """
    validate_version(path, table)
    return conform(read_table(path), table, str(path))


def validate_version(path: str | Path, table: Table) -> None:
    """Raise UserError for a file that says that it is another table, or of another version.

    A file of before tables said so passes: its columns have to tell.
    """
    metadata = read_metadata(path)
    found = metadata.get("table", table.name), metadata.get("table_version", table.version)
    if found != (table.name, table.version):
        raise UserError(
            f"{path}: holds the {found[0]} table, version {found[1]}; expected {table.name}, "
            f"version {table.version} (docs/tables.md); run the stage that writes it again"
        )
