"""Features that are active together, and whether either suffices."""

import numpy as np
import pytest
from scipy import sparse

from protsae.interventions.effects.partners import partners, redundancy


def test_partners_are_those_of_the_largest_cosine():
    rng = np.random.default_rng(0)
    dense = rng.exponential(size=(53, 7)) * (rng.random((53, 7)) < 0.4)
    dense[:, 6] = 0
    unit = dense[:, :6] / np.linalg.norm(dense[:, :6], axis=0)
    cosine = unit.T @ unit - 2 * np.eye(6)
    found = partners(sparse.csc_array(dense.astype(np.float32)), range(7))
    for feature in range(6):
        assert found[feature] == np.argsort(-cosine[feature])[:3].tolist()
    assert found[6] == []


def test_what_two_do_together_and_alone():
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=(2, 11, 5))
    share, low, high = redundancy(one, other, one + other)
    assert (share, low, high) == pytest.approx((0, 0, 0), abs=1e-12)
    # A shift of all letters is no change of predictions.
    assert redundancy(one + 3, other - 1, one + other) == pytest.approx((0, 0, 0), abs=1e-12)
    share, low, high = redundancy(0 * one, 0.5 * one, one)
    assert (share, low, high) == pytest.approx((0.5, 0.5, 0.5))
    share, low, high = redundancy(0 * one, 0.1 * other, one)
    assert low < share < high
    assert 0.7 < share < 1.3


def test_what_cancels_is_not_redundant():
    one = np.random.default_rng(2).normal(size=(7, 5))
    for left in (0.02, 0.1):
        share, _, high = redundancy(one, (left - 1) * one, left * one)
        assert abs(share) < 0.02
        assert high < 0.02


def test_one_site_alone_decides_nothing():
    rng = np.random.default_rng(3)
    both = rng.normal(size=(6, 5))
    both[0] *= 30
    one = both.copy()  # at all sites but the first either does all
    one[0] = 0
    share, low, _ = redundancy(one, one, both)
    assert share > 0.9
    assert low < -0.9


def test_a_pair_that_does_nothing_says_nothing():
    nothing = np.zeros((4, 5))
    assert redundancy(nothing, nothing, nothing) is None
    two = np.ones((2, 1)) * [0.0, 1, 2, 3, 4]
    assert redundancy(nothing[:2], nothing[:2], two) is None
