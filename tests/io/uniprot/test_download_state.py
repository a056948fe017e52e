"""State and pages of an earlier download: checked field by field, or replaced with one line."""

import gzip
import json

import pytest

from protsae.errors import UserError
from protsae.io import atomic
from protsae.io.http.client import RetryPolicy
from protsae.io.uniprot import uniprot_rest
from protsae.io.uniprot.download_state import Download
from protsae.io.uniprot.uniprot_rest import fetch_pages
from tests.helpers.uniprot_server import Fault, UniProtServer

ENTRIES = [{"primaryAccession": f"P{n}", "sequence": {"value": "MKV" * n}} for n in range(1, 18)]
QUICK = RetryPolicy(attempts=0, backoff=0.001)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Two of four pages are in the folder."""
    monkeypatch.setattr(uniprot_rest, "PAGE_SIZE", 5)
    with UniProtServer(ENTRIES, [Fault(3, 503)]) as server:
        with pytest.raises(UserError, match="HTTP 503"):
            fetch(server, tmp_path)
        yield server


def fetch(server, folder, say=lambda _: None):
    return fetch_pages(server.url, "reviewed:true", folder, QUICK, say)


def starts_anew(server, folder):
    """Why, as it is said; all is fetched again."""
    server.asked.clear()
    lines = []
    assert fetch(server, folder, lines.append).entries == 17
    assert [page for page in server.asked if page] == [1, 2, 3, 4]
    [line] = lines
    line = line.replace(str(folder), "DIR").replace(server.url, "URL")
    assert line.startswith("note: DIR: ")
    assert line.endswith("; starting over")
    return line.removeprefix("note: DIR: ").removesuffix("; starting over")


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"pages": -1}, "state.json: pages is -1; expected a count"),
        ({"pages": 0}, "state.json: pages is 0; expected at least one"),
        ({"pages": True}, "state.json: pages is True; expected a count"),
        ({"pages": 10**12 + 1}, "state.json: pages is 1000000000001; expected a count"),
        ({"pages": 10**30}, f"state.json: pages is {10**30}; expected a count"),
        ({"entries": "10"}, "state.json: entries is '10'; expected a count"),
        ({"total": 17.0}, "state.json: total is 17.0; expected a count"),
        ({"entries": 18}, "state.json: 18 entries of 17"),
        ({"search": None}, "state.json: search is None; expected text"),
        ({"release": ["2026_03"]}, "state.json: release is a list of 1; expected text"),
        ({"release": ""}, "state.json: release is ''; expected one such as 2026_03"),
        ({"next_url": 3}, "state.json: next_url is 3; expected text"),
        ({"next_url": None}, "state.json: no next page, but entries are missing"),
        ({"next_url": "http://x.org/"}, "state.json: next_url leads to http://x.org, not to URL"),
        ({"next_url": "x"}, "state.json: next_url leads to 'x', not to URL"),
        (
            {"next_url": "http://\x1b@x/"},
            r"state.json: next_url leads to 'http://\x1b@x/', not to URL",
        ),
        ({"search": "http://x.org/"}, "pages of another query"),
        ({"pages": 1}, "state.json says 10 proteins, its pages have 5"),
        ({"entries": 9}, "state.json says 9 proteins, its pages have more"),
        ({"pages": 10**12}, "DIR/page-00003.json.gz: no such file"),
        ({"more": 1}, "pages of another version of protsae"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_field_that_does_not_fit(server, tmp_path, changed, problem):
    path = tmp_path / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    assert starts_anew(server, tmp_path) == problem


@pytest.mark.parametrize("content", ["[]", "null", "{}", '{"pages": 1}'])
def test_a_state_of_another_kind(server, tmp_path, content):
    (tmp_path / "state.json").write_text(content)
    assert starts_anew(server, tmp_path) == "pages of another version of protsae"


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b'{"pages"', b"[" * 99_999, b'{"pages": 1' + b"0" * 5000 + b"}"]
)
def test_a_state_that_is_no_json(server, tmp_path, content):
    (tmp_path / "state.json").write_bytes(content)
    assert starts_anew(server, tmp_path) == "state.json is not JSON"


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (None, "DIR/page-00002.json.gz: no such file"),
        (
            lambda page: page[: len(page) // 2],
            "DIR/page-00002.json.gz: gzip data cut short or damaged (Compressed file ended before "
            "the end-of-stream marker was reached)",
        ),
        (lambda _: gzip.compress(b"{}"), "DIR/page-00002.json.gz: no list 'results'"),
        (
            lambda _: b'{"results": []}',
            "state.json says 10 proteins, its pages have 5",
        ),
        (
            lambda _: gzip.compress(json.dumps({"results": ENTRIES[:5]}).encode()),
            "state.json says 10 proteins, its pages have 5",
        ),
    ],
    ids=["gone", "cut", "other", "empty", "twice"],
)
def test_a_page_that_does_not_fit(server, tmp_path, damage, problem):
    path = tmp_path / "page-00002.json.gz"
    content = path.read_bytes()
    path.unlink()
    if damage is not None:
        path.write_bytes(damage(content))
    assert starts_anew(server, tmp_path) == problem


def test_what_a_killed_download_left_is_removed(server, tmp_path):
    """Once, whatever page it was: a folder of 10,000 pages is not listed for each of them."""
    left = tmp_path / f"{atomic._PREFIX}999999999-page-00007.json.gz"
    left.write_text("half")
    fetch(server, tmp_path)
    assert not left.exists()


def test_before_the_first_page_there_is_nothing() -> None:
    before = Download("https://x.org", "", "https://x.org")
    assert (before.pages, before.entries, before.total) == (0, 0, 0)
