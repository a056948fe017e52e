import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import protsae
from protsae.cli import main
from protsae.io.json_files import read_document
from protsae.stages.atlas.pack_atlas import pack_atlas
from tests.helpers.finished_run import RESULTS, copy_run, finished_run
from tests.helpers.stored_tables import load, store
from tests.helpers.tiny_esm import build_esm, random_sequence, save_tiny

FILES = ("predictions.tsv", "residues.tsv", "segments.tsv", "segments.gff3", "explain.html")
SEQUENCE = random_sequence(90)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished_run(tmp_path_factory)


@pytest.fixture(scope="module")
def atlas(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Beside the model, as the run is."""
    folder = tmp_path_factory.mktemp("atlas")
    for path in finished.glob("esm2_tiny*.pt"):
        shutil.copy(path, folder)
    words = ["pack", str(finished / RESULTS), "-o", str(folder / "atlas.zip"), "--licence", "CC0"]
    assert main(words) == 0
    return folder / "atlas.zip"


def test_an_atlas_explains_as_its_run_does(finished: Path, atlas: Path) -> None:
    run, opened = protsae.read_run(finished / RESULTS), protsae.read_atlas(atlas)
    assert opened.saes == [(1, variant) for variant in run.variants]
    for table in ("segments", "predictions", "residues"):
        pd.testing.assert_frame_equal(opened.explain(SEQUENCE, table), run.explain(SEQUENCE, table))
    rows = np.random.default_rng(0).normal(size=(7, opened.document["model"]["d_model"]))
    given = torch.from_numpy(rows.astype(np.float32))
    for layer, variant in opened.saes:
        one, two = opened.sae(layer, variant), run.sae(layer, variant)
        assert torch.equal(one.encode(given), two.encode(given))
    kept = run.features.query("model == @run.model").reset_index(drop=True)
    pd.testing.assert_frame_equal(opened.features.reset_index(drop=True)[list(kept)], kept)
    assert opened.card["licence"] == "CC0"
    assert opened.card["n_proteins"] == run.proteins.groupby("split").size().to_dict()


def test_an_atlas_predicts_as_its_run_does(finished: Path, tmp_path: Path) -> None:
    """Were all pairs of the run called, and of concepts that the sequence does not define.

    And the best features twice as good as others.
    """
    results = copy_run(finished, tmp_path / "run") / RESULTS
    for name in ("features", "best_features"):
        rows = load(results / f"{name}.parquet")
        rows = rows.assign(q_value=0.01, defined_by_sequence=0)
        if name == "best_features":
            rows["valid_f1"] *= 2
        store(results / f"{name}.parquet", rows)
    run = protsae.read_run(results)
    pack_atlas(run, tmp_path / "run" / "atlas.zip", saes=["topk"])
    opened = protsae.read_atlas(tmp_path / "run" / "atlas.zip")
    explainer = opened.explainer()
    predicted = explainer.concept_features
    expected = run.explainer(saes=["topk"])
    pd.testing.assert_frame_equal(predicted, expected.concept_features)
    own = run.best_features.query("variant == 'topk'")
    assert opened.best_features["concept"].tolist() == own["concept"].tolist()
    of_other_concepts = own[own["concept"] != own["own_concept"]]
    others = of_other_concepts.merge(predicted, on=["concept", "layer", "variant", "feature"])
    assert len(others) > 0
    found, there = (each.explained("P1", SEQUENCE).predictions for each in (explainer, expected))
    assert len(found) > 0
    pd.testing.assert_frame_equal(found, there)


def test_commands_write_equal_files(finished: Path, atlas: Path, tmp_path: Path) -> None:
    words = ["explain", "--sequence", SEQUENCE, "--output"]
    model = ["--model", str(finished / "esm2_tiny.pt")]
    assert main([*words, str(tmp_path / "a"), "--atlas", str(atlas)]) == 0
    assert main([*words, str(tmp_path / "b"), "--run", str(finished / RESULTS), *model]) == 0
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_equal_runs_give_equal_atlases(finished: Path, atlas: Path, tmp_path: Path) -> None:
    copy = copy_run(finished, tmp_path / "copy")
    pack_atlas(protsae.read_run(copy / RESULTS), tmp_path / "again.zip", licence="CC0")
    assert (tmp_path / "again.zip").read_bytes() == atlas.read_bytes()


def test_a_folder_does_as_well(finished: Path, atlas: Path, tmp_path: Path) -> None:
    run = protsae.read_run(finished / RESULTS)
    pack_atlas(run, tmp_path / "atlas", str(finished / "esm2_tiny.pt"), saes=["topk"])
    opened = protsae.read_atlas(tmp_path / "atlas")
    assert opened.saes == [(1, "topk")]
    shutil.copy(finished / "esm2_tiny.pt", tmp_path)
    shutil.copy(finished / "esm2_tiny-contact-regression.pt", tmp_path)
    expected = run.explainer(saes=["topk"])("sequence", SEQUENCE)
    pd.testing.assert_frame_equal(opened.explain(SEQUENCE), expected)


def resaved(finished: Path, folder: Path) -> Path:
    """The same weights in another file: another checksum."""
    folder.mkdir()
    weights = torch.load(finished / "esm2_tiny.pt", weights_only=False)
    weights["note"] = "saved again"
    torch.save(weights, folder / "esm2_again.pt")
    regression = torch.load(finished / "esm2_tiny-contact-regression.pt", weights_only=False)
    regression.pop("weights_sha256", None)
    torch.save({"model": regression["model"]}, folder / "esm2_again-contact-regression.pt")
    return folder / "esm2_again.pt"


def test_weights_that_were_saved_again_are_taken(
    finished: Path, atlas: Path, tmp_path: Path
) -> None:
    opened = protsae.read_atlas(atlas)
    explainer = opened.explainer(str(resaved(finished, tmp_path / "again")))
    assert explainer.made_from["weights_sha256"] != opened.document["model"]["weights_sha256"]
    pd.testing.assert_frame_equal(explainer("sequence", SEQUENCE), opened.explain(SEQUENCE))


def explain(atlas: Path, folder: Path, *words: str) -> int:
    output = ["--output", str(folder / "out")]
    return main(["explain", "--sequence", "MKV", *output, "--atlas", str(atlas), *words])


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--layers", "2"), r"no SAE 'topk' on layer 2; it has 1/topk, 1/batchtopk"),
        (("--saes", "relu"), r"no SAE 'relu' on layer 1; it has"),
        (("--model", "esm2_none.pt"), r"esm2_none\.pt: no such file"),
        (
            ("--model", "esm2_wider.pt"),
            r"esm2_wider\.pt: has width \d+; expected esm2_tiny of width",
        ),
        (("--model", "esm2_other.pt"), r"not the model, layer or scale of the atlas: .* \(FVU\)"),
    ],
)
def test_one_line_says_what_is_wrong(
    words: tuple[str, ...],
    line: str,
    atlas: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, model in (("esm2_other", build_esm(seed=1)), ("esm2_wider", build_esm(width=40))):
        rename(save_tiny(tmp_path / "made", model=model), tmp_path / f"{name}.pt")
    assert explain(atlas, tmp_path, *words) == 2
    said = capsys.readouterr().err
    assert re.match(f"protsae explain: .*{line}", said), said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def rename(path: Path, target: Path) -> None:
    path.rename(target)
    ending = "-contact-regression.pt"
    path.with_name(f"{path.stem}{ending}").rename(target.with_name(f"{target.stem}{ending}"))


@pytest.mark.parametrize("damage", ["cut", "flip", "none"])
def test_damaged_atlases(
    damage: str, atlas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.zip"
    data = bytearray(atlas.read_bytes())
    data[len(data) // 2] ^= 4
    if damage != "none":
        bad.write_bytes(atlas.read_bytes()[:-1000] if damage == "cut" else data)
    assert explain(bad, tmp_path) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"protsae explain: {bad}: ")
    assert said.count("\n") == 1


def test_a_model_that_is_not_here_has_to_be_named(
    atlas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    moved = shutil.copy(atlas, tmp_path / "deep.zip")
    assert explain(Path(moved), tmp_path) == 2
    assert "its model esm2_tiny.pt is not here" in capsys.readouterr().err
    assert explain(Path(moved), tmp_path, "--model", str(atlas.with_name("esm2_tiny.pt"))) == 0


def test_what_an_atlas_is_made_of_is_no_code(atlas: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(atlas, tmp_path)
    endings = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert endings == {".json", ".parquet", ".safetensors"}
    document = read_document(tmp_path / "atlas.json")
    assert all(sae["fvu"] > 0 for sae in document["saes"])
