"""Scores with four cells of equal weight, by hand and by brute force."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from protsae.interventions.confounders.balanced_scores import (
    BalancedTest,
    balanced_weights,
    weighted_auroc,
)

YES, NO = True, False


def test_accuracy_is_the_mean_of_the_cells_and_the_worst_cell_their_least() -> None:
    # Cells: neither x 1, confounder x 3, label x 2, both x 4.
    label = np.array([NO] * 4 + [YES] * 6)
    confounder = np.array([NO] + [YES] * 3 + [NO] * 2 + [YES] * 4)
    logit = np.array([-1.0, 1, 1, -1, 1, -1, 1, 1, 1, -1])
    test = BalancedTest(label, confounder, np.arange(10), n_resamplings=0)
    [scores] = test.scores(logit, confounder * 2.0 - 1)
    right = [1, 1 / 3, 1 / 2, 3 / 4]
    assert scores[0] == pytest.approx(np.mean(right))
    assert scores[1] == pytest.approx(1 / 3)
    assert scores[3] == 1


def test_a_logit_of_zero_is_no() -> None:
    label, confounder = np.array([NO, NO, YES, YES]), np.array([NO, YES, NO, YES])
    test = BalancedTest(label, confounder, np.arange(4), n_resamplings=0)
    assert test.scores(np.zeros(4), np.zeros(4))[0].tolist() == [0.5, 0, 0.5, 0.5]


def test_a_probe_of_the_confounder_is_worth_nothing_where_it_is_balanced() -> None:
    """19 of 20 proteins agree, and a score that is the confounder is right as often as not."""
    label = np.repeat([NO, YES], 20)
    confounder = np.where(np.arange(40) % 20 == 0, ~label, label)
    logit = np.where(confounder, 1.0, -1.0)
    assert roc_auc_score(label, logit) == 0.95
    [scores] = BalancedTest(label, confounder, np.arange(40), 0).scores(logit, logit)
    np.testing.assert_allclose(scores, [0.5, 0, 0.5, 1], atol=1e-12)


def test_auroc_is_scikit_learns_with_ties_and_weights() -> None:
    rng = np.random.default_rng(0)
    score, label = rng.integers(0, 7, 53).astype(float), rng.random(53) < 0.4
    weight = rng.random((3, 53))
    expected = [roc_auc_score(label, score, sample_weight=w) for w in weight]
    np.testing.assert_allclose(weighted_auroc(score, label, weight), expected)


def test_each_cell_weighs_a_quarter_and_an_empty_one_makes_all_undefined() -> None:
    cell = np.array([0, 1, 1, 2, 3, 3, 3])
    weights = balanced_weights(cell, np.array([[1, 1, 3, 2, 0, 1, 1], [0, 1, 1, 1, 1, 1, 1]]))
    sums = [weights[0, cell == one].sum() for one in range(4)]
    assert sums == [0.25] * 4
    assert weights[0, 1:3].tolist() == [0.0625, 0.1875]
    assert np.isnan(weights[1]).all()


def test_clusters_are_resampled_whole() -> None:
    """Twins in 40 clusters tell as much as one of each: the same scores in every resampling."""
    rng = np.random.default_rng(1)
    label, confounder = np.array([NO, NO, YES, YES] * 10), np.array([NO, YES] * 20)
    logit, other = rng.normal(size=(2, 40)) + label
    once = BalancedTest(label, confounder, np.arange(40), 50, 3)
    twice = BalancedTest(*(np.repeat(a, 2) for a in (label, confounder, np.arange(40))), 50, 3)
    expected = once.scores(logit, other)
    np.testing.assert_allclose(twice.scores(np.repeat(logit, 2), np.repeat(other, 2)), expected)
    low, high = once.interval(expected[:, 0])
    assert low < expected[0, 0] < high


def test_what_is_held_at_a_time_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    label, confounder = np.array([NO, NO, YES, YES] * 5), np.array([NO, YES] * 10)
    logit = np.random.default_rng(2).normal(size=20)

    def scores() -> np.ndarray:
        return BalancedTest(label, confounder, np.arange(20), 11).scores(logit, -logit)

    expected = scores()
    for name, value in (("CHUNK_VALUES", 60), ("KEPT_VALUES", 0)):
        monkeypatch.setattr(f"protsae.interventions.confounders.balanced_scores.{name}", value)
        np.testing.assert_allclose(scores(), expected, rtol=1e-12)


def test_fewer_than_ten_clusters_in_a_cell_give_no_interval() -> None:
    label, confounder = np.array([NO, NO, YES, YES] * 10), np.array([NO, YES] * 20)
    cluster = np.where(label & confounder, np.arange(40) // 8, np.arange(40))
    test = BalancedTest(label, confounder, np.unique(cluster, return_inverse=True)[1])
    assert test.clusters_by_cell == [10, 10, 10, 5]
    assert np.isnan(test.interval(np.arange(9.0))).all()
