"""Intervals of the least of four accuracies hold it, where all four are alike, too."""

import numpy as np
import pytest

from protsae.interventions.confounders.balanced_scores import BalancedTest
from protsae.interventions.confounders.worst_cell import (
    worst_gain_interval,
    worst_interval,
    worst_of,
)

PER_CELL, N_WORLDS = 25, 100
LABEL = np.repeat([False, True], 2 * PER_CELL)
CONFOUNDER = np.tile(np.repeat([False, True], PER_CELL), 2)
EVEN, UNEVEN = (0.7, 0.7, 0.7, 0.7), (0.8, 0.8, 0.8, 0.6)


def told(accuracies: tuple[float, ...], uniform: np.ndarray, seed: int) -> np.ndarray:
    """Of a probe with these chances of being right in each cell."""
    is_right = uniform < np.repeat(accuracies, PER_CELL)
    test = BalancedTest(LABEL, CONFOUNDER, np.arange(len(LABEL)), 200, seed)
    return test.told(np.where(is_right == LABEL, 1.0, -1.0))[None]


@pytest.mark.parametrize("accuracies", [EVEN, UNEVEN])
def test_the_interval_holds_the_least_of_the_true_accuracies(
    accuracies: tuple[float, ...],
) -> None:
    """Percentiles of the resampled least hold it in half of the cases where all are alike."""
    rng = np.random.default_rng(0)
    holds, naive = [], []
    for seed in range(N_WORLDS):
        found = told(accuracies, rng.random(len(LABEL)), seed)
        low, high = worst_interval(found)
        assert low <= worst_of(found) <= high
        holds.append(low <= min(accuracies) <= high)
        low, high = np.percentile(found[0, 1:].min(1), [2.5, 97.5])
        naive.append(low <= min(accuracies) <= high)
    assert np.mean(holds) >= 0.93
    if accuracies is EVEN:
        assert np.mean(naive) < 0.7


@pytest.mark.parametrize(("before", "after"), [(UNEVEN, EVEN), (EVEN, UNEVEN), (EVEN, EVEN)])
def test_the_interval_of_a_gain_holds_it(
    before: tuple[float, ...], after: tuple[float, ...]
) -> None:
    """Two probes that are right of the same proteins, mostly."""
    rng = np.random.default_rng(1)
    holds = []
    for seed in range(N_WORLDS):
        one, other = rng.random((2, len(LABEL)))
        other = np.where(rng.random(len(LABEL)) < 0.7, one, other)
        a, b = told(after, one, seed), told(before, other, seed)
        low, high = worst_gain_interval(a, b)
        assert low <= worst_of(a) - worst_of(b) <= high
        holds.append(low <= min(after) - min(before) <= high)
    assert np.mean(holds) >= 0.93


def test_draws_are_averaged_and_resamplings_without_a_cell_left_out() -> None:
    """Two draws, from 0.5 to 0.9 and from 0.1 to 0.5; a resampling has an empty cell."""
    steps = np.linspace(0, 0.4, 1001)[:, None] + np.zeros(4)
    draws = np.stack([np.vstack([np.full((1, 4), at + 0.2), at + steps]) for at in (0.5, 0.1)])
    empty = np.concatenate([draws, np.full((2, 1, 4), np.nan)], axis=1)
    for each in (draws, empty):
        assert worst_interval(each) == pytest.approx((0.31, 0.6975))
        assert worst_of(each) == pytest.approx(0.5)
