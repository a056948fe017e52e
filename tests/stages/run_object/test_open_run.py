import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import protsae
from protsae.io.hdf5.activation_cache import LayerCache
from tests.helpers.finished_run import RESULTS, copy_run, finished_run

LAYER, VARIANT = 1, "topk"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished_run(tmp_path_factory)


@pytest.fixture
def run(finished: Path) -> protsae.Run:
    return protsae.read_run(finished / RESULTS)


def test_what_a_run_has(run: protsae.Run) -> None:
    assert run.model == "esm2_tiny"
    assert ("onehot", 0) in run.layers
    assert ("esm2_tiny", 1) in run.layers
    assert sorted(run.variants) == ["batchtopk", "topk"]
    assert set(run.proteins["split"]) == {"train", "valid", "test"}
    own = run.features[(run.features["model"] == run.model) & (run.features["layer"] == LAYER)]
    assert set(own["variant"]) == set(run.variants)
    assert set(run.associations["variant"]) >= {"coordinates", "pca", "random"}
    assert "method" in run.references
    assert "rule" in run.rules


def test_stored_activations_are_what_the_sae_makes_of_the_stored_layer(
    run: protsae.Run, finished: Path
) -> None:
    sae, features = run.sae(LAYER, VARIANT), run.activations(LAYER, VARIANT)
    shards = sorted((finished / RESULTS / "activations" / run.model).glob("shard-*.h5"))
    cache = LayerCache(shards, LAYER, run._proteins[1])
    accession = run.proteins["accession"].iloc[-1]
    [(_, rows)] = cache.protein_blocks({accession}, 1)
    with torch.no_grad():
        encoded = sae.in_float64().encode(torch.from_numpy(rows).double())

    found = features[accession]
    assert found.shape == (len(rows), sae.n_features) == (len(rows), features.n_features)
    np.testing.assert_array_equal(found.toarray(), encoded.float().numpy())
    assert (found.toarray() > 0).sum(axis=1).max() == 3  # its k
    assert list(features) == run.proteins["accession"].tolist()
    assert len(features) == len(run.proteins)


def test_an_unknown_protein_is_a_key_error(run: protsae.Run) -> None:
    features = run.activations(LAYER, VARIANT)
    assert "P00000" not in features
    with pytest.raises(KeyError, match="P00000"):
        features["P00000"]


