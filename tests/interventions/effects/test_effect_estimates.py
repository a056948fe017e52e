"""Small changes by gradients, held against the KL itself and finite differences."""

import numpy as np
import pytest
import torch

from protsae.interventions.edited_predictions import passes
from protsae.interventions.effects.effect_estimates import (
    above_one_p,
    capped,
    estimate_effect,
    many_large_p,
    mean_interval,
    pass_gradients,
    positive_mean_interval,
    surroundings,
)
from protsae.interventions.effects.model_pass import ModelPass, esm_pass
from protsae.interventions.effects.site_edits import edited_logp, kl_by_distance
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


def test_what_runs_together_changes_nothing():
    one = tiny_pass(2)
    delta = np.random.default_rng(2).normal(size=(7, one.x_ND.shape[1]))
    together, alone = (edited_logp(one, [0, 1, 2, 0, 1, 2, 0], delta, n) for n in (10_000, 1))
    np.testing.assert_allclose(together, alone, atol=2e-5)
    [clean] = edited_logp(one, [0], 0 * delta[:1], 1)
    direct = one.predict(one.x_ND[None])[0].numpy()
    np.testing.assert_allclose(clean, direct, atol=2e-5)


def test_random_features_are_called_as_often_as_the_level_says():
    # Each site has two gradients, of which a part is shared by all sites; directions are random.
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(3, 48))
    root = rng.normal(size=(48, 48)) * rng.exponential(size=48) ** 2

    def gradients(n_sites):
        mixed = rng.normal(size=(n_sites, 2, 3)) @ shared
        return mixed + 0.5 * rng.normal(size=(n_sites, 2, 48))

    around = surroundings(gradients(500), root @ root.T)
    p_values, covariance_p_values = [], []
    for _ in range(400):
        drawn, strength, others = gradients(20), rng.exponential(size=20), rng.normal(size=(5, 48))
        found = estimate_effect(rng.normal(size=48), strength, drawn, others, around)
        p_values.append(found.p_value)
        varied = estimate_effect(root @ rng.normal(size=48), strength, drawn, others, around)
        covariance_p_values.append(varied.covariance_p_value)
    for level in (0.05, 0.01):
        allowed = level + 2 * (level / 400) ** 0.5
        assert np.mean(np.array(p_values) <= level) <= allowed
        assert np.mean(np.array(covariance_p_values) <= level) <= allowed


def test_a_feature_beside_a_dominating_direction_is_found():
    # Gradients: always 5 along one axis, 1 along another, a little along all.
    rng = np.random.default_rng(0)

    def gradients(along_second):
        drawn = 0.1 * rng.normal(size=(30, 2, 47))
        drawn[..., 0] += 5 * rng.choice([-1, 1], size=(30, 2))
        drawn[..., 1] += along_second * rng.choice([-1, 1], size=(30, 2))
        return drawn

    here = gradients(1.0)
    around = surroundings(np.concatenate([here, gradients(0.1)]), np.eye(47))
    found = estimate_effect(np.eye(47)[1], np.ones(30), here, np.eye(47)[2:], around)
    assert found.ratio > 1
    assert found.direction_p_value > 0.05
    assert found.whitened_direction_p_value < 1e-10
    assert found.p_value < 1e-10
    # Beside the axes lies hardly any gradient: a ratio below 1 is not called, however it is scaled.
    beside = estimate_effect(np.eye(47)[9], np.ones(30), here, np.eye(47)[2:], around)
    assert beside.ratio < 1
    assert beside.whitened_direction_p_value == 1.0
    assert beside.p_value > 0.9


def test_a_direction_along_which_activations_vary_must_do_more_than_they_do():
    # Gradients lie in the plane of two axes, more along the second; activations vary there alone.
    rng = np.random.default_rng(0)
    drawn = np.zeros((20, 2, 31))
    drawn[..., :2] = rng.normal(size=(20, 2, 2)) * [1.0, 1.5]
    varies = np.diag([1.0, 1.0, 1e-3] + 28 * [0.0])

    def estimated(covariance):
        around = surroundings(drawn, covariance)
        return estimate_effect(np.eye(31)[0], np.ones(20), drawn, np.eye(31), around)

    in_plane, anywhere = estimated(varies), estimated(np.eye(31))
    assert in_plane.p_value == anywhere.p_value < 1e-6
    assert anywhere.covariance_p_value == pytest.approx(anywhere.p_value)
    assert in_plane.covariance_p_value > 0.3


