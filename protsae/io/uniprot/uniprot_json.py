"""UniProtKB entries in the JSON of the UniProt REST API, read one at a time."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TextIO, TypeVar

from protsae.errors import UserError
from protsae.one_line import cut, shown
from protsae.proteins.records import (
    Feature,
    Mark,
    Protein,
    binding_description,
    feature_key,
    taxon_number,
)

T = TypeVar("T")

_ARRAY_START = re.compile(r'\s*(?:\{\s*"results"\s*:\s*)?\[')
_PAGE_START = re.compile(r'\s*\{\s*"results"\s*:\s*\[')
_REASONS = ("DELETED", "MERGED", "DEMERGED")
_BETWEEN = re.compile(r"[\s,]*")
_CHUNK = 1 << 20
# No entry comes near; a broken one must not draw a whole multi-gigabyte file into memory, nor the
# objects of which a hostile one is made.
_LONGEST_ENTRY = 1 << 24


def read_entries(handle: TextIO, source: str) -> Iterator[Protein]:
    """Read ``{"results": [...]}``, a bare list of entries, or one entry.

    The lists are read entry by entry, so that memory does not grow with the file.

    Parameters
    ----------
    source : str
        Name of the file in error messages.

    Raises
    ------
    UserError
        If the text is not JSON, is cut short, or an entry lacks its accession or is not laid out as
        UniProt does.
    """
    return parsed_entries(handle, source, parse_entry)


def parsed_entries(
    handle: TextIO, source: str, parse: Callable[[dict[str, Any]], T]
) -> Iterator[T]:
    """The same, with another function that takes from an entry what is wanted of it.

    Parameters
    ----------
    parse : function
        It may raise KeyError, TypeError, AttributeError or ValueError where an entry is not laid
        out as UniProt does.
    """
    number = 0
    buffer = handle.read(_CHUNK)
    start = _ARRAY_START.match(buffer)
    entries = _decode(handle, source, buffer, start) if start else _one(handle, source, buffer)
    for number, entry in enumerate(entries, start=1):
        yield _checked(entry, source, number, parse)
    if not number:
        raise UserError(f"{source}: no UniProt entries found; expected at least one")


def read_page(handle: TextIO, source: str) -> Iterator[Protein]:
    """Read the entries of one page of a REST search, which may be none, one by one.

    Raises
    ------
    UserError
        If the text is not JSON, does not begin with a list ``results``, or as `read_entries`.
    """
    buffer = handle.read(_CHUNK)
    start = _PAGE_START.match(buffer)
    if start is None:
        if len(buffer) < _CHUNK:
            _only_entry(buffer, source)  # which says what it is, if it is no JSON
        raise UserError(f"{source}: no list 'results'; expected the JSON of a UniProt search")
    for number, entry in enumerate(_decode(handle, source, buffer, start), start=1):
        yield _checked(entry, source, number, parse_entry)


def parse_entry(entry: dict[str, Any]) -> Protein:
    """Protein of one entry; one that is inactive or has none has an empty sequence.

    The organism is the scientific name.

    Raises
    ------
    KeyError, TypeError, AttributeError, ValueError
        If the entry is not laid out as UniProt does.
    """
    organism = entry.get("organism") or {}
    inactive = _inactive(entry)
    sequence = entry.get("sequence") or {}
    return Protein(
        accession=_text(entry["primaryAccession"]),
        entry_name=_text(entry.get("uniProtkbId", "")),
        organism=_text(organism.get("scientificName", "")),
        taxon_id=taxon_number(organism.get("taxonId")),
        sequence="" if inactive else _text(sequence.get("value", "")),
        fragment="Fragment" in (entry.get("proteinDescription", {}).get("flag") or ""),
        features=tuple(_feature(feature) for feature in entry.get("features") or []),
        inactive=inactive,
    )


def _inactive(entry: dict[str, Any]) -> str:
    """Why an entry is inactive; UniProt may come to have reasons that are not known here."""
    if entry.get("entryType") != "Inactive":
        return ""
    reason = (entry.get("inactiveReason") or {}).get("inactiveReasonType")
    return reason.lower() if reason in _REASONS else "inactive"


def _feature(feature: dict[str, Any]) -> Feature:
    location = feature["location"]
    codes = [_text(evidence["evidenceCode"]) for evidence in feature.get("evidences", [])]
    return Feature(
        type=feature_key(_text(feature["type"])),
        start=_value(location["start"]),
        end=_value(location["end"]),
        description=_description(feature),
        evidence=",".join(dict.fromkeys(codes)),
        isoform=_text(location.get("sequence") or ""),
        start_mark=_mark(location["start"], "<"),
        end_mark=_mark(location["end"], ">"),
    )


def _value(position: dict[str, Any]) -> int | None:
    value = position.get("value")
    if value is not None and type(value) is not int:
        raise TypeError(f"expected a position, found {shown(value)}")
    return value


def _mark(position: dict[str, Any], outside: Mark) -> Mark:
    """Mark of a position whose modifier is EXACT, OUTSIDE, UNSURE or UNKNOWN (without a value)."""
    modifier = position.get("modifier", "EXACT")
    if modifier == "EXACT" or position.get("value") is None:
        return ""
    return outside if modifier == "OUTSIDE" else "?"


def _description(feature: dict[str, Any]) -> str:
    ligand, part = feature.get("ligand") or {}, feature.get("ligandPart") or {}
    return binding_description(
        ligand.get("name"),
        part.get("name"),
        ligand.get("label"),
        ligand.get("note"),
        feature.get("description"),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {shown(value)}")
    return value


def _checked(entry: Any, source: str, number: int, parse: Callable[[dict[str, Any]], T]) -> T:
    try:
        return parse(entry)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        accession = entry.get("primaryAccession") if isinstance(entry, dict) else None
        name = accession if isinstance(accession, str) and accession.isprintable() else ""
        which = f"entry {number}" + (f" ({cut(name, 60)})" if name else "")
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(
            f"{source}: {which} is not laid out as UniProt's REST JSON: {what}"
        ) from None


def _one(handle: TextIO, source: str, buffer: str) -> Iterator[Any]:
    buffer += handle.read(_LONGEST_ENTRY)
    if handle.read(1):
        raise UserError(
            f"{source}: one entry of more than {_LONGEST_ENTRY:,} characters; expected "
            '{"results": [...]} or a list of entries'
        )
    yield _only_entry(buffer, source)


def _decode(handle: TextIO, source: str, buffer: str, start: re.Match[str]) -> Iterator[Any]:
    """Entries of a list whose first characters are in ``buffer``, up to its end in ``start``."""
    decoder = json.JSONDecoder()
    position, number = start.end(), 0
    while True:
        position = _end(_BETWEEN, buffer, position)
        if buffer.startswith("]", position):
            break
        try:
            entry, position = decoder.raw_decode(buffer, position)
        except json.JSONDecodeError as error:
            # Either broken, or the entry goes on beyond the buffer: read as much again and retry.
            buffer = buffer[position:]
            more = handle.read(max(_CHUNK, len(buffer)))
            if not more or len(buffer) > _LONGEST_ENTRY:
                raise _broken(source, number, error) from None
            buffer, position = buffer + more, 0
        except (ValueError, RecursionError) as error:
            raise _broken(source, number, error) from None
        else:
            number += 1
            yield entry
    _check_rest(buffer[position + 1 :] + handle.read(_CHUNK), source, number)


def _only_entry(text: str, source: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{source}: not JSON ({why_not_json(error)}); download it again") from None


def why_not_json(error: Exception) -> str:
    """What `json` found wrong, in a few words."""
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    return "nested too deeply" if isinstance(error, RecursionError) else "a number without end"


def _broken(source: str, number: int, error: Exception) -> UserError:
    return UserError(
        f"{source}: not JSON, or cut short, after {number:,} entries ({why_not_json(error)}); "
        "download it again"
    )


def _check_rest(rest: str, source: str, number: int) -> None:
    rest = rest.strip()
    if rest not in ("", "}") and not _more_keys(rest):
        raise UserError(
            f"{source}: text after the list of {number:,} entries: {rest[:60]!r}; "
            "expected the end of the file"
        )


def _more_keys(rest: str) -> bool:
    """What follows the list is the rest of its object, as UniProt's ``"suggestions": [...]}``."""
    try:
        return rest.startswith(",") and isinstance(json.loads("{" + rest[1:]), dict)
    except (ValueError, RecursionError):
        return False


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    assert match is not None  # the pattern matches the empty string
    return match.end()