def test_a_matrix_is_pooled_over_the_residues_of_each_protein(run: protsae.Run) -> None:
    features = run.activations(LAYER, VARIANT)
    largest, mean, share = (run.matrix(LAYER, VARIANT, pool) for pool in ("max", "mean", "share"))
    assert largest.index.tolist() == run.proteins["accession"].tolist()
    assert largest.shape == (len(run.proteins), features.n_features)
    for accession in run.proteins["accession"].iloc[[0, -1]]:
        dense = features[accession].toarray()
        np.testing.assert_array_equal(largest.loc[accession], dense.max(axis=0))
        np.testing.assert_allclose(mean.loc[accession], dense.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(share.loc[accession], (dense > 0).mean(axis=0), rtol=1e-6)


def test_a_feature(run: protsae.Run) -> None:
    """Its rows are those of the tables; the strongest example is the largest activation."""
    features = run.features[run.features["variant"] == VARIANT]
    own = features[(features["layer"] == LAYER) & features["top_proteins"].notna()].iloc[-1]
    feature = run.feature(LAYER, VARIANT, int(own["feature"]))
    pd.testing.assert_series_equal(feature.row, own, check_names=False, check_dtype=False)
    first = feature.examples.iloc[0]
    values = run.matrix(LAYER, VARIANT)[own["feature"]]
    assert first["activation"] == values.max()
    assert values.idxmax() == first["accession"] == own["top_proteins"].split(",")[0]
    protein = run.protein(first["accession"])
    assert protein.sequence[first["start"] - 1 : first["end"]] == first["residues"]
    assert f"Feature {LAYER}/{VARIANT}/{own['feature']} of {run.model}\n" in str(feature)
    by_name = run.feature(f"{LAYER}/{VARIANT}/{own['feature']}")
    pd.testing.assert_series_equal(by_name.row, feature.row)
    with pytest.raises(protsae.UserError, match="'1': no name of a feature; expected LAYER/"):
        run.feature(1)  # type: ignore[call-overload]


def test_a_protein(run: protsae.Run) -> None:
    row = run.proteins.iloc[-1]
    protein = run.protein(row["accession"])
    assert (protein.accession, protein.sequence, protein.split) == (
        *(row["accession"], row["sequence"], row["split"]),
    )
    assert set(protein.annotations["accession"]) <= {row["accession"]}
    assert len(protein.annotations)
    assert sorted(protein.activations) == [(LAYER, "batchtopk"), (LAYER, "topk")]
    codes = protein.activations[LAYER, VARIANT]
    assert codes.shape[0] == len(protein.sequence)
    strongest = protein.strongest()
    n_active = sum(
        (protein.activations[place].max(axis=0).toarray() > 0).sum()
        for place in protein.activations
    )
    assert len(strongest) == n_active
    assert strongest["relative_activation"].dropna().is_monotonic_decreasing
    for found in strongest[strongest["variant"] == VARIANT].head(7).itertuples():
        column = codes[:, [found.feature]].toarray().ravel()
        assert found.activation == column.max()
        assert found.peak == column.argmax() + 1
    with pytest.raises(KeyError):
        protein.activations[LAYER + 1, VARIANT]


def test_segments_of_a_protein_are_those_that_explain_finds(run: protsae.Run) -> None:
    """The stored activations are those of the model, which explain computes anew."""
    protein = run.protein(run.proteins["accession"].iloc[0])
    stored, computed = protein.segments(), run.explain(protein.sequence)
    names = ["layer", "variant", "feature", "start", "end", "concept"]
    assert len(stored)
    pd.testing.assert_frame_equal(
        stored[names].sort_values(names[:4], ignore_index=True),
        computed[names].sort_values(names[:4], ignore_index=True),
        check_dtype=False,
    )
    assert protein.segments() is not stored


def test_a_protein_of_no_run(run: protsae.Run) -> None:
    n = len(run.proteins)
    with pytest.raises(protsae.UserError, match=f"no protein 'P00000' among its {n}; for another"):
        run.protein("P00000")


@pytest.mark.parametrize(
    ("layer", "variant", "model", "line"),
    [
        (2, "topk", None, "no layer 2 of esm2_tiny; it has 1"),
        (1, "topk", "onehot", "no layer 1 of onehot; it has 0"),
        (1, "relu", None, "no SAE 'relu'; it has topk, batchtopk"),
    ],
)
def test_what_a_run_lacks(
    run: protsae.Run, layer: int, variant: str, model: str | None, line: str
) -> None:
    readers = (run.sae, run.activations, partial(run.matrix, pool="max"))
    for read in (*readers, partial(run.feature, feature=0)):
        with pytest.raises(protsae.UserError, match=f": {re.escape(line)}$"):
            read(layer, variant, model=model)


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (lambda run: run.explain("MKV", table="rows"), "table='rows': expected one of segments, "),
        (lambda run: run.explain(["MKV"]), "sequences to explain are a list; expected a sequence"),
        (lambda run: run.intervene("MKV", []), "no edits; expected one or more, such as 6/topk"),
        (
            lambda run: run.attribute("MKV", []),
            "no outputs; expected one or more, such as 45, A45V",
        ),
    ],
)
def test_a_call_that_asks_for_nothing_there_is(
    run: protsae.Run, ask: Callable[[protsae.Run], object], line: str
) -> None:
    with pytest.raises(protsae.UserError) as error:
        ask(run)
    assert str(error.value).startswith(line)


def test_no_layers_are_all_layers(run: protsae.Run) -> None:
    assert run.tracing("topk", layers=[]).layers == run.tracing("topk").layers == (LAYER,)


def test_another_layers_sae_is_refused(finished: Path, tmp_path: Path) -> None:
    """Its codes are of the SAE that was there."""
    results = copy_run(finished, tmp_path / "run") / RESULTS
    run = protsae.read_run(results)
    folder = results / "sae" / "esm2_tiny" / "layer-01"
    (folder / "topk").rename(folder / "away")
    (folder / "batchtopk").rename(folder / "topk")
    with pytest.raises(protsae.UserError, match="the codes of topk are of SAE"):
        run.activations(LAYER, "topk")


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(
        protsae.UserError, match=r"config\.yaml: no such file; expected the results"
    ):
        protsae.read_run(tmp_path)
