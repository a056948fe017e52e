"""What accidents and malice do to a good file: bytes are changed, moved, packed or cut short.

An input is a small folder: contents by the names of its files.
"""

import bz2
import copy
import gzip
import io
import json
import lzma
import zipfile
from typing import Any

from hypothesis import strategies as st

Files = dict[str, bytes]

STRANGE = (
    *(b"\0", b"\x07", b"\t", b"\n", b"\r", b"\r\n", b"\n\n\n", b" ", b"\x0b", b"\x0c", b"\x1b[2J"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"\xff", b"\xc3", b"\x85", b"\xa0"),
    *("é".encode(), "β".encode(), "\u2028".encode(), "\U0001f9ec".encode(), "\u202e".encode()),
    *(b'"', b"'", b"\\", b"\\ud800", b"\\u0000", b"/", b"//\n", b">", b"<", b"?", b":", b";"),
    *(b",", b"{", b"}", b"[", b"]", b"#", b"&a ", b"*a", b"!!python/object:os.system ", b"%", b"~"),
    *(b"-1", b"0", b"1e999", b"1e-400", b"NaN", b"Infinity", b"-0", b"0x10", b"1_0", b"2**9"),
    *(b"null", b"true", b"[]", b"{}", b"", b"99999999999999999999", b"A000", b"****"),
    *(b"9" * 5000, b"[" * 1500, b'{"a":' * 1500, b"- " * 3000, b"x" * 70_000, b"\n" * 5000),
)
"""Stretches that a parser does not expect, or not there."""

VALUES = (
    *(None, True, False, 0, -1, 3, 1.5, -0.0, 2**31, 2**63, 10**30, 1e308, float("inf")),
    *(float("nan"), "", "x", "3", "\ud800", "a\tb\nc", "é\0", [], {}, [[]], [3], {"a": 1}),
    *("@huge@", "@deep@", "x" * 9000, [0] * 900),
)
"""Values that a document does not have there. See `json_bytes` for two of them."""


@st.composite
def mostly(
    draw: st.DrawFn, usual: st.SearchStrategy[Any], *others: st.SearchStrategy[Any], times: int = 8
) -> Any:
    """``usual`` so many times as often as each of the others; `one_of` knows no weights."""
    return draw(draw(st.sampled_from([usual] * times + list(others))))


_WHOLE = 997
_SHARE = st.integers(0, _WHOLE)
"""A place in a file, in 997ths of it. torch's older files contain addresses: their length, and
so the numbers that a place may be, change from one run to the next, which hypothesis refuses."""


@st.composite
def altered(draw: st.DrawFn, good: bytes) -> bytes:
    """The same bytes, or with up to three accidents."""
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2, 3]))):
        at = draw(_SHARE) * len(good) // _WHOLE
        length = draw(st.integers(0, 40))
        kind = draw(st.sampled_from(["put", "put", "flip", "delete", "repeat", "cut", "lines"]))
        if kind == "put":
            good = good[:at] + draw(st.sampled_from(STRANGE)) + good[at + min(length, 3) :]
        elif kind == "flip" and good:
            at = min(at, len(good) - 1)
            good = good[:at] + bytes([draw(st.integers(0, 255))]) + good[at + 1 :]
        elif kind == "delete":
            good = good[:at] + good[at + length :]
        elif kind == "repeat":
            good = (
                good[:at] + good[at : at + length] * draw(st.sampled_from([2, 3, 300])) + good[at:]
            )
        elif kind == "cut":
            good = good[:at]
        elif kind == "lines":
            good = _lines_moved(draw, good)
    return good


