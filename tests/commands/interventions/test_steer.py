"""protsae steer on a run: files, arms, kept residues, one line for every mistake."""

import itertools
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import protsae
from protsae.cli import main
from protsae.io.table_files.parquet import read_table
from protsae.schema.interventions.design_table import DESIGNS
from protsae.stages.intervening.steering_arms import open_controls
from tests.helpers.finished_run import RESULTS
from tests.helpers.tiny_esm import random_sequence

START = random_sequence(41)
EDIT = ("--edit", "1/topk/3:clamp=4")
SHORT = ("--rounds", "3", "--share", "0.3")


def steer(output: Path, *words: object) -> int:
    return main(["steer", "--run", RESULTS, "--output", str(output), *map(str, words)])


def test_designs_beside_those_without_edits(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--sequence", START, *EDIT, *SHORT, "--designs", 2, "--keep", "1-5,41")
    for name in ("one", "two"):
        assert steer(tmp_path / name, *words) == 0
    for name in ("designs.parquet", "designs.tsv", "designs.fasta"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    table = read_table(tmp_path / "one" / "designs.parquet", DESIGNS)
    assert table["arm"].tolist() == ["steered"] * 2 + ["none"] * 2
    assert {s[:5] + s[40] for s in table["sequence"]} == {START[:5] + START[40]}
    same = [np.mean([a == b for a, b in zip(s, START, strict=True)]) for s in table["sequence"]]
    np.testing.assert_allclose(table["identity"], same)
    records = (tmp_path / "one" / "designs.fasta").read_text().split(">")[1:]
    assert [record.partition("\n")[2].replace("\n", "") for record in records] == [
        *table["sequence"]
    ]
    assert records[3].startswith("sequence|none|2 identity=")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "sequence: 41 residues, 2 designs in each arm"
    assert lines[1].startswith("  steered: mean activation ")
    assert lines[-1].endswith(
        "designs.parquet, designs.tsv and designs.fasta, 4 designs of 1 start"
    )


def test_designs_are_judged_by_a_concept(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As many residues are C by the window as are C; the best homologue of a train protein."""
    proteins = pd.read_parquet(folder / RESULTS / "proteins" / "proteins.parquet")
    train = proteins.query("split == 'train' and length > 60").iloc[0]
    words = ("--protein", train["accession"], *EDIT, "--designs", 3, "--keep", "1-50")
    assert steer(tmp_path / "c", *words, *SHORT, "--concept", "residue: C") == 0
    table = read_table(tmp_path / "c" / "designs.parquet", DESIGNS)
    assert table["concept"].unique().tolist() == ["residue: C"]
    shares = [sequence.count("C") / len(sequence) for sequence in table["sequence"]]
    np.testing.assert_allclose(table["window_share"], shares)
    assert table["homologue"].isna().all()
    assert table["homologue_has_concept"].isna().all()
    said = " ".join(capsys.readouterr().out.split())
    assert "residue: C by window at" in said

    assert steer(tmp_path / "s", *words, *SHORT, "--concept", "SIGNAL") == 0
    table = read_table(tmp_path / "s" / "designs.parquet", DESIGNS)
    assert (table["homologue"] == train["accession"]).all()
    annotations = pd.read_parquet(folder / RESULTS / "proteins" / "annotations.parquet")
    own = annotations.query("accession == @train.accession and type == 'SIGNAL' and certain")
    assert (table["homologue_has_concept"] == (len(own) > 0)).all()
    said = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert f"3 of 3 have a homologue in train, {3 * (len(own) > 0)} one with SIGNAL" in said
    assert "note: by window: a probe of SIGNAL on the letters around a residue was fitted" in said


def test_pairwise_identity_is_that_of_all_pairs(folder: Path, tmp_path: Path) -> None:
    assert steer(tmp_path, "--sequence", START, *EDIT, *SHORT, "--designs", 3) == 0
    table = read_table(tmp_path / "designs.parquet", DESIGNS)
    for _, own in table.groupby("arm"):
        same = [
            np.mean([a == b for a, b in zip(*pair, strict=True)])
            for pair in itertools.combinations(own["sequence"], 2)
        ]
        assert own["pairwise_identity"].mean() == pytest.approx(np.mean(same))


def test_a_start_from_masks(folder: Path, tmp_path: Path) -> None:
    assert steer(tmp_path, "--length", 23, *EDIT, "--rounds", 5, "--share", 0.2) == 0
    table = read_table(tmp_path / "designs.parquet", DESIGNS)
    assert table["start"].unique().tolist() == ["masks"]
    assert table["identity"].isna().all()
    assert table["sequence"].str.fullmatch("[ACDEFGHIKLMNPQRSTVWY]{23}").all()


def test_all_controls(folder: Path, tmp_path: Path) -> None:
    features = pd.read_parquet(folder / RESULTS / "features.parquet")
    own = features.query("model == 'esm2_tiny' and variant == 'topk'")
    own = own[own["concept"].notna() & own["coordinate"].notna() & (own["density"] > 0)]
    feature = int(own.sort_values("density")["feature"].iloc[len(own) // 2])
    words = ("--sequence", START, "--edit", f"1/topk/{feature}:clamp=9", *SHORT, "--controls")
    assert steer(tmp_path, *words) == 0
    table = read_table(tmp_path / "designs.parquet", DESIGNS)
    assert table["arm"].tolist() == [
        *("steered", "none", "random feature", "coordinate", "mean difference")
    ]


def test_controls_are_of_the_concept_that_is_asked_for(folder: Path) -> None:
    """Without one, of the feature's own: the coordinate that its row in features.parquet names."""
    run = protsae.read_run(folder / RESULTS)
    own = run.features.query("model == 'esm2_tiny' and variant == 'topk' and coordinate.notna()")
    row = own.iloc[0]
    opened = run.edits(f"1/topk/{row['feature']}:clamp=9")
    controls = open_controls(opened, run.results, run.config, 0)
    assert controls.concept == row["concept"]
    axis = controls.coordinate(opened.edits[0], row["concept"])
    assert axis is not None
    assert np.flatnonzero(axis).tolist() == [row["coordinate"]]
    assert axis.sum() == row["coordinate_sign"]
    other = own[own["concept"] != row["concept"]].iloc[0]
    asked = open_controls(opened, run.results, run.config, 0, other["concept"])
    assert asked.concept == other["concept"]
    axis = asked.coordinate(opened.edits[0], other["concept"])
    assert axis is not None
    assert axis[other["coordinate"]] == other["coordinate_sign"]
    assert asked.coordinate(opened.edits[0], "never kept") is None


def test_a_coordinate_steers_and_has_no_controls(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--sequence", START, "--edit", "1/coordinate/3:add=40", *SHORT)
    assert steer(tmp_path / "one", *words) == 0
    table = read_table(tmp_path / "one" / "designs.parquet", DESIGNS).set_index("arm")
    assert table["sequence"]["steered"] != table["sequence"]["none"]
    assert steer(tmp_path / "two", *words, "--controls") == 2
    assert capsys.readouterr().err == (
        "protsae steer: --controls: 1/coordinate/3 is no feature of an SAE, which controls "
        "replace; leave --controls out\n"
    )
    assert not (tmp_path / "two").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--length", 0), r"--length 0; expected at least 1 residue"),
        (("--length", 50, "--rounds", 2), r"--rounds 2: draws 8 residues a round, 16 of 50; give"),
        (("--sequence", "MKV", "--keep", "1-4"), r"--keep: residue 4 is beyond the 3 residues of"),
        (("--sequence", "MKV", "--keep", "1-3"), r"--keep: all 3 residues of sequence; leave some"),
        (("--sequence", "MKV", "--keep", "x"), r"--keep: residues 'x'; expected positions from 1"),
        (("--sequence", "MKV", "--share", 0), r"--share 0; expected a share above 0, up to 1"),
        (("--sequence", "MKV", "--designs", 0), r"--rounds 20, --designs 0, --seed 0; expected at"),
        (("--sequence", "MKV", "--temperature", 1, 0), r"--temperature 1 0; expected two above 0"),
        (("--sequence", "M" * 1100), r"sequence: 1,100 residues; steer takes what the model sees"),
        (("--sequence", ""), r"--sequence: empty sequence"),
        (
            ("--sequence", "MKV", "--concept", "SINGAL"),
            r"--concept SINGAL: not among the \d+ concepts of results; expected one such as",
        ),
    ],
)
def test_one_line_says_what_is_wrong(
    words: tuple[object, ...],
    line: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert steer(tmp_path / "out", *words, *EDIT) == 2
    said = capsys.readouterr().err
    assert re.match(rf"protsae steer: .*{line}", said), said
    assert said.count("\n") == 1
    assert not list(tmp_path.glob("out/*"))