def test_the_interval_of_a_mean_of_heavy_tailed_numbers():
    rng = np.random.default_rng(0)
    held = {mean_interval: 0, positive_mean_interval: 0}
    for values in rng.exponential(size=(1000, 16)) ** 2:
        for interval in held:
            low, high = interval(values)
            held[interval] += low <= 2.0 <= high
    assert held[positive_mean_interval] > held[mean_interval] + 40
    assert held[positive_mean_interval] > 840


def test_too_few_sites_are_not_tested():
    around = surroundings(np.ones((5, 1, 4)), np.eye(4))
    assert estimate_effect(np.ones(4), np.ones(4), np.ones((4, 1, 4)), np.eye(4), around) is None
    found = estimate_effect(np.ones(4), np.ones(5), np.ones((5, 1, 4)), np.eye(4), around)
    assert found is not None


def test_sites_without_a_gradient_speak_against_an_effect():
    drawn = np.zeros((6, 1, 5))
    drawn[0, 0, 0] = 3.0
    around = surroundings(drawn, np.eye(5))
    found = estimate_effect(np.eye(5)[0], np.ones(6), drawn, np.eye(5)[1:], around)
    assert found.ratio == pytest.approx(5 / 6)  # d_model where all of it lies along, 0 elsewhere
    assert found.cluster_p_value > 0.1


def test_a_mean_above_one_and_many_large_sites():
    rng = np.random.default_rng(3)
    null = 128 * rng.beta(0.5, 63.5, size=(2000, 32))
    assert np.mean([above_one_p(row) <= 0.05 for row in null]) < 0.06
    assert np.mean([many_large_p(row, 128) <= 0.05 for row in null]) < 0.06
    assert above_one_p(np.full(32, 3.0)) == 0.0
    assert above_one_p(3 * null[0]) < 0.05


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


def test_what_is_usual_along_a_direction_is_no_effect():
    # Two directions hold most of all gradients; along a third they are larger than usual, but no
    # more than along a random direction.
    rng = np.random.default_rng(0)

    def gradients(n_sites, third):
        drawn = 0.25 * rng.normal(size=(n_sites, 2, 43))
        drawn[..., :2] = 3 * rng.normal(size=(n_sites, 2, 2))
        drawn[..., 2] = third * rng.normal(size=(n_sites, 2))
        return drawn

    around = surroundings(gradients(500, 0.1), np.eye(43))
    ratios, called = [], 0
    for _ in range(100):
        found = estimate_effect(np.eye(43)[2], np.ones(64), gradients(64, 0.58), np.eye(43), around)
        ratios.append(found.ratio)
        called += found.p_value <= 0.05
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.05)
    assert called <= 10


def test_a_massive_coordinate_does_not_lower_the_bar():
    # Activations vary in 24 directions, in which gradients lie, and far more along one coordinate.
    rng = np.random.default_rng(1)
    basis = np.linalg.qr(rng.normal(size=(48, 25)))[0].T
    covariance = basis[:24].T @ basis[:24] + 1000 * np.outer(basis[24], basis[24])

    def gradients(n_sites):
        return rng.normal(size=(n_sites, 2, 24)) @ basis[:24] + 0.1 * rng.normal(
            size=(n_sites, 2, 48)
        )

    around = surroundings(gradients(500), covariance)
    called = np.mean(
        [
            estimate_effect(
                rng.normal(size=24) @ basis[:24], np.ones(40), gradients(40), np.eye(48), around
            ).covariance_p_value
            <= 0.05
            for _ in range(200)
        ]
    )
    assert called < 0.1


def test_variances_are_cut_to_a_tenth():
    rng = np.random.default_rng(2)
    for n in (21, 53):
        variances = rng.exponential(size=n) ** 3
        found = capped(variances)
        assert found.max() == pytest.approx(min(variances.max(), 0.1 * found.sum()))
        is_cut = found < variances
        np.testing.assert_array_equal(found[~is_cut], variances[~is_cut])
        np.testing.assert_allclose(found[is_cut], found.max())
    assert capped(np.empty(0)).tolist() == []


def test_without_a_direction_or_any_variance():
    drawn = np.random.default_rng(3).normal(size=(6, 2, 5))
    around = surroundings(drawn, np.zeros((5, 5)))
    assert estimate_effect(np.zeros(5), np.ones(6), drawn, np.eye(5), around) is None
    assert (
        estimate_effect(np.eye(5)[0], np.ones(6), drawn, np.eye(5), around).covariance_p_value
        == 1.0
    )
