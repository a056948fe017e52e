"""What `protsae explain` writes: active segments as Parquet, as text, and for genome browsers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd

from protsae.io.atomic import atomic_path
from protsae.io.table_files.gff3 import HEADER, attributes_text, region_line, sequence_line
from protsae.io.table_files.parquet import TableWriter, open_table, text_checksums
from protsae.schema.explained.segment_table import SEGMENTS
from protsae.statistics import ragged

TABLE, TEXT, PLACES = "segments.parquet", "segments.tsv", "segments.gff3"

_ROWS_TOGETHER = 20_000
"""Rows that are held before they are written: a row group of the Parquet file."""


class SegmentWriter:
    """Takes the segments of one protein after another; made by `open_segments`."""

    def __init__(self, table: TableWriter, text: TextIO, places: TextIO) -> None:
        self._table, self._text, self._places = table, text, places
        self._held: list[tuple[str, int, pd.DataFrame]] = []
        self._n_held = 0
        text.write("\t".join(SEGMENTS.names) + "\n")
        places.write(HEADER)

    def append(self, name: str, length: int, segments: pd.DataFrame) -> None:
        """Write the segments of a protein of so many residues."""
        self._held.append((name, length, segments))
        self._n_held += len(segments)
        if self._n_held >= _ROWS_TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Write what is held to all files: what is said of a feature is formatted once for all."""
        if self._held:
            names, lengths, tables = zip(*self._held, strict=True)
            rows = pd.concat(tables, ignore_index=True)
            self._table.append(rows)
            self._text.writelines(text_lines(rows))
            sizes = [len(table) for table in tables]
            self._places.writelines(gff3_lines(names, lengths, sizes, rows))
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


def text_lines(segments: pd.DataFrame) -> Iterator[str]:
    """Rows of the table as `write_tsv` writes them; what is said of a feature is formatted once."""
    feature = segments.groupby(_FEATURE, sort=False).ngroup()
    heads = _lines(segments[SEGMENTS.names[:_N_OF_PLACE]])
    middles = _lines(segments.loc[~feature.duplicated(), SEGMENTS.names[_N_OF_PLACE:_PROBABLE]])
    tails = _lines(segments[SEGMENTS.names[_PROBABLE:]])
    for head, number, tail in zip(heads, feature, tails, strict=True):
        yield f"{head}\t{middles[number]}\t{tail}\n"


_FEATURE = ["layer", "variant", "feature"]
_N_OF_PLACE = SEGMENTS.names.index("threshold")
_PROBABLE = SEGMENTS.names.index("probability")
"""Columns that differ between the segments of a feature come before and from these."""


def _lines(rows: pd.DataFrame) -> list[str]:
    text: str = rows.to_csv(
        sep="\t", index=False, header=False, float_format="%.4g", lineterminator="\n"
    )
    return text.split("\n")[: len(rows)]


def gff3_lines(
    names: Sequence[str], lengths: Sequence[int], sizes: Sequence[int], segments: pd.DataFrame
) -> Iterator[str]:
    """Proteins and their segments whose feature has a concept, as lines of GFF3; score: F1.

    Parameters
    ----------
    names, lengths, sizes : sequence
        Of each protein: name, residues, rows of ``segments``.
    segments : DataFrame
        Rows of the segments table, protein by protein.

    Examples
    --------
    >>> print("".join(gff3_lines(["P1"], [9], [0], pd.DataFrame(columns=SEGMENTS.names))), end="")
    ##sequence-region P1 1 9
    """
    has_concept = segments["concept"].notna().to_numpy()
    named = segments[has_concept]
    features = named.drop_duplicates(_FEATURE)
    said = {
        tuple(row[-len(_FEATURE) :]): attributes_text(dict(zip(_NAMES, row, strict=True)))
        for row in zip(*(features[column].tolist() for column in _COLUMNS), strict=True)
    }
    columns = [named[column].tolist() for column in (*_OF_PLACE, *_FEATURE)]
    rows = zip(*columns, strict=True)
    n_named = np.bincount(ragged.groups(np.array(sizes))[has_concept], minlength=len(sizes))
    for name, length, n in zip(names, lengths, n_named.tolist(), strict=True):
        yield sequence_line(name, length)
        for start, end, f1, peak, activation, probability, *feature in islice(rows, n):
            of_place = attributes_text(
                {"peak": peak, "activation": activation, "probability": probability}
            )
            yield region_line(name, start, end, f1, f"{said[tuple(feature)]};{of_place}")


_OF_PLACE = ("start", "end", "f1", "peak", "activation", "probability")
_COLUMNS = (
    *("concept", "f1", "f1_low", "f1_high", "q_value", "verdict", "precision", "base_rate"),
    *("label", "calibration", "assumed_base_rate", *_FEATURE),
)
_NAMES = ("Name", *_COLUMNS[1:])
"""Of the attributes that are the same in all segments of a feature."""
