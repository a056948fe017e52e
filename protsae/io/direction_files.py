"""A direction of a layer's activations in a file: NumPy's .npy, or numbers as text."""

from pathlib import Path

import numpy as np

from protsae.errors import UserError
from protsae.io.text_files import open_text, read_lines
from protsae.one_line import cut

_NPY = b"\x93NUMPY"


def read_direction(path: str | Path, d_model: int, of_what: str) -> np.ndarray:
    """The direction in a file.

    Its first bytes tell a .npy file, which holds one array of real numbers; any other file is text,
    with numbers one a line or between tabs; empty lines and those that start with ``#`` are passed
    over.

    Parameters
    ----------
    d_model : int
        Numbers to expect.
    of_what : str
        That has so many, for messages: ``layer 6``.

    Returns
    -------
    ndarray
        float64, shape (d_model,), as in the file: not scaled.

    Raises
    ------
    UserError
        If the file is missing or no such file, has another number of numbers or one that is not
        finite, or is 0 throughout.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "helix.tsv"
    >>> _ = path.write_text("0.5\\t-2\\n4\\n")
    >>> read_direction(path, 3, "layer 6").tolist()
    [0.5, -2.0, 4.0]
    >>> _ = path.write_text("0\\t0")
    >>> read_direction(path, 2, "layer 6")
    Traceback (most recent call last):
    protsae.errors.UserError: ...: all 2 numbers are 0, which is no direction; give one...
    """
    path = Path(path)
    expected = f"a direction of {of_what}: {d_model} numbers, as .npy or text"
    found = _read_npy(path, expected) if _is_npy(path) else _read_text(path, expected)
    if found.shape != (d_model,):
        shape = " x ".join(map(str, found.shape)) or "one"
        raise UserError(f"{path}: {shape} numbers; expected {expected}")
    if not np.isfinite(found).all():
        at = int(np.flatnonzero(~np.isfinite(found))[0])
        raise UserError(f"{path}: number {at + 1} is {found[at]}; expected finite numbers")
    if not found.any():
        raise UserError(
            f"{path}: all {d_model} numbers are 0, which is no direction; give one with a number "
            "other than 0"
        )
    return found


def _is_npy(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as handle:
        return handle.read(len(_NPY)) == _NPY


def _read_npy(path: Path, expected: str) -> np.ndarray:
    try:
        found = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise UserError(f"{path}: {cut(str(error), 100)}; expected {expected}") from None
    if found.dtype.kind not in "fiu":
        raise UserError(f"{path}: an array of {found.dtype}; expected {expected}")
    return np.asarray(found, np.float64)


def _read_text(path: Path, expected: str) -> np.ndarray:
    numbers: list[float] = []
    with open_text(path, expected) as handle:
        for line, text in read_lines(handle, str(path)):
            if text.startswith("#"):
                continue
            for cell in text.rstrip("\r\n").split("\t"):
                try:
                    numbers.append(float(cell))
                except ValueError:
                    raise UserError(
                        f"{path}: line {line}: {cut(repr(cell), 40)} is no number; expected "
                        f"{expected}"
                    ) from None
    return np.array(numbers)
