"""The variables of the search: what they undo, and that weights and gradients go the same way."""

import numpy as np
import pytest

from protsae.references import loss_curvature
from protsae.references.loss_curvature import CURVATURE_ROWS, Curvature, spread_at

N_AXES, N_CONCEPTS = 5, 3


def curvature_at(rng: np.random.Generator, n_rows: int) -> tuple[Curvature, np.ndarray]:
    """With the exact Hessians, shape (n_concepts, n_axes, n_axes)."""
    rows = np.sort(rng.normal(size=(n_rows, N_AXES)) * np.arange(1, N_AXES + 1), axis=0)
    weights = rng.normal(size=(N_AXES, N_CONCEPTS)) / 3
    spread, ridge = spread_at(rows, weights, None), np.full((N_AXES, 1), 0.01)
    n_known = np.full(N_CONCEPTS, float(n_rows))
    found = Curvature.at(rows, (rows**2).mean(0), spread, n_known, ridge)
    exact = np.einsum("cn,ni,nj->cij", spread, rows, rows) / n_rows
    return found, exact + np.diag(ridge[:, 0])


def test_the_hessian_of_new_variables_is_about_the_identity() -> None:
    found, hessians = curvature_at(np.random.default_rng(0), 10 * CURVATURE_ROWS)
    for concept, hessian in enumerate(hessians):
        steps = np.zeros((N_AXES, N_AXES))
        for axis in range(N_AXES):
            variables = np.zeros((N_AXES, N_CONCEPTS))
            variables[axis, concept] = 1
            steps[:, axis] = found.step(variables)[:, concept]
        np.testing.assert_allclose(steps.T @ hessian @ steps, np.eye(N_AXES), atol=0.02)


@pytest.mark.parametrize("leading", [1, 3, N_AXES])
def test_gradients_are_those_of_the_new_variables(
    leading: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """step and slope are each other's transpose: <step(v), g> = <v, slope(g)>."""
    monkeypatch.setattr(loss_curvature, "LEADING", leading)
    rng = np.random.default_rng(leading)
    found, _ = curvature_at(rng, 101)
    variables, gradient = rng.normal(size=(2, N_AXES, N_CONCEPTS))
    both = (found.step(variables) * gradient).sum(0), (variables * found.slope(gradient)).sum(0)
    np.testing.assert_allclose(*both)
