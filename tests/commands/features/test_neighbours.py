"""``protsae neighbours`` on a finished run: the files of the workflow, its words, and mistakes."""

import json
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import protsae
from protsae.cli import main
from protsae.io.table_files.parquet import read_metadata, read_table, write_table
from protsae.run.layout import NEIGHBOUR_FILES
from protsae.run.verify_run import verify_run
from protsae.schema.neighbours.match_tables import MATCHES
from protsae.schema.neighbours.neighbour_tables import MAP, NEIGHBOURS
from protsae.schema.pair_tables import LAYER_ASSOCIATIONS
from protsae.stages.tracing.circuit_files import read_circuit
from tests.helpers.finished_run import RESULTS, copy_run


def neighbours(output: Path, *words: object) -> int:
    command = ["neighbours", "--results", RESULTS, "--output", str(output), *map(str, words)]
    return main(command)


def test_the_workflow_wrote_what_the_command_writes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert neighbours(tmp_path, "--saes", "topk", "--map", "false") == 0
    for name in NEIGHBOUR_FILES:
        own, other = tmp_path / name, folder / RESULTS / "neighbours" / name
        assert own.read_bytes() == other.read_bytes(), name
    said = capsys.readouterr().out.splitlines()
    # One layer alone: no match in the next one.
    assert [line.split(":")[0] for line in said] == ["topk", "topk"]
    assert "features in" in said[0]
    assert "pairs of a concept and a narrower one" in said[1]


def test_every_feature_has_its_place_and_neighbours_are_of_its_sae(folder: Path) -> None:
    run = protsae.read_run(RESULTS)
    placed = read_table(folder / RESULTS / "neighbours/map.parquet", MAP)
    features = run.features[run.features["variant"] == "topk"]
    keys = ["model", "layer", "variant", "feature"]
    pd.testing.assert_frame_equal(
        placed[keys].reset_index(drop=True), features[keys].reset_index(drop=True)
    )
    assert placed["x"].isna().all(), "the run asked for no map"
    near = run.neighbours
    assert set(near["kind"]) == {"decoder", "residues", "proteins"}
    assert (near["feature"] != near["neighbour"]).all()
    for _, rows in near.groupby([*keys, "kind"]):
        assert rows["rank"].tolist() == list(range(1, len(rows) + 1))
        assert rows["value"].is_monotonic_decreasing
    one = near[(near["kind"] == "decoder") & (near["model"] == run.model)].iloc[0]
    decoder = run.sae(1, "topk").W_dec.detach().numpy()
    own, other = decoder[one["feature"]], decoder[one["neighbour"]]
    cosine = own @ other / np.linalg.norm(own) / np.linalg.norm(other)
    assert one["value"] == pytest.approx(cosine, abs=1e-5)


def test_saes_of_one_layer_are_matched_both_ways(folder: Path, tmp_path: Path) -> None:
    assert neighbours(tmp_path, "--map", "false") == 0
    rows = read_table(tmp_path / "matches.parquet", MATCHES)
    pairs = set(zip(rows["variant"], rows["match_variant"], strict=True))
    assert pairs == {("topk", "batchtopk"), ("batchtopk", "topk")}
    for _, one in rows[rows["match"].notna()].groupby(["model", "layer", "variant"]):
        assert one["match"].is_unique
    graph = read_circuit(tmp_path / "matches.json")
    assert nx.number_of_edges(graph) == 0, "matches of one layer follow no protein to the next"
    document = json.loads(pq.read_metadata(tmp_path / "map.parquet").metadata[b"protsae"])
    assert set(document["saes"]) == {
        f"{model}/layer-0{layer}/{variant}"
        for model, layer in (("onehot", 0), ("esm2_tiny", 1))
        for variant in ("topk", "batchtopk")
    }


@pytest.mark.slow
def test_a_map_has_all_features_that_are_active(folder: Path, tmp_path: Path) -> None:
    assert neighbours(tmp_path, "--saes", "topk") == 0
    placed = read_table(tmp_path / "map.parquet", MAP)
    near = read_table(tmp_path / "neighbours.parquet", NEIGHBOURS)
    by_decoder = near[near["kind"] == "decoder"].groupby("model")["feature"].unique()
    for model, features in by_decoder.items():
        own = placed[placed["model"] == model]
        assert own.loc[own["x"].notna(), "feature"].tolist() == sorted(features.tolist())


def test_verify_knows_the_files(folder: Path, tmp_path: Path) -> None:
    copied = copy_run(folder, tmp_path / "run") / RESULTS
    changed = copied / "neighbours/matches.graphml"
    changed.write_text(changed.read_text().replace("graphml", "graphmI", 1))
    (copied / "neighbours/map.parquet").unlink()
    found = "\n".join(verify_run(copied, 1).problems)
    assert "matches.graphml: content is" in found
    assert "map.parquet: missing" in found


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("--results", "nowhere"),
            "protsae neighbours: nowhere/config.yaml: no such file; expected the results folder of "
            "a run, which the workflow writes\n",
        ),
        (
            ("--neighbours", "0"),
            "protsae neighbours: command line: neighbours: must be greater than or equal to 1, "
            "found '0'\n",
        ),
    ],
)
def test_mistakes_are_one_line(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    line: str,
) -> None:
    assert neighbours(tmp_path / "out", *words) == 2
    assert capsys.readouterr().err == line
    assert not (tmp_path / "out").exists()


def test_an_sae_that_the_run_lacks_is_said(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert neighbours(tmp_path / "out", "--saes", "gated") == 2
    assert capsys.readouterr().err == (
        "protsae neighbours: results: none of the SAEs gated; it has topk, batchtopk\n"
    )


@pytest.fixture
def own_copy(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder has a copy of the run, to be changed."""
    monkeypatch.chdir(copy_run(folder, tmp_path / "run"))


@pytest.mark.usefixtures("own_copy")
def test_codes_that_are_missing_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = Path(RESULTS, "codes/esm2_tiny/layer-01/shard-0001.h5")
    missing.unlink()
    assert neighbours(tmp_path / "out") == 2
    err = capsys.readouterr().err.splitlines()[-1]
    assert err.startswith(f"protsae neighbours: {missing}: no such file")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("own_copy")
def test_annotations_of_other_weights_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even those of an SAE that is not related: its layer was annotated with other files."""
    path = Path(RESULTS, "annotation/esm2_tiny/layer-01/associations.parquet")
    stamp = read_metadata(path)
    own = stamp["saes"]["batchtopk"]
    stamp["saes"]["batchtopk"] = own[::-1]
    write_table(path, read_table(path, LAYER_ASSOCIATIONS), LAYER_ASSOCIATIONS, stamp)
    assert neighbours(tmp_path / "out", "--saes", "topk", "--map", "false") == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"protsae neighbours: {path}: annotates SAE {own[::-1][:12]} of variant batchtopk; "
        f"expected {own[:12]}, the weights there are; run the annotate stage again"
    )
