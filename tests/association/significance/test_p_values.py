"""The bound on a tail: where it is exact, beside a plain search for it, and never too small."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from protsae.association.significance.p_values import (
    BOUNDED_BELOW,
    headline_p_value,
    tail_bounds,
)
from protsae.statistics.sums.sum_distribution import SumLaws


def tail_bound(mean: np.ndarray, least: np.ndarray, most: np.ndarray, observed: int) -> float:
    return float(tail_bounds(mean[None], least[None], most[None], np.array([observed]))[0])


@pytest.mark.parametrize("seed", range(100))
def test_the_bound_is_never_below_the_law(seed: int) -> None:
    rng = np.random.default_rng(seed)
    draws = [rng.integers(0, rng.integers(1, 9), rng.integers(1, 12)) for _ in range(13)]
    sizes, one = np.array([len(values) for values in draws]), np.zeros(13, int)
    law = SumLaws.of_draws(np.concatenate(draws), sizes, one, 1)
    table = np.array([(values.mean(), values.min(), values.max()) for values in draws]).T
    most = int(table[2].sum())
    for observed in range(most + 1):
        [exact] = law.at_least(np.array([observed]))
        assert exact * (1 - 1e-9) <= tail_bound(table[0], table[1], table[2], observed) <= 1


@pytest.mark.parametrize(("least", "most"), [(0, 1), (3, 4), (2, 5), (0, 97)])
def test_the_bound_on_the_largest_sum_is_its_chance(least: int, most: int) -> None:
    """Of 40 terms that take their most in a third of cases and else their least: 3^-40."""
    mean, n = least + (most - least) / 3, 40
    bound = tail_bound(np.full(n, mean), np.full(n, least), np.full(n, most), n * most)
    assert np.log(bound) == pytest.approx(-40 * np.log(3), abs=1e-6)


@pytest.mark.parametrize(("largest_share", "part"), [(0.5, 0.95), (0.1, 0.35)])
@pytest.mark.parametrize("seed", range(20))
def test_the_bound_is_the_least_over_all_tilts(
    seed: int, largest_share: float, part: float
) -> None:
    """log inf_theta exp(-theta y) prod_p E exp(theta C_p), C_p least or most only."""
    rng = np.random.default_rng(seed)
    least = rng.integers(0, 5, 60)
    most = least + rng.integers(0, 6, 60)
    mean = least + (most - least) * rng.uniform(0.01, largest_share, 60)
    observed = int(least.sum() + part * (most - least).sum())

    def log_bound(theta: float) -> float:
        width = most - least
        share = np.divide(mean - least, width, out=np.zeros(60), where=width > 0)
        return float((np.log1p(share * np.expm1(theta * width)) + theta * least).sum()) - (
            theta * observed
        )

    expected = minimize_scalar(log_bound, bounds=(0, 30), method="bounded").fun
    assert np.log(tail_bound(mean, least, most, observed)) == pytest.approx(expected, abs=1e-5)


def test_what_is_almost_certain_lacks_little() -> None:
    """A term of 0 or 1 with mean 0.0001: by Markov's inequality, which is sharp here."""
    assert tail_bound(np.array([1e-4]), np.zeros(1), np.ones(1), 1) == pytest.approx(1e-4, rel=1e-6)
    more = np.array([1e-4, 0.0]), np.zeros(2), np.array([1, 2])
    assert tail_bound(*more, 1) == pytest.approx(1e-4, rel=1e-6)


def test_what_cannot_be_is_bounded_by_next_to_nothing() -> None:
    """A sum that is always 3, though a term could be less, is never 4."""
    assert 0 < tail_bound(np.array([3.0]), np.zeros(1), np.array([3]), 4) < 1e-20


def test_near_the_mean_the_bound_is_1() -> None:
    """100 fair coins spread by 5 at most: 74 lie 4.8 spreads above the mean, 76 lie 5.2."""
    coins = np.full(100, 0.5), np.zeros(100, int), np.ones(100, int)
    assert tail_bound(*coins, 74) == 1
    assert 1e-8 < tail_bound(*coins, 76) < 1e-5


def test_constant_terms_bound_nothing() -> None:
    assert tail_bound(np.full(3, 4.0), np.full(3, 4), np.full(3, 4), 12) == 1


def test_the_headline_is_the_larger_p_value() -> None:
    rotation, position = np.array([0.01, 0.2, 0.3]), np.array([0.04, 0.1, np.nan])
    np.testing.assert_array_equal(headline_p_value(rotation, position, False), [0.04, 0.2, np.nan])
    np.testing.assert_array_equal(headline_p_value(rotation, position, True), position)


def test_a_mean_beyond_the_range_is_at_its_end() -> None:
    """As where runs of labels that lie on one residue are counted twice."""
    third, least, most = np.full(40, 1 / 3), np.full(43, 2), np.full(43, 3)
    bounds = [
        tail_bound(2 + np.append(third, ends), least, most, 2 * 43 + 37)
        for ends in ([1.0, 1.0, 0.0], [1.4, 1.9, -0.3])
    ]
    assert bounds[1] == bounds[0] < 1e-8


def test_the_least_p_value_that_is_exact_is_the_documented_one() -> None:
    text = Path(__file__).parents[3].joinpath("docs", "tables.md").read_text()
    assert text.count(f"Below {BOUNDED_BELOW:g} it is an upper bound.") >= 2


def test_five_spreads_above_the_mean_are_far_enough_for_a_search() -> None:
    """Of 100 coins 50 is the mean and sqrt(100 / 4) = 5 a spread: 75 is just far enough."""
    mean, least, most = np.full(100, 0.5), np.zeros(100, int), np.ones(100, int)
    assert tail_bound(mean, least, most, 74) == 1
    assert tail_bound(mean, least, most, 75) < 1e-5
