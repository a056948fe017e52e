import importlib.util
from pathlib import Path

import pytest

from protsae.cli import main
from protsae.io.protein_files.residue_labels import read_label_sets
from tests.concepts.ideal_chain import HELIX, ideal_chain, pdb_text
from tests.helpers.stored_tables import store
from tests.helpers.tiny_run import protein_rows

needs_mdtraj = pytest.mark.skipif(
    importlib.util.find_spec("mdtraj") is None, reason="MDTraj is not installed"
)
# The structure holds GAAGAGAAGGAGA, the protein four more residues before and two after.
LETTERS = "GAAGAGAAGGAGA"
SEQUENCES = {"P1": "MKTV" + LETTERS + "WY", "P2": "MKTVWYCHDEFGHIKL"}


@pytest.fixture
def inputs(tmp_path: Path) -> list[str]:
    rows = protein_rows(len(SEQUENCES)).assign(
        accession=list(SEQUENCES),
        sequence=list(SEQUENCES.values()),
        length=list(map(len, SEQUENCES.values())),
    )
    store(tmp_path / "proteins.parquet", rows)
    folder = tmp_path / "structures"
    folder.mkdir()
    chain = ideal_chain(LETTERS, HELIX)
    (folder / "whole.pdb").write_text(pdb_text(chain, list(range(5, 18))))
    (folder / "part.pdb").write_text(pdb_text(chain[:10], list(range(5, 15))))
    (folder / "unknown.pdb").write_text(pdb_text(ideal_chain("A" * 11, HELIX), list(range(11))))
    (folder / "water.pdb").write_text("END\n")
    return ["labels", "--structures", str(folder), "--proteins", str(tmp_path / "proteins.parquet")]


@needs_mdtraj
def test_labels_of_the_best_chain(
    inputs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "labels.jsonl.gz"
    assert main([*inputs, "--output", str(path)]) == 0
    assert capsys.readouterr().out == (
        "1 of 2 proteins have a structure\n"
        "1 left out: another chain of the protein has as many residues resolved or more\n"
        "1 left out: chain of none of the proteins\n"
        "1 left out: no protein chain in the file\n"
    )
    [structure, exposure], left_out = read_label_sets([path], SEQUENCES)
    assert structure.classes == ("helix", "strand", "other")
    assert structure.codes["P1"].tolist() == [0] * 4 + [3, *[1] * 11, 3] + [0] * 2
    assert exposure.classes == ("buried", "exposed")
    assert exposure.known(["P1", "P2"], [19, 16]).tolist() == (
        [False] * 4 + [True] * 13 + [False] * 2 + [False] * 16
    )
    assert not any(sum(counts.values()) for counts in left_out.values())


@needs_mdtraj
def test_a_file_that_cannot_be_read_is_left_out(
    inputs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "structures"
    (folder / "bad.cif").write_text("data_x\n")
    assert main([*inputs, "--output", str(tmp_path / "x.jsonl")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"left out: {folder}/bad.cif: not a PDB or mmCIF file: ")
    assert said[1:3] == [
        "1 of 2 proteins have a structure",
        "1 of 5 files left out: they cannot be read",
    ]
    for path in folder.glob("*.pdb"):
        path.unlink()
    assert main([*inputs, "--output", str(tmp_path / "y.jsonl")]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith(f"protsae labels: {folder}: none of 1 files can be read; {folder}/")


@needs_mdtraj
def test_the_same_bytes_again(inputs: list[str], tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        assert main([*inputs, "--output", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


@needs_mdtraj
def test_no_chain_of_the_proteins(
    inputs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "structures"
    for name in ("whole.pdb", "part.pdb"):
        (folder / name).unlink()
    assert main([*inputs, "--output", str(tmp_path / "x.jsonl")]) == 2
    assert capsys.readouterr().err.endswith(
        f"protsae labels: {folder}: none of 1 chains is one of the proteins of "
        f"{tmp_path}/proteins.parquet\n"
    )


def test_without_mdtraj(
    inputs: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main([*inputs, "--output", str(tmp_path / "x.jsonl")]) == 2
    assert capsys.readouterr().err == (
        "protsae labels: structures need MDTraj; in protsae's folder: "
        "pip install -e '.[structure]'\n"
    )
