"""Further proteins: what is left out, what is said of it, and what stops the stage."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from protsae.cli import main
from protsae.errors import UserError
from protsae.io.table_files.parquet import read_metadata
from protsae.io.table_files.proteins_table import (
    read_further_proteins,
    read_split_proteins,
    study_stamp,
)
from protsae.proteins.alphabet import STANDARD
from protsae.provenance import file_sha256
from protsae.stages.inputs import further_proteins as stage
from tests.helpers.stored_tables import load, store

N_PROTEINS, LENGTH = 17, 61


def random_sequence(rng: np.random.Generator, length: int = LENGTH) -> str:
    return "".join(rng.choice(list(STANDARD), length))


def mutated(sequence: str) -> str:
    """Every seventh residue another."""
    return "".join("AC"[r == "A"] if i % 7 == 0 else r for i, r in enumerate(sequence))


def fasta(path: Path, records: dict[str, str]) -> Path:
    text = "".join(f">{name}\n{sequence}\n" for name, sequence in records.items())
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the proteins of a run, fetched and split by the stages themselves."""
    folder = tmp_path_factory.mktemp("annotated")
    rng = np.random.default_rng(0)
    records = {f"P{i:05d}": random_sequence(rng) for i in range(N_PROTEINS)}
    source = fasta(folder / "proteins.fasta", records)
    assert main(["fetch", "--input", str(source), "--output", str(folder)]) == 0
    table = str(folder / "proteins.parquet")
    assert main(["split", "--input", str(folder / "fetched.parquet"), "--output", table]) == 0
    return folder


def further(annotated: Path, output: Path, *files: Path) -> int:
    return main(
        [
            *("further", "--files", *map(str, files), "--output", str(output)),
            *("--proteins", str(annotated / "proteins.parquet")),
            *("--provenance", str(annotated / "provenance.json")),
        ]
    )


def member_of(annotated: Path, split: str, number: int = 0) -> tuple[str, str]:
    """Accession and sequence of a protein of a split."""
    proteins = load(annotated / "proteins.parquet")
    row = proteins[proteins["split"] == split].iloc[number]
    return row["accession"], row["sequence"]


def test_relatives_and_copies_are_left_out_and_counted(
    annotated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = file_sha256(annotated / "proteins.parquet")
    rng = np.random.default_rng(1)
    train, valid, test = (member_of(annotated, split)[1] for split in ("train", "valid", "test"))
    new, other = random_sequence(rng), random_sequence(rng, 67)
    one = fasta(
        tmp_path / "one.fasta",
        {
            **{"NEW": new, "OF_TEST": mutated(test), "OF_VALID": mutated(valid), "IS_TEST": test},
            **{"OF_TRAIN": mutated(train), "IS_TRAIN": train, "SHORT": new[:29]},
            **dict([member_of(annotated, "train", 1)]),  # accession and all
        },
    )
    two = fasta(tmp_path / "two.fasta.gz", {"AGAIN": new, "OTHER": other, "OF_TEST_2": test[2:]})
    capsys.readouterr()
    assert further(annotated, tmp_path / "further.parquet", one, two) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"note: {one}: 2 of 8 further proteins kept, 122 residues; left out: 3 relatives of "
        "validation or test proteins, 2 copies of annotated proteins, 1 shorter than 30",
        f"note: {two}: 1 of 3 further proteins kept, 67 residues; left out: 1 duplicate sequence, "
        "1 relatives of validation or test proteins",
    ]
    found, checksum = read_further_proteins(tmp_path / "further.parquet")
    assert dict(zip(found["accession"], found["sequence"], strict=True)) == {
        **{"NEW": new, "OF_TRAIN": mutated(train), "OTHER": other}
    }
    stamp = read_metadata(tmp_path / "further.parquet")
    assert [counts["kept"] for counts in stamp["files"]] == [2, 1]
    assert stamp["files"][1] == {
        **{"file": str(two), "sha256": file_sha256(two), "read": 3, "kept": 1},
        "dropped": {"duplicate sequence": 1, stage.RELATIVE: 1},
    }
    assert stamp["protein_set_sha256"] == checksum
    assert stamp["apart_from"] == study_stamp(*read_split_proteins(annotated / "proteins.parquet"))
    assert file_sha256(annotated / "proteins.parquet") == before


@pytest.fixture
def unrelated(monkeypatch: pytest.MonkeyPatch) -> None:
    """No relatives, without MMseqs2."""
    monkeypatch.setattr(stage, "find_relatives", lambda *_: np.empty((0, 2), dtype=np.int64))


