"""Servers that are slow, hostile or contradict themselves: one line each, and no page lost."""

import gzip
import json
import time
import zlib
from dataclasses import replace

import pytest

from protsae.errors import UserError
from protsae.io.http import retries
from protsae.io.http.client import RetryPolicy
from protsae.io.uniprot import uniprot_rest
from protsae.io.uniprot.uniprot_rest import fetch_pages, read_pages
from tests.helpers.uniprot_server import BUSY, Fault, UniProtServer

ENTRIES = [{"primaryAccession": f"P{n:05}", "sequence": {"value": "MKV" * n}} for n in range(1, 18)]
ACCESSIONS = [entry["primaryAccession"] for entry in ENTRIES]
QUICK = RetryPolicy(attempts=1, backoff=0.001)
EMPTY = b'{"results": []}'


@pytest.fixture(autouse=True)
def _pages_of_five(monkeypatch):
    monkeypatch.setattr(uniprot_rest, "PAGE_SIZE", 5)


@pytest.fixture
def server():
    with UniProtServer(ENTRIES) as server:
        yield server


def fetch(server, folder, policy=QUICK, say=lambda _: None):
    return fetch_pages(server.url, "reviewed:true", folder, policy, say)


def goes_on(server, folder, asked=(0, 3, 4)):
    """The next run asks for no page that is there, and has all entries in the end."""
    server.faults.clear()
    server.asked.clear()
    download = fetch(server, folder)
    found = [protein.accession for protein in read_pages(folder, download.pages)]
    return found == ACCESSIONS and server.asked == list(asked)


def message(server, folder, policy=QUICK):
    with pytest.raises(UserError) as error:
        fetch(server, folder, policy)
    text = str(error.value)
    assert text.isprintable()
    return text.replace(server.url, "URL").replace(str(folder), "DIR")


def stops(server, folder, fault, policy=QUICK):
    """What a run says that the fault has stopped; its pages are kept."""
    server.faults.append(fault)
    text = message(server, folder, policy)
    assert goes_on(server, folder, [0, *range(fault.page, 5)] if fault.page > 1 else [1, 2, 3, 4])
    return text


KEPT = "; the pages in DIR are kept: run again later to go on from here, or delete it to start anew"
AGAIN = "; run again later, and check fetch.api if it stays so"


# Paging


def test_an_empty_page_with_a_link(server, tmp_path):
    text = stops(server, tmp_path, Fault(3, "answer", body=EMPTY))
    assert text == f"UniProt sent page 3 without entries, but a link onward{KEPT}"


def test_a_first_page_that_is_empty(server, tmp_path):
    text = stops(server, tmp_path, Fault(1, "answer", body=EMPTY))
    assert text == (
        "UniProt sent page 1 without entries, but a link onward; run again later, and check "
        "fetch.query and fetch.api"
    )


def test_an_empty_page_that_links_to_itself(server, tmp_path):
    link = f"<{server.url}/uniprotkb/search?cursor=10&size=5&query=a>; rel=next"
    text = stops(server, tmp_path, Fault(3, "answer", 9, body=EMPTY, headers={"Link": link}))
    assert text == f"UniProt sent page 3 without entries, but a link onward{KEPT}"


@pytest.mark.parametrize("target", ["", "{}"])
def test_a_link_to_a_page_that_was_there(server, tmp_path, target):
    """To itself, which an empty target means, and to the first."""
    fetch(server, tmp_path)
    first = server.requests[0][0]
    for path in tmp_path.iterdir():
        path.unlink()
    link = {"Link": f'<{target.format(first)}>; rel="next"'}
    text = stops(server, tmp_path, Fault(3, "answer", headers=link))
    assert text == f"UniProt's page 3 links to a page that was there before{KEPT}"


def test_an_empty_last_page_without_link_is_harmless(server, tmp_path):
    server.faults.append(
        Fault(
            4,
            "answer",
            headers={"Link": '</uniprotkb/search?cursor=20&size=5&query=a>; rel="next"'},
        )
    )
    assert fetch(server, tmp_path).pages == 5


def test_more_entries_than_announced_end_at_once(server, tmp_path):
    server.total = 7
    assert message(server, tmp_path) == (
        "UniProt announced 7 proteins and sent 10; run again to fetch from the beginning"
    )
    assert server.asked == [1, 2]


def test_a_page_with_more_entries_than_asked_for(server, tmp_path):
    body = json.dumps({"results": ENTRIES[5:11]}).encode()
    text = stops(server, tmp_path, Fault(2, "answer", body=body))
    assert text == (
        f"UniProt's answer, page 2: more than 5 entries; expected no more than asked for{KEPT}"
    )


