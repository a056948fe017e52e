"""Weighted logistic regression against scikit-learn's."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from protsae.interventions.confounders.weighted_probe import fit_weighted_probe


def rows(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(211, 7)) * np.arange(1, 8) + 5
    label = rng.random(211) < 1 / (1 + np.exp(-(x[:, 0] - 5)))
    return x, label, rng.random(211)


@pytest.mark.parametrize("penalty", [0.001, 0.1, 10])
def test_it_is_scikit_learns(penalty: float) -> None:
    x, label, weight = rows()
    share = weight / weight.sum()
    z = StandardScaler().fit(x, sample_weight=share).transform(x)
    theirs = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000)
    theirs.fit(z, label, sample_weight=share)
    ours = fit_weighted_probe(x, label, weight, penalty)
    np.testing.assert_allclose(ours.logits(x), theirs.decision_function(z), atol=1e-5)


def test_a_column_that_removal_left_constant_has_no_weight() -> None:
    x, label, weight = rows()
    x[:, 3] = 2 + 1e-13 * np.random.default_rng(1).normal(size=len(x))
    probe = fit_weighted_probe(x, label, weight, 0.1)
    assert probe.weights[3] == 0
    fewer = fit_weighted_probe(np.delete(x, 3, axis=1), label, weight, 0.1)
    np.testing.assert_allclose(np.delete(probe.weights, 3), fewer.weights, atol=1e-9)


def test_separable_rows_have_finite_weights() -> None:
    x = np.array([[-2.0], [-1], [1], [2]])
    probe = fit_weighted_probe(x, x[:, 0] > 0, np.ones(4), 1e-3)
    z = x / np.sqrt(2.5)  # the gradient at the minimum is 0
    p = 1 / (1 + np.exp(-probe.logits(x)))
    w = probe.weights[0] * np.sqrt(2.5)
    assert (z[:, 0] * (p - (x[:, 0] > 0))).mean() + 1e-3 * w == pytest.approx(0, abs=1e-7)


def test_constant_rows_give_the_log_odds() -> None:
    label = np.array([True, False, False, False])
    probe = fit_weighted_probe(np.ones((4, 2)), label, np.ones(4), 0.1)
    assert probe.weights.tolist() == [0, 0]
    assert probe.bias == pytest.approx(np.log(1 / 3))
