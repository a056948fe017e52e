"""A checksum of a Parquet file's footer; its pages have checksums of their own.

The footer says which bytes are which column, and carries the schema and the metadata. Parquet keeps
no checksum of it, so one is written into it: the XXH3 of the footer with zeros in its place.
"""

from pathlib import Path

import xxhash

from protsae.errors import UserError

SEAL = "protsae_footer_xxh3"
"""Key of the file's metadata that holds the checksum."""
UNSEALED = "0" * 16
"""Its value before the file is sealed."""

_MAGIC = b"PAR1"
# Thrift's compact protocol puts the type of the next field and the length of the value between.
_BETWEEN = 2


def seal(path: str | Path) -> None:
    """Put the checksum into a file that was written with ``{SEAL: UNSEALED}`` in its metadata."""
    footer, place = _read_footer(path)
    assert place is not None, f"{path}: written without {SEAL}"
    with Path(path).open("r+b") as file:
        file.seek(place - len(footer) - len(_MAGIC) - 4, 2)
        file.write(_digest(footer, place))


def validate_seal(path: str | Path) -> None:
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
            f"{path}: not a table that this release of protsae wrote (no checksum of its footer); "
            "run the stage that writes it again"
        )
    if footer[place : place + len(UNSEALED)] != _digest(footer, place):
        raise UserError(
            f"{path}: damaged: its footer does not fit its checksum; run the stage that writes it "
            "again"
        )


def _read_footer(path: str | Path) -> tuple[bytes, int | None]:
    """The footer, and where in it the checksum stands."""
    with Path(path).open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        end = file.read()
        length = int.from_bytes(end[:4], "little")
        if len(end) < 8 or end[4:] != _MAGIC or length + 12 > size:
            raise UserError(f"{path}: not a Parquet file; expected a table written by protsae")
        file.seek(size - 8 - length)
        footer = file.read(length)
    key = footer.find(SEAL.encode())
    return footer, None if key < 0 else key + len(SEAL) + _BETWEEN


def _digest(footer: bytes, place: int) -> bytes:
    blank = footer[:place] + UNSEALED.encode() + footer[place + len(UNSEALED) :]
    return xxhash.xxh3_64_hexdigest(blank).encode()
