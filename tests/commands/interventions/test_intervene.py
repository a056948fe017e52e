"""protsae intervene on a run: files, screen, one line for every mistake; and Run.intervene."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from protsae import read_run
from protsae.cli import main
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.provenance import file_sha256
from protsae.schema.interventions.edited_predictions_table import EDITED
from tests.helpers.finished_run import RESULTS
from tests.helpers.tiny_esm import build_esm, random_sequence, save_tiny

FIRST, SECOND = random_sequence(90), random_sequence(70)
EVERY = "1/topk/" + ",".join(map(str, range(48)))


def intervene(output: Path, *words: object) -> int:
    return main(["intervene", "--run", RESULTS, "--output", str(output), *map(str, words)])


def edited(output: Path) -> pd.DataFrame:
    return read_table(output / "edited.parquet", EDITED)


def test_files_and_screen(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "two.fasta").write_text(f">a\n{FIRST}\n>b\n{SECOND}X\n")
    words = ("--fasta", tmp_path / "two.fasta", "--edit", f"{EVERY}:ablate@11-17")
    assert intervene(tmp_path / "out", *words) == 0
    table = edited(tmp_path / "out")
    assert table["protein"].value_counts(sort=False).to_dict() == {"a": 90, "b": 71}
    assert "".join(table["residue"]) == f"{FIRST}{SECOND}X"
    assert table["position"].tolist() == [*range(1, 91), *range(1, 72)]
    assert set(table.loc[table["edited"], "position"]) == set(range(11, 18))
    # X is no answer that could be right.
    assert table["probability"].isna().tolist() == [False] * 160 + [True]
    assert (table.loc[table["edited"], "kl"] > 1e-8).all()
    stated = read_metadata(tmp_path / "out" / "edited.parquet")
    assert stated["edits"] == [f"{EVERY}:ablate@11-17"]
    assert stated["texts"] == {"edited.tsv": file_sha256(tmp_path / "out" / "edited.tsv")}
    assert list(pd.read_csv(tmp_path / "out" / "edited.tsv", sep="\t")) == EDITED.names
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "a: 90 residues, each residue masked when it is predicted"
    assert lines[1] == "  Edited: 7 residues, 11 to 17"
    assert lines[-1] == f"wrote {tmp_path / 'out'}/: edited.parquet and edited.tsv, of 2 proteins"


def test_equal_inputs_give_equal_bytes_and_proteins_stand_alone(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "two.fasta").write_text(f">a\n{FIRST}\n>b\n{SECOND}\n")
    edit = ("--edit", f"{EVERY}:clamp=2q0.9@active")
    for name in ("one", "two"):
        assert intervene(tmp_path / name, "--fasta", tmp_path / "two.fasta", *edit) == 0
    for name in ("edited.parquet", "edited.tsv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    both = edited(tmp_path / "one")
    alone = read_run(RESULTS).intervene({"b": SECOND}, edit[1])
    own = both[both["protein"] == "b"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, own)


def test_edits_that_change_nothing_change_nothing(folder: Path) -> None:
    both = read_run(RESULTS).intervene(FIRST, ["1/topk/3:scale=1", f"{EVERY}:add=0@2-5"])
    assert both["kl"].max() == 0
    assert not both["edited"].any()
    assert both["gained"].isna().all()


def test_amounts_are_of_the_positive_activations_on_train(folder: Path) -> None:
    run = read_run(RESULTS)
    train = run.proteins.query("split == 'train'")["accession"]
    activations = run.activations(1, "topk")
    column = np.concatenate([activations[name][:, [3]].toarray().ravel() for name in train])
    positive = np.sort(column[column > 0])
    [edit] = run.edits("1/topk/3:clamp=2q0.5").edits
    assert edit.amounts == (pytest.approx(2 * positive[int(np.ceil(len(positive) / 2)) - 1]),)


def test_residues_of_a_concept_are_those_of_the_annotations(folder: Path, tmp_path: Path) -> None:
    run = read_run(RESULTS)
    annotations = pd.read_parquet(folder / RESULTS / "proteins" / "annotations.parquet")
    row = annotations.query("type == 'SIGNAL' and certain").iloc[0]
    words = ("--protein", row["accession"], "--edit", f"{EVERY}:ablate@SIGNAL")
    assert intervene(tmp_path, *words) == 0
    table = edited(tmp_path)
    length = len(run.protein(row["accession"]).sequence)
    assert len(table) == length
    changed = table.loc[table["edited"], "position"]
    assert set(changed) == set(range(row["start"], row["end"] + 1))


def test_a_feature_is_the_direction_of_its_decoder_vector(folder: Path, tmp_path: Path) -> None:
    """Adding 3 to a feature adds 3 x its decoder vector, by whatever name; also coordinates."""
    run = read_run(RESULTS)
    vector = run.sae(1, "topk").W_dec[5].detach().numpy().astype(np.float64)
    size = float(np.linalg.norm(vector))
    np.save(tmp_path / "d.npy", -vector / 7)  # of any length
    (tmp_path / "d.tsv").write_text("\t".join(map(repr, vector.tolist())))
    by_feature = run.intervene(FIRST, "1/topk/5:add=3@11-17")
    edits = {
        "d.npy": f"1/direction={tmp_path}/d.npy:add={-3 * size!r}@11-17",
        "d.tsv": f"1/direction={tmp_path}/d.tsv:add={3 * size!r}@11-17",
        "coordinates": [
            f"1/coordinate/{i}:add={3 * float(x)!r}@11-17" for i, x in enumerate(vector)
        ],
    }
    assert by_feature["kl"].max() > 1e-4
    for name, edit in edits.items():
        found = run.intervene(FIRST, edit)
        assert found["edited"].tolist() == by_feature["edited"].tolist(), name
        np.testing.assert_allclose(found["kl"], by_feature["kl"], rtol=1e-3, atol=1e-6)


def test_coordinates_are_set_to_a_number(folder: Path) -> None:
    """At 0 all of them leave nothing of the residue before layer 1; one by one is the same."""
    run = read_run(RESULTS)
    d_model = run.sae(1, "topk").W_dec.shape[1]
    numbers = ",".join(map(str, range(d_model)))
    together = run.intervene(FIRST, f"1/coordinate/{numbers}:clamp=0@3-7")
    each = run.intervene(FIRST, [f"1/coordinate/{i}:ablate@3-7" for i in range(d_model)])
    kept = run.intervene(FIRST, f"1/coordinate/{numbers}:scale=1@3-7")
    assert together["edited"].sum() == 5
    np.testing.assert_allclose(together["kl"], each["kl"], rtol=1e-4, atol=1e-7)
    assert kept["kl"].max() == 0


def test_a_direction_is_named_in_the_metadata(folder: Path, tmp_path: Path) -> None:
    d_model = read_run(RESULTS).sae(1, "topk").W_dec.shape[1]
    np.save(tmp_path / "d.npy", np.arange(d_model, dtype=np.float64))
    edit = f"1/direction={tmp_path}/d.npy:add=2@active"
    assert intervene(tmp_path / "out", "--sequence", FIRST, "--edit", edit) == 0
    stated = read_metadata(tmp_path / "out" / "edited.parquet")
    digest = hashlib.sha256(np.arange(d_model, dtype="<f8").tobytes()).hexdigest()
    assert stated["directions"] == {f"1/direction={tmp_path}/d.npy": digest}
    assert stated["amounts"] == [[2.0]]
    assert stated["saes"] == {}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--edit", "9/coordinate/1:ablate"), r"results: no layer 9 of esm2_tiny; it has .*"),
        (
            ("--edit", "1/coordinate/24:ablate"),
            r"--edit 1/coordinate/24: no coordinate 24; layer 1 "
            r"has coordinates 0 to 23",
        ),
        (("--edit", "onehot/0/coordinate/1:ablate"), r"--edit onehot/0/coordinate/1: one-hot seq"),
        (
            ("--edit", "1/direction=none.npy:add=1"),
            r"none\.npy: no such file; expected a direction",
        ),
        (
            ("--edit", "esm2_tiny-permuted/1/coordinate/1:ablate"),
            r"results: no layer 1 of esm2_tiny-permuted; it has the models onehot, esm2_tiny\n",
        ),
        (("--edit", "9/topk/1:ablate"), r"results: no layer 9 of esm2_tiny; it has 1\n"),
        (("--edit", "1/b/1:ablate"), r"results: no SAE 'b'; it has topk, batchtopk"),
        (("--edit", "1/topk/48:ablate"), r"1/topk has features 0 to 47"),
        (("--edit", "onehot/0/topk/1:ablate"), r"onehot/0/topk/1: one-hot sequences are no model"),
        (("--edit", "1/topk/1:ablate@3-4"), r"residue 4 is beyond the 3 residues of sequence"),
        (("--edit", "1/topk/1:ablate@SIGNAL"), r"sequence is no protein of results, which alone"),
        (("--edit", "1/topk/1:ablate@NONE"), r"no concept 'NONE' among the \d+ of results; exp"),
        (("--edit", "1/topk/1:add=1e99"), r"sequence: no number is left of the edited prediction;"),
        (("--edit", "1/topk/1:clamp=-1"), r"clamp by a negative amount, -1; expected 0 or more"),
        (
            ("--edit", "1/topk/1:ablate", "--model", "esm2_other.pt"),
            r"esm2_other\.pt: weights_sha256",
        ),
        (("--edit", "1/topk/1:ablate", "--run", "none"), r"none/config\.yaml: no such file"),
    ],
)
def test_one_line_says_what_is_wrong(
    words: tuple[str, ...],
    line: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save_tiny(tmp_path, "esm2_other", build_esm(seed=1))
    words = tuple(str(tmp_path / word) if word == "esm2_other.pt" else word for word in words)
    assert intervene(tmp_path / "out", "--sequence", "MKV", *words) == 2
    said = capsys.readouterr().err
    assert re.match(rf"protsae intervene: .*{line}", said), said
    assert said.count("\n") == 1
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--protein", "NONE"), r"--protein: no 'NONE' among the \d+ proteins of results"),
        (("--fasta", "empty.fasta"), r"empty\.fasta: no proteins found"),
    ],
)
def test_proteins_that_are_not_there(
    words: tuple[str, str],
    line: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty.fasta").touch()
    flag, value = words
    value = str(tmp_path / value) if value.endswith(".fasta") else value
    assert intervene(tmp_path / "out", flag, value, "--edit", "1/topk/1:ablate") == 2
    assert re.match(rf"protsae intervene: .*{line}", capsys.readouterr().err)
    assert not list(tmp_path.glob("out/*"))
