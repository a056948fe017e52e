"""Checksums of a whole Parquet file, in its footer.

Parquet has a checksum of each page's data, but none of the footer, which says which bytes are which
column and carries schema and metadata, nor of the heads of pages, which say how many values there
are and how they are encoded. So two XXH3 checksums are written into the footer: that of the footer
itself, with zeros in its place, and that of all bytes before it.
"""

from pathlib import Path

import xxhash

from protsae.errors import UserError

SEAL = "protsae_xxh3"
"""Key of the file's metadata that holds the checksums."""
_DIGITS = 16
UNSEALED = "0" * 2 * _DIGITS
"""Its value before the file is sealed."""

_MAGIC = b"PAR1"
# Thrift's compact protocol puts the type of the next field and the length of the value between.
_BETWEEN = 2
_CHUNK = 2**20
_AGAIN = "run the stage that writes it again"


def seal(path: str | Path) -> None:
    """Put the checksums into a file that was written with ``{SEAL: UNSEALED}`` in its metadata."""
    footer, place = _read_footer(path)
    assert place is not None, f"{path}: written without {SEAL}"
    body = _body_digest(path, len(footer))
    footer = footer[: place + _DIGITS] + body + footer[place + 2 * _DIGITS :]
    with Path(path).open("r+b") as file:
        file.seek(place - len(footer) - len(_MAGIC) - 4, 2)
        file.write(_footer_digest(footer, place) + body)


def validate_footer(path: str | Path) -> None:
    """Raise UserError unless the footer is the one that was sealed.

    Raises
    ------
    UserError
        If the file is not Parquet, has no seal, as other programs and older releases of protsae
        write it, or is damaged.
    """
    footer, place = _read_footer(path)
    if place is None:
        raise UserError(
            f"{path}: not a table that this release of protsae wrote (no {SEAL!r} in the Parquet "
            f"metadata); {_AGAIN}"
        )
    if footer[place : place + _DIGITS] != _footer_digest(footer, place):
        raise UserError(f"{path}: damaged: its footer does not fit its checksum; {_AGAIN}")


def validate_body(path: str | Path) -> None:
    """Raise UserError unless all before the footer, which is taken as right, is what was sealed."""
    footer, place = _read_footer(path)
    stated = b"" if place is None else footer[place + _DIGITS : place + 2 * _DIGITS]
    if stated != _body_digest(path, len(footer)):
        raise UserError(f"{path}: damaged: its pages do not fit their checksum; {_AGAIN}")


def _read_footer(path: str | Path) -> tuple[bytes, int | None]:
    """The footer, and where in it the checksums stand."""
    with Path(path).open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        end = file.read()
        length = int.from_bytes(end[:4], "little")
        if end[4:] != _MAGIC or length + 12 > size:
            raise UserError(f"{path}: not a Parquet file; expected a table written by protsae")
        file.seek(size - 8 - length)
        footer = file.read(length)
    before, key, _ = footer.partition(SEAL.encode())
    return footer, len(before + key) + _BETWEEN if key else None


def _footer_digest(footer: bytes, place: int) -> bytes:
    blank = footer[:place] + b"0" * _DIGITS + footer[place + _DIGITS :]
    return xxhash.xxh3_64_hexdigest(blank).encode()


def _body_digest(path: str | Path, footer_bytes: int) -> bytes:
    digest = xxhash.xxh3_64()
    left = Path(path).stat().st_size - footer_bytes - 8
    with Path(path).open("rb") as file:
        while chunk := file.read(min(_CHUNK, left)):
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest().encode()
