"""The UniProt client against a stand-in on loopback: paging, faults, resuming."""

import gzip
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from protsae import __version__
from protsae.errors import UserError
from protsae.io.http.client import RetryPolicy
from protsae.io.uniprot import uniprot_rest
from protsae.io.uniprot.uniprot_rest import fetch_pages, read_pages
from tests.helpers.shared_data import SHARED
from tests.helpers.uniprot_server import Fault, UniProtServer

ROOT = Path(__file__).parents[3]
ENTRIES = json.loads(gzip.decompress((ROOT / "data/sample/proteins.json.gz").read_bytes()))[
    "results"
][:17]
ACCESSIONS = [entry["primaryAccession"] for entry in ENTRIES]
QUICK = RetryPolicy(attempts=3, backoff=0.01, longest=0.02)
QUERY = "(reviewed:true) AND (organism_id:9606)"


@pytest.fixture(autouse=True)
def _pages_of_five(monkeypatch):
    monkeypatch.setattr(uniprot_rest, "PAGE_SIZE", 5)


def fetch(server, folder, say=lambda _: None, query=QUERY):
    return fetch_pages(server.url, query, folder, QUICK, say)


def fetched(folder, pages=4):
    return [protein.accession for protein in read_pages(folder, pages)]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_all_pages_in_order(tmp_path):
    with UniProtServer(ENTRIES) as server:
        download = fetch(server, tmp_path)

    assert (download.pages, download.entries, download.total) == (4, 17, 17)
    assert download.release == "2026_03"
    assert download.next_url is None
    assert fetched(tmp_path) == ACCESSIONS
    assert server.asked == [1, 2, 3, 4]
    assert names(tmp_path) == [*(f"page-0000{n}.json.gz" for n in (1, 2, 3, 4)), "state.json"]


def test_what_is_asked(tmp_path):
    with UniProtServer(ENTRIES) as server:
        fetch(server, tmp_path)

    path, headers = server.requests[0]
    query = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
    fields = query.pop("fields").split(",")
    assert query == {"format": "json", "size": "5", "compressed": "true", "query": QUERY}
    assert fields[:6] == [
        "accession",
        "id",
        "organism_name",
        "organism_id",
        "sequence",
        "fragment",
    ]
    assert len([name for name in fields if name.startswith("ft_")]) == 36
    assert {"ft_act_site", "ft_zn_fing", "ft_init_met"} <= set(fields)
    assert not {"ft_metal", "ft_np_bind", "ft_ca_bind"} & set(fields)
    assert headers["User-Agent"] == f"protsae/{__version__}"


def test_a_server_that_does_not_compress(tmp_path):
    with UniProtServer(ENTRIES, compressed=False) as server:
        fetch(server, tmp_path)
    assert fetched(tmp_path) == ACCESSIONS
    assert (tmp_path / "page-00001.json.gz").read_bytes()[:2] == b"\x1f\x8b"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(2, 429),
        Fault(2, 429, times=3),
        Fault(2, 500),
        Fault(2, 502),
        Fault(2, 503, times=2),
        Fault(2, 504),
        Fault(2, "lost"),
        Fault(2, "cut", times=2),
        Fault(2, "gzip", times=2),
        Fault(1, "cut"),
        Fault(4, "gzip"),
    ],
    ids=lambda fault: f"{fault.kind} x {fault.times} on page {fault.page}",
)
def test_passing_faults_are_retried(tmp_path, fault):
    times = fault.times
    with UniProtServer(ENTRIES, [fault]) as server:
        fetch(server, tmp_path)

    assert fetched(tmp_path) == ACCESSIONS
    assert server.asked == sorted([1, 2, 3, 4, *[fault.page] * times])


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (429, "still HTTP 429: Too Many Requests: please try again in a few minutes.; run again"),
        (503, "still HTTP 503: .*run again later to go on from here"),
        ("lost", "cannot be reached .*run again to go on from here"),
        ("cut", r"the answer was cut short 4 times \(ProtocolError\)"),
        ("gzip", r"the answer was cut short 4 times \(EOFError\)"),
    ],
)
def test_lasting_faults_stop_and_the_rest_comes_later(tmp_path, kind, message):
    with UniProtServer(ENTRIES, [Fault(3, kind, times=4)]) as server:
        with pytest.raises(UserError, match=message):
            fetch(server, tmp_path)
        assert names(tmp_path) == ["page-00001.json.gz", "page-00002.json.gz", "state.json"]
        assert server.asked == [1, 2, 3, 3, 3, 3]

        server.asked.clear()
        lines = []
        fetch(server, tmp_path, lines.append)

    assert server.asked == [0, 3, 4]
    assert lines == [f"{tmp_path}: 10 of 17 proteins are there; going on"]
    assert fetched(tmp_path) == ACCESSIONS