def test_a_page_that_is_no_json(server, tmp_path):
    text = stops(server, tmp_path, Fault(2, "answer", body=b'{"results": [\x1b'))
    assert text == (
        "UniProt's answer, page 2: not JSON, or cut short, after 0 entries (Expecting value)" + KEPT
    )


def test_a_total_that_changes(server, tmp_path):
    server.faults.append(Fault(3, "answer", headers={"X-Total-Results": "18"}))
    assert message(server, tmp_path) == (
        "UniProt announced 17 proteins, and 18 on page 3; run again to fetch from the beginning"
    )
    assert goes_on(server, tmp_path, [1, 2, 3, 4])


@pytest.mark.parametrize(
    "total", ["", "-1", "1e3", "17.0", "+17", "1" * 13, "\u0661", "\x1b[2J", "17, 17"]
)
def test_a_total_that_is_no_count(server, tmp_path, total):
    header = total.encode().decode("latin-1")
    text = stops(server, tmp_path, Fault(3, "answer", headers={"X-Total-Results": header}))
    assert text.startswith("UniProt's answer, page 3: X-Total-Results is '")
    assert text.endswith(f"'; expected a count of proteins{AGAIN}")


@pytest.mark.parametrize("release", ["", "2026 03", "\x1b[31m", "x" * 41, "2026_03/.."])
def test_a_release_that_is_none(server, tmp_path, release):
    text = stops(server, tmp_path, Fault(1, "answer", headers={"X-UniProt-Release": release}))
    assert text.startswith("UniProt's answer, page 1: X-UniProt-Release is '")
    assert text.endswith(f"; expected one such as 2026_03{AGAIN}")


def test_inactive_entries_count_towards_the_total(tmp_path):
    inactive = {"entryType": "Inactive", "inactiveReason": {"inactiveReasonType": "MERGED"}}
    with UniProtServer([*ENTRIES[:7], inactive | {"primaryAccession": "Q1"}]) as server:
        download = fetch(server, tmp_path)
    assert (download.entries, download.total) == (8, 8)
    assert [p.inactive for p in read_pages(tmp_path, 2)] == [""] * 7 + ["merged"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("P1", "P1"), ("\x1b[2J", r"'\x1b[2J'"), ("A" * 9999, f"'{'A' * 40}'... (9,999)")],
)
def test_what_comes_twice_is_named_in_one_short_line(tmp_path, name, said):
    with UniProtServer([{"primaryAccession": name}] * 2) as server:
        text = message(server, tmp_path)
    assert text == f"UniProt sent {said} twice; run again to fetch from the beginning"


# Slow servers


@pytest.mark.parametrize("kind", ["slow", "slow headers"])
def test_a_byte_at_a_time_ends(server, tmp_path, kind):
    """Ten seconds if nobody stops it: each byte comes in time."""
    start = time.monotonic()
    text = stops(server, tmp_path, Fault(1, kind, 2), replace(QUICK, answer=0.1))
    assert text == "URL: no whole answer 2 times (within 0.1 s); run again to go on from here"
    assert time.monotonic() - start < 3


@pytest.mark.parametrize("kind", ["slow", "slow headers"])
def test_a_slow_answer_is_asked_for_again(server, tmp_path, kind):
    server.faults.append(Fault(3, kind))
    assert fetch(server, tmp_path, replace(QUICK, attempts=9, answer=0.2)).entries == 17
    assert server.asked.count(3) >= 2


def test_a_page_ends_with_all_its_repetitions(server, tmp_path):
    policy = RetryPolicy(attempts=1000, backoff=0.001, answer=0.05, page=0.15)
    text = stops(server, tmp_path, Fault(1, "slow headers", 1000), policy)
    assert text.startswith("URL: no whole answer ")
    assert text.endswith("; run again to go on from here (one page may take 0.15 s)")


# Refusals


PASSING = [403, 408, 409, 425, 429, 500, 502, 503, 504, 507, 520, 522, 524, 530, 599]


@pytest.mark.parametrize("status", PASSING)
def test_a_passing_refusal_is_asked_again(server, tmp_path, status):
    server.faults.append(Fault(3, status))
    assert fetch(server, tmp_path).entries == 17
    assert server.asked == [1, 2, 3, 3, 4]


