"""JSON documents: as written, with a checksum, and never too large."""

import json
import math
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.json_files import read_document, read_json, write_document, write_json


def test_what_is_no_number_becomes_null(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    write_json(path, {"a": (1.5, math.inf), "é": {"b": math.nan}})
    assert path.read_text().endswith("}\n")
    assert read_json(path) == {"a": [1.5, None], "é": {"b": None}}


def test_a_document_is_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    write_document(path, {"layer": 3, "share": math.nan})
    assert read_document(path) == {"layer": 3, "share": None}
    changed = json.loads(path.read_text()) | {"layer": 4}
    path.write_text(json.dumps(changed))
    with pytest.raises(UserError, match=r"d\.json: changed since it was written: "):
        read_document(path)


@pytest.mark.parametrize("text", ["[1]", '{"layer": 3}', "3"])
def test_a_document_without_a_checksum(tmp_path: Path, text: str) -> None:
    (tmp_path / "d.json").write_text(text)
    with pytest.raises(UserError, match=r"d\.json: not a document that this release .* 'xxh3'"):
        read_document(tmp_path / "d.json")


def test_a_document_of_64_mib_is_read_and_no_larger_one(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    with path.open("wb") as file:
        file.truncate(2**26)
    with pytest.raises(UserError, match=r"d\.json: not JSON \("):
        read_json(path)
    with path.open("wb") as file:
        file.truncate(2**26 + 1)
    with pytest.raises(UserError, match=r"67,108,865 bytes; expected .* of at most 67,108,864$"):
        read_json(path)


def test_no_document(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"d\.json: no such file; run the stage"):
        read_json(tmp_path / "d.json")
