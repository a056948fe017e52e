"""Search of the UniProt REST API, page by page into a folder, resumable.

The folder receives ``page-00001.json.gz`` and so on, and ``state.json``, which advances after each
page. A page is written whole or not at all, and is not asked for again.
"""

import gzip
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

from protsae.errors import UserError
from protsae.io.atomic import atomic_path
from protsae.io.http import Answer, Client, Refused, RetryPolicy
from protsae.io.json_files import read_json, write_json
from protsae.io.progress import progress
from protsae.io.text_files import GZIP_MAGIC, open_text
from protsae.io.uniprot_json import parse_page
from protsae.proteins import FEATURE_TYPES, Protein

PAGE_SIZE = 500  # the most that UniProt gives at once
RETRIES = RetryPolicy()

FIELDS = ",".join(
    ["accession", "id", "organism_name", "organism_id", "sequence", "fragment"]
    + [f"ft_{key.lower()}" for key, row in FEATURE_TYPES.items() if not row.merged_into]
)
"""Return fields of the search: the sequence and the whole feature table."""


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


def fetch_pages(
    api: str,
    query: str,
    folder: str | Path,
    retries: RetryPolicy | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Download:
    """Fetch all entries that match ``query``, or the rest of them if some are there already.

    An earlier download in ``folder`` goes on if API, query and fields are the same and UniProt has
    had no release since; otherwise it is replaced.

    Parameters
    ----------
    api : str
        Base URL, ``https://rest.uniprot.org``.
    retries : RetryPolicy, optional
        `RETRIES` if not given.
    say : callable, optional
        Receives one line when an earlier download goes on or is replaced.

    Raises
    ------
    UserError
        If the server cannot be reached or refuses, a page does not parse, the release changes
        between pages, an accession comes twice, the number of entries is not the one announced,
        or there are none.
    """
    folder = Path(folder)
    client = Client(retries or RETRIES)
    try:
        state = _earlier(client, api, query, folder, say)
        if state is None:
            _clear(folder)
            first = _search_url(api, query, PAGE_SIZE)
            state = Download(search=first, release="", next_url=first)
        return _fetch_rest(client, state, folder)
    finally:
        client.close()


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
            yield from parse_page(handle.read(), str(path))


def _fetch_rest(client: Client, state: Download, folder: Path) -> Download:
    seen = {protein.accession for protein in read_pages(folder, state.pages)}
    with progress(state.total or None, "fetching from UniProt", "proteins") as shown:
        shown.update(state.entries)
        while state.next_url is not None:
            answer = _next_page(client, state, folder)
            _check_release(answer, state, folder)
            number = state.pages + 1
            proteins = parse_page(answer.text, f"UniProt's answer, page {number}")
            for protein in proteins:
                if protein.accession in seen:
                    _give_up(folder, f"UniProt sent {protein.accession} twice")
                seen.add(protein.accession)
            _write_page(_page_path(folder, number), answer)
            state = _advanced(state, answer, len(proteins))
            write_json(folder / "state.json", asdict(state))
            shown.total = state.total
            shown.update(len(proteins))
    if state.entries != state.total:
        _give_up(folder, f"UniProt announced {state.total:,} proteins and sent {state.entries:,}")
    if not state.total:
        raise UserError("UniProt has no proteins that match fetch.query; widen it")
    return state


def _next_page(client: Client, state: Download, folder: Path) -> Answer:
    assert state.next_url is not None
    try:
        return client.get(state.next_url)
    except Refused as error:
        if state.pages:  # UniProt does not promise that cursors stay valid
            _give_up(folder, str(error))
        raise UserError(f"{error}; check fetch.query and fetch.api") from None


def _advanced(state: Download, answer: Answer, n_entries: int) -> Download:
    return replace(
        state,
        release=_header(answer, "X-UniProt-Release"),
        next_url=answer.next_url,
        pages=state.pages + 1,
        entries=state.entries + n_entries,
        total=int(_header(answer, "X-Total-Results")),
    )


def _earlier(
    client: Client, api: str, query: str, folder: Path, say: Callable[[str], None]
) -> Download | None:
    """State of a download in ``folder`` that can go on; None if there is none."""
    if not (folder / "state.json").exists():
        return None
    try:
        state = Download(**read_json(folder / "state.json"))
    except TypeError:
        say(f"{folder}: pages of another version of protsae; starting anew")
        return None
    if state.search != _search_url(api, query, PAGE_SIZE):
        say(f"{folder}: pages of another query; starting anew")
        return None
    # Size 0 asks for the headers alone: it tells the release without a page.
    release = _header(client.get(_search_url(api, query, 0)), "X-UniProt-Release")
    if state.release != release:
        say(f"{folder}: pages of UniProt release {state.release}, now {release}; starting anew")
        return None
    say(f"{folder}: {state.entries:,} of {state.total:,} proteins are there; going on")
    return state


def _check_release(answer: Answer, state: Download, folder: Path) -> None:
    release = _header(answer, "X-UniProt-Release")
    if state.release and release != state.release:
        _give_up(folder, f"UniProt went from release {state.release} to {release} between pages")


def _give_up(folder: Path, problem: str) -> None:
    """Stop; the pages do not fit together, so the next run must not build on them."""
    (folder / "state.json").unlink(missing_ok=True)
    raise UserError(f"{problem}; run again to fetch from the beginning")


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


def _page_path(folder: Path, number: int) -> Path:
    return folder / f"page-{number:05}.json.gz"


def _write_page(path: Path, answer: Answer) -> None:
    packed = answer.body.startswith(GZIP_MAGIC)
    body = answer.body if packed else gzip.compress(answer.body, mtime=0)
    with atomic_path(path) as temporary:
        temporary.write_bytes(body)


def _clear(folder: Path) -> None:
    (folder / "state.json").unlink(missing_ok=True)
    for page in folder.glob("page-*.json.gz"):
        page.unlink()
