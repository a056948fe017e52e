"""Regressions, by the conditions that hold at their minimum."""

import numpy as np
import pytest
from scipy.special import expit

from protsae.protein_probes.penalised_fits import Penalty, fit_penalised

RNG = np.random.default_rng(7)
X = RNG.normal(size=(61, 11)) * np.linspace(0.1, 30, 11) + 5
X[:, 3] = 2.0  # constant
LABELS = np.stack([X[:, 0] > 5, X[:, 5] + X[:, 6] > 12], axis=1)


def gradients(penalty: Penalty) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the mean loss by weights and bias, at what was fitted."""
    [fit] = fit_penalised(X, LABELS, [penalty])
    z = (X - X.mean(0)) * fit.scale
    residual = expit(fit.scores(X)) - LABELS
    return z.T @ residual / len(X), residual.mean(0), fit.weights


@pytest.mark.parametrize("strength", [10, 0.1, 0.001])
def test_l2(strength: float) -> None:
    of_weights, of_bias, weights = gradients(Penalty("L2", strength))
    np.testing.assert_allclose(of_weights, -strength * weights, atol=1e-4)
    np.testing.assert_allclose(of_bias, 0, atol=1e-4)
    assert not weights[3].any()


@pytest.mark.parametrize("share", [0.5, 0.05])
def test_l1(share: float) -> None:
    of_weights, of_bias, weights = gradients(Penalty("L1", share))
    z = (X - X.mean(0)) / np.where(X.std(0) > 0, X.std(0), 1)
    largest = np.abs(z.T @ (LABELS - LABELS.mean(0))).max(0) / len(X)
    bound = np.broadcast_to(share * largest, weights.shape)
    on = weights != 0
    np.testing.assert_allclose(of_weights[on], (-np.sign(weights) * bound)[on], rtol=0.01)
    assert (np.abs(of_weights) <= bound * 1.01).all()
    assert 0 < on.sum() < on.size
    np.testing.assert_allclose(of_bias, 0, atol=0.002)


def test_ridge() -> None:
    """By the normal equations."""
    y = (X @ np.linspace(-1, 1, 11))[:, None]
    [fit] = fit_penalised(X, y, [Penalty("L2", 0.3)])
    z = (X - X.mean(0)) * fit.scale
    weights = np.linalg.solve(z.T @ z / len(X) + 0.3 * np.eye(11), z.T @ (y - y.mean()) / len(X))
    np.testing.assert_allclose(fit.weights, weights, atol=1e-9)
    np.testing.assert_allclose(fit.bias, y.mean())


def test_a_label_that_no_row_has() -> None:
    none = np.zeros((61, 1), bool)
    for norm in ("L1", "L2"):
        [fit] = fit_penalised(X, none, [Penalty(norm, 0.1)])  # type: ignore[arg-type]
        np.testing.assert_allclose(fit.scores(X), np.log(0.5 / 61.5))
