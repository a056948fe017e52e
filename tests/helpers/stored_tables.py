"""Tables of any kind in tests: written by the name of the file, read by what they say they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from protsae.io.table_files.parquet import read_metadata, read_table, write_table
from protsae.io.table_files.parquet_seal import SEAL, UNSEALED, seal
from protsae.provenance import protein_set_sha256
from protsae.schema.every_table import EVERY
from protsae.schema.features.feature_tables import LAYER_FEATURES
from protsae.schema.pair_tables import LAYER_ASSOCIATIONS
from protsae.schema.protein_tables import FETCHED
from protsae.schema.table import Table

TABLES = (*EVERY, LAYER_FEATURES, LAYER_ASSOCIATIONS, FETCHED)


def store(path: Path, rows: pd.DataFrame, metadata: Mapping[str, Any] | None = None) -> None:
    """Write the table that has the name of the file and the columns of the rows.

    The checksum of proteins is put in, of annotations that of the proteins beside them; what else a
    file that is there says of itself is kept.
    """
    stamps = read_metadata(path) if path.is_file() else {}
    if "sequence" in rows:
        stamps["protein_set_sha256"] = protein_set_sha256(rows["accession"], rows["sequence"])
    for beside in (path.with_name("fetched.parquet"), path.with_name("proteins.parquet")):
        if path.stem == "annotations" and beside.is_file():
            stamps["protein_set_sha256"] = read_metadata(beside)["protein_set_sha256"]
    write_table(path, rows, _table(path.stem, list(rows)), {**stamps, **(metadata or {})})


def store_wrong(path: Path, rows: pd.DataFrame) -> None:
    """Write rows that the schema of the table in this file does not allow, under its stamps."""
    stamps = pq.read_metadata(path).metadata
    data = pa.Table.from_pandas(rows, preserve_index=False)
    kept = {**(data.schema.metadata or {}), b"protsae": stamps[b"protsae"], SEAL: UNSEALED}
    pq.write_table(data.replace_schema_metadata(kept), path, write_page_checksum=True)
    seal(path)


def load(path: Path | str) -> pd.DataFrame:
    """Read whatever table a file says it is."""
    names = pq.read_schema(path).names
    return read_table(path, _table(str(read_metadata(path)["table"]), names))


def _table(name: str, columns: list[str]) -> Table:
    by_columns = [table for table in TABLES if set(table.names) == set(columns)]
    named = [table for table in TABLES if table.name == name]
    return next((t for t in by_columns if t in named), (by_columns or named)[0])
