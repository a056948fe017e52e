"""Neurons of a layer's MLP as a baseline of its SAEs, through the command line."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from esm.model.esm2 import ESM2

from protsae.association.baseline_comparison import compare_features
from protsae.cli import main
from protsae.concepts.concept import are_defined_by_sequence
from protsae.io.hdf5.activation_cache import LayerCache
from tests.helpers.stored_tables import load, store
from tests.helpers.tiny_esm import build_esm, save_tiny
from tests.helpers.tiny_run import TOPK, protein_rows, train_saes, write_proteins

LAYER, PLANTED = 2, 11
"""The layer that is annotated, and the neuron of its MLP that is on where the concept is."""
SMALL = ("--min-residues", "3", "--min-clusters", "2", "--bootstrap", "53")


def embed(run: Path, model: Path, inside: str, layer: int = LAYER, output: str = "x.h5") -> None:
    assert (
        main(
            [
                *("embed", "--proteins", str(run / "proteins.parquet"), "--shard", "0"),
                *("--shards", "1", "--output", str(run / output), "--model", str(model)),
                *("--layers", str(layer), "--device", "cpu", "--dtype", "float32"),
                *("--inside", f"mlp_in={run / inside}"),
            ]
        )
        == 0
    )


def planted_model() -> ESM2:
    """A model in which the planted neuron writes much to the stream, so that SAEs can find it."""
    model = build_esm()
    with torch.no_grad():
        model.layers[LAYER - 1].fc2.weight[:, PLANTED] *= 10
    return model


def neuron(run: Path, proteins: pd.DataFrame, protein_set: str) -> dict[str, np.ndarray]:
    """The planted neuron at every residue of each protein, by fair-esm's own map."""
    first = planted_model().half().float().layers[LAYER - 1].fc1
    cache = LayerCache([run / "mlp.h5"], LAYER, protein_set)
    found = {}
    for [name], rows in cache.protein_blocks(set(proteins["accession"]), 1):
        with torch.no_grad():
            hidden = torch.nn.functional.gelu(first(torch.from_numpy(rows)))
        found[name] = hidden[:, PLANTED].numpy()
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layer of a model in which residues are annotated where a neuron is active."""
    run = tmp_path_factory.mktemp("run")
    proteins = protein_rows(n_proteins=60, length=61)
    protein_set = write_proteins(run / "proteins.parquet", proteins)
    embed(run, save_tiny(run, model=planted_model()), "mlp.h5")
    values = neuron(run, proteins, protein_set)
    rows = [
        (name, "BINDING", "", int(at) + 1, int(at) + 1, "", True)
        for name, of_protein in values.items()
        for at in np.flatnonzero(of_protein > 0)
    ]
    columns = ["accession", "type", "description", "start", "end", "evidence", "certain"]
    store(run / "annotations.parquet", pd.DataFrame(rows, columns=columns), {"stage": "fetch"})
    (run / "shard-0.h5").symlink_to(run / "x.h5")
    sae = {"topk": {**TOPK, "width": 53, "k": 3, "steps": 100}}
    assert train_saes(run, run, sae, "--layer", str(LAYER)) == 0
    command = ["encode", "--sae", str(run / "topk"), "--activations", str(run / "x.h5")]
    command += ["--proteins", str(run / "proteins.parquet"), "--output", str(run / "codes.h5")]
    assert main(command) == 0
    return run


def annotate(run: Path, output: str, *flags: str) -> int:
    return main(
        [
            *("annotate", "--sae", str(run / "topk"), "--codes", str(run / "codes.h5")),
            *("--activations", str(run / "x.h5"), "--proteins", str(run / "proteins.parquet")),
            *("--annotations", str(run / "annotations.parquet"), "--output", str(run / output)),
            *(*SMALL, *flags),
        ]
    )


def flags(run: Path, shard: str = "mlp.h5", model: str = "esm2_tiny.pt") -> tuple[str, ...]:
    return ("--mlp-inputs", str(run / shard), "--model", str(run / model))


def test_a_neuron_that_is_the_concept_is_found_and_no_feature_is_above_it(run: Path) -> None:
    """The best feature for the concept is below the neuron, whatever it was without neurons."""
    assert annotate(run, "out", *flags(run)) == 0
    detectors = load(run / "out" / "detectors.parquet").set_index("variant")
    assert detectors.loc["mlp", "n_detectors"] == 4 * 24
    pairs = load(run / "out" / "associations.parquet")
    of_concept = pairs[(pairs["variant"] == "mlp") & (pairs["concept"] == "BINDING")]
    best = of_concept.loc[of_concept["valid_f1"].idxmax()]
    assert best["feature"] == PLANTED
    assert best["f1"] > 0.95
    assert best["q_value"] < 0.05
    # As of every baseline, pairs with concepts that the sequence defines are not tested.
    defined = are_defined_by_sequence(pairs["concept_type"])
    assert pairs.loc[(pairs["variant"] == "mlp") & defined, "q_value"].isna().all()

    with_neurons, without = (
        verdicts_of(run, pairs[pairs["variant"].isin(variants)])
        for variants in (set(pairs["variant"]), set(pairs["variant"]) - {"mlp"})
    )
    assert with_neurons[["best_baseline", "verdict"]].values.tolist() == [["neuron", "below"]]
    assert (with_neurons["f1_difference"] < without["f1_difference"]).all()
    assert "neuron" not in set(without["best_baseline"])


def verdicts_of(run: Path, pairs: pd.DataFrame) -> pd.DataFrame:
    """Of the feature that is best for the planted concept on valid, beside a rule that finds
    nothing."""
    of_concept = pairs[(pairs["concept"] == "BINDING") & (pairs["variant"] == "topk")]
    best = of_concept.nlargest(1, "valid_f1").assign(freeze="none").reset_index(drop=True)
    assert best["q_value"].le(0.05).all()
    counts = load(run / "out" / "cluster_counts.parquet")
    test = load(run / "proteins.parquet").query("split == 'test'")
    annotated = load(run / "annotations.parquet")["accession"].value_counts()
    positives = test["cluster"].map(annotated).fillna(0).astype(int)
    rule = pd.DataFrame({"concept": "BINDING", "cluster": test["cluster"], "tp": 0, "on": 0})
    rule = rule.assign(positives=positives, known=test["length"])
    mine = pairs[pairs["concept"] == "BINDING"]
    return compare_features(
        best,
        mine,
        pd.Series(False, index=mine.index),
        lambda *_: counts[counts["concept"] == "BINDING"],
        rule,
    )


def test_other_tables_do_not_depend_on_neurons(run: Path) -> None:
    assert annotate(run, "with", *flags(run)) == annotate(run, "without") == 0
    for name in ("features", "associations", "detectors", "cluster_counts"):
        with_neurons, without = (
            load(run / folder / f"{name}.parquet") for folder in ("with", "without")
        )
        others = with_neurons[with_neurons["variant"] != "mlp"].reset_index(drop=True)
        pd.testing.assert_frame_equal(others, without, check_categorical=False)


def test_the_same_bytes_again(run: Path) -> None:
    for folder in ("first", "second"):
        assert annotate(run, folder, *flags(run)) == 0
    for name in ("associations", "detectors", "cluster_counts"):
        first, second = ((run / f / f"{name}.parquet").read_bytes() for f in ("first", "second"))
        assert first == second


def refused(run: Path, capsys: pytest.CaptureFixture[str], *given: str) -> str:
    capsys.readouterr()
    assert annotate(run, "refused", *given) == 2
    assert not (run / "refused").exists()
    return capsys.readouterr().err.rsplit("protsae annotate: ", 1)[1]


def test_neurons_without_their_model(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(run, capsys, "--mlp-inputs", str(run / "mlp.h5")) == (
        "--model: give the ESM-2 of the neurons, esm2_tiny; found none\n"
    )


def test_activations_of_layers_are_not_what_an_mlp_reads(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(run, capsys, *flags(run, shard="x.h5")) == (
        "--mlp-inputs: model is esm2_tiny; expected esm2_tiny-mlp_in, to go with the activations; "
        "run the embed stage again\n"
    )


def test_neurons_of_another_model_or_layer(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = save_tiny(run, "esm2_other", build_esm(seed=1))
    said = refused(run, capsys, *flags(run, model="esm2_other.pt"))
    assert said.startswith(f"{other}: weights_sha256 is ")
    embed(run, other, "other.h5", output="y.h5")
    said = refused(run, capsys, *flags(run, shard="other.h5"))
    assert said.startswith("--mlp-inputs: model is esm2_other-mlp_in; expected esm2_tiny-mlp_in")
    embed(run, run / "esm2_tiny.pt", "first.h5", layer=1, output="y.h5")
    said = refused(run, capsys, *flags(run, shard="first.h5"))
    assert said == f"{run / 'first.h5'}: layer 2 is not in this cache; it has 1\n"
