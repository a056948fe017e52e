"""Whether a large file will fit on its disk, before hours are spent on what goes into it."""

import shutil
from pathlib import Path

from protsae.errors import UserError


def free_bytes(path: str | Path) -> int:
    """Free bytes on the disk that a file would be written to, whether or not its folder exists.

    Examples
    --------
    >>> free_bytes("/no/such/folder/file.h5") == free_bytes("/")
    True
    """
    folder = Path(path).absolute().parent
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def validate_free_space(path: str | Path, n_bytes: int, what: str, remedy: str) -> None:
    """Raise UserError if a file of ``n_bytes`` does not fit on its disk.

    Parameters
    ----------
    what : str
        What takes the space, for the message: "6 layers of 60,737 residues".
    remedy : str
        What else to do than make room: "list fewer embed.layers".

    Raises
    ------
    UserError

    Examples
    --------
    >>> validate_free_space("/file.h5", 1, "one layer of a residue", "wait")
    """
    free = free_bytes(path)
    if n_bytes > free:
        raise UserError(
            f"{path}: {what} take {gigabytes(n_bytes)}, but {gigabytes(free)} of its disk are "
            f"free; make room, or {remedy}"
        )


def gigabytes(n_bytes: int) -> str:
    """A size for a message, in units of 1e9 bytes.

    Examples
    --------
    >>> gigabytes(8_123_000_000), gigabytes(3_500_000)
    ('8.1 GB', '0.0035 GB')
    """
    size = n_bytes / 1e9
    return f"{size:,.1f} GB" if size >= 1 else f"{size:.2g} GB"
