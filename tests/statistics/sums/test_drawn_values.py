"""Where draws that move together step: at shares that are equal, however they are written."""

import numpy as np

from protsae.statistics.sums.drawn_values import comonotonic_sums, distinct_values


def sums(parts: list[list[int]], group: list[int]) -> list[list[float]]:
    sizes = np.array([len(values) for values in parts])
    table = distinct_values(np.concatenate(parts), sizes)
    return [x.tolist() for x in comonotonic_sums(*table, sizes, np.array(group))]


def test_two_of_three_are_four_of_six() -> None:
    """0 0 1 and 0 0 0 0 5 5 step at the same place: 0 or 6, nothing between."""
    group, value, share = sums([[0, 1, 0], [5, 0, 0, 0, 0, 5]], [0, 0])
    assert (group, value) == ([0, 0], [0, 6])
    np.testing.assert_allclose(share, [2 / 3, 1 / 3])


def test_other_groups_step_by_themselves() -> None:
    group, value, share = sums([[0, 1, 0], [5, 0, 0, 0, 0, 5]], [1, 0])
    assert (group, value) == ([0, 0, 1, 1], [0, 5, 0, 1])
    np.testing.assert_allclose(share, [2 / 3, 1 / 3, 2 / 3, 1 / 3])


def test_thousands_of_parts_step_together() -> None:
    """Sums of sevenths would have lost their last digits by then."""
    group, value, share = sums([[0, 1, 2, 3, 4, 5, 6]] * 30_011, [0] * 30_011)
    assert (group, value) == ([0] * 7, [30_011 * step for step in range(7)])
    np.testing.assert_allclose(share, np.full(7, 1 / 7))