@pytest.mark.parametrize("status", [403, 408, 429, 503, 520])
def test_a_lasting_one_keeps_the_pages(server, tmp_path, status):
    text = stops(server, tmp_path, Fault(3, status, 2))
    assert text == f"URL: still HTTP {status}: {BUSY}; run again later to go on from here"


@pytest.mark.parametrize("status", [204, 206, 304, 401, 402, 404, 407, 414, 451, 501, 511, 999])
def test_a_final_one_keeps_the_pages_too(server, tmp_path, status):
    text = stops(server, tmp_path, Fault(3, status, body=b""))
    assert text.startswith(f"URL: HTTP {status}: ")
    assert text.endswith(KEPT)
    assert server.asked == [0, 3, 4]


@pytest.mark.parametrize("status", [400, 410])
def test_a_cursor_that_is_gone_does_not(server, tmp_path, status):
    server.faults.append(Fault(3, status))
    text = message(server, tmp_path)
    assert text == f"URL: HTTP {status}: {BUSY}; run again to fetch from the beginning"
    assert goes_on(server, tmp_path, [1, 2, 3, 4])


def test_a_refusal_when_going_on(server, tmp_path):
    stops(server, tmp_path, Fault(3, 503, 2))
    server.faults.append(Fault(0, 400))
    assert message(server, tmp_path) == f"URL: HTTP 400: {BUSY}{KEPT}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\x1b[2J\x07gone\r\n\u202e!", r"\x1b[2J\x07gone \u202e!"),
        ("x" * 9999, "x" * 297 + "..."),
        ("x" * 99999, "Bad Request"),
    ],
)
def test_what_a_server_says_is_shown_in_one_short_line(server, tmp_path, text, said):
    server.faults.append(Fault(1, 400, message=text))
    assert message(server, tmp_path) == f"URL: HTTP 400: {said}; check fetch.query and fetch.api"


# Retry-After


@pytest.fixture
def pauses(monkeypatch):
    found = []
    monkeypatch.setattr(retries, "sleep", found.append)
    return found


def test_retry_after_is_obeyed_and_said(server, tmp_path, pauses):
    server.faults.append(Fault(2, 429, retry_after=40))
    lines = []
    fetch(server, tmp_path, say=lines.append)
    assert pauses == [40]
    assert lines == [f"UniProt asks to wait 40 s; waiting (HTTP 429: {BUSY}; try 1 of 2)"]


@pytest.mark.parametrize("asked", ["0", "-5", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", ""])
def test_retry_after_that_says_nothing(server, tmp_path, pauses, asked):
    server.faults.append(Fault(2, 503, retry_after=asked))
    assert fetch(server, tmp_path).entries == 17
    assert pauses == [0.001]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("601", "601 s"),
        ("9" * 400, "more than 30 years"),
        ("Wed, 21 Oct 9015 07:28:00 GMT", "more"),
    ],
)
def test_retry_after_beyond_the_bound(server, tmp_path, pauses, asked, said):
    text = stops(server, tmp_path, Fault(3, 429, retry_after=asked))
    assert f"URL: HTTP 429: {BUSY}; UniProt asks to wait {said}" in text
    assert text.endswith(
        ", more than the 600 s that protsae waits; run again after that to go on from here"
    )
    assert pauses == []


# Other servers


ELSEWHERE = "; protsae follows only to the scheme, host and port of fetch.api"


def test_a_link_to_another_server(server, tmp_path):
    link = {"Link": '<http://127.0.0.1:1/uniprotkb/search?cursor=10>; rel="next"'}
    text = stops(server, tmp_path, Fault(2, "answer", headers=link))
    assert text == f"URL: the Link of a page leads to http://127.0.0.1:1{ELSEWHERE}{KEPT}"


def test_a_link_with_a_user_name(server, tmp_path):
    link = {"Link": f'<{server.url}@evil.org/>; rel="next"'}
    text = stops(server, tmp_path, Fault(2, "answer", headers=link))
    assert text == f"URL: the Link of a page leads to 'URL@evil.org/'{ELSEWHERE}{KEPT}"


def test_relative_links(server, tmp_path):
    path = "/uniprotkb/search?format=json&size=5&compressed=true&query=a&cursor={}"
    server.faults.append(Fault(1, "answer", headers={"Link": f'<{path.format(5)}>; rel="next"'}))
    server.faults.append(
        Fault(2, "answer", headers={"Link": f"<{path[17:].format(10)}>; rel=Next"})
    )
    assert fetch(server, tmp_path).entries == 17


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_on_the_same_server(server, tmp_path, status):
    target = "/uniprotkb/search?format=json&size=5&query=a&cursor=10"
    server.faults.append(Fault(2, status, headers={"Location": target}))
    server.entries = ENTRIES[:5] + ENTRIES
    server.total = 15
    with pytest.raises(UserError, match=r"^UniProt announced 15 proteins and sent 1[67]; "):
        fetch(server, tmp_path)
    assert server.asked[:4] == [1, 2, 3, 4]


