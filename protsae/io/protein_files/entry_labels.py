"""What UniProt says of whole proteins: EC numbers, GO terms, keywords and locations."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protsae.errors import UserError
from protsae.io.protein_files import swissprot
from protsae.io.text_files import open_text
from protsae.io.uniprot import uniprot_json

_FORMATS = "UniProt JSON or Swiss-Prot flat text, plain or gzipped"
_BLANK = 1 << 20  # characters looked at to tell the format

_NAMES = ("recommendedName", "alternativeNames", "submissionNames", "includes", "contains")
_EC = re.compile(r"EC=([\dn.-]+)")
_ASIDE = re.compile(r"\s*\{[^}]*\}|\s*\((?:By similarity|Probable|Potential)\)")
_LOCATION, _ISOFORM = "SUBCELLULAR LOCATION: ", re.compile(r"^\[[^]]*\]:\s*")


@dataclass(frozen=True)
class GoTerm:
    """A GO term of a protein.

    Attributes
    ----------
    id, name : str
        Such as GO:0005737 and "C:cytoplasm"; C, F or P is the part of the ontology.
    evidence : str
        Code, such as IDA; empty if none is given.
    """

    id: str
    name: str
    evidence: str


@dataclass(frozen=True)
class EntryLabels:
    """What an entry says of the whole protein; each in the order of the entry, once.

    Attributes
    ----------
    accession : str
    ec, keywords, locations : tuple of str
        EC numbers, names of keywords, and subcellular locations without topologies and notes.
    go : tuple of GoTerm
    """

    accession: str
    ec: tuple[str, ...]
    go: tuple[GoTerm, ...]
    keywords: tuple[str, ...]
    locations: tuple[str, ...]


def read_entry_labels(
    path: str | Path, say: Callable[[str], None] = lambda line: None
) -> Iterator[EntryLabels]:
    """Labels of each entry of a file, one at a time.

    Parameters
    ----------
    path : str or Path
        UniProt JSON (``{"results": [...]}``, a list or one entry), or Swiss-Prot flat text.
    say : function
        As of `open_text`.

    Raises
    ------
    UserError
        If the file is missing, damaged, or of neither format.
    """
    with open_text(path, _FORMATS, say) as handle:
        head = handle.read(_BLANK).lstrip()[:20]
        handle.seek(0)
        if head.startswith(("{", "[")):
            yield from uniprot_json.parsed_entries(handle, str(path), of_json)
        elif head.startswith("ID   "):
            yield from swissprot.parsed_records(handle, str(path), of_record)
        else:
            found = f"begins with {head!r}" if head else "empty file"
            raise UserError(f"{path}: {found}; expected {_FORMATS}")


def of_json(entry: dict[str, Any]) -> EntryLabels:
    """Labels of an entry of UniProt's REST JSON.

    Raises
    ------
    KeyError, TypeError, AttributeError
        If it is not laid out as UniProt does.

    Examples
    --------
    >>> name = {"recommendedName": {"ecNumbers": [{"value": "3.4.21.4"}]}}
    >>> of_json({"primaryAccession": "P1", "proteinDescription": name}).ec
    ('3.4.21.4',)
    """
    places = [
        place["location"]["value"]
        for comment in entry.get("comments") or []
        if comment["commentType"] == "SUBCELLULAR LOCATION"
        for place in comment.get("subcellularLocations") or []
    ]
    return EntryLabels(
        accession=_text(entry["primaryAccession"]),
        ec=_once(_ec_numbers(entry.get("proteinDescription") or {})),
        go=tuple(
            _go_term(reference)
            for reference in entry.get("uniProtKBCrossReferences") or []
            if reference["database"] == "GO"
        ),
        keywords=_once([keyword["name"] for keyword in entry.get("keywords") or []]),
        locations=_once(places),
    )


def of_record(record: Any) -> EntryLabels:
    """Labels of a record of Bio.SwissProt."""
    go = [reference for reference in record.cross_references if reference[0] == "GO"]
    return EntryLabels(
        accession=record.accessions[0],
        ec=_once(_EC.findall(record.description)),
        go=tuple(GoTerm(term, name, code.partition(":")[0]) for _, term, name, code in go),
        keywords=_once([_ASIDE.sub("", keyword) for keyword in record.keywords]),
        locations=_once([place for text in record.comments for place in flat_locations(text)]),
    )


def flat_locations(comment: str) -> list[str]:
    """Subcellular locations of a comment of flat text; none of another comment.

    Examples
    --------
    >>> text = "Cell membrane {ECO:0000269}; Single-pass membrane protein (By similarity)."
    >>> flat_locations(f"SUBCELLULAR LOCATION: [Isoform 2]: {text} Cytoplasm. Note=Rarely.")
    ['Cell membrane', 'Cytoplasm']
    """
    if not comment.startswith(_LOCATION):
        return []
    text = _ASIDE.sub("", comment.removeprefix(_LOCATION).partition("Note=")[0])
    sentences = _ISOFORM.sub("", text).strip().removesuffix(".").split(". ")
    return [place for sentence in sentences if (place := sentence.partition(";")[0].strip())]


def _ec_numbers(part: Any) -> list[str]:
    """Of a description and of all names within it."""
    if isinstance(part, list):
        return [number for each in part for number in _ec_numbers(each)]
    own = [number["value"] for number in part.get("ecNumbers") or []]
    return own + [number for name in _NAMES for number in _ec_numbers(part.get(name) or [])]


def _go_term(reference: dict[str, Any]) -> GoTerm:
    facts = {fact["key"]: _text(fact["value"]) for fact in reference.get("properties") or []}
    code = facts.get("GoEvidenceType", "").partition(":")[0]
    return GoTerm(_text(reference["id"]), facts.get("GoTerm", ""), code)


def _once(texts: list[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_text(text) for text in texts))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {type(value).__name__}")
    return value
