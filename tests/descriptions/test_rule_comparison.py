"""Paired differences of rules, beside scores that are computed one by one."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from protsae.descriptions.protein_sums import Predictions, ScoredProteins
from protsae.descriptions.rule_comparison import compare_rules
from protsae.descriptions.rule_scores import alike_in_composition, score_rules

N_PROTEINS, LENGTH, N_FEATURES = 26, 11, 3


def world(seed: int) -> tuple[ScoredProteins, sparse.csc_array, Predictions, Predictions]:
    rng = np.random.default_rng(seed)
    n = N_PROTEINS * LENGTH
    lengths, cluster = np.full(N_PROTEINS, LENGTH), np.arange(N_PROTEINS) // 2
    alike = alike_in_composition(rng.dirichlet(np.ones(20), N_PROTEINS), cluster)
    values = rng.random((n, N_FEATURES)) * (rng.random((n, N_FEATURES)) < 0.3)
    good = [np.flatnonzero((values[:, j] > 0) & (rng.random(n) < 0.8)) for j in range(N_FEATURES)]
    poor = [np.flatnonzero(rng.random(n) < 0.3) for _ in range(N_FEATURES)]
    nothing: list[np.ndarray | None] = [None] * N_FEATURES
    own = np.ones(N_FEATURES, dtype=np.int64)
    predicted = [Predictions(rows, nothing, own) for rows in (good, poor)]
    return ScoredProteins(lengths, cluster, alike), sparse.csc_array(values), *predicted


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_difference_is_that_of_the_scores(seed: int) -> None:
    proteins, activations, good, poor = world(seed)
    table = compare_rules(proteins, activations, good, poor)
    first, second = (score_rules(proteins, activations, each) for each in (good, poor))
    kind = np.where(
        first["homologous_auroc"] <= first["composition_auroc"],
        second["homologous_auroc"],
        second["composition_auroc"],
    )
    np.testing.assert_allclose(table["second_auroc"], kind)
    np.testing.assert_allclose(table["auroc_difference"], first["auroc"] - kind)
    r = first["correlation"] - second["correlation"]
    np.testing.assert_allclose(table["correlation_difference"], r)
    assert (table["auroc_difference_low"] > 0).all()
    assert (table["auroc_difference_high"] > table["auroc_difference"]).all()


def test_a_rule_beside_itself() -> None:
    proteins, activations, good, _ = world(4)
    table = compare_rules(proteins, activations, good, good)
    for name in ("auroc_difference", "auroc_difference_low", "auroc_difference_high"):
        assert table[name].tolist() == [0, 0, 0]


def test_residues_that_one_rule_does_not_know_count_for_neither() -> None:
    proteins, activations, good, poor = world(5)
    known = np.arange(N_PROTEINS * LENGTH) % 7 > 0
    doubtful = replace(poor, known=[known] * N_FEATURES)
    both = [replace(each, known=[known] * N_FEATURES) for each in (good, poor)]
    expected = compare_rules(proteins, activations, *both)
    np.testing.assert_array_equal(compare_rules(proteins, activations, good, doubtful), expected)


def test_without_a_rule_nothing_is_said() -> None:
    proteins, activations, good, poor = world(6)
    none = Predictions(
        [np.zeros(0, np.int64), *good.rows[1:]], good.known, np.array([0, *good.same[1:]])
    )
    assert compare_rules(proteins, activations, none, poor).isna().all(axis=1).tolist() == [
        *(True, False, False),
    ]


def test_few_clusters_have_no_interval() -> None:
    proteins, activations, good, poor = world(7)
    few = activations.toarray()
    few[9 * 2 * LENGTH :] = 0
    table = compare_rules(proteins, sparse.csc_array(few), good, poor)
    assert table["auroc_difference"].notna().all()
    assert table["auroc_difference_low"].isna().all()
