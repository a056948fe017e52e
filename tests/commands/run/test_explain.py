import re
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest

from protsae.cli import main
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.provenance import file_sha256
from protsae.schema.explained.calibration_table import CALIBRATION
from protsae.schema.explained.segment_table import SEGMENTS
from protsae.screen.explained_lines import WHAT_IT_SAYS
from tests.helpers.finished_run import RESULTS, finished_run
from tests.helpers.python_module import run_module
from tests.helpers.tiny_esm import build_esm, random_sequence, save_tiny

FILES = (
    *("explain.html", "predictions.json", "predictions.parquet", "predictions.tsv"),
    *("residues.parquet", "residues.tsv", "segments.gff3", "segments.parquet", "segments.tsv"),
)
FIRST, SECOND = random_sequence(90), random_sequence(70)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished_run(tmp_path_factory)


def explain(folder: Path, *words: object) -> int:
    return main(["explain", "--run", str(folder / RESULTS), *map(str, words)])


def test_files_and_screen(folder: Path, tmp_path: Path) -> None:
    """As from the shell, in the folder where the run is, from stdin's place as a file."""
    (tmp_path / "two.fasta").write_text(f">a;1 one\n{FIRST}\n>b\n{SECOND}J\n")
    words = ("explain", "--fasta", str(tmp_path / "two.fasta"), "--output", str(tmp_path / "out"))
    words += ("--only", "all")
    finished = run_module("protsae", *words, cwd=folder)
    assert (finished.returncode, finished.stderr) == (0, "")
    lines = finished.stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        "a;1: 90 residues",
        "b: 71 residues",
        WHAT_IT_SAYS,
        "note: 1 J read as X (ESM-2 has no J)",
        lines[-1],
    ]
    table = read_table(tmp_path / "out" / "segments.parquet", SEGMENTS)
    assert table["protein"].unique().tolist() == ["a;1", "b"]
    assert lines[-1] == (
        f"wrote {tmp_path / 'out'}/: predictions, {len(table):,} segments and explain.html, of 2 "
        "proteins"
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == list(FILES)
    text = pd.read_csv(tmp_path / "out" / "segments.tsv", sep="\t")
    assert list(text) == SEGMENTS.names
    for name in ("protein", "start", "end", "feature", "concept"):
        assert text[name].fillna("none").tolist() == table[name].fillna("none").tolist()
    stated = read_metadata(tmp_path / "out" / "segments.parquet")
    assert stated["texts"] == {
        name: file_sha256(tmp_path / "out" / name) for name in ("segments.tsv", "segments.gff3")
    }
    check_gff3(tmp_path / "out" / "segments.gff3", table[table["concept"].notna()])


def check_gff3(path: Path, table: pd.DataFrame) -> None:
    """Read by what the specification says."""
    lines = path.read_text().splitlines()
    assert lines[0] == "##gff-version 3"
    assert [line for line in lines if line.startswith("##s")] == [
        "##sequence-region a%3B1 1 90",
        "##sequence-region b 1 71",
    ]
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    assert {len(row) for row in rows} == {9}
    assert [unquote(row[0]) for row in rows] == table["protein"].tolist()
    assert [int(row[3]) for row in rows] == table["start"].tolist()
    assert [int(row[4]) for row in rows] == table["end"].tolist()
    attributes = [dict(pair.split("=") for pair in row[8].split(";")) for row in rows]
    assert [unquote(each["Name"]) for each in attributes] == table["concept"].tolist()
    # A number that is 0 is a value, too.
    assert [int(each["layer"]) for each in attributes] == table["layer"].tolist()
    assert [int(each["feature"]) for each in attributes] == table["feature"].tolist()


def test_equal_inputs_give_equal_bytes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    for name in ("one", "two"):
        assert (
            explain(folder, "--sequence", FIRST, "--only", "all", "--output", tmp_path / name) == 0
        )
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_features_without_a_concept_are_left_out(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From the files; the screen counts them."""
    monkeypatch.chdir(folder)
    assert explain(folder, "--sequence", FIRST, "--output", tmp_path, "--only", "concept") == 0
    table = read_table(tmp_path / "segments.parquet", SEGMENTS)
    assert table["concept"].notna().all()
    assert "without a concept" in capsys.readouterr().out


def test_records_that_cannot_be_used_are_dropped_if_wanted(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    (tmp_path / "two.fasta").write_text(">a\nM1K\n>b\nMKV\n")
    words = ("--fasta", tmp_path / "two.fasta", "--invalid", "drop", "--output", tmp_path / "out")
    assert explain(folder, *words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "b: 3 residues"
    assert "note: proteins dropped: 1 invalid character (a)" in lines
    assert lines[-1].endswith("of 1 protein")


def test_the_screen_says_which_base_rates_are_used(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    of_layer = folder / RESULTS / "annotation/esm2_tiny/layer-01/calibration.parquet"
    concepts = read_table(of_layer, CALIBRATION)["concept"].unique()
    assert len(concepts) > 1
    rates = tmp_path / "rates.tsv"
    rates.write_text(f"concept\tbase_rate\nNONE\t0.5\n{concepts[0]}\t0.5\n")
    words = ("--sequence", FIRST, "--base-rates", rates, "--output", tmp_path / "out")
    assert explain(folder, *words) == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        f"{rates}: base rates of 2 concepts, for 1 of the {len(concepts)} that have probabilities"
    )
    rates.write_text("concept\tbase_rate\nNONE\t0.5\n")
    assert explain(folder, *words) == 2
    line = "no base rate of a concept that has probabilities; found 1, such as 'NONE'; expected "
    assert capsys.readouterr().err in [
        f"protsae explain: {rates}: {line}names as in the run, such as {name!r}\n"
        for name in concepts
    ]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--sequence", "MK*V"), r"--sequence: position 3 holds '\*'; expected letters A to Z"),
        (("--sequence", "MKV", "--layers", "4"), r"no layer 4 of esm2_tiny; it has 1"),
        (("--sequence", "MKV", "--saes", "b"), r"no SAE 'b'; it has topk, batchtopk"),
        (("--fasta", "none.fasta"), r"none\.fasta: no such file; expected proteins in FASTA"),
        (("--fasta", "empty.fasta"), r"empty\.fasta: no proteins found; expected FASTA records"),
        (("--fasta", "bad.fasta"), r"bad\.fasta: 'b': position 2 holds '1'; expected letters"),
        (("--sequence", "MKV", "--model", "esm2_tiny.pt"), r"esm2_tiny\.pt: weights_sha256 is .*"),
        (("--sequence", "MKV", "--base-rates", "none.tsv"), r"none\.tsv: no such file"),
        (("--sequence", "MKV", "--run", "none"), r"none/config\.yaml: no such file; expected"),
    ],
)
def test_one_line_says_what_is_wrong(
    words: tuple[str, ...],
    line: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And nothing is written: also where the fault is in the second of two proteins."""
    monkeypatch.chdir(tmp_path)
    save_tiny(tmp_path, model=build_esm(seed=1))  # of this name, but another
    (tmp_path / "empty.fasta").touch()
    (tmp_path / "bad.fasta").write_text(">a\nMKV\n>b\nM1K\n")
    right = ("--model", folder / "esm2_tiny.pt") if "--model" not in words else ()
    assert explain(folder, "--output", "out", *right, *words) == 2
    said = capsys.readouterr().err
    assert re.match(f"protsae explain: .*{line}", said), said
    assert said.count("\n") == 1
    assert not list(tmp_path.rglob("out/*"))


@pytest.mark.parametrize("words", [(), ("--sequence", "MK", "--fasta", "x")])
def test_proteins_come_from_one_place(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["explain", *words])
    assert ended.value.code == 2
    assert "--sequence" in capsys.readouterr().err
