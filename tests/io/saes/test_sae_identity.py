"""An SAE's files are those that its protsae.json names."""

from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.json_files import write_document
from protsae.io.saes.sae_identity import (
    CONFIG,
    FORMAT,
    FORMAT_VERSION,
    IDENTITY,
    WEIGHTS,
    read_identity,
    sae_sha256,
    train_set_sha256,
    write_identity,
)
from protsae.provenance import file_sha256


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (WEIGHTS, CONFIG):
        (tmp_path / name).write_text(name)
    write_identity(tmp_path, {"layer": 3})
    return tmp_path


def test_what_is_written_is_read(folder: Path) -> None:
    assert read_identity(folder) == {
        "format": "protsae-sae",
        "format_version": 3,
        "sha256": {name: file_sha256(folder / name) for name in (WEIGHTS, CONFIG)},
        "layer": 3,
    }
    assert sae_sha256(folder) == file_sha256(folder / IDENTITY)


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG])
def test_another_file_or_none(folder: Path, name: str) -> None:
    (folder / name).write_text("other")
    with pytest.raises(UserError, match=f"{name}: sha256 .{{12}}; expected .{{12}}, as {IDENTITY}"):
        read_identity(folder)
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name}: no such file, but {IDENTITY} is there"):
        read_identity(folder)


@pytest.mark.parametrize(("form", "version"), [("other", FORMAT_VERSION), (FORMAT, 2), (FORMAT, 4)])
def test_other_formats(folder: Path, form: str, version: int) -> None:
    document = {"format": form, "format_version": version, "sha256": {}}
    write_document(folder / IDENTITY, document)
    message = f"format {form} version {version}; expected protsae-sae version 3; train again"
    with pytest.raises(UserError, match=message):
        read_identity(folder)


def test_the_order_of_proteins_does_not_count() -> None:
    assert train_set_sha256({"P2", "P1"}) == train_set_sha256({"P1", "P2"})
    assert train_set_sha256({"P1"}) != train_set_sha256({"P1", "P2"})
