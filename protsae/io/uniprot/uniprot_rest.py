"""Search of the UniProt REST API, page by page into a folder, resumable.

The folder receives ``page-00001.json.gz`` and so on, and ``state.json``, which advances after each
page. A page is written whole or not at all, and is not asked for again.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlencode

from protsae.errors import UserError
from protsae.io.atomic import remove_leftovers
from protsae.io.http.client import Answer, Client, Refused, RetryPolicy
from protsae.io.progress import progress
from protsae.io.uniprot.download_state import (
    Download,
    Unfit,
    accessions,
    clear,
    is_release,
    page_accessions,
    read_pages,
    read_state,
    write_page,
    write_state,
)
from protsae.one_line import note, shown
from protsae.proteins.records import FEATURE_TYPES

__all__ = ["FIELDS", "PAGE_SIZE", "RETRIES", "Download", "fetch_pages", "read_pages"]

PAGE_SIZE = 500  # the most that UniProt gives at once
RETRIES = RetryPolicy()

_EXPIRED = (400, 410)  # what a cursor gets that is no longer valid; UniProt promises no lifetime
_COUNT = re.compile(r"[0-9]{1,12}")

FIELDS = ",".join(
    ["accession", "id", "organism_name", "organism_id", "sequence", "fragment"]
    + [f"ft_{key.lower()}" for key, row in FEATURE_TYPES.items() if not row.merged_into]
)
"""Return fields of the search: the sequence and the whole feature table."""


def fetch_pages(
    api: str,
    query: str,
    folder: str | Path,
    retries: RetryPolicy | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Download:
    """Fetch all entries that match ``query``, or the rest of them if some are there already.

    An earlier download in ``folder`` goes on if API, query and fields are the same, its state and
    pages are whole and UniProt has had no release since; otherwise it is replaced.

    Parameters
    ----------
    api : str
        Base URL, ``https://rest.uniprot.org``. Links and redirects are followed on it only.
    retries : RetryPolicy, optional
        `RETRIES` if not given.
    say : callable, optional
        Receives one line when an earlier download goes on or is replaced, and before each pause.

    Raises
    ------
    UserError
        If the server cannot be reached, refuses, is too slow or asks to wait too long, or a page
        does not parse, leads nowhere or elsewhere: the pages are kept for the next run. If the
        cursor has expired, release or number of entries change between pages, an accession comes
        twice or the number of entries is not the one announced, they are not. And if there are no
        entries.
    """
    folder = Path(folder)
    client = Client(api, retries or RETRIES, say)
    try:
        remove_leftovers(folder)
        state, seen = _earlier(client, api, query, folder, say)
        return _fetch_rest(client, state, seen, folder)
    finally:
        client.close()


def _fetch_rest(client: Client, state: Download, seen: set[str], folder: Path) -> Download:
    asked = {state.search}
    with progress(state.total or None, "fetching from UniProt", "proteins") as bar:
        bar.update(state.entries)
        while state.next_url is not None:
            asked.add(state.next_url)
            number = state.pages + 1
            answer = _next_page(client, state, folder)
            after = _advanced(state, answer, folder)
            found = _accessions(answer, number, folder)
            _check_new(found, seen, folder)
            after = replace(after, entries=state.entries + len(found))
            _check_sum(after, len(found), asked, folder)
            write_page(folder, number, answer.body)
            state = after
            write_state(folder, state)
            bar.total = state.total
            bar.update(len(found))
    if state.entries != state.total:
        _wrong_sum(state, folder)
    if not state.total:
        raise UserError("UniProt has no proteins that match fetch.query; widen it")
    return state


def _next_page(client: Client, state: Download, folder: Path) -> Answer:
    assert state.next_url is not None
    try:
        return client.get(state.next_url)
    except Refused as error:
        if not state.pages:
            raise UserError(f"{error}; check fetch.query and fetch.api") from None
        if error.status in _EXPIRED:
            _give_up(folder, str(error))
        raise _kept(str(error), folder) from None


def _advanced(state: Download, answer: Answer, folder: Path) -> Download:
    """The state after a page but for its entries, with what the headers say checked."""
    source = f"UniProt's answer, page {state.pages + 1}"
    release = _release(answer, source)
    total = _total(answer, source)
    if state.pages and release != state.release:
        _give_up(folder, f"UniProt went from release {state.release} to {release} between pages")
    if state.pages and total != state.total:
        _give_up(
            folder,
            f"UniProt announced {state.total:,} proteins, and {total:,} on page {state.pages + 1}",
        )
    return replace(
        state, release=release, next_url=answer.next_url, pages=state.pages + 1, total=total
    )


def _accessions(answer: Answer, number: int, folder: Path) -> list[str]:
    try:
        return page_accessions(answer.body, f"UniProt's answer, page {number}", PAGE_SIZE)
    except UserError as error:
        raise _kept(str(error).removesuffix("; download it again"), folder) from None


def _check_new(found: list[str], seen: set[str], folder: Path) -> None:
    for accession in found:
        if accession in seen:
            plain = re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", accession)
            _give_up(folder, f"UniProt sent {accession if plain else shown(accession)} twice")
        seen.add(accession)


def _check_sum(state: Download, n_new: int, asked: set[str], folder: Path) -> None:
    """That pages come to an end: each has entries, no more than announced, and a link onward."""
    if state.entries > state.total:
        _wrong_sum(state, folder)
    if state.next_url is None:
        return
    if not n_new:
        raise _kept(f"UniProt sent page {state.pages} without entries, but a link onward", folder)
    if state.next_url in asked:
        raise _kept(f"UniProt's page {state.pages} links to a page that was there before", folder)


def _earlier(
    client: Client, api: str, query: str, folder: Path, say: Callable[[str], None]
) -> tuple[Download, set[str]]:
    """State of the download in ``folder`` and its accessions, or of a new one."""
    first = _search_url(api, query, PAGE_SIZE)
    if (folder / "state.json").exists():
        try:
            state = read_state(folder, first, client.origin)
            _check_same_release(client, _search_url(api, query, 0), state, folder)
            seen = accessions(folder, state)
        except Unfit as error:
            say(note(f"{folder}: {error}; starting over"))
        else:
            say(f"{folder}: {state.entries:,} of {state.total:,} proteins are there; going on")
            return state, seen
    clear(folder)
    return Download(search=first, release="", next_url=first), set()


def _check_same_release(client: Client, url: str, state: Download, folder: Path) -> None:
    """Compare with the server's; ``url`` asks for the headers alone, which tell it."""
    try:
        release = _release(client.get(url), "UniProt's answer")
    except Refused as error:
        raise _kept(str(error), folder) from None
    if state.release != release:
        raise Unfit(f"pages of UniProt release {state.release}, now {release}")


