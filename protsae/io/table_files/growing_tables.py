"""Tables that grow protein by protein, as Parquet and as text."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from protsae.io.atomic import atomic_path
from protsae.io.table_files.parquet import TableWriter, open_table, text_checksums
from protsae.schema.table import Table

_ROWS_TOGETHER = 20_000
"""Rows that are held before they are written: a row group of the Parquet file."""


class GrowingTable:
    """A table as Parquet and as text, which takes rows as they come; made by `growing_table`."""

    def __init__(self, table: TableWriter, text: TextIO) -> None:
        self._table, self._text = table, text
        self._held: list[pd.DataFrame] = []
        self._n_held = 0

    def append(self, rows: pd.DataFrame) -> None:
        """Write the rows of a protein."""
        self._held.append(rows)
        self._n_held += len(rows)
        if self._n_held >= _ROWS_TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Write what is held to both files: text, too, takes less time for many rows at once."""
        if self._held:
            rows = pd.concat(self._held, ignore_index=True)
            self._table.append(rows)
            rows.to_csv(
                self._text,
                sep="\t",
                index=False,
                header=False,
                float_format="%.4g",
                lineterminator="\n",
            )
        self._held, self._n_held = [], 0


@contextmanager
def growing_table(
    folder: Path, table: Table, metadata: Mapping[str, Any]
) -> Iterator[GrowingTable]:
    """The files NAME.parquet and NAME.tsv of a table; they appear when the block ends."""
    text = folder / f"{table.name}.tsv"
    with open_table(folder / f"{table.name}.parquet", table) as writer:
        with atomic_path(text) as path, path.open("w", encoding="utf-8", newline="\n") as file:
            file.write("\t".join(table.names) + "\n")
            growing = GrowingTable(writer, file)
            yield growing
            growing.flush()
        writer.describe({**metadata, "texts": text_checksums(text)})
