"""Bodies of HTTP answers, read and unpacked in bounded memory."""

import gzip
import io
import json
import zlib
from typing import Any, TextIO

import requests
from urllib3.exceptions import HTTPError

from protsae.io.text_files import GZIP_MAGIC
from protsae.one_line import cut

DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)
"""What unpacking raises for gzip data that are cut short or damaged."""

BROKEN = (requests.RequestException, HTTPError, OSError, ValueError)
"""What requests and urllib3 raise when a connection breaks, or sends what is no HTTP."""

_PIECE = 1 << 16
_MESSAGE = 1 << 16  # bytes of a refusal that are looked at
_LONGEST_MESSAGE = 300  # characters of it that are shown


class TooLarge(Exception):
    """An answer is larger than its bound, or unpacks to more; says by how much of what."""


class UnknownCoding(Exception):
    """An answer is packed in a way that was not asked for; its name is the message."""


def read_body(response: requests.Response, largest: int) -> bytes:
    """Body of a response, without its Content-Encoding.

    Parameters
    ----------
    largest : int
        Bytes, of the body as sent and as unpacked.

    Raises
    ------
    TooLarge
        If it has more.
    UnknownCoding
        If its Content-Encoding is not gzip, once.
    """
    body = bytearray()
    while piece := response.raw.read(_PIECE, decode_content=False):
        body += piece
        if len(body) > largest:
            raise TooLarge(f"more than {in_bytes(largest)}")
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding in ("", "identity"):
        return bytes(body)
    if coding not in ("gzip", "x-gzip"):
        raise UnknownCoding(coding)
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
        plain = packed.read(largest + 1)
    if len(plain) > largest:
        raise TooLarge(f"more than {in_bytes(largest)} unpacked")
    return plain


def check_document(body: bytes, largest: int) -> None:
    """Unpack a document, which may be gzip itself, piece by piece, and throw it away.

    Raises
    ------
    TooLarge
        If it has more than ``largest`` bytes.
    EOFError, gzip.BadGzipFile, zlib.error
        If it is cut short or damaged.
    """
    with _unpacked(body) as document:
        size = 0
        while piece := document.read(_PIECE):
            size += len(piece)
            if size > largest:
                raise TooLarge(f"more than {in_bytes(largest)} unpacked")


def open_document(body: bytes) -> TextIO:
    """Text of a document that `check_document` has passed, unpacked while it is read."""
    return io.TextIOWrapper(_unpacked(body), encoding="utf-8", errors="replace")


def server_message(response: requests.Response) -> str:
    """What a server says of its refusal, in one line, or the reason phrase.

    UniProt sends ``{"messages": ["..."]}``, chat completions ``{"error": {"message": "..."}}`` or
    ``{"error": "..."}``.
    """
    try:
        said = json.loads(read_body(response, _MESSAGE))
        text = error_message(said["error"]) if "error" in said else " ".join(said["messages"])
    except (*BROKEN, *DAMAGED, TooLarge, UnknownCoding, KeyError, TypeError, RecursionError):
        text = response.reason or ""
    return cut(" ".join(text.split()), _LONGEST_MESSAGE)


def error_message(error: Any) -> str:
    """The words of an ``error`` of chat completions.

    Raises
    ------
    KeyError, TypeError
        If it has none.

    Examples
    --------
    >>> error_message({"message": "no such model", "code": None}), error_message("no such model")
    ('no such model', 'no such model')
    """
    return str(error if isinstance(error, str) else error["message"])


def in_bytes(size: int) -> str:
    """A size for a message.

    Examples
    --------
    >>> in_bytes(1 << 29), in_bytes(1000)
    ('512 MiB', '1,000 bytes')
    """
    return f"{size >> 20:,} MiB" if size and size % (1 << 20) == 0 else f"{size:,} bytes"


def _unpacked(body: bytes) -> gzip.GzipFile | io.BytesIO:
    # UniProt's compressed=true has no Content-Encoding: the document itself is gzip.
    raw = io.BytesIO(body)
    return gzip.GzipFile(fileobj=raw) if body.startswith(GZIP_MAGIC) else raw
