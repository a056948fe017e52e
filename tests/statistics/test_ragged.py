"""Against loops over groups, empty ones among them."""

import numpy as np
import pytest

from protsae.statistics import ragged


def random_sizes(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, size=seed % 7)


@pytest.mark.parametrize("seed", range(30))
def test_elements_of_groups(seed: int) -> None:
    sizes = random_sizes(seed)
    expected = [(group, place) for group, size in enumerate(sizes) for place in range(size)]
    found = zip(ragged.groups(sizes).tolist(), ragged.places(sizes).tolist(), strict=True)
    assert list(found) == expected
    assert ragged.starts(sizes).tolist() == [sum(sizes[:group]) for group in range(len(sizes))]


@pytest.mark.parametrize("seed", range(30))
def test_sizes_from_the_first_of_each_group(seed: int) -> None:
    sizes = random_sizes(seed) + 1
    assert ragged.sizes_of(ragged.starts(sizes), int(sizes.sum())).tolist() == sizes.tolist()


@pytest.mark.parametrize("seed", range(30))
def test_ranges(seed: int) -> None:
    sizes = random_sizes(seed)
    begin = np.random.default_rng(seed + 1).integers(-5, 5, len(sizes))
    expected = [n for a, size in zip(begin, sizes, strict=True) for n in range(a, a + size)]
    assert ragged.ranges(begin, sizes).tolist() == expected


@pytest.mark.parametrize("seed", range(30))
def test_changes_of_two_keys(seed: int) -> None:
    one, two = np.random.default_rng(seed).integers(0, 2, size=(2, seed))
    both = list(zip(one.tolist(), two.tolist(), strict=True))
    expected = [place == 0 or both[place] != both[place - 1] for place in range(seed)]
    assert ragged.changes(one, two).tolist() == expected


def test_groups_in_a_smaller_type() -> None:
    assert ragged.groups(np.array([2, 1]), np.int32).dtype == np.int32


def test_intervals_there_and_back() -> None:
    begin, end = ragged.half_open(np.array([1, 5]), np.array([4, 5]))
    assert [list(range(a, b)) for a, b in zip(begin, end, strict=True)] == [[0, 1, 2, 3], [4]]
    assert [x.tolist() for x in ragged.inclusive(begin, end)] == [[1, 5], [4, 5]]


@pytest.mark.parametrize("most", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(30))
def test_runs(seed: int, most: int) -> None:
    """Against a loop that begins a new run when the next group would not fit."""
    sizes = random_sizes(seed)
    expected: list[list[int]] = []
    for group, size in enumerate(sizes.tolist()):
        if not expected or sizes[expected[-1]].sum() + size > most:
            expected.append([])
        expected[-1].append(group)
    found = [list(range(run.start, run.stop)) for run in ragged.runs(sizes, most)]
    assert found == expected
