"""A tab-separated table of features beside a FASTA file, as spreadsheets and pandas write it."""

import csv
import re
from collections import defaultdict
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TextIO

from protsae.concepts.uniprot.words import concept_words
from protsae.errors import UserError
from protsae.io.text_files import read_lines
from protsae.one_line import one_line, shown
from protsae.proteins.records import FEATURE_TYPES, Feature, Mark

COLUMNS = ("accession", "type", "start", "end", "description")

_KEYS = {
    name.casefold(): key
    for key, row in FEATURE_TYPES.items()
    for name in (key, row.rest_name, concept_words(key))
}
"""Swiss-Prot's key of a feature type by that key, UniProt's name of it and the one on its pages."""

_POSITION = re.compile(r"([<>?]?)\s*([0-9]{1,18})(?:\.0*)?")
_QUOTED = re.compile(r'(?:^|\t) *"')


def read_annotations(handle: TextIO, source: str) -> dict[str, list[Feature]]:
    """Read a table of features: a header line, then one feature per line.

    Columns accession, type (Swiss-Prot's key or UniProt's name of it, in any case), start and end
    (1-based, inclusive) are required, description and evidence (ECO codes, comma-joined) are not.
    Positions that are not exact are written as UniProt does: ``?`` or nothing (unknown), ``?22``
    (about there), ``<5`` as start (before it), ``>20`` as end (beyond it).

    Names of columns are read in any case, blanks around a cell and quotes around it are left out,
    ``3.0`` is 3, and lines or last columns without any text say nothing.

    Raises
    ------
    UserError
        Naming file and line, if a column is missing or comes twice, a type is none of UniProt's, a
        position is no whole number from 1 on, or an accession holds what cannot be printed.

    Examples
    --------
    >>> import io
    >>> text = "Accession\\ttype\\tstart\\tend\\nP1\\tHELIX\\t3.0\\t9\\n"
    >>> read_annotations(io.StringIO(text), "a.tsv")["P1"][0].start
    3
    """
    header: list[str] | None = None
    features: dict[str, list[Feature]] = defaultdict(list)
    for number, line in read_lines(handle, source):
        where = f"{source}: line {number}"
        cells = _cells(line, where)
        if header is None:
            header = [name.lower() for name in _without_last_blanks(cells)]
            _check_header(header, where)
        elif any(cells):
            values = _values(header, cells, where)
            features[_accession(values, where)].append(_feature(values, where))
    if header is None:
        _check_header([], f"{source}: line 1")
    return dict(features)


def _cells(line: str, where: str) -> list[str]:
    """Cells without the blanks and quotes around them; a lone quote is a character as any other."""
    line = line.rstrip("\r\n")
    if not (_QUOTED.search(line) and line.count('"') % 2 == 0):
        return [cell.strip() for cell in line.split("\t")]
    try:
        (cells,) = csv.reader([line], delimiter="\t", skipinitialspace=True)
    except csv.Error as error:
        raise UserError(f"{where}: {error}; expected cells separated by tabs") from None
    return [cell.strip() for cell in cells]


def _without_last_blanks(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    return cells


def _check_header(header: list[str], where: str) -> None:
    missing = [name for name in COLUMNS[:-1] if name not in header]
    if missing:
        line = header[0] if len(header) == 1 else ""
        comma = next((mark for mark in ",;" if line.count(mark) >= len(COLUMNS) - 2), "")
        found = f"; found columns separated by {comma!r}" if comma else ""
        raise UserError(
            f"{where}: no column {', '.join(map(repr, missing))}{found}; expected a header with "
            f"{', '.join(COLUMNS)}, separated by tabs"
        )
    for name in COLUMNS:
        if header.count(name) > 1:
            raise UserError(f"{where}: column {name!r} comes twice; remove one")


def _values(header: list[str], cells: list[str], where: str) -> dict[str, str]:
    n_cells = len(_without_last_blanks(cells))
    if n_cells > len(header) or len(cells) < len(header) - 1:
        raise UserError(
            f"{where}: {max(n_cells, len(cells))} values; expected {len(header)}, as the header, "
            "and no line break in a cell"
        )
    return dict(zip(header, cells, strict=False))


def _accession(values: Mapping[str, str], where: str) -> str:
    accession = _required(values, "accession", where)
    if not accession.isprintable():
        raise UserError(
            f"{where}: accession is {shown(accession)}; expected characters that can be printed; "
            "correct it"
        )
    return accession


def _feature(values: Mapping[str, str], where: str) -> Feature:
    start, start_mark = _position(values, "start", "<", where)
    end, end_mark = _position(values, "end", ">", where)
    return Feature(
        type=_type(_required(values, "type", where), where),
        start=start,
        end=end,
        description=values.get("description", ""),
        evidence=values.get("evidence", ""),
        start_mark=start_mark,
        end_mark=end_mark,
    )


def _type(name: str, where: str) -> str:
    key = _KEYS.get(one_line(name).casefold())
    if key is None:
        near = get_close_matches(name.casefold(), _KEYS, 1)
        meant = f"; did you mean {_KEYS[near[0]]}?" if near else ""
        raise UserError(
            f"{where}: type is {shown(name)}; expected a feature type of UniProt, such as SIGNAL "
            f"or 'Signal peptide'{meant}"
        )
    return key


def _required(values: Mapping[str, str], name: str, where: str) -> str:
    if not values.get(name):
        raise UserError(f"{where}: {name} is empty")
    return values[name]


def _position(
    values: Mapping[str, str], name: str, outside: Mark, where: str
) -> tuple[int | None, Mark]:
    """A position, and the mark before it: ``outside`` or ``?``."""
    text = values.get(name, "")
    if text in ("", "?"):
        return None, ""
    found = _POSITION.fullmatch(text)
    marks: dict[str, Mark] = {"": "", outside: outside, "?": "?"}
    if found is None or found.group(1) not in marks or int(found.group(2)) < 1:
        raise UserError(
            f"{where}: {name} is {shown(text)}; expected a whole number from 1 on, with "
            f"{outside!r} or '?' before it if it is not exact"
        )
    return int(found.group(2)), marks[found.group(1)]