def test_an_interruption_between_page_and_state(tmp_path, monkeypatch):
    """The page is there but not counted: it is asked for again and replaced."""
    written = []

    def interrupt(folder, state):
        written.append(state)
        if len(written) == 2:
            raise KeyboardInterrupt
        write_state(folder, state)

    write_state = uniprot_rest.write_state
    with UniProtServer(ENTRIES) as server:
        with monkeypatch.context() as patch:
            patch.setattr(uniprot_rest, "write_state", interrupt)
            with pytest.raises(KeyboardInterrupt):
                fetch(server, tmp_path)
        server.asked.clear()
        fetch(server, tmp_path)

    assert server.asked == [0, 2, 3, 4]
    assert fetched(tmp_path) == ACCESSIONS


def test_a_finished_download_asks_for_no_page(tmp_path):
    with UniProtServer(ENTRIES) as server:
        first = fetch(server, tmp_path)
        server.asked.clear()
        assert fetch(server, tmp_path) == first
    assert server.asked == [0]


def test_another_query_starts_anew(tmp_path):
    lines = []
    with UniProtServer(ENTRIES) as server:
        fetch(server, tmp_path)
        server.entries = ENTRIES[:3]
        server.asked.clear()
        fetch(server, tmp_path, lines.append, "organism_id:562")
    assert lines == [f"note: {tmp_path}: pages of another query; starting over"]
    assert server.asked == [1]
    assert names(tmp_path) == ["page-00001.json.gz", "state.json"]


def test_a_release_since_the_last_run_starts_anew(tmp_path):
    lines = []
    with UniProtServer(ENTRIES, [Fault(2, 503, times=4)]) as server:
        with pytest.raises(UserError, match="HTTP 503"):
            fetch(server, tmp_path)
        server.release = "2026_04"
        server.asked.clear()
        assert fetch(server, tmp_path, lines.append).release == "2026_04"
    assert lines == [
        f"note: {tmp_path}: pages of UniProt release 2026_03, now 2026_04; starting over"
    ]
    assert server.asked == [0, 1, 2, 3, 4]


def test_a_release_between_pages_stops(tmp_path):
    with UniProtServer(ENTRIES, release_from_page={3: "2026_04", 4: "2026_04"}) as server:
        with pytest.raises(UserError) as error:
            fetch(server, tmp_path)
        assert str(error.value) == (
            "UniProt went from release 2026_03 to 2026_04 between pages; "
            "run again to fetch from the beginning"
        )
        server.release_from_page.clear()
        server.asked.clear()
        fetch(server, tmp_path)
    assert server.asked == [1, 2, 3, 4]
    assert fetched(tmp_path) == ACCESSIONS


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            "json",
            r"UniProt's answer, page 2: not JSON, or cut short, after 0 entries \(Unterminated st",
        ),
        ("layout", "page 2: entry 1 is not laid out as UniProt's REST JSON: no 'primaryAccession'"),
        ("html", "an answer without X-UniProt-Release; check that fetch.api"),
    ],
)
def test_a_page_that_does_not_parse_stops(tmp_path, kind, message):
    with UniProtServer(ENTRIES, [Fault(2, kind)]) as server:
        with pytest.raises(UserError, match=message):
            fetch(server, tmp_path)
        assert names(tmp_path) == ["page-00001.json.gz", "state.json"]


