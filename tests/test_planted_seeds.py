"""A planted world of benchmarks/planted_seeds.py, small."""

import numpy as np

from benchmarks.planted_seeds import N_SITES, auroc, draw_world, measure


def test_sites_are_where_their_atoms_are() -> None:
    """And the random ones are unrelated to them."""
    world = draw_world(3)
    projected = world.rows @ world.atoms[:N_SITES].T
    for site in range(N_SITES):
        assert auroc(projected[:, site], world.sites[:, site]) > 0.95
        assert abs(auroc(projected[:, site], world.random[:, site]) - 0.5) < 0.05


def test_auroc_by_hand() -> None:
    """Three of four pairs in order, of equal ones a half."""
    assert auroc(np.array([0.1, 0.5, 0.4, 0.8]), np.array([False, False, True, True])) == 0.75
    assert auroc(np.array([0.5, 0.5]), np.array([False, True])) == 0.5


def test_stability_tells_atoms_and_frozen_saes_lose_where_there_are_detectors() -> None:
    found = measure(0, steps=400)
    assert found["auroc"] >= 0.95
    assert found["atoms"] >= 10
    assert found["others"] >= 10
    assert found["atoms_recur"] > 0.9
    assert found["others_recur"] < 0.1
    assert found["above_planted"] == 1
    assert found["above_random"] == 0
