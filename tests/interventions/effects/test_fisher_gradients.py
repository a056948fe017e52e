"""Gradients held against the KL itself and finite differences."""

import numpy as np
import pytest
import torch

from protsae.interventions.edited_predictions import passes
from protsae.interventions.effects.fisher_gradients import pass_gradients
from protsae.interventions.effects.site_edits import edited_logp, kl_by_distance
from protsae.interventions.model_pass import ModelPass, esm_pass
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.places import Inside
from tests.helpers.tiny_esm import build_esm, random_sequence

PLACES = [1, 2, 3, Inside(2, "mlp_out")]
"""Not the embedding: that of <mask> is 0, and the first layer norm makes any change of it large."""


def tiny_pass(place, n_residues=29):
    esm2 = FusedEsm2(build_esm().requires_grad_(False))
    one = passes([random_sequence(n_residues)], 1022, 256, True, seed=0)[0]
    return esm_pass(esm2, place, one)


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_the_estimate_is_the_kl_of_a_small_change(place):
    one = tiny_pass(place)
    drawn = pass_gradients(one, n_draws=20_000 if place == 3 else 3000, seed=0).drawn
    direction = np.random.default_rng(0).normal(size=one.x_ND.shape[1]).astype(np.float32)
    small = 0.02 * float(one.x_ND[one.rows[0]].norm() / np.linalg.norm(direction))
    expected = small**2 / 2 * np.square(drawn[0] @ direction).mean()

    [clean] = edited_logp(one, [0], 0 * direction[None], 1000)
    edited = edited_logp(one, [0], small * direction[None], 1000)
    kl = kl_by_distance(clean, edited, np.arange(len(clean)), np.array([0])).sum()
    assert kl == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_the_gradient_of_the_true_residues_is_that_of_finite_differences(place):
    one = tiny_pass(place)
    true = pass_gradients(one, n_draws=1, seed=0).true
    direction = np.random.default_rng(1).normal(size=one.x_ND.shape[1]).astype(np.float32)
    index = 2
    small = 0.01 * float(one.x_ND[one.rows[index]].norm() / np.linalg.norm(direction))
    up, down = edited_logp(one, [index] * 2, small * np.stack([direction, -direction]), 1000)
    at_true = (np.arange(len(one.true)), one.true.numpy())
    slope = (up[at_true].sum() - down[at_true].sum()) / (2 * small)
    assert slope == pytest.approx(float(true[index] @ direction), rel=0.02, abs=1e-3)


def test_passes_of_other_models_do():
    weight = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    one = ModelPass(
        torch.ones(3, 2),
        torch.arange(3),
        torch.zeros(3, dtype=torch.int64),
        lambda x_END: (x_END @ weight).log_softmax(-1),
    )
    found = pass_gradients(one, 5, 0)
    # d log p(0) / d x = (1 - p, 0), and of the other letter (-p, 0).
    p = float(torch.sigmoid(torch.tensor(1.0)))
    np.testing.assert_allclose(found.true, [[1 - p, 0]] * 3, rtol=1e-6)
    is_first = found.drawn[..., 0] > 0
    np.testing.assert_allclose(found.drawn[..., 0], np.where(is_first, 1 - p, -p), rtol=1e-6)
