"""Files of base rates: comments on what they were counted on, then a tab-separated table."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from protsae.errors import UserError
from protsae.io.atomic import atomic_path
from protsae.io.text_files import open_text, read_lines
from protsae.one_line import one_line, shown

COLUMNS = ("concept", "base_rate")
"""What a file must have; others are passed over."""


def write_base_rates(path: str | Path, rates: pd.DataFrame, comments: Sequence[str]) -> None:
    """Write the table under its comments, each on a line that starts with ``#``."""
    with atomic_path(path) as temporary:
        text = rates.to_csv(sep="\t", index=False, float_format="%.4g", lineterminator="\n")
        temporary.write_text("".join(f"# {line}\n" for line in comments) + text)


def read_base_rates(path: str | Path) -> dict[str, float]:
    """Base rate of each concept, by its name.

    Lines that start with ``#``, and empty ones, are passed over.

    Raises
    ------
    UserError
        Naming file and line: if a column is missing, a concept occurs twice, or a rate is no number
        from 0 to 1.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "rates.tsv"
    >>> _ = path.write_text("# mine\\nconcept\\tbase_rate\\nSIGNAL\\t0.01\\n")
    >>> read_base_rates(path)
    {'SIGNAL': 0.01}
    """
    rates: dict[str, float] = {}
    header: list[str] | None = None
    with open_text(path, f"a tab-separated table with {' and '.join(COLUMNS)}") as lines:
        for number, line in read_lines(lines, str(path)):
            where = f"{path}: line {number}"
            if line.startswith("#"):
                continue
            values = _cells(line, where)
            if header is None:
                header = values
                _check_header(header, where)
                continue
            if len(values) != len(header):
                raise UserError(f"{where}: {len(values)} values; expected {len(header)}")
            row = dict(zip(header, values, strict=True))
            concept = one_line(row["concept"])  # as the concepts of a run are written
            if concept in rates:
                raise UserError(f"{where}: concept {shown(concept)} occurs twice; remove one")
            rates[concept] = _rate(row["base_rate"], where)
    if not rates:
        raise UserError(f"{path}: no base rates; expected a line for each concept")
    return rates


def _cells(line: str, where: str) -> list[str]:
    try:
        (cells,) = csv.reader([line], delimiter="\t")
    except csv.Error as error:
        raise UserError(f"{where}: {error}; expected cells separated by tabs") from None
    return cells


def _check_header(header: list[str], where: str) -> None:
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise UserError(
            f"{where}: no column {', '.join(map(repr, missing))}; expected a header with "
            f"{' and '.join(COLUMNS)}, separated by tabs (docs/tables.md)"
        )


def _rate(text: str, where: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 <= rate <= 1:
        raise UserError(f"{where}: base_rate is {shown(text)}; expected a number from 0 to 1")
    return rate
