"""Weighted ranks, against scikit-learn and against items that are repeated."""

from typing import Literal

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from protsae.statistics.weighted_ranks import (
    mean_ranks,
    precision_sums,
    ranked_pairs,
    weighted_correlation,
    weighted_ranks,
)

RNG = np.random.default_rng(3)
SCORE = RNG.integers(0, 7, 23).astype(float)  # with ties
LABEL = RNG.random(23) < 0.4
WEIGHT = RNG.integers(0, 4, (5, 23)).astype(float)


def test_auroc_and_average_precision_are_those_of_scikit_learn() -> None:
    right, pairs = ranked_pairs(SCORE, LABEL, WEIGHT)
    precise = precision_sums(SCORE, LABEL, WEIGHT)
    for i, weight in enumerate(WEIGHT):
        auroc = roc_auc_score(LABEL, SCORE, sample_weight=weight)
        assert right[i] / pairs[i] == pytest.approx(auroc)
        expected = average_precision_score(LABEL, SCORE, sample_weight=weight)
        assert precise[i] / (weight @ LABEL) == pytest.approx(expected)


@pytest.mark.parametrize("axis", [0, 1])
def test_mean_ranks_are_those_of_scipy(axis: Literal[0, 1]) -> None:
    values = RNG.integers(0, 5, (23, 7)) / 3
    assert mean_ranks(values, axis).tolist() == rankdata(values, axis=axis).tolist()


def test_a_weight_repeats_an_item() -> None:
    other = RNG.integers(0, 9, 23).astype(float)
    x, y = (weighted_ranks(values, WEIGHT) for values in (SCORE, other))
    found = weighted_correlation(x, y, WEIGHT)
    for i, weight in enumerate(WEIGHT):
        times = np.repeat(np.arange(23), weight.astype(int))
        assert found[i] == pytest.approx(spearmanr(SCORE[times], other[times])[0])


@pytest.mark.parametrize("factor", [1e-17, 1e23])
def test_a_correlation_does_not_depend_on_units(factor: float) -> None:
    x, y, weight = np.array([2.0, 3.0, 7.0]), np.array([5.0, 1.0, 2.0]), np.array([2.0, 1.0, 4.0])
    expected = np.cov(x, y, aweights=weight)
    r = pytest.approx(expected[0, 1] / np.sqrt(expected[0, 0] * expected[1, 1]))
    assert weighted_correlation(factor * x, y, weight) == r
    assert weighted_correlation(x, factor * y, weight) == r
    assert weighted_correlation(x, y, factor * weight) == r


@pytest.mark.parametrize("value", [0.1e-17, 0.1e23])
def test_a_constant_has_no_correlation_whatever_its_units(value: float) -> None:
    """The mean of three such values may be another number, by rounding."""
    constant, other, weight = np.full(3, value), np.arange(3.0), np.array([0.3, 0.1, 0.7])
    assert np.isnan(weighted_correlation(constant, other, weight))
    assert np.isnan(weighted_correlation(other, constant, weight))


def test_a_correlation_is_never_above_1() -> None:
    """Rounding would make 1 + 2e-16 of this one."""
    rng = np.random.default_rng(1)
    x, weight = rng.normal(size=7), rng.random(7)
    assert weighted_correlation(x, 3 * x + 1, weight) == 1
    assert weighted_correlation(x, -3 * x - 1, weight) == -1


def test_items_without_weight_above_all_others_change_no_precision() -> None:
    """As of the last two alone: 1/2 at the lower one."""
    score, label = np.array([7.0, 5.0, 3.0, 2.0]), np.array([True, False, False, True])
    assert precision_sums(score, label, np.array([0.0, 0.0, 1.0, 1.0])) == 0.5


def test_nothing_and_constants() -> None:
    right, pairs = ranked_pairs(np.empty(0), np.empty(0, bool), np.ones((2, 0)))
    assert right.tolist() == pairs.tolist() == [0, 0]
    assert precision_sums(np.empty(0), np.empty(0, bool), np.ones((2, 0))).tolist() == [0, 0]
    assert weighted_ranks(np.empty(0), np.ones((2, 0))).shape == (2, 0)
    assert np.isnan(weighted_correlation(np.full(3, 0.1), np.arange(3.0), np.ones(3)))
