import re
from pathlib import Path

import numpy as np
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


@pytest.mark.parametrize(
    ("layer", "variant", "model", "line"),
    [
        (2, "topk", None, "no layer 2 of esm2_tiny; it has onehot 0, esm2_tiny 1"),
        (1, "topk", "onehot", "no layer 1 of onehot; it has onehot 0, esm2_tiny 1"),
        (1, "relu", None, "no SAE 'relu'; it has topk, batchtopk"),
    ],
)
def test_what_a_run_lacks(
    run: protsae.Run, layer: int, variant: str, model: str | None, line: str
) -> None:
    for read in (run.sae, run.activations):
        with pytest.raises(protsae.UserError, match=f": {re.escape(line)}"):
            read(layer, variant, model)


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
