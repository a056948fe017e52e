"""Files of mutants: one a line, or a table with a column ``mutant``, as ProteinGym's are."""

import csv
from collections.abc import Iterator
from pathlib import Path

from protsae.errors import UserError
from protsae.io.text_files import open_text, read_lines
from protsae.proteins.substitutions import Mutant, parse_mutant

COLUMN = "mutant"
_EXPECTED = f"mutants, one a line, or a table with a column {COLUMN!r}"


def read_mutants(path: str | Path) -> list[tuple[str, Mutant]]:
    """Every mutant of a file, with where it stands, such as ``scan.csv: line 7``.

    A first line with a cell ``mutant`` makes it a table, of tabs if there is one, else of commas;
    other columns are passed over. Empty lines and those that start with ``#`` are passed over.

    Raises
    ------
    UserError
        If the file is missing or has no mutants, or as `parse_mutant` does, naming the line, and
        how many more are no mutants.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "scan.csv"
    >>> _ = path.write_text("mutant,score\\nA23V,0.5\\n")
    >>> [str(mutant) for _, mutant in read_mutants(path)]
    ['A23V']
    """
    found: list[tuple[str, Mutant]] = []
    wrong: list[str] = []
    with open_text(path, _EXPECTED) as handle:
        for number, text in _cells(read_lines(handle, str(path)), str(path)):
            where = f"{path}: line {number}"
            try:
                found.append((where, parse_mutant(text)))
            except UserError as error:
                wrong.append(f"{where}: {error}")
    if wrong:
        more = f" ({len(wrong) - 1:,} more lines are no mutants)" if len(wrong) > 1 else ""
        raise UserError(wrong[0] + more)
    if not found:
        raise UserError(f"{path}: no mutants; expected {_EXPECTED}")
    return found


def _cells(lines: Iterator[tuple[int, str]], source: str) -> Iterator[tuple[int, str]]:
    """Number of each line and the text of its mutant."""
    is_first, column, delimiter = True, 0, ""
    for number, line in lines:
        if line.startswith("#"):
            continue
        if is_first:
            is_first = False
            delimiter = "\t" if "\t" in line else ","
            header = [cell.strip().lower() for cell in _split(line, delimiter, source, number)]
            if COLUMN in header:
                column = header.index(COLUMN)
                continue
            if len(header) > 1:
                raise UserError(f"{source}: line {number}: no column {COLUMN!r}; {_TABLE}")
            delimiter = ""
        cells = _split(line, delimiter, source, number) if delimiter else [line]
        if column >= len(cells):
            raise UserError(f"{source}: line {number}: {len(cells)} cells; {_TABLE}")
        yield number, cells[column]


_TABLE = f"expected a header with {COLUMN!r}, and as many cells in each line"


def _split(line: str, delimiter: str, source: str, number: int) -> list[str]:
    try:
        (cells,) = csv.reader([line], delimiter=delimiter)
    except csv.Error as error:
        raise UserError(f"{source}: line {number}: {error}; {_TABLE}") from None
    return cells
