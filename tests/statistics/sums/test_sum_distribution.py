"""Against convolutions without FFT, and against all combinations of draws."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from protsae.statistics.sums import convolution as module
from protsae.statistics.sums.sum_distribution import SumLaws


class Law:
    """One sum."""

    def __init__(self, draws: list[list[int]], group: list[int] | None = None):
        sizes = np.array([len(values) for values in draws])
        groups = None if group is None else np.array(group)
        one = np.zeros(len(draws), int)
        self.laws = SumLaws.of_draws(np.concatenate(draws), sizes, one, 1, groups)
        self.largest = int(self.laws.largest[0])

    def at_least(self, observed: int, bounded_below: float = 0.0) -> float:
        return float(self.laws.at_least(np.array([observed]), bounded_below)[0])

    def log_p_of_largest(self) -> float:
        return float(self.laws.log_p_of_largest()[0])


@given(
    draws=st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=9), min_size=1, max_size=12)
)
def test_the_tail_of_a_sum_to_ten_digits(draws: list[list[int]]) -> None:
    """Convolution of tables without FFT: only positive terms are added, so no digit is lost."""
    exact = np.ones(1)
    for values in draws:
        exact = np.convolve(exact, np.bincount(values) / len(values))
    law = Law(draws)
    for observed in {0, *range(1, len(exact), 11), len(exact) - 1}:
        expected = exact[observed:].sum()
        assert law.at_least(observed) == pytest.approx(expected, rel=1e-10, abs=0)


def quantiles(draws: list[list[int]]) -> list[int]:
    """The sum of all draws at each of equally likely quantiles that they have in common."""
    n = math.lcm(*map(len, draws))
    rows = [np.repeat(sorted(values), n // len(values)) for values in draws]
    return np.sum(rows, axis=0).tolist()


@pytest.mark.parametrize("at_once", [0, 2**21])
@pytest.mark.parametrize("seed", range(40))
def test_groups_move_together(seed: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of each group at common quantiles, then all combinations of the groups' sums."""
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    rng = np.random.default_rng(seed)
    draws = [rng.integers(0, 7, rng.integers(1, 5)).tolist() for _ in range(5)]
    group = rng.integers(4, 7, 5).tolist()
    members = [[d for d, g in zip(draws, group, strict=True) if g == one] for one in set(group)]
    sums = [sum(chosen) for chosen in product(*map(quantiles, members))]
    law = Law(draws, group)
    for observed in range(max(sums) + 2):
        expected = np.mean([s >= observed for s in sums])
        assert law.at_least(observed) == pytest.approx(expected, rel=1e-9, abs=0)


def test_the_largest_sum_by_hand() -> None:
    """2 of 4 draws, all, and 1 of 3: P(7 + 3 + 9) = 1/2 * 1 * 1/3."""
    law = Law([[7, 7, 1, 0], [3], [9, 2, 2]])
    assert law.largest == 19
    assert law.log_p_of_largest() == pytest.approx(math.log(1 / 6))
    assert law.at_least(19) == pytest.approx(1 / 6)
    assert (law.at_least(20), law.at_least(5)) == (0, pytest.approx(1))


def test_a_sum_that_cannot_vary() -> None:
    law = Law([[2, 2], [5]])
    assert (law.at_least(7), law.at_least(8), law.log_p_of_largest()) == (1, 0, 0)


def test_no_probability_is_below_the_smallest() -> None:
    law = Law([[1] + [0] * 9] * 400)
    assert law.at_least(400) == pytest.approx(1e-300, rel=1e-9, abs=0)


@pytest.mark.parametrize("level", [1e-12, 1e-6, 0.01])
def test_a_tail_is_bounded_where_it_is_below_a_level(level: float) -> None:
    """Of 97 dice, at least so many spots: exact, or a bound from above that is below the level."""
    dice = Law([list(range(1, 7))] * 97)
    bounds = 0
    for observed in range(97, 6 * 97 + 1):
        exact, found = dice.at_least(observed), dice.at_least(observed, level)
        if found != exact:
            assert exact * (1 - 1e-9) <= found < level
            bounds += 1
    assert dice.at_least(6 * 97) == pytest.approx(6.0**-97, rel=1e-9, abs=0)
    assert 90 < bounds < 200


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_many_sums_at_once_are_each_by_itself(seed: int, grouped: bool) -> None:
    """The third has no terms, the fifth cannot vary; groups of different sums are different."""
    rng = np.random.default_rng(seed)
    sums = [
        [rng.integers(0, 9, rng.integers(1, 6)).tolist() for _ in range(n)] for n in (5, 1, 0, 7, 2)
    ]
    sums[4] = [[3, 3], [2]]
    group = [rng.integers(0, 3, len(draws)).tolist() if grouped else None for draws in sums]
    every = [values for draws in sums for values in draws]
    laws = SumLaws.of_draws(
        np.concatenate(every),
        np.array([len(values) for values in every]),
        np.repeat(np.arange(5), [len(draws) for draws in sums]),
        5,
        np.concatenate([np.array(own, int) for own in group]) if grouped else None,
    )
    one_by_one = [Law(*each) for each in zip(sums, group, strict=True) if each[0]]
    one_by_one.insert(2, Law([[0]]))
    assert laws.largest.tolist() == [law.largest for law in one_by_one]
    log_p = [law.log_p_of_largest() for law in one_by_one]
    np.testing.assert_allclose(laws.log_p_of_largest(), log_p)
    for _ in range(8):
        observed = rng.integers(0, laws.largest + 2)
        least = rng.choice([0.0, 1e-3], 5)
        expected = [
            law.at_least(*each) for law, *each in zip(one_by_one, observed, least, strict=True)
        ]
        np.testing.assert_allclose(laws.at_least(observed, least), expected, rtol=1e-12)


def test_a_tail_whose_tilt_newtons_method_would_overshoot() -> None:
    """Six or more of seven that are 1 in one of a thousand cases and else 0."""
    law = Law([[1] + [0] * 999] * 7)
    expected = 7 * 1e-18 * 0.999 + 1e-21
    assert law.at_least(6) == pytest.approx(expected, rel=1e-12, abs=0)


def test_a_rare_value_far_above_all_others() -> None:
    """The first tilt leaves nothing of the others, and no variance."""
    law = Law([[1000] + [0] * 9999])
    assert law.at_least(500) == pytest.approx(1e-4, rel=1e-12)


def test_the_tail_of_a_sum_of_large_values() -> None:
    """Of 97 that are 1000 in a tenth of cases: fifty or more."""
    law = Law([[1000] + [0] * 9] * 97)
    assert law.at_least(50_000) == pytest.approx(binom.sf(49, 97, 0.1), rel=1e-10, abs=0)


def test_a_tail_beyond_a_rare_value_wider_than_all_others_together() -> None:
    """300 coins, and 100,000 in one of a thousand cases: its tilt leaves the others nothing."""
    law = Law([[1, 0]] * 300 + [[100_000] + [0] * 999])
    expected = 1e-3 * binom.sf(149, 300, 0.5)
    assert law.at_least(100_150) == pytest.approx(expected, rel=1e-9, abs=0)


def test_a_tail_that_is_left_out_is_bounded_from_above() -> None:
    """100 coins, and 3,000 in 99 of 100 cases: two peaks, between which the mean lies."""
    law = Law([[1, 0]] * 100 + [[0] + [3000] * 99])
    assert 0.99 * binom.sf(97, 100, 0.5) < law.at_least(3098, 1e-12) < 1e-12