@pytest.mark.parametrize("total", [16, 18])
def test_a_wrong_total_stops(tmp_path, total):
    with UniProtServer(ENTRIES, total=total) as server:
        with pytest.raises(UserError, match=f"UniProt announced {total} proteins and sent 17;"):
            fetch(server, tmp_path)
        server.total = None
        server.asked.clear()
        fetch(server, tmp_path)
    assert server.asked == [1, 2, 3, 4]


@pytest.mark.parametrize("interrupted", [False, True])
def test_an_accession_that_comes_twice_stops(tmp_path, interrupted):
    faults = [Fault(4, 503, times=4)] if interrupted else []
    with UniProtServer([*ENTRIES[:16], ENTRIES[2]], faults) as server:
        if interrupted:
            with pytest.raises(UserError, match="HTTP 503"):
                fetch(server, tmp_path)
        with pytest.raises(UserError, match=f"UniProt sent {ACCESSIONS[2]} twice; run again"):
            fetch(server, tmp_path)


def test_a_wrong_query_shows_what_the_server_says(tmp_path):
    with UniProtServer(ENTRIES) as server, pytest.raises(UserError) as error:
        fetch(server, tmp_path, query="wrong:1")
    assert str(error.value) == (
        f"{server.url}: HTTP 400: 'wrong' is not a valid search field; "
        "check fetch.query and fetch.api"
    )
    assert server.asked == [1]


@pytest.mark.parametrize("status", [400, 410])
def test_a_cursor_that_has_expired_starts_anew_next_time(tmp_path, status):
    message = rf"HTTP {status}: .*; run again to fetch from the beginning"
    with UniProtServer(ENTRIES, [Fault(3, status)]) as server:
        with pytest.raises(UserError, match=message):
            fetch(server, tmp_path)
        server.asked.clear()
        fetch(server, tmp_path)
    assert server.asked == [1, 2, 3, 4]


def test_a_state_of_another_version_starts_anew(tmp_path):
    lines = []
    (tmp_path / "state.json").write_text('{"cursor": 3}')
    with UniProtServer(ENTRIES) as server:
        fetch(server, tmp_path, lines.append)
    assert lines == [f"note: {tmp_path}: pages of another version of protsae; starting over"]
    assert fetched(tmp_path) == ACCESSIONS


def test_no_match(tmp_path):
    with UniProtServer([]) as server, pytest.raises(UserError, match="no proteins that match"):
        fetch(server, tmp_path)


def test_no_server(tmp_path):
    with UniProtServer(ENTRIES) as server:
        pass
    with pytest.raises(UserError, match=f"{server.url}: cannot be reached"):
        fetch(server, tmp_path)


def test_a_missing_page_is_named(tmp_path):
    with UniProtServer(ENTRIES) as server:
        fetch(server, tmp_path)
    (tmp_path / "page-00002.json.gz").unlink()
    with pytest.raises(UserError, match=r"page-00002\.json\.gz: no such file; .*delete its"):
        fetched(tmp_path)


def test_the_real_pages(tmp_path, monkeypatch):
    folder = SHARED / "uniprot"
    if not folder.is_dir():
        pytest.skip("the real UniProt pages are not beside the repository")
    entries = [
        entry
        for path in sorted(folder.glob("rest_page_*.json.gz"))
        for entry in json.loads(gzip.decompress(path.read_bytes()))["results"]
    ]
    unique = list({entry["primaryAccession"]: entry for entry in entries}.values())
    monkeypatch.setattr(uniprot_rest, "PAGE_SIZE", 40)
    with UniProtServer(unique, [Fault(2, "cut"), Fault(3, 429)]) as server:
        download = fetch(server, tmp_path)
    assert fetched(tmp_path, download.pages) == [entry["primaryAccession"] for entry in unique]