def _lines_moved(draw: st.DrawFn, text: bytes) -> bytes:
    """Two lines change places, one is dropped, or one comes again, which repeats keys, too."""
    lines = text.splitlines(keepends=True) or [b""]
    first, second = (draw(_SHARE) * (len(lines) - 1) // _WHOLE for _ in range(2))
    kind = draw(st.sampled_from(["swap", "drop", "again"]))
    if kind == "swap":
        lines[first], lines[second] = lines[second], lines[first]
    elif kind == "drop":
        del lines[first]
    else:
        lines.insert(second, lines[first])
    return b"".join(lines)


PACKINGS = (
    *(*["plain"] * 12, "gzip", "gzip", "gzip members", "gzip cut", "gzip damaged", "gzip twice"),
    *("gzip and rubbish", "bz2", "xz", "zip", "utf-16", "utf-16-le", "latin-1", "utf-32", "crlf"),
    *("utf-8-sig", "cr", "no end"),
)


@st.composite
def packed(draw: st.DrawFn, content: bytes) -> bytes:
    """Most often as it is; or compressed, cut short, in another encoding, with other line ends."""
    return pack(content, draw(st.sampled_from(PACKINGS)))


def pack(content: bytes, how: str) -> bytes:
    """``content`` in one of `PACKINGS`."""
    text = content.decode("utf-8", "replace")
    zipped = gzip.compress(content, mtime=0)
    half = len(content) // 2
    return {
        "plain": lambda: content,
        "gzip": lambda: zipped,
        "gzip members": lambda: b"".join(
            gzip.compress(part, mtime=0) for part in (content[:half], b"", content[half:])
        ),
        "gzip cut": lambda: zipped[: len(zipped) * 2 // 3],
        "gzip damaged": lambda: zipped[:20] + b"\xff\0\xff" + zipped[23:],
        "gzip twice": lambda: gzip.compress(zipped, mtime=0),
        "gzip and rubbish": lambda: zipped + b"rubbish",
        "bz2": lambda: bz2.compress(content),
        "xz": lambda: lzma.compress(content),
        "zip": lambda: _zipped(content),
        "utf-16": lambda: text.encode("utf-16"),
        "utf-16-le": lambda: text.encode("utf-16-le"),
        "utf-32": lambda: text.encode("utf-32"),
        "utf-8-sig": lambda: b"\xef\xbb\xbf" + content,
        "latin-1": lambda: text.encode("latin-1", "replace"),
        "crlf": lambda: content.replace(b"\n", b"\r\n"),
        "cr": lambda: content.replace(b"\n", b"\r"),
        "no end": lambda: content.rstrip(b"\n"),
    }[how]()


def _zipped(content: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("x", content)
    return archive.getvalue()


def damaged(good: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Good documents with accidents, packed somehow; now and then no document at all."""
    made = good.flatmap(altered).flatmap(packed)
    return mostly(made, st.sampled_from(STRANGE), st.binary(max_size=60), times=18)


@st.composite
def spoiled(draw: st.DrawFn, document: Any) -> Any:
    """The same document of dicts and lists, with up to two values replaced, removed or repeated."""
    document = json.loads(json.dumps(document))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        places = list(_places(document))
        if not places:
            break
        parent, key = draw(st.sampled_from(places))
        kind = draw(st.sampled_from(["replace", "replace", "replace", "remove", "again"]))
        if kind == "replace":
            parent[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        elif kind == "remove":
            del parent[key]
        elif isinstance(parent, list):
            parent.append(copy.deepcopy(parent[key]))
        else:
            parent[str(draw(st.sampled_from(VALUES)))] = copy.deepcopy(parent[key])
    return document


def _places(document: Any) -> Any:
    """Every value of a document, as what holds it and its key there."""
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in list(pairs):
        yield document, key
        if isinstance(value, dict | list):
            yield from _places(value)


def json_bytes(document: Any) -> bytes:
    """JSON with what `json` does not write: a number of 5,000 digits, and 3,000 lists in lists."""
    text = json.dumps(document)
    text = text.replace('"@huge@"', "9" * 5000).replace('"@deep@"', "[" * 3000 + "]" * 3000)
    return text.encode()