GOOD = "MKCAWCDEFGHIMKCAWCDEFGHIMKCAWCDEFGHI"
MISTAKES = {
    "no such file": (None, "{path}: no such file"),
    "empty": (b"", "{path}: empty file"),
    "no FASTA": (b"accession\tsequence\n", "{path}: begins with 'accession"),
    "cut short": (
        gzip.compress(b">A\n" + GOOD.encode() * 50)[:-9],
        "{path}: gzip data cut short or damaged (",
    ),
    "a digit": (
        f">A\n{GOOD}\n>B\n{GOOD}2\n".encode(),
        "{path}: B: position 37 holds '2'; expected letters A to Z; correct the sequence, or drop "
        "such proteins with fetch.invalid: drop",
    ),
    "a name twice": (
        f">A\n{GOOD}\n>A\n{GOOD}W\n".encode(),
        "{path}: accession A occurs twice, in records 1 and 2; ",
    ),
    "a name of the annotated proteins": (
        f">A\n{GOOD}\n>P00003\n{GOOD}W\n".encode(),
        "{path}: record 2: accession P00003 is in the annotated proteins, too, with another "
        "sequence; rename or remove the record, or leave such records out with "
        "fetch.duplicate_accessions: first",
    ),
    "nothing long enough": (b">A\nMKC\n", "{path}: none of 1 proteins is left (1 shorter than 30)"),
}


@pytest.mark.usefixtures("unrelated")
@pytest.mark.parametrize(("content", "problem"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_one_line(
    content: bytes | None,
    problem: str,
    annotated: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / ("more.fasta.gz" if content and content[:2] == b"\x1f\x8b" else "more.fasta")
    if content is not None:
        path.write_bytes(content)
    assert further(annotated, tmp_path / "further.parquet", path) == 2
    said = capsys.readouterr().err.splitlines()
    assert len([line for line in said if line.startswith("protsae")]) == 1
    assert said[-1].startswith("protsae further: " + problem.format(path=path))
    assert not (tmp_path / "further.parquet").exists()


@pytest.mark.usefixtures("unrelated")
def test_nothing_is_left(
    annotated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = fasta(tmp_path / "copies.fasta", {"COPY": member_of(annotated, "train")[1]})
    assert further(annotated, tmp_path / "further.parquet", path) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "protsae further: further_proteins: none of 1 proteins is left (1 copies of annotated "
        "proteins); give others, or none"
    )


@pytest.mark.usefixtures("unrelated")
def test_a_name_in_two_files(
    annotated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = fasta(tmp_path / "one.fasta", {"A": GOOD})
    two = fasta(tmp_path / "two.fasta", {"B": GOOD + "WW", "A": GOOD + "W"})
    assert further(annotated, tmp_path / "further.parquet", one, two) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"protsae further: {two}: record 2: accession A is in {one}, too, with ")


@pytest.mark.usefixtures("unrelated")
def test_settings_of_fetch_hold(tmp_path: Path) -> None:
    """`duplicate_accessions: first` and `max_length` of the run's own fetch."""
    rng = np.random.default_rng(2)
    records = {f"P{i:05d}": random_sequence(rng) for i in range(N_PROTEINS)}
    source = fasta(tmp_path / "proteins.fasta", records)
    flags = ("--duplicate-accessions", "first", "--max-length", "70")
    assert main(["fetch", "--input", str(source), "--output", str(tmp_path), *flags]) == 0
    proteins = load(tmp_path / "fetched.parquet").assign(has_relative_in_train=False)
    splits = [("train", "valid", "test")[i % 3] for i in range(N_PROTEINS)]
    proteins = proteins.assign(cluster=proteins["accession"], split=splits)
    store(tmp_path / "proteins.parquet", proteins, {"stage": "split"})
    more = {"P00003": GOOD, "LONG": random_sequence(rng, 71), "A": GOOD + "W"}
    path = fasta(tmp_path / "more.fasta", more)
    assert further(tmp_path, tmp_path / "further.parquet", path) == 0
    assert load(tmp_path / "further.parquet")["accession"].tolist() == ["A"]
    (counts,) = read_metadata(tmp_path / "further.parquet")["files"]
    assert counts["dropped"] == {"duplicate accession": 1, "longer than 70": 1}


@pytest.mark.usefixtures("unrelated")
def test_another_split_is_noticed(annotated: Path, tmp_path: Path) -> None:
    path = fasta(tmp_path / "more.fasta", {"A": GOOD})
    assert further(annotated, tmp_path / "further.parquet", path) == 0
    proteins, protein_set = read_split_proteins(annotated / "proteins.parquet")
    study = study_stamp(proteins, protein_set)
    assert len(read_further_proteins(tmp_path / "further.parquet", study)[0]) == 1
    with pytest.raises(UserError, match=r"split_sha256 is \w{12}; expected other, as of the prot"):
        read_further_proteins(tmp_path / "further.parquet", {**study, "split_sha256": "other"})
