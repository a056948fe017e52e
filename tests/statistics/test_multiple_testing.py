"""Q-values by hand; true discoveries against closed testing of all subsets."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from protsae.statistics.multiple_testing import benjamini_hochberg, least_true


def test_benjamini_hochberg_by_hand() -> None:
    """Sorted 0.01, 0.02, 0.03, 0.5 times 4 / rank; each at most what follows."""
    found = benjamini_hochberg(np.array([0.5, 0.02, np.nan, 0.01, 0.03]))
    np.testing.assert_allclose(found, [0.5, 0.04, np.nan, 0.04, 0.04])
    assert np.isnan(benjamini_hochberg(np.full(3, np.nan))).all()
    assert benjamini_hochberg(np.zeros(0)).shape == (0,)


@pytest.mark.parametrize("n", [1, 2, 7, 301])
def test_benjamini_hochberg_agrees_with_scipy(n: int) -> None:
    """With ties, as p-values in thirtieths have."""
    p_values = np.ceil(30 * np.random.default_rng(n).random(n) ** 3) / 30
    np.testing.assert_allclose(
        benjamini_hochberg(p_values), false_discovery_control(p_values), rtol=1e-12
    )


def test_benjamini_hochberg_of_two_families_by_hand() -> None:
    """0.01 and 0.04 alone: 2 * 0.01 and 0.04. 0.03 alone: itself. Together they were 0.03, 0.04."""
    p_values, family = np.array([0.01, 0.03, np.nan, 0.04]), np.array(["a", "b", "b", "a"])
    found = benjamini_hochberg(p_values, family)
    np.testing.assert_allclose(found, [0.02, 0.03, np.nan, 0.04])


def test_true_discoveries_are_those_of_closed_testing() -> None:
    """A set of hypotheses is rejected if Simes rejects all sets that hold it: all subsets tried."""
    rng = np.random.default_rng(0)
    counts = set()
    for _ in range(60):
        n = int(rng.integers(1, 7))
        p_values = rng.random(n) ** rng.choice([1, 3, 6])
        chosen = rng.random(n) < 0.7
        sets = [set(s) for k in range(1, n + 1) for s in combinations(range(n), k)]
        kept = [s for s in sets if not simes_rejects(p_values[sorted(s)])]
        all_null = [
            len(s)
            for s in sets
            if s <= set(np.flatnonzero(chosen)) and any(s <= other for other in kept)
        ]
        expected = int(chosen.sum()) - max(all_null, default=0)
        assert least_true(p_values, chosen) == expected
        counts.add(expected)
    assert counts >= {0, 1, 2, 3}


def simes_rejects(p_values: np.ndarray) -> bool:
    n = len(p_values)
    return any(p <= 0.05 * j / n for j, p in enumerate(np.sort(p_values), start=1))


def test_a_p_value_at_the_level_is_a_discovery() -> None:
    """And two of the half of it and of it, but not one of two at it."""
    assert least_true(np.array([0.05]), np.ones(1, bool)) == 1
    assert least_true(np.array([0.025, 0.05]), np.ones(2, bool)) == 2
    assert least_true(np.array([0.05, 0.9]), np.ones(2, bool)) == 0


def test_no_true_discovery_without_hypotheses() -> None:
    assert least_true(np.array([]), np.array([], bool)) == 0
