"""Pairs judged on other proteins: who passes, who does not, and how often by mistake."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import binomtest

from protsae.neighbours.assignment import Pairs
from protsae.neighbours.judged_pairs import (
    JudgedPairs,
    judge_pairs,
    rotated_places,
    same_places,
)

N_PROTEINS = 60


def lengths(seed: int) -> np.ndarray:
    drawn: np.ndarray = np.random.default_rng(seed).integers(40, 160, N_PROTEINS)
    return drawn


def judged(own: np.ndarray, other: np.ndarray, length: np.ndarray, seed: int) -> JudgedPairs:
    n = own.shape[1]
    letters = np.random.default_rng(seed).integers(0, 20, len(own))
    pairs = Pairs(np.arange(n), np.arange(n), np.ones(n), (np.arange(n) + 1) % n)
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


def of_same_proteins(world: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two sides that are active in the same proteins, but at places of their own."""
    rng, length = np.random.default_rng((7, world)), lengths(world)
    n = int(length.sum())
    has = rng.random((N_PROTEINS, 10)) < 0.5
    strength = np.repeat(has * rng.exponential(size=has.shape), length, axis=0)
    sides = [strength * rng.random((n, 10)) * (rng.random((n, 10)) < 0.2) for _ in range(2)]
    return sides[0], sides[1], length


def test_the_same_proteins_alone_are_seldom_called() -> None:
    found = [judged(*of_same_proteins(world), seed=0) for world in range(40)]
    p_values = np.concatenate([one.p_value for one in found])
    for level in (0.01, 0.05, 0.2):
        wrong = int((p_values <= level).sum())
        assert binomtest(wrong, 400, level, alternative="greater").pvalue > 0.01, (level, wrong)
    rotated = np.concatenate([one.rotated for one in found])
    exchanged = np.concatenate([one.exchanged for one in found])
    assert rotated.mean() > 0.05
    assert np.abs(exchanged).mean() < 0.02


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
    assert (found.correlation > found.runner_up).all()


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
    pairs = Pairs(np.array([0]), np.array([0]), np.ones(1), np.array([-1]))
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
def test_places_keep_their_distance_to_the_nearer_end(size: tuple[int, int]) -> None:
    own, given = size
    rows = same_places(np.array([own, given]), np.array([1, 0]))[:own] - own
    place = np.arange(own)
    near_start = place <= own - 1 - place
    expected = np.where(near_start, place, given - own + place).clip(0, given - 1)
    np.testing.assert_array_equal(rows, expected)
    if own == given:
        np.testing.assert_array_equal(rows, place)


def test_rotations_are_of_the_own_protein_and_none_is_the_place_itself() -> None:
    length = np.array([5, 101, 40])
    protein = np.repeat(np.arange(3), length)
    for rows in rotated_places(length, 4):
        np.testing.assert_array_equal(protein[rows], protein)
        assert sorted(rows.tolist()) == list(range(146))
        assert (rows != np.arange(146)).all()


def persists(**changed: float) -> float:
    """Of a pair that persists, but for what is changed."""
    usual = {"correlation": 0.8, "low": 0.7, "high": 0.9, "exchanged": 0.1, "rotated": 0.1}
    usual |= {"by_letter": 0.2, "runner_up": 0.3, "n_proteins": 10, "p_value": 0.001}
    q_value = np.array([changed.pop("q_value", 0.01)])
    pair = JudgedPairs(**{name: np.array([value]) for name, value in (usual | changed).items()})
    return float(pair.persists(q_value)[0])


def test_who_persists() -> None:
    assert persists() == 1
    assert persists(correlation=0.70) == 0
    assert persists(runner_up=0.81) == 0
    assert persists(runner_up=np.nan) == 1
    assert persists(q_value=0.06) == 0
    for cheap in ("exchanged", "rotated", "by_letter"):
        assert persists(**{cheap: 0.71}) == 0
    assert np.isnan(persists(n_proteins=9))
    assert np.isnan(persists(q_value=np.nan))


def test_the_runner_up_is_correlated_on_the_same_proteins() -> None:
    own, other, length = next(worlds(1, seed=4))
    found = judged(own, other, length, seed=0)
    expected = [np.corrcoef(own[:, f], other[:, (f + 1) % 10])[0, 1] for f in range(10)]
    np.testing.assert_allclose(found.runner_up, expected)


def test_features_that_follow_the_length_are_seldom_called() -> None:
    """Each is on at random residues, more often in long proteins."""
    rng, p_values = np.random.default_rng(5), []
    for world in range(20):
        length = np.exp(rng.normal(5, 0.6, N_PROTEINS)).astype(int).clip(30, 600)
        rate = np.repeat(0.4 * length / length.max(), length)
        own, other = (
            rng.exponential(size=(len(rate), 5)) * (rng.random((len(rate), 5)) < rate[:, None])
            for _ in range(2)
        )
        p_values.append(judged(own, other, length, seed=world).p_value)
    wrong = int((np.concatenate(p_values) <= 0.05).sum())
    assert binomtest(wrong, 100, 0.05, alternative="greater").pvalue > 0.01, wrong
