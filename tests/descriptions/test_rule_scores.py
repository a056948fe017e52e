"""Scores of rules on test, by hand and against scikit-learn and scipy."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import stdtr
from sklearn.metrics import roc_auc_score

from protsae.descriptions.protein_sums import Predictions, ScoredProteins
from protsae.descriptions.rule_scores import alike_in_composition, score_rules

LENGTH, N_PROTEINS = 29, 24


@dataclass(frozen=True, eq=False)
class Residues:
    """Of test: activations, and the protein of each residue with its cluster and proteins alike."""

    activations: sparse.csc_array
    protein: np.ndarray
    cluster: np.ndarray
    alike: np.ndarray


def residues_of(activation: np.ndarray, cluster: np.ndarray, alike: np.ndarray) -> Residues:
    protein = np.repeat(np.arange(len(cluster)), LENGTH)
    return Residues(sparse.csc_array(activation.astype(np.float32)), protein, cluster, alike)


def predictions_of(held: np.ndarray, known: np.ndarray | None = None) -> Predictions:
    """From a dense table, one column for each feature; labels of the first may be unknown."""
    rows = [np.flatnonzero(column) for column in held.T]
    unknown = [known, *[None] * (len(rows) - 1)]
    return Predictions(rows, unknown, held.any(0).astype(int))


def score_rule(test: Residues, feature: int, predicted: Predictions) -> pd.Series:
    proteins = ScoredProteins(np.bincount(test.protein), test.cluster, test.alike)
    return score_rules(proteins, test.activations, predicted).iloc[feature]


@pytest.fixture
def world() -> tuple[Residues, np.ndarray]:
    """Three features in 24 proteins of 12 clusters; the first is active where its rule holds."""
    rng = np.random.default_rng(11)
    held = rng.random((LENGTH * N_PROTEINS, 3)) < 0.2
    active = (held & (rng.random(held.shape) < 0.7)) | (rng.random(held.shape) < 0.05)
    cluster = np.arange(N_PROTEINS) // 2
    active[np.repeat(cluster >= 11, LENGTH)] = False  # a cluster in which all are silent
    alike = alike_in_composition(rng.random((N_PROTEINS, 20)), cluster)
    values = active * rng.gamma(3, 1, active.shape)
    return residues_of(values, cluster, alike), held


def test_auroc_is_scikit_learns(world: tuple[Residues, np.ndarray]) -> None:
    """The mean over clusters, and over proteins with those alike, weighted by the activation."""
    test, held = world
    activation = test.activations[:, [0]].toarray().ravel().astype(np.float64)
    found = score_rule(test, 0, predictions_of(held))
    of_cluster = test.cluster[test.protein]
    own = [(of_cluster == c, of_cluster == c) for c in range(11)]
    alike = [
        (test.protein == p, np.isin(test.protein, test.alike[p]))
        for p in range(N_PROTEINS)
        if activation[test.protein == p].any()
    ]
    for auroc, kinds in ((found.homologous_auroc, own), (found.composition_auroc, alike)):
        areas, weights = [], []
        for positive, negative in kinds:
            counted = (positive & (activation > 0)) | (negative & (activation == 0))
            weight = np.where(activation > 0, activation, 1)[counted]
            is_active = activation[counted] > 0
            areas.append(roc_auc_score(is_active, held[counted, 0], sample_weight=weight))
            weights.append(activation[positive].sum())
        assert auroc == pytest.approx(np.average(areas, weights=weights))
    assert found.auroc == min(found.homologous_auroc, found.composition_auroc)
    assert found.auroc_low < found.auroc < found.auroc_high


def test_rules_that_are_the_same_are_not_dealt(world: tuple[Residues, np.ndarray]) -> None:
    """Where all features have one rule, it is compared with chance."""
    test, held = world
    rows = [np.flatnonzero(held[:, 0])] * 3
    found = score_rule(test, 0, Predictions(rows, [None] * 3, np.array([3, 3, 3])))
    assert found.dealt_auroc == pytest.approx(0.5)
    assert found.p_value < 1e-6


def test_the_other_numbers_by_hand(world: tuple[Residues, np.ndarray]) -> None:
    test, held = world
    activation = test.activations[:, [0]].toarray().ravel().astype(np.float64)
    found = score_rule(test, 0, predictions_of(held))
    assert found.correlation == pytest.approx(np.corrcoef(held[:, 0], activation)[0, 1])
    assert found.recall == pytest.approx(activation[held[:, 0]].sum() / activation.sum())
    assert found.precision == pytest.approx((activation[held[:, 0]] > 0).mean())
    share, mean = (x.reshape(N_PROTEINS, LENGTH).mean(1) for x in (held[:, 0] * 1.0, activation))
    assert found.protein_correlation == pytest.approx(np.corrcoef(share, mean)[0, 1])
    assert found.protein_auroc == pytest.approx(roc_auc_score(mean > 0, share))
    assert found.n_clusters == 11


def test_the_mean_of_the_dealt_rules_is_that_of_each_dealt(
    world: tuple[Residues, np.ndarray],
) -> None:
    test, held = world
    found = score_rule(test, 0, predictions_of(held))
    dealt = []
    for other in (1, 2):
        swapped = held.copy()
        swapped[:, 0] = held[:, other]
        score = score_rule(test, 0, predictions_of(swapped))
        own = found.homologous_auroc <= found.composition_auroc
        dealt.append(score.homologous_auroc if own else score.composition_auroc)
    assert found.dealt_auroc == pytest.approx(np.mean(dealt))


def test_a_rule_of_its_own_is_told_from_a_dealt_one(
    world: tuple[Residues, np.ndarray],
) -> None:
    test, held = world
    assert score_rule(test, 0, predictions_of(held)).p_value < 1e-6
    assert score_rule(test, 0, predictions_of(np.roll(held, 1, axis=1))).p_value > 0.05


def test_unknown_residues_do_not_count(world: tuple[Residues, np.ndarray]) -> None:
    """As if they were not there: the same proteins cut down to those that are known."""
    test, held = world
    known = np.tile(np.arange(LENGTH) < 20, N_PROTEINS)
    found = score_rule(test, 0, predictions_of(held, known))
    cut = Residues(
        test.activations.tocsr()[known].tocsc(), test.protein[known], test.cluster, test.alike
    )
    expected = score_rule(cut, 0, predictions_of(held[known]))
    assert found["known_share"] < 1
    for name, value in expected.drop("known_share").items():
        assert found[name] == pytest.approx(value, nan_ok=True), name


def test_few_clusters_tell_nothing(world: tuple[Residues, np.ndarray]) -> None:
    test, held = world
    few = np.repeat(test.cluster < 9, LENGTH)
    rows = test.activations.toarray() * few[:, None]
    found = score_rule(residues_of(rows, test.cluster, test.alike), 0, predictions_of(held))
    assert found.n_clusters == 9
    bounds = ["auroc_low", "auroc_high", "correlation_low", "correlation_high"]
    assert np.isnan(found[["p_value", *bounds]].to_numpy(float)).all()
    assert found.correlation > 0


def test_a_few_residues_that_agree_by_chance_are_no_evidence() -> None:
    """Ten clusters with an active residue each, all of them where the rule holds.

    It holds at 24 of 29 residues, at 23 of the 28 silent ones of these clusters. That all ten agree
    has a chance of (24/29)^10 = 0.15, and they do not vary at all.
    """
    held = np.tile(np.arange(LENGTH) < 24, N_PROTEINS)[:, None]
    active = np.tile(np.arange(LENGTH) == 3, N_PROTEINS) & np.repeat(np.arange(24) < 10, LENGTH)
    cluster, alike = np.arange(N_PROTEINS), np.tile([20, 21, 22], (N_PROTEINS, 1))
    test = residues_of(active[:, None], cluster, alike)
    found = score_rule(test, 0, Predictions([np.flatnonzero(held)], [None], np.array([1])))
    assert found.homologous_auroc == pytest.approx((2 - 23 / 28) / 2)
    # t of the AUROC less 0.5, with the error of ten independent draws; alike proteins have 24/29.
    shares = np.array([23 / 28, 24 / 29])
    t = (1 - shares) / 2 / np.sqrt(10 * shares * (1 - shares)) * 2 * 10
    assert found.p_value == pytest.approx(stdtr(9, -t).max())
    assert found.p_value > 0.05


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_rules_that_are_blind_to_the_activation_are_seldom_called(share: float) -> None:
    """One active residue in each of ten clusters, at random."""
    rng = np.random.default_rng(5)
    n_features, n_active = 300, 10
    place = LENGTH * np.arange(n_active)[:, None] + rng.integers(0, LENGTH, (n_active, n_features))
    active = np.zeros((LENGTH * N_PROTEINS, n_features))
    active[place, np.arange(n_features)] = rng.gamma(4, 1, place.shape)
    held = rng.random(active.shape) < share
    cluster, alike = np.arange(N_PROTEINS), np.tile([20, 21, 22], (N_PROTEINS, 1))
    test = residues_of(active, cluster, alike)
    proteins = ScoredProteins(np.bincount(test.protein), test.cluster, test.alike)
    p_values = score_rules(proteins, test.activations, predictions_of(held))["p_value"]
    assert (p_values < 0.05).mean() <= 0.05 + 2 * (0.05 * 0.95 / n_features) ** 0.5
    assert (p_values < 0.001).mean() <= 0.01


def test_nothing_of_a_feature_that_is_never_active(
    world: tuple[Residues, np.ndarray],
) -> None:
    test, held = world
    silent = residues_of(np.zeros(held.shape), test.cluster, test.alike)
    found = score_rule(silent, 0, predictions_of(held))
    assert np.isnan([found.auroc, found.p_value, found.correlation]).all()
    assert found.n_clusters == 0


def test_right_in_a_family_and_no_more_is_not_right() -> None:
    """Active at random residues of half of the families; the rule is these families' residues."""
    rng = np.random.default_rng(2)
    cluster = np.arange(N_PROTEINS)
    inside = np.repeat(cluster < 12, LENGTH)
    activation = inside & (rng.random(len(inside)) < 0.2)
    alike = np.tile([12, 13, 14], (N_PROTEINS, 1))
    held = np.stack([inside, ~inside], axis=1)
    active = np.stack([activation, activation], axis=1)
    found = score_rule(residues_of(active, cluster, alike), 0, predictions_of(held))
    assert found.composition_auroc == 1
    assert found.homologous_auroc == 0.5
    assert found.auroc == 0.5
    assert found.p_value > 0.05


def test_alike_in_composition_are_of_other_clusters() -> None:
    rng = np.random.default_rng(4)
    shares, cluster = rng.dirichlet(np.ones(20), 37), rng.integers(0, 5, 37)
    found = alike_in_composition(shares, cluster)
    for protein, chosen in enumerate(found):
        assert (cluster[chosen] != cluster[protein]).all()
        distance = ((shares - shares[protein]) ** 2).sum(1)
        others = np.sort(distance[cluster != cluster[protein]])
        np.testing.assert_allclose(np.sort(distance[chosen]), others[:3])
