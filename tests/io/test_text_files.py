"""Text in any encoding, and files that are no text, told by their bytes."""

import bz2
import gzip
import io
import lzma
import os
import zipfile
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.text_files import open_text, read_lines

TEXT = ">a ß-lactamase\nMKV\n"


def read(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with open_text(path, "text") as handle:
        return handle.read()


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(TEXT.encode(), id="utf-8"),
        pytest.param(TEXT.encode("utf-8-sig"), id="utf-8-with-mark"),
        pytest.param(TEXT.encode("latin-1"), id="latin-1"),
        pytest.param(TEXT.encode("utf-16"), id="utf-16"),
        pytest.param(b"\xfe\xff" + TEXT.encode("utf-16-be"), id="utf-16-big-endian"),
        pytest.param(TEXT.encode("utf-32"), id="utf-32"),
        pytest.param(TEXT.encode("utf-16-le"), id="utf-16-without-mark"),
        pytest.param(TEXT.encode("utf-16-be"), id="utf-16-big-endian-without-mark"),
        pytest.param(TEXT.replace("\n", "\r\n").encode(), id="crlf"),
        pytest.param(TEXT.replace("\n", "\r").encode(), id="old-mac"),
    ],
)
def test_encodings(tmp_path: Path, content: bytes, pack) -> None:
    assert read(tmp_path / "x", pack(content)) == TEXT


@pytest.mark.parametrize("content", [b"\0" * 22, b"\0\0" + b"A\0" * 11, b"\0\0" + b"\0A" * 11])
def test_zeros_among_even_and_odd_bytes_are_no_utf_16(tmp_path: Path, content: bytes) -> None:
    """A letter has a zero on one side only, and always on the same."""
    assert read(tmp_path / "x", content).encode() == content


def test_a_stray_byte_far_inside(tmp_path: Path) -> None:
    assert read(tmp_path / "x", b"A" * 100_000 + b"\xdf \x93 \x81\n")[-6:] == "ß “ \ufffd\n"


def test_the_first_three_guesses_are_told(tmp_path: Path) -> None:
    path, told = tmp_path / "x", []
    path.write_bytes(b"\xdf \xdf \xe9 \xe8 \xe7\n")
    with open_text(path, "some text", told.append) as handle:
        assert handle.read() == "ß ß é è ç\n"
    assert told == [
        f"note: {path}: bytes that are not UTF-8 were read as Windows-1252 (first 'ß', 'é')"
    ]


def test_surrogates_of_utf_16_are_replaced(tmp_path: Path) -> None:
    assert read(tmp_path / "x", b"\xff\xfea\x00\x00\xd8b\x00") == "a\ufffdb"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(gzip.compress(b">a\n") + gzip.compress(b"MK\n"), id="two-members"),
        pytest.param(gzip.compress(b">a\nMK\n") + b"\0" * 512, id="zeros-after"),
        pytest.param(gzip.compress(b"") + gzip.compress(b">a\nMK\n"), id="an-empty-member"),
    ],
)
def test_members_of_gzip(tmp_path: Path, content: bytes) -> None:
    assert read(tmp_path / "x", content) == ">a\nMK\n"


def zipped(folder: Path, member: str) -> bytes:
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        archive.writestr(member, TEXT)
    return (folder / "x.zip").read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x.fasta", "a zip archive; expected text; unpack it first, or pack it with gzip"),
        ("[Content_Types].xml", "an Excel workbook; expected text; save it as tab-separated text"),
        (bz2.compress(b"x"), "bzip2 data; expected text; unpack it first, or pack it with gzip"),
        (lzma.compress(b"x"), "xz data; expected text; unpack it first, or pack it with gzip"),
        (b"\x28\xb5\x2f\xfd\x00", "Zstandard data; expected text; unpack it first, or pack it w"),
        (gzip.compress(gzip.compress(b"x")), "gzip data, packed twice; expected text; unpack it f"),
        (gzip.compress(b"x" * 257 + b"ustar\0"), "a tar archive; expected text; unpack it first"),
        (b"PAR1\x15", "a Parquet table; expected text; give the text that it was made from"),
        (gzip.compress(TEXT.encode() * 99)[:-20], "gzip data cut short or damaged (Compressed f"),
        (gzip.compress(b"x") + b"garbage", "gzip data cut short or damaged (Not a gzipped file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "bytes",
)
def test_what_is_no_text(tmp_path: Path, content: str | bytes, message: str) -> None:
    data = zipped(tmp_path, content) if isinstance(content, str) else content
    with pytest.raises(UserError) as error:
        read(tmp_path / "x", data)
    assert str(error.value).startswith(f"{tmp_path}/x: {message}")


def test_lines_have_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("\n a\n\n\nb")
    with open_text(tmp_path / "x", "text") as handle:
        assert list(read_lines(handle, "x")) == [(2, " a\n"), (5, "b")]


def test_blank_lines_without_end(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(gzip.compress(b"a\n" + b"\n" * 2_000_000))
    with (
        open_text(tmp_path / "x", "text") as handle,
        pytest.raises(UserError, match=r"^x: line 1000002: more than 1,000,000 blank lines; check"),
    ):
        list(read_lines(handle, "x"))


def test_the_longest_line() -> None:
    most = 16_777_216
    handle = io.StringIO("x" * (most - 1) + "\n" + "y" * most)
    assert [number for number, _ in read_lines(handle, "x")] == [1, 2]
    with pytest.raises(UserError, match=r"^x: line 2: longer than 16,777,216 characters; expected"):
        list(read_lines(io.StringIO("a\n" + "x" * (most + 1)), "x"))


def test_a_million_blank_lines_are_passed_over() -> None:
    handle = io.StringIO("a\n" + "\n" * 1_000_000 + "b")
    assert list(read_lines(handle, "x")) == [(1, "a\n"), (1_000_002, "b")]


def test_a_pipe_is_no_missing_file(tmp_path: Path) -> None:
    """As of ``--fasta <(zcat proteins.gz)``."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(UserError) as error, open_text(path, "proteins in FASTA"):
        pass
    assert str(error.value) == (
        f"{path}: is a pipe or a device; expected proteins in FASTA; write it to a file first"
    )
