"""UniProtKB flat text (Swiss-Prot format, old and new feature syntax), through Bio.SwissProt."""

import io
import re
from collections.abc import Callable, Iterator
from typing import Any, TextIO, TypeVar

from Bio import SwissProt
from Bio.SeqFeature import AfterPosition, BeforePosition, ExactPosition, UnknownPosition

from protsae.errors import UserError
from protsae.io.text_files import read_lines
from protsae.proteins.records import (
    Feature,
    Mark,
    Protein,
    binding_description,
    feature_key,
    taxon_number,
)

T = TypeVar("T")

# The longest entry of UniProtKB has some 700,000 characters.
_LONGEST_ENTRY = 1 << 24

_ECO = re.compile(r"ECO:\d{7}")
_FRAGMENT = re.compile(r"\bFragments?;")
_MARKS: dict[type, Mark] = {ExactPosition: "", BeforePosition: "<", AfterPosition: ">"}
_BINDING_QUALIFIERS = ("ligand", "ligand_part", "ligand_label", "ligand_note", "note")

# Until 2014 the evidence stood at the end of the description, in these words.
_OLD_EVIDENCE = {
    "By similarity": "ECO:0000250",
    "Probable": "ECO:0000305",
    "Potential": "ECO:0000255",
}
_OLD_STATUS = re.compile(rf"[;\s]*\(?\b({'|'.join(_OLD_EVIDENCE)})\)?\.?$")


def read_entries(handle: TextIO, source: str) -> Iterator[Protein]:
    """Read the entries of a flat file, one at a time.

    The organism is the OS line without its final full stop, synonyms included.

    Parameters
    ----------
    source : str
        Name of the file in error messages.

    Raises
    ------
    UserError
        If an entry cannot be parsed or is cut short.
    """
    return parsed_records(handle, source, _protein)


def parsed_records(handle: TextIO, source: str, parse: Callable[[Any], T]) -> Iterator[T]:
    """The same, with another function of a record of Bio.SwissProt."""
    accession = ""
    for text in _entries(handle, source):
        try:
            record = next(SwissProt.parse(io.StringIO(text)))
            found = parse(record)
        # Whatever it trips over: Bio.SwissProt takes the layout of every line for granted.
        except Exception as error:
            after = f"after {accession}" if accession else "at the first entry"
            reason = ascii(" ".join(str(error).split()) or type(error).__name__)[1:-1][:200]
            raise UserError(
                f"{source}: not Swiss-Prot flat text {after}: {reason}; download the file again"
            ) from None
        accession = record.accessions[0]
        yield found


def _entries(handle: TextIO, source: str) -> Iterator[str]:
    """Text of each entry, with its final ``//`` unless the file is cut short."""
    lines: list[str] = []
    n_characters = 0
    for number, line in read_lines(handle, source):
        if line.rstrip() == ";":
            raise UserError(
                f"{source}: line {number}: a line with ';' alone, as EMBOSS seqret writes it; "
                "expected Swiss-Prot flat text as UniProt gives it; use the file that seqret read"
            )
        lines.append(line)
        n_characters += len(line)
        if n_characters > _LONGEST_ENTRY:
            raise UserError(
                f"{source}: line {number}: an entry of more than {_LONGEST_ENTRY:,} characters; "
                "expected '//' at the end of each; download the file again"
            )
        if line.startswith("//"):
            yield "".join(lines)
            lines, n_characters = [], 0
    if lines:
        yield "".join(lines)


def _protein(record: Any) -> Protein:
    if len(record.sequence) != record.sequence_length:
        raise ValueError(
            f"{record.entry_name}: {len(record.sequence)} residues, "
            f"but its ID line says {record.sequence_length}"
        )
    return Protein(
        accession=record.accessions[0],
        entry_name=record.entry_name,
        organism=record.organism.removesuffix("."),
        taxon_id=taxon_number(record.taxonomy_id[0]) if record.taxonomy_id else None,
        sequence=record.sequence,
        fragment=_FRAGMENT.search(record.description) is not None,
        features=tuple(_feature(feature) for feature in record.features),
    )


def _feature(feature: Any) -> Feature:
    location = feature.location
    description, evidence = _description(feature.qualifiers)
    # Bio.SwissProt counts as Python does, from 0 with the end left out.
    start, start_mark = _position(location.start, 1)
    end, end_mark = _position(location.end, 0)
    return Feature(
        type=feature_key(feature.type),
        start=start,
        end=end,
        description=description,
        evidence=evidence,
        isoform=location.ref or "",
        start_mark=start_mark,
        end_mark=end_mark,
    )


def _position(position: Any, offset: int) -> tuple[int | None, Mark]:
    # By exact class, as UncertainPosition ('?22') is a subclass of ExactPosition.
    kind = type(position)
    if kind is UnknownPosition:
        return None, ""
    return int(position) + offset, _MARKS.get(kind, "?")


def _description(qualifiers: dict[str, str]) -> tuple[str, str]:
    """Description and ECO codes from new qualifiers, or from the one text of the old syntax."""
    if "description" in qualifiers:
        return _old_description(qualifiers["description"])
    parts = (qualifiers.get(name) for name in _BINDING_QUALIFIERS)
    codes = _ECO.findall(qualifiers.get("evidence", ""))
    return binding_description(*parts), ",".join(dict.fromkeys(codes))


def _old_description(text: str) -> tuple[str, str]:
    status = _OLD_STATUS.search(text)
    if status:
        return text[: status.start()].removesuffix("."), _OLD_EVIDENCE[status.group(1)]
    return text.removesuffix("."), ""