def test_a_redirect_to_another_server(server, tmp_path):
    headers = {"Location": server.url.replace("http", "https")}
    text = stops(server, tmp_path, Fault(2, 302, headers=headers))
    other = server.url.replace("http", "https")
    assert text == f"URL: a redirect leads to {other}{ELSEWHERE}{KEPT}"


def test_a_redirect_without_end(server, tmp_path):
    headers = {"Location": "/uniprotkb/search?size=5&cursor=5&query=a"}
    text = stops(server, tmp_path, Fault(2, 302, 99, headers=headers))
    assert text == f"URL: more than 5 redirects one after another{KEPT}"


def test_the_body_of_a_redirect_is_not_read(server, tmp_path):
    headers = {"Location": "/uniprotkb/search?size=5&cursor=5&query=a", "Content-Encoding": "gzip"}
    server.faults.append(Fault(2, 302, headers=headers, message="no gzip"))
    assert fetch(server, tmp_path).entries == 17


@pytest.mark.parametrize(
    "api", ["", "rest.uniprot.org", "ftp://x.org", "http://", "http://me:pw@x.org", "http://x:y"]
)
def test_an_api_that_is_no_address(tmp_path, api):
    with pytest.raises(UserError) as error:
        fetch_pages(api, "a", tmp_path)
    assert str(error.value) == (
        f"fetch.api is {api!r}; expected http(s)://host without user and password, such as "
        "https://rest.uniprot.org"
    )


# Size


SMALL = replace(QUICK, largest_body=20_000, largest_document=60_000)
BOMB = gzip.compress(EMPTY[:-2] + b" " * 100_000 + b"]}")


def too_large(what):
    return f"URL: an answer of more than {what}; expected a page of 500 proteins{KEPT}"


@pytest.mark.parametrize("body", [BOMB, gzip.compress(EMPTY) + BOMB], ids=["one", "two members"])
def test_a_document_that_unpacks_to_too_much(server, tmp_path, body):
    text = stops(server, tmp_path, Fault(2, "answer", body=body), SMALL)
    assert text == too_large("60,000 bytes unpacked")


def test_an_encoding_that_unpacks_to_too_much(server, tmp_path):
    fault = Fault(2, "answer", body=BOMB, headers={"Content-Encoding": "gzip"})
    assert stops(server, tmp_path, fault, SMALL) == too_large("20,000 bytes unpacked")


def test_a_body_that_is_too_long(server, tmp_path):
    text = stops(server, tmp_path, Fault(2, "answer", body=b" " * 20_001), SMALL)
    assert text == too_large("20,000 bytes")


def test_a_refusal_of_any_length(server, tmp_path):
    server.faults.append(Fault(1, 400, message="x" * 10_000_000))
    text = message(server, tmp_path)
    assert text == "URL: HTTP 400: Bad Request; check fetch.query and fetch.api"


@pytest.mark.parametrize("coding", ["gzip", "X-GZIP", "identity", " "])
def test_content_encodings(server, tmp_path, coding):
    body = json.dumps({"results": ENTRIES[5:10]}).encode()
    packed = gzip.compress(body) if "gzip" in coding.lower() else body
    server.faults.append(Fault(2, "answer", body=packed, headers={"Content-Encoding": coding}))
    assert fetch(server, tmp_path).entries == 17
    assert server.asked == [1, 2, 3, 4]


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "\x1b[2J"])
def test_encodings_that_were_not_asked_for(server, tmp_path, coding):
    fault = Fault(2, "answer", body=zlib.compress(EMPTY), headers={"Content-Encoding": coding})
    assert stops(server, tmp_path, fault) == (
        f"URL: an answer with Content-Encoding {coding.lower()!r}, which was not asked for; "
        f"expected none or gzip{KEPT}"
    )


def test_a_page_of_two_gzip_members(server, tmp_path):
    body = json.dumps({"results": ENTRIES[5:10]}).encode()
    packed = gzip.compress(body[:100]) + gzip.compress(body[100:])
    server.faults.append(Fault(2, "answer", body=packed))
    assert fetch(server, tmp_path).entries == 17
