"""Directions in files: both formats, and one line for what is none."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from protsae.errors import UserError
from protsae.io.direction_files import read_direction

NUMBERS = [0.5, -2.0, 3e-7, 4.0, 1e200]


@pytest.mark.parametrize("dtype", ["<f8", ">f8"])
def test_npy_and_text_hold_the_same(dtype: str, tmp_path: Path) -> None:
    npy, text, packed = (tmp_path / name for name in ("d.npy", "d.tsv", "no_suffix"))
    np.save(npy, np.array(NUMBERS, dtype=dtype))
    text.write_text("# of helices\n0.5\t-2\n\n3e-7\t4\r\n1e200\n")
    packed.write_bytes(gzip.compress(b"0.5\n-2\n3e-7\n4\n1e200"))
    for path in (npy, text, packed):
        assert read_direction(path, 5, "layer 6").tolist() == NUMBERS


def test_numbers_may_be_of_half_precision_or_whole(tmp_path: Path) -> None:
    for dtype in ("float16", "int64"):
        np.save(tmp_path / "d.npy", np.array([1, -2, 3], dtype))
        assert read_direction(tmp_path / "d.npy", 3, "layer 6").tolist() == [1.0, -2.0, 3.0]


NONE = "all 3 numbers are 0, which is no direction; give one with a number other than 0"
EXPECTED = "expected a direction of layer 6: 3 numbers, as .npy or text"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, f"no such file; {EXPECTED}"),
        ("", f"0 numbers; {EXPECTED}"),
        ("1\t2", f"2 numbers; {EXPECTED}"),
        ("1\n2\n3\n4", f"4 numbers; {EXPECTED}"),
        ("x\ty\tz\n1\t2\t3", f"line 1: 'x' is no number; {EXPECTED}"),
        ("1\n2,5\n3", f"line 2: '2,5' is no number; {EXPECTED}"),
        ("1\tnan\t3", "number 2 is nan; expected finite numbers"),
        ("1\t2\t-inf", "number 3 is -inf; expected finite numbers"),
        ("0\t-0\t0", NONE),
        (np.ones((1, 3)), f"1 x 3 numbers; {EXPECTED}"),
        (np.float64(3), f"one numbers; {EXPECTED}"),
        (np.array([1, 2, np.nan]), "number 3 is nan; expected finite numbers"),
        (np.zeros(3), NONE),
        (np.ones(3, complex), f"an array of complex128; {EXPECTED}"),
        (np.ones(3, bool), f"an array of bool; {EXPECTED}"),
        (np.array(["1", "2", "3"]), f"an array of <U1; {EXPECTED}"),
        (b"PK\x03\x04", f"a zip archive; {EXPECTED}; unpack it first, or pack it with gzip"),
    ],
    ids=str,
)  # fmt: skip
def test_one_line_says_what_is_no_direction(
    content: str | bytes | np.ndarray | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "d.file"
    if isinstance(content, str):
        path.write_text(content)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        with path.open("wb") as handle:
            np.save(handle, content)
    with pytest.raises(UserError, match=f"^{re.escape(f'{path}: {said}')}$"):
        read_direction(path, 3, "layer 6")


@pytest.mark.parametrize("content", [np.ones(3), np.array([{}], dtype=object)])
def test_a_damaged_npy_and_one_of_objects_are_refused(content: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "d.npy"
    np.save(path, content, allow_pickle=True)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(UserError, match=rf"^{re.escape(str(path))}: [^\n]+; {EXPECTED}$"):
        read_direction(path, 3, "layer 6")
