"""``protsae sparse-probe`` on a finished run: the file of the workflow, its words, and mistakes."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import protsae
from protsae.cli import main
from protsae.concepts.concept import are_defined_by_sequence
from protsae.io.saes.sae_identity import sae_sha256
from protsae.io.table_files.parquet import read_table
from protsae.run.verify_run import verify_run
from protsae.schema.sparse_probe_table import SPARSE_PROBES
from tests.helpers.finished_run import RESULTS, copy_run

SETS = ["topk", "batchtopk", "coordinates", "pca", "mlp", "sequence"]
ASKED = ("--layers", "1", "--sizes", "1", "3", "--train-residues", "2000")


def sparse_probe(output: Path, *words: object) -> int:
    command = ["sparse-probe", "--results", RESULTS, "--output", str(output), *map(str, words)]
    return main(command)


def test_the_workflow_wrote_what_the_command_writes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sparse_probe(tmp_path, *ASKED) == 0
    own, other = (at / "sparse_probes.parquet" for at in (tmp_path, folder / RESULTS))
    assert own.read_bytes() == other.read_bytes()
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("layer 1: a linear probe detects ")
    assert "at most 3 detectors come close to it (on valid) for this many of them: topk" in said[0]
    assert said[1].startswith("layer 1: median test F1 with 3 detectors, over ")
    assert [line.split(":")[0] for line in said[2:4]] == [
        "layer 1, batchtopk, 3 features",
        "layer 1, topk, 3 features",
    ]
    assert said[4:] == ["layer 1: no frozen SAE, so nothing of equal width to compare with"]


def test_every_concept_has_probes_on_every_set(folder: Path) -> None:
    run = protsae.read_run(RESULTS)
    rows = run.sparse_probes
    of_layer = run.results / "probes/esm2_tiny/layer-01/probes.parquet"
    linear = pd.read_parquet(of_layer)
    concepts = linear.loc[~are_defined_by_sequence(linear["concept_type"]), "concept"]
    expected = [(name, concept, k) for name in SETS for concept in concepts for k in (1, 3)]
    assert list(rows[["variant", "concept", "k"]].itertuples(index=False, name=None)) == expected
    assert (rows["detectors"].str.split().str.len() <= rows["k"]).all()
    first = rows[rows["k"] == 1].set_index(["variant", "concept"])["detectors"]
    longest = rows[rows["k"] == 3].set_index(["variant", "concept"])["detectors"]
    assert all(longest[key].split()[:1] == first[key].split() for key in first.index)
    of_concept = linear.set_index("concept")
    np.testing.assert_array_equal(rows["probe_f1"], of_concept.loc[rows["concept"], "f1"])
    np.testing.assert_allclose(rows["base_rate"], of_concept.loc[rows["concept"], "base_rate"])
    assert rows.groupby(["variant", "concept"])["is_fewest"].sum().max() <= 1


def test_one_detector_ranks_residues_as_its_activations_do(folder: Path) -> None:
    """Its AUROC in this table is the one of associations, or one less that for a weight below 0."""
    run = protsae.read_run(RESULTS)
    pairs = run.associations
    pairs = pairs[(pairs["model"] == run.model) & (pairs["variant"] == "topk")]
    auroc = pairs.set_index(["concept", "feature"])["auroc"]
    rows = run.sparse_probes
    rows = rows[(rows["variant"] == "topk") & (rows["k"] == 1) & (rows["detectors"] != "")]
    keys = zip(rows["concept"], rows["detectors"].astype(int), rows["auroc"], strict=True)
    found = [(auroc[c, f], own) for c, f, own in keys if (c, f) in auroc.index]
    assert len(found) >= 3
    for expected, own in found:
        assert min(abs(own - expected), abs(own - (1 - expected))) < 0.01


def test_the_table_is_bound_to_its_saes(folder: Path, tmp_path: Path) -> None:
    path = folder / RESULTS / "sparse_probes.parquet"
    document = json.loads(pq.read_metadata(path).metadata[b"protsae"])
    of_layer = folder / RESULTS / "sae/esm2_tiny/layer-01"
    assert document["saes"] == {
        f"esm2_tiny/layer-01/{name}": sae_sha256(of_layer / name) for name in SETS[:2]
    }
    results = copy_run(folder, tmp_path / "copy") / RESULTS
    assert len(read_table(path, SPARSE_PROBES))
    assert not verify_run(results, 1).problems
    (results / "sparse_probes.parquet").write_bytes(path.read_bytes()[:-9])
    assert any("sparse_probes.parquet" in line for line in verify_run(results, 1).problems)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        pytest.param(
            ["--layers", "7"],
            "--layers: 7; expected some of those that results has: 1",
            id="a layer that it lacks",
        ),
        pytest.param([], "--layers: none; expected some of those that results has: 1", id="none"),
        pytest.param(
            ["--layers", "1", "--saes", "gated"],
            "--saes: gated; expected some of those that results has: topk batchtopk",
            id="an SAE that it lacks",
        ),
        pytest.param(
            ["--layers", "1", "--model", "missing.pt"],
            "missing.pt: no such file",
            id="a model that is not there",
        ),
    ],
)
def test_mistakes_are_one_line(
    folder: Path, tmp_path: Path, words: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sparse_probe(tmp_path, *words) == 2
    said = capsys.readouterr().err.splitlines()
    told = next(one for one in said if one.startswith("protsae"))
    assert told.startswith(f"protsae sparse-probe: {line}")
    assert not list(tmp_path.iterdir())
