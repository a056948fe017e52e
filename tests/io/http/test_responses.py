"""Response bodies stay within their size limits, compressed or not; error messages of a server."""

import gzip
import io
import json
import zlib

import pytest
import requests
from urllib3 import HTTPResponse

from protsae.io.http.responses import (
    TooLarge,
    UnknownCoding,
    check_document,
    in_bytes,
    open_document,
    read_body,
    server_message,
)


def answer(body: bytes, coding: str | None = None, reason: str = "") -> requests.Response:
    response = requests.Response()
    response.raw = HTTPResponse(io.BytesIO(body), preload_content=False)
    response.reason = reason
    if coding is not None:
        response.headers["Content-Encoding"] = coding
    return response


@pytest.mark.parametrize("coding", [None, "", "identity", " Identity "])
def test_a_plain_body_within_its_bound(coding: str | None) -> None:
    assert read_body(answer(b"12345", coding), 5) == b"12345"
    with pytest.raises(TooLarge, match="more than 4 bytes"):
        read_body(answer(b"12345", coding), 4)


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
def test_a_packed_body_within_its_bound(coding: str) -> None:
    plain = b"7" * 1000
    packed = gzip.compress(plain)
    assert read_body(answer(packed, coding), 1000) == plain
    with pytest.raises(TooLarge, match="more than 999 bytes unpacked"):
        read_body(answer(packed, coding), 999)
    with pytest.raises(EOFError):
        read_body(answer(packed[:-4], coding), 1000)


@pytest.mark.parametrize("coding", ["br", "gzip, gzip"])
def test_codings_that_were_not_asked_for(coding: str) -> None:
    with pytest.raises(UnknownCoding, match=coding):
        read_body(answer(b"", coding), 9)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_documents(pack) -> None:
    text = "ä" * 50_000  # two bytes each, more than a piece
    document = pack(text.encode())
    check_document(document, 100_000)
    assert open_document(document).read() == text
    with pytest.raises(TooLarge, match="more than 99,999 bytes unpacked"):
        check_document(document, 99_999)


def test_damaged_documents() -> None:
    packed = gzip.compress(bytes(range(256)))
    with pytest.raises(EOFError):
        check_document(packed[:-9], 1000)
    with pytest.raises((gzip.BadGzipFile, zlib.error)):
        check_document(packed[:-9] + b"123456789", 1000)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (json.dumps({"messages": ["one", "two\nlines"]}).encode(), "one two lines"),
        (json.dumps({"messages": ["x" * 400]}).encode(), "x" * 297 + "..."),
        (json.dumps({"other": 1}).encode(), "Not Found"),
        (b'{"messages": [1]}', "Not Found"),
        (b"<html>", "Not Found"),
        (b"[" * 100_000, "Not Found"),
    ],
)
def test_what_a_server_says(body: bytes, said: str) -> None:
    assert server_message(answer(body, reason="Not  Found")) == said


def test_a_long_message_of_a_server_is_looked_at_up_to_64_kib() -> None:
    text = json.dumps({"messages": ["no"]})
    padded = text.ljust(65_536).encode()
    assert server_message(answer(padded, reason="Not Found")) == "no"
    assert server_message(answer(padded + b" ", reason="Not Found")) == "Not Found"


def test_sizes_in_words() -> None:
    found = [in_bytes(size) for size in (0, 1000, 1 << 20, (1 << 20) + 1, 3 << 29)]
    assert found == ["0 bytes", "1,000 bytes", "1 MiB", "1,048,577 bytes", "1,536 MiB"]
