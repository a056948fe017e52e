"""What `protsae explain` writes: active segments as Parquet, as text, and for genome browsers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from protsae.io.atomic import atomic_path
from protsae.io.table_files.gff3 import HEADER, region_line, sequence_line
from protsae.io.table_files.parquet import TableWriter, open_table, text_checksums
from protsae.schema.feature_tables import SEGMENTS

TABLE, TEXT, PLACES = "segments.parquet", "segments.tsv", "segments.gff3"

_ROWS_TOGETHER = 20_000
"""Rows that are held before they are written: a row group of the Parquet file."""


class SegmentWriter:
    """Takes the segments of one protein after another; made by `open_segments`."""

    def __init__(self, table: TableWriter, text: TextIO, places: TextIO) -> None:
        self._table, self._text, self._places = table, text, places
        self._held: list[pd.DataFrame] = []
        self._n_held = 0
        text.write("\t".join(SEGMENTS.names) + "\n")
        places.write(HEADER)

    def append(self, name: str, length: int, segments: pd.DataFrame) -> None:
        """Write the segments of a protein of so many residues."""
        self._held.append(segments)
        self._n_held += len(segments)
        segments.to_csv(
            self._text,
            sep="\t",
            index=False,
            header=False,
            float_format="%.4g",
            lineterminator="\n",
        )
        self._places.write("".join(gff3_lines(name, length, segments)))
        if self._n_held >= _ROWS_TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Write what is held to the Parquet file."""
        if self._held:
            self._table.append(pd.concat(self._held, ignore_index=True))
        self._held, self._n_held = [], 0


@contextmanager
def open_segments(folder: str | Path, metadata: Mapping[str, Any]) -> Iterator[SegmentWriter]:
    """Write the three files, protein by protein; they appear when the block ends.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there.
    metadata : mapping
        Of the Parquet file, which also has the checksums of the two others.
    """
    folder = Path(folder)
    text, places = folder / TEXT, folder / PLACES
    with open_table(folder / TABLE, SEGMENTS) as table:
        with (
            atomic_path(text) as first,
            atomic_path(places) as second,
            first.open("w", encoding="utf-8", newline="\n") as text_file,
            second.open("w", encoding="utf-8", newline="\n") as places_file,
        ):
            writer = SegmentWriter(table, text_file, places_file)
            yield writer
            writer.flush()
        table.describe({**metadata, "texts": text_checksums(text, places)})


def gff3_lines(name: str, length: int, segments: pd.DataFrame) -> Iterator[str]:
    """A protein and its segments whose feature has a concept, as lines of GFF3; score: F1.

    Examples
    --------
    >>> print("".join(gff3_lines("P1", 9, pd.DataFrame(columns=SEGMENTS.names))), end="")
    ##sequence-region P1 1 9
    """
    yield sequence_line(name, length)
    named = segments[segments["concept"].notna()]
    columns = [named[column].tolist() for column in _COLUMNS]
    for start, end, concept, f1, *rest in zip(*columns, strict=True):
        found = {"Name": concept, "f1": f1, **dict(zip(_ATTRIBUTES, rest, strict=True))}
        known = {key: value for key, value in found.items() if not pd.isna(value)}
        yield region_line(name, start, end, f1, known)


_ATTRIBUTES = (
    *("f1_low", "f1_high", "q_value", "verdict", "precision", "base_rate"),
    *("layer", "variant", "feature", "peak", "activation"),
)
_COLUMNS = ("start", "end", "concept", "f1", *_ATTRIBUTES)
