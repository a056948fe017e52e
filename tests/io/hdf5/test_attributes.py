"""Text of fixed length there and back; text of variable length is never read."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from protsae.io.hdf5.attributes import read_attribute, read_attributes, write_text


@pytest.mark.parametrize("text", ["", "a", "ß-lactamase", '{"x": 1}', "x" * 30_000])
def test_text(tmp_path: Path, text: str) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        write_text(file, "text", text)
    with h5py.File(tmp_path / "x.h5") as file:
        assert read_attribute(file, "text") == text
    assert b"GCOL" not in (tmp_path / "x.h5").read_bytes()


def test_all_but_those_of_variable_length(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        write_text(file, "text", "of mine")
        file.attrs["number"], file.attrs["flag"] = 7, True
        file.attrs["variable"] = "of theirs"
        file.attrs.create("list", [np.arange(3), np.arange(2)], dtype=h5py.vlen_dtype(np.int64))
        assert read_attributes(file) == {"flag": True, "number": 7, "text": "of mine"}
        assert read_attribute(file, "variable") is None
        assert read_attribute(file, "absent") is None
