"""Text files as they come: gzipped, with a byte order mark, in UTF-16, or with a stray byte.

What is packed in another way, or is no text at all, is told by its first bytes and named.
"""

import codecs
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TextIO

from protsae.errors import UserError
from protsae.one_line import note, one_line

GZIP_MAGIC = b"\x1f\x8b"

LONGEST_LINE = 1 << 24
"""Characters of the longest line that is read: no line of a file of proteins comes near."""

_BLANK_LINES = 1_000_000
_HEAD = 512  # bytes looked at to tell the encoding or the kind of a file
_BYTES_16 = 32  # of these, for UTF-16 without a mark

_UNPACK = "unpack it first, or pack it with gzip"
_NO_TEXT = {
    b"PK\x03\x04": ("a zip archive", _UNPACK),
    b"PK\x05\x06": ("an empty zip archive", _UNPACK),
    b"BZh": ("bzip2 data", _UNPACK),
    b"\xfd7zXZ\x00": ("xz data", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("Zstandard data", _UNPACK),
    b"\x04\x22\x4d\x18": ("LZ4 data", _UNPACK),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", _UNPACK),
    b"Rar!": ("a RAR archive", _UNPACK),
    b"\x1f\x9d": ("data of compress (.Z)", _UNPACK),
    GZIP_MAGIC: ("gzip data, packed twice", "unpack it first"),
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", "save it as tab-separated text"),
    b"PAR1": ("a Parquet table", "give the text that it was made from"),
    b"\x89HDF": ("an HDF5 file", "give the text that it was made from"),
    b"%PDF-": ("a PDF document", "give the text that it was made from"),
}
_WORKBOOK = b"[Content_Types].xml"  # the first member of a .xlsx, which is a zip archive
_TAR = (257, b"ustar")
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


_guessed: list[str] = []
"""Characters that the file which is being read has in place of UTF-8, the first ones; Python gives
the handler of an error nothing by which to tell files apart."""
_N_GUESSED = 3


def _windows(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are not UTF-8 as Windows (and mostly Latin-1) reads them."""
    assert isinstance(error, UnicodeDecodeError)
    if not error.encoding.startswith("utf-8"):
        return "\ufffd", error.end
    text = error.object[error.start : error.end].decode("cp1252", "replace")
    if len(_guessed) < _N_GUESSED:
        _guessed.append(text)
    return text, error.end


codecs.register_error("protsae.windows", _windows)


@contextmanager
def open_text(
    path: str | Path, expected: str, say: Callable[[str], None] = lambda line: None
) -> Iterator[TextIO]:
    """Open a text file, unpacking it if its first bytes (not its name) say gzip.

    UTF-8, or UTF-16 and UTF-32 by their mark; a byte that is not UTF-8 is read as Windows-1252, in
    which older files write names, so that it is for the format to say whether it may stand there.

    Parameters
    ----------
    expected : str
        What the file should hold, for error messages.
    say : function
        Told at the end if there were bytes that are not UTF-8, as the guess may be wrong.

    Raises
    ------
    UserError
        If the file is missing or no text, or, while it is read, if it turns out cut short or
        damaged.
    """
    path = Path(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        # Such as <(zcat FILE) in a shell: its first bytes are read twice, to tell what it is.
        raise UserError(
            f"{path}: is a pipe or a device; expected {expected}; write it to a file first"
        )
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise UserError(f"{path}: {what}; expected {expected}")
    with path.open("rb") as raw:
        packed = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        raw.seek(0)
        binary: IO[bytes] = io.BufferedReader(_Gunzipped(raw, path)) if packed else raw
        head = binary.read(_HEAD)
        binary.seek(0)
        if found := _no_text(head):
            raise UserError(f"{path}: {found[0]}; expected {expected}; {found[1]}")
        outer = _guessed[:]  # of a file that is open around this one
        _guessed.clear()
        try:
            with io.TextIOWrapper(
                binary, encoding=_encoding(head), errors="protsae.windows"
            ) as text:
                yield text
            if _guessed:
                examples = ", ".join(repr(one_line(found)) for found in dict.fromkeys(_guessed))
                how = f"bytes that are not UTF-8 were read as Windows-1252 (first {examples})"
                say(note(f"{path}: {how}"))
        finally:
            _guessed[:] = outer


def read_lines(handle: TextIO, source: str) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers from 1 on.

    Raises
    ------
    UserError
        If a line is longer than `LONGEST_LINE`, or a million lines are blank one after another.
    """
    number = last = 0
    while line := handle.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise UserError(
                f"{source}: line {number}: longer than {LONGEST_LINE:,} characters; expected one "
                "record a line; check the file"
            )
        if line.strip():
            last = number
            yield number, line
        elif number - last > _BLANK_LINES:
            raise UserError(
                f"{source}: line {number}: more than {_BLANK_LINES:,} blank lines; check the file"
            )


class _Gunzipped(io.RawIOBase):
    """What a gzip file unpacks to, of all its members; damage is a UserError."""

    def __init__(self, raw: IO[bytes], path: Path) -> None:
        self._file, self._path = gzip.GzipFile(fileobj=raw), path

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._file.read(len(buffer))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UserError(
                f"{self._path}: gzip data cut short or damaged ({error}); download the file again"
            ) from None
        buffer[: len(data)] = data
        return len(data)


def _no_text(head: bytes) -> tuple[str, str] | None:
    """What a file is, and what to do, if its first bytes are not of a text."""
    if head.startswith(b"PK") and _WORKBOOK in head:
        return "an Excel workbook", "save it as tab-separated text"
    at, mark = _TAR
    if head[at:].startswith(mark):
        return "a tar archive", "unpack it first"
    return next((found for magic, found in _NO_TEXT.items() if head.startswith(magic)), None)


def _encoding(head: bytes) -> str:
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    even, odd = set(head[: 2 * _BYTES_16 : 2]), set(head[1 : 2 * _BYTES_16 : 2])
    if odd == {0} and 0 not in even:
        return "utf-16-le"
    if even == {0} and 0 not in odd:
        return "utf-16-be"
    return "utf-8"
