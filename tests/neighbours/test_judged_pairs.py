"""Pairs judged on other proteins: who passes, who does not, and how often by mistake."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import binomtest

from protsae.neighbours.assignment import Pairs
from protsae.neighbours.judged_pairs import JudgedPairs, judge_pairs, same_places

N_PROTEINS = 60


def lengths(seed: int) -> np.ndarray:
    drawn: np.ndarray = np.random.default_rng(seed).integers(40, 160, N_PROTEINS)
    return drawn


def judged(own: np.ndarray, other: np.ndarray, length: np.ndarray, seed: int) -> JudgedPairs:
    n = own.shape[1]
    letters = np.random.default_rng(seed).integers(0, 20, len(own))
    pairs = Pairs(np.arange(n), np.arange(n), np.ones(n))
    return judge_pairs(sparse.csr_array(own), sparse.csr_array(other), pairs, length, letters)


def worlds(n: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Two sides that share nothing but places: near the start, or near the end, of some proteins.

    Which proteins have a feature, and how strongly, is drawn for each side by itself.
    """
    for world in range(n):
        rng = np.random.default_rng((seed, world))
        length = lengths(world)
        place = np.concatenate([np.arange(size) for size in length])
        from_end = np.concatenate([np.arange(size)[::-1] for size in length])
        sides = []
        for _ in range(2):
            found = []
            for feature in range(10):
                near = (place if feature % 2 else from_end) < 5 + 3 * feature
                has = np.repeat(rng.random(N_PROTEINS) < 0.3 + 0.06 * feature, length)
                strength = np.repeat(rng.exponential(size=N_PROTEINS), length)
                found.append(near * has * strength * rng.random(len(place)))
            sides.append(np.stack(found, axis=1))
        yield sides[0], sides[1], length


def test_places_alone_are_seldom_called() -> None:
    p_values = [
        judged(own, other, length, seed=0).p_value for own, other, length in worlds(60, seed=0)
    ]
    for level in (0.01, 0.05, 0.2):
        wrong = int((np.concatenate(p_values) <= level).sum())
        test = binomtest(wrong, 600, level, alternative="greater")
        assert test.pvalue > 0.01, (level, wrong)


def test_places_alone_show_in_the_exchanged_correlation() -> None:
    own, other, length = next(worlds(1, seed=1))
    found = judged(own + 0.1 * (own > 0), other, length, seed=0)
    assert np.abs(found.correlation - found.exchanged).max() < 0.2
    assert found.exchanged.max() > 0.25


def test_what_goes_with_the_same_proteins_is_called() -> None:
    own, _, length = next(worlds(1, seed=2))
    noisy = own * np.random.default_rng(0).random(own.shape)
    found = judged(own, noisy, length, seed=0)
    assert (found.p_value < 1e-3).all(), found.p_value
    assert (found.correlation > found.exchanged).all()
    assert ((found.low < found.correlation) & (found.correlation < found.high)).all()


def test_correlation_is_numpys() -> None:
    own, other, length = next(worlds(1, seed=3))
    found = judged(own, other, length, seed=0)
    expected = [np.corrcoef(own[:, f], other[:, f])[0, 1] for f in range(own.shape[1])]
    np.testing.assert_allclose(found.correlation, expected)
    protein = np.repeat(np.arange(N_PROTEINS), length)
    active = [len(set(protein[own[:, f] > 0].tolist())) for f in range(own.shape[1])]
    assert found.n_proteins.tolist() == active


def test_the_amino_acid_explains_what_only_follows_it() -> None:
    rng, length = np.random.default_rng(0), lengths(0)
    letters = rng.integers(0, 20, int(length.sum()))
    is_c = letters == 2
    own, other = (sparse.csr_array((is_c * rng.random(len(letters)))[:, None]) for _ in range(2))
    pairs = Pairs(np.array([0]), np.array([0]), np.ones(1))
    found = judge_pairs(own, other, pairs, length, letters)
    assert found.correlation[0] > 0.6
    assert found.by_letter[0] == pytest.approx(found.correlation[0], abs=0.03)
    shuffled = judge_pairs(own, other, pairs, length, rng.permutation(letters))
    assert abs(shuffled.by_letter[0]) < 0.05


def test_one_protein_or_a_silent_feature_tells_nothing() -> None:
    own = np.array([[1.0, 0.0], [0.0, 0.0], [2.0, 0.0]])
    found = judged(own, own, np.array([3]), seed=0)
    assert np.isnan(found.p_value).all()
    assert np.isnan(found.exchanged).all()
    two = judged(np.tile(own, (2, 1)), np.tile(own, (2, 1)), np.array([3, 3]), seed=0)
    assert np.isfinite(two.p_value).tolist() == [True, False]
    assert np.isnan(two.correlation).tolist() == [False, True]


@pytest.mark.parametrize("size", [(7, 11), (120, 400), (400, 120), (103, 103), (1, 300)])
def test_places_keep_their_distance_to_the_ends(size: tuple[int, int]) -> None:
    own, given = size
    rows = same_places(np.array([own, given]), np.array([1, 0]))[:own] - own
    assert rows.min() >= 0
    assert rows.max() < given
    assert (np.diff(rows) >= 0).all()
    end = min(50, own // 2, given // 2)
    np.testing.assert_array_equal(rows[:end], np.arange(end))
    np.testing.assert_array_equal(rows[own - end :], np.arange(given - end, given))
    if own == given:
        np.testing.assert_array_equal(rows, np.arange(own))
