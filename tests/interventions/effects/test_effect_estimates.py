"""Which directions are called, among gradients whose truth is known."""

import numpy as np
import pytest

from protsae.interventions.effects.effect_estimates import estimate_effect
from protsae.interventions.effects.surroundings import surroundings


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


def test_without_a_direction_or_any_variance():
    drawn = np.random.default_rng(3).normal(size=(6, 2, 5))
    around = surroundings(drawn, np.zeros((5, 5)))
    assert estimate_effect(np.zeros(5), np.ones(6), drawn, np.eye(5), around) is None
    assert (
        estimate_effect(np.eye(5)[0], np.ones(6), drawn, np.eye(5), around).covariance_p_value
        == 1.0
    )