def _kept(problem: str, folder: Path) -> UserError:
    """A fault that may pass, of a page that is not counted yet."""
    if not (folder / "state.json").exists():
        return UserError(f"{problem}; run again later, and check fetch.query and fetch.api")
    return UserError(
        f"{problem}; the pages in {folder} are kept: run again later to go on from here, or delete "
        "it to start anew"
    )


def _wrong_sum(state: Download, folder: Path) -> NoReturn:
    _give_up(folder, f"UniProt announced {state.total:,} proteins and sent {state.entries:,}")


def _give_up(folder: Path, problem: str) -> NoReturn:
    """Stop; the pages do not fit together, so the next run must not build on them."""
    (folder / "state.json").unlink(missing_ok=True)
    raise UserError(f"{problem}; run again to fetch from the beginning")


def _release(answer: Answer, source: str) -> str:
    text = _header(answer, "X-UniProt-Release")
    if not is_release(text):
        raise UserError(
            f"{source}: X-UniProt-Release is {shown(text)}; expected one such as 2026_03; run "
            "again later, and check fetch.api if it stays so"
        )
    return text


def _total(answer: Answer, source: str) -> int:
    text = _header(answer, "X-Total-Results")
    if not _COUNT.fullmatch(text):
        raise UserError(
            f"{source}: X-Total-Results is {shown(text)}; expected a count of proteins; run again "
            "later, and check fetch.api if it stays so"
        )
    return int(text)


def _header(answer: Answer, name: str) -> str:
    if name not in answer.headers:
        raise UserError(f"an answer without {name}; check that fetch.api is UniProt's REST API")
    return answer.headers[name]


def _search_url(api: str, query: str, size: int) -> str:
    parameters = {
        "format": "json",
        "size": size,
        "compressed": "true",
        "query": query,
        "fields": FIELDS,
    }
    return f"{api.rstrip('/')}/uniprotkb/search?{urlencode(parameters)}"
