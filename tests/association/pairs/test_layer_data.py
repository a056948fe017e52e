import numpy as np
import pytest
from scipy import sparse

from protsae.association.pairs import layer_data as layer_module
from protsae.association.pairs.layer_data import Layer
from protsae.association.pairs.selection import PairScores, score_pairs
from protsae.association.scoring.thresholds import positive_quantiles
from protsae.detectors.activations import Codes, signed
from tests.association.tiny_layer import LENGTH, N_PROTEINS, SETTINGS, build_layer, codes_of
from tests.helpers.tiny_run import protein_rows

D = 5


def random_activations(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    names = protein_rows(N_PROTEINS, LENGTH)["accession"]
    return {name: rng.normal(size=(LENGTH, D)).astype(np.float32) for name in names}


def relu(rows: np.ndarray) -> np.ndarray:
    return np.maximum(rows, 0)


def score(layer: Layer, codes: Codes) -> PairScores:
    thresholds = positive_quantiles(layer.train_sample(codes), SETTINGS.quantiles)
    return score_pairs(layer.counts(codes, thresholds, "valid"))


def test_coordinates_of_both_signs() -> None:
    mean = np.array([1, -1], np.float32)
    found = signed([np.array([[3, -1]], np.float32) - mean, np.array([[0, -5]]) - mean]).toarray()
    assert found.tolist() == [[2, 0, 0, 0], [0, 0, 1, 4]]


def test_thresholds_come_from_train_alone() -> None:
    activations = random_activations()
    layer = build_layer()
    sample = layer.train_sample(codes_of(activations, relu))
    thresholds = positive_quantiles(sample, SETTINGS.quantiles)
    train = np.concatenate([activations[name] for name in sorted(layer.names("train"))])
    expected = positive_quantiles(sparse.csc_array(relu(train)), SETTINGS.quantiles)
    np.testing.assert_array_equal(thresholds, expected)


def test_a_sample_smaller_than_train_is_whole_proteins() -> None:
    activations = random_activations()
    settings = SETTINGS.model_copy(update={"train_residues": LENGTH + 1, "batch": 1})
    codes = codes_of(activations, relu)
    assert build_layer(settings).train_sample(codes).shape == (2 * LENGTH, D)
    settings = settings.model_copy(update={"train_residues": 2 * LENGTH})
    assert build_layer(settings).train_sample(codes).shape == (2 * LENGTH, D)
    settings = settings.model_copy(update={"train_residues": 1})
    assert build_layer(settings).train_sample(codes).shape == (LENGTH, D)
    assert build_layer().train_sample(codes).shape == (N_PROTEINS // 3 * LENGTH, D)


@pytest.mark.parametrize("batch", [1, 101, 100_000])
def test_a_sample_of_many_values_is_cut_off_in_the_order_drawn(
    batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the six proteins of train, those drawn first, as long as all their values fit."""
    layer = build_layer(SETTINGS.model_copy(update={"batch": batch}))
    activations = random_activations()
    drawn = layer.of_split("train").sample(frac=1, random_state=SETTINGS.seed)["accession"]
    n_values = [int((activations[name] > 0).sum()) for name in drawn]
    for n_kept in (1, 2, 4):
        monkeypatch.setattr(layer_module, "SAMPLE_VALUES", sum(n_values[: n_kept + 1]) - 1)
        kept = [name for name in activations if name in set(drawn[:n_kept])]
        expected = np.concatenate([relu(activations[name]) for name in kept])
        sample = layer.train_sample(codes_of(activations, relu))
        np.testing.assert_array_equal(sample.toarray(), expected)
    monkeypatch.setattr(layer_module, "SAMPLE_VALUES", sum(n_values[:3]))
    assert layer.train_sample(codes_of(activations, relu)).shape == (3 * LENGTH, D)
    monkeypatch.setattr(layer_module, "SAMPLE_VALUES", 1)
    assert layer.train_sample(codes_of(activations, relu)).shape == (LENGTH, D)


@pytest.mark.parametrize("batch", [1, 101, 100_000])
def test_batches_change_no_score(batch: int) -> None:
    activations = random_activations()
    settings = SETTINGS.model_copy(update={"batch": batch})
    codes = codes_of(activations, relu)
    scores, expected = score(build_layer(settings), codes), score(build_layer(), codes)
    np.testing.assert_array_equal(scores.f1, expected.f1)


def test_each_protein_with_its_own_rows() -> None:
    activations = random_activations()
    found = dict(build_layer().each(codes_of(activations, relu), set(activations)))
    assert sorted(found) == sorted(activations)
    for name, rows in found.items():
        np.testing.assert_array_equal(rows.toarray(), relu(activations[name]))


@pytest.mark.parametrize(("held", "sizes"), [(1, [1, 1, 1]), (700, [1, 2]), (10_000, [3])])
def test_columns_come_in_groups_of_few_activations(
    held: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Features 0, 2 and 4 of five, each active on some 350 of the 696 residues of test."""
    activations, layer = random_activations(), build_layer()
    test = relu(np.concatenate([activations[name] for name in layer.of_split("test")["accession"]]))
    features, density = np.array([0, 2, 4]), (test > 0).mean(0)
    assert 600 < density[:3:2].sum() * len(test) < 730
    monkeypatch.setattr(layer_module, "HELD_VALUES", held)
    codes = codes_of(activations, relu)
    found = list(layer.columns(codes, "test", features, density))
    assert [len(members) for members, _ in found] == sizes
    assert np.concatenate([members for members, _ in found]).tolist() == [0, 2, 4]
    for members, rows in found:
        np.testing.assert_array_equal(rows.toarray(), test[:, members])
    assert list(layer.columns(codes, "test", features[:0], density)) == []


def test_clusters_are_numbered_as_they_come() -> None:
    layer = build_layer(n_proteins=6)
    proteins = layer.proteins.assign(cluster=["C", "A", "C", "B", "A", "C"])
    numbered = Layer(proteins, layer.concepts, SETTINGS).cluster
    assert numbered.tolist() == [0, 1, 0, 2, 1, 0]
