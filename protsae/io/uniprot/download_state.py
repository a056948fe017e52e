"""A download from UniProt on disk: its pages and ``state.json``, trusted only if they fit."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any

from protsae.errors import UserError
from protsae.io.atomic import atomic_path
from protsae.io.http.origins import Origin
from protsae.io.http.responses import open_document
from protsae.io.json_files import read_json, write_json
from protsae.io.text_files import GZIP_MAGIC, open_text
from protsae.io.uniprot.uniprot_json import read_page
from protsae.one_line import shown
from protsae.proteins.records import Protein

LARGEST_COUNT = 10**12
"""Pages and entries at most: UniProtKB has fewer than 10^9 entries."""

_RELEASE = re.compile(r"[0-9A-Za-z._-]{1,40}")


@dataclass(frozen=True)
class Download:
    """What has been fetched so far.

    Attributes
    ----------
    search : str
        Address of the first page: API, query, fields and page size.
    release : str
        UniProt release of all pages, e.g. ``2026_03``; empty before the first.
    next_url : str or None
        Page to ask for next; None when there is none.
    pages, entries : int
        Finished pages, and entries on them.
    total : int
        Entries that the server says the query has.
    """

    search: str
    release: str
    next_url: str | None
    pages: int = 0
    entries: int = 0
    total: int = 0


class Unfit(Exception):
    """A state that no download can go on from; the message says why."""


def is_release(text: str) -> bool:
    """Whether a text may be the name of a UniProt release.

    Examples
    --------
    >>> is_release("2026_03"), is_release(""), is_release("2026 03")
    (True, False, False)
    """
    return _RELEASE.fullmatch(text) is not None


def read_state(folder: Path, search: str, origin: Origin) -> Download:
    """State of the download in ``folder``, every field of it checked.

    Parameters
    ----------
    search : str
        Address of the first page that is wanted.
    origin : Origin
        Server that the next page must be on.

    Raises
    ------
    Unfit
        If the file is damaged, of another version or another search, or contradicts itself.
    """
    path = folder / "state.json"
    try:
        found = read_json(path)
    # A number without end is a ValueError, as is what is no UTF-8; depth is a RecursionError.
    except (UserError, ValueError, RecursionError):
        raise Unfit("state.json is not JSON") from None
    if not isinstance(found, dict) or set(found) != {field.name for field in fields(Download)}:
        raise Unfit("pages of another version of protsae")
    if problem := _problem(found, origin):
        raise Unfit(f"state.json: {problem}")
    state = Download(**found)
    if state.search != search:
        raise Unfit("pages of another query")
    return state


def write_state(folder: Path, state: Download) -> None:
    """Write ``state.json``, whole or not at all."""
    write_json(folder / "state.json", asdict(state), leftovers=False)


def read_pages(folder: str | Path, pages: int) -> Iterator[Protein]:
    """Read the entries of the first ``pages`` pages of a download, in order.

    Raises
    ------
    UserError
        If a page is missing or damaged.
    """
    for number in range(1, pages + 1):
        path = _page_path(Path(folder), number)
        with open_text(path, "a fetched page; delete its folder and run again") as handle:
            yield from read_page(handle, str(path))


def accessions(folder: Path, state: Download) -> set[str]:
    """Accessions on the finished pages, all of which are read.

    Raises
    ------
    Unfit
        If a page is missing or damaged, or the pages are not what the state says.
    """
    found: set[str] = set()
    n_entries = 0
    try:
        for protein in read_pages(folder, state.pages):
            n_entries += 1
            found.add(protein.accession)
            if n_entries > state.entries:  # of a file of any size
                break
    except UserError as error:
        raise Unfit(str(error).split("; ")[0]) from None  # the rest is what to do about it
    if n_entries > state.entries:
        raise Unfit(f"state.json says {state.entries:,} proteins, its pages have more")
    if len(found) < state.entries:
        raise Unfit(f"state.json says {state.entries:,} proteins, its pages have {len(found):,}")
    return found


def page_accessions(body: bytes, source: str, most: int) -> list[str]:
    """Accessions of an answer, whose entries are read one by one.

    Parameters
    ----------
    most : int
        Entries that were asked for; a page of more is refused before it fills the memory.

    Raises
    ------
    UserError
        If there are more, or as `read_page`.
    """
    with open_document(body) as handle:
        found = [protein.accession for protein in islice(read_page(handle, source), most + 1)]
    if len(found) > most:
        raise UserError(f"{source}: more than {most:,} entries; expected no more than asked for")
    return found


def write_page(folder: Path, number: int, body: bytes) -> None:
    """Write page ``number``, from 1 on, whole or not at all; packed if it is not yet."""
    packed = body if body.startswith(GZIP_MAGIC) else gzip.compress(body, mtime=0)
    with atomic_path(_page_path(folder, number), leftovers=False) as temporary:
        temporary.write_bytes(packed)


def clear(folder: Path) -> None:
    """Remove state and pages."""
    (folder / "state.json").unlink(missing_ok=True)
    for page in folder.glob("page-*.json.gz"):
        page.unlink()


def _problem(found: dict[str, Any], origin: Origin) -> str:
    """What is wrong with the fields of a state; empty if nothing is."""
    for name in ("pages", "entries", "total"):
        if type(found[name]) is not int or not 0 <= found[name] <= LARGEST_COUNT:
            return f"{name} is {shown(found[name])}; expected a count"
    if not found["pages"]:
        return "pages is 0; expected at least one"
    for name, empty in (("search", False), ("release", False), ("next_url", True)):
        if not isinstance(found[name], str) and not (empty and found[name] is None):
            return f"{name} is {shown(found[name])}; expected text"
    if not is_release(found["release"]):
        return f"release is {shown(found['release'])}; expected one such as 2026_03"
    if found["entries"] > found["total"]:
        return f"{found['entries']:,} entries of {found['total']:,}"
    if found["next_url"] is None:
        complete = found["entries"] == found["total"]
        return "" if complete else "no next page, but entries are missing"
    try:
        if origin.address(found["search"], found["next_url"]) != found["next_url"]:
            raise ValueError(shown(found["next_url"]))
    except ValueError as error:
        return f"next_url leads to {error}, not to {origin}"
    return ""


def _page_path(folder: Path, number: int) -> Path:
    return folder / f"page-{number:05}.json.gz"
