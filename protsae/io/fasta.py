"""FASTA, through Bio.SeqIO, and a table of annotations beside it."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TextIO

from Bio import SeqIO

from protsae.errors import UserError
from protsae.proteins import Feature, Mark, Protein, feature_key

ANNOTATION_COLUMNS = ("accession", "type", "start", "end", "description")

_UNIPROT_ID = re.compile(r"(?:sp|tr)\|([^|\s]+)\|(\S+)")
_ORGANISM = re.compile(r"\bOS=(.+?)(?=\s+[A-Z]{2}=|$)")
_TAXON = re.compile(r"\bOX=(\d+)")
_FRAGMENT = re.compile(r"\(Fragments?\)")


def read_entries(
    handle: TextIO, source: str, annotations: Mapping[str, list[Feature]] | None = None
) -> Iterator[Protein]:
    """Read FASTA records; UniProt headers (``>sp|P12345|NAME_HUMAN ... OS=... OX=...``) in full.

    Of any other header, the first word is the accession and the rest is not used.

    Parameters
    ----------
    source : str
        Name of the file in error messages.
    annotations : mapping, optional
        Features of each accession, from `read_annotations`.

    Raises
    ------
    UserError
        If the text does not begin with ``>``, or a record has no name.
    """
    try:
        for number, record in enumerate(SeqIO.parse(handle, "fasta"), start=1):
            if not record.id:
                raise UserError(f"{source}: record {number} has no name after '>'")
            protein = _protein(record.description, str(record.seq))
            features = (annotations or {}).get(protein.accession, [])
            yield replace(protein, features=tuple(features))
    except ValueError as error:
        # Biopython appends advice on its own parsers, over many lines.
        reason = " ".join(str(error).split()).split(". ")[0]
        raise UserError(f"{source}: not FASTA: {reason}") from None


def read_annotations(handle: TextIO, source: str) -> dict[str, list[Feature]]:
    """Read a tab-separated table of features: a header line, then one feature per line.

    Columns accession, type (Swiss-Prot key or REST name), start and end (1-based, inclusive) are
    required, description and evidence (ECO codes, comma-joined) are not. Positions that are not
    exact are written as UniProt does: ``?`` or nothing (unknown), ``?22`` (about there), ``<5`` as
    start (before it), ``>20`` as end (beyond it).

    Raises
    ------
    UserError
        Naming file and line, if a column is missing or a position is no whole number from 1 on.

    Examples
    --------
    >>> import io
    >>> text = "accession\\ttype\\tstart\\tend\\nP1\\tHELIX\\t3\\t9\\n"
    >>> read_annotations(io.StringIO(text), "a.tsv")["P1"][0].end
    9
    """
    rows = csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
    header = next(rows, [])
    missing = [name for name in ANNOTATION_COLUMNS[:-1] if name not in header]
    if missing:
        raise UserError(
            f"{source}: line 1: no column {', '.join(map(repr, missing))}; expected a header with "
            f"{', '.join(ANNOTATION_COLUMNS)}, separated by tabs"
        )
    features: dict[str, list[Feature]] = defaultdict(list)
    for row in rows:
        where = f"{source}: line {rows.line_num}"
        if len(row) > len(header) or (row and len(row) < len(header) - 1):
            raise UserError(f"{where}: {len(row)} values; expected {len(header)}, as the header")
        if row:
            values = dict(zip(header, row, strict=False))
            features[_required(values, "accession", where)].append(_feature(values, where))
    return dict(features)


def _protein(header: str, sequence: str) -> Protein:
    word = header.split(maxsplit=1)[0]
    uniprot = _UNIPROT_ID.fullmatch(word)
    if uniprot is None:
        return Protein(word, "", "", None, sequence)
    organism, taxon = _ORGANISM.search(header), _TAXON.search(header)
    return Protein(
        accession=uniprot.group(1),
        entry_name=uniprot.group(2),
        organism=organism.group(1) if organism else "",
        taxon_id=int(taxon.group(1)) if taxon else None,
        sequence=sequence,
        fragment=_FRAGMENT.search(header) is not None,
    )


def _feature(values: Mapping[str, str], where: str) -> Feature:
    start, start_mark = _position(values, "start", "<", where)
    end, end_mark = _position(values, "end", ">", where)
    return Feature(
        type=feature_key(_required(values, "type", where)),
        start=start,
        end=end,
        description=values.get("description", ""),
        evidence=values.get("evidence", ""),
        start_mark=start_mark,
        end_mark=end_mark,
    )


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
    mark: Mark = outside if text.startswith(outside) else "?" if text.startswith("?") else ""
    digits = text.removeprefix(mark)
    if not (digits.isascii() and digits.isdigit() and int(digits) >= 1):
        raise UserError(
            f"{where}: {name} is {text!r}; expected a whole number from 1 on, with {outside!r} or "
            "'?' before it if it is not exact"
        )
    return int(digits), mark
