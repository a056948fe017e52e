"""Against convolutions without FFT, and against all combinations of draws."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protsae.statistics import sum_distribution as module
from protsae.statistics.sum_distribution import SMALLEST, SumLaw


def law_of(draws: list[list[int]], group: list[int] | None = None) -> SumLaw:
    sizes = np.array([len(values) for values in draws])
    return SumLaw.of_draws(np.concatenate(draws), sizes, None if group is None else np.array(group))


@given(
    draws=st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=9), min_size=1, max_size=12)
)
def test_the_tail_of_a_sum_to_ten_digits(draws: list[list[int]]) -> None:
    """Convolution of tables without FFT: only positive terms are added, so no digit is lost."""
    exact = np.ones(1)
    for values in draws:
        exact = np.convolve(exact, np.bincount(values) / len(values))
    law = law_of(draws)
    for observed in {0, *range(1, len(exact), 11), len(exact) - 1}:
        expected = exact[observed:].sum()
        assert law.at_least(observed) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("n_terms", range(1, 14))
@pytest.mark.parametrize("widest", [1, 4, 40])
def test_terms_merged_in_pairs(n_terms: int, widest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one width or of many, an odd number or an even one: as by convolution without FFT."""
    monkeypatch.setattr(module, "AT_ONCE", 0)
    rng = np.random.default_rng(n_terms)
    draws = [rng.integers(0, widest + 1, 6).tolist() for _ in range(n_terms)]
    exact = np.ones(1)
    for values in draws:
        exact = np.convolve(exact, np.bincount(values, minlength=widest + 1) / 6)
    law = law_of(draws)
    found = [law.at_least(observed) for observed in range(law.largest + 1)]
    assert found == pytest.approx([exact[k:].sum() for k in range(law.largest + 1)], rel=1e-9)


def quantiles(draws: list[list[int]]) -> list[int]:
    """The sum of all draws at each of equally likely quantiles that they have in common."""
    n = math.lcm(*map(len, draws))
    rows = [np.repeat(sorted(values), n // len(values)) for values in draws]
    return np.sum(rows, axis=0).tolist()


@pytest.mark.parametrize("at_once", [0, 2**16])
@pytest.mark.parametrize("seed", range(40))
def test_groups_move_together(seed: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of each group at common quantiles, then all combinations of the groups' sums."""
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    rng = np.random.default_rng(seed)
    draws = [rng.integers(0, 7, rng.integers(1, 5)).tolist() for _ in range(5)]
    group = rng.integers(4, 7, 5).tolist()
    members = [[d for d, g in zip(draws, group, strict=True) if g == one] for one in set(group)]
    sums = [sum(chosen) for chosen in product(*map(quantiles, members))]
    law = law_of(draws, group)
    for observed in range(max(sums) + 2):
        expected = np.mean([s >= observed for s in sums])
        assert law.at_least(observed) == pytest.approx(expected, rel=1e-9)


def test_the_largest_sum_by_hand() -> None:
    """2 of 4 draws, all, and 1 of 3: P(7 + 3 + 9) = 1/2 * 1 * 1/3."""
    law = law_of([[7, 7, 1, 0], [3], [9, 2, 2]])
    assert law.largest == 19
    assert law.log_p_of_largest() == pytest.approx(math.log(1 / 6))
    assert law.at_least(19) == pytest.approx(1 / 6)
    assert (law.at_least(20), law.at_least(5)) == (0, 1)


def test_a_sum_that_cannot_vary() -> None:
    law = law_of([[2, 2], [5]])
    assert (law.at_least(7), law.at_least(8), law.log_p_of_largest()) == (1, 0, 0)


def test_no_probability_is_below_the_smallest() -> None:
    law = law_of([[1] + [0] * 9] * 400)
    assert law.at_least(400) == pytest.approx(SMALLEST)


@pytest.mark.parametrize("level", [1e-12, 1e-6, 0.01])
def test_a_tail_is_bounded_where_it_is_below_a_level(level: float) -> None:
    """Of 97 dice, at least so many spots: exact, or a bound from above that is below the level."""
    dice = SumLaw.of_draws(np.tile(np.arange(1, 7), 97), np.full(97, 6))
    bounds = 0
    for observed in range(97, 6 * 97 + 1):
        exact, found = dice.at_least(observed), dice.at_least(observed, level)
        if found != exact:
            assert exact * (1 - 1e-9) <= found < level
            bounds += 1
    assert dice.at_least(6 * 97, level) == pytest.approx(6.0**-97, rel=1e-9)
    assert 90 < bounds < 200
