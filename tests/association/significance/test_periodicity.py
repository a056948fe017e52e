"""Periods of places: found whatever the phase, the length of the chain and a little jitter."""

import numpy as np
import pytest

from protsae.association.significance.periodicity import common_period, label_periods, period
from protsae.association.significance.rotation_overlap import Runs


@pytest.mark.parametrize("phase", np.arange(0, 7, 0.9).tolist())
@pytest.mark.parametrize("n_places", [8, 40, 300])
def test_a_period_of_any_phase(n_places: int, phase: float) -> None:
    places = np.round(7.3 * np.arange(n_places) + phase)
    assert period(places) == pytest.approx(7.3, abs=0.6 / n_places)


def test_spacings_may_be_shorter_than_the_period() -> None:
    """28 and 32 in turn, 28 most of the time: a period of 30, from which each place is one off."""
    places = np.cumsum([0, 28, 32, 28, 32, 28, 32, 28, 32, 28])
    assert period(places) == pytest.approx(30, abs=0.1)


def test_places_at_random_have_none() -> None:
    rng = np.random.default_rng(0)
    found = [period(np.sort(rng.choice(400, 30, replace=False))) for _ in range(200)]
    assert np.count_nonzero(found) <= 2


@pytest.mark.parametrize("n_places", [3, 5, 200])
def test_a_period_that_all_proteins_share(n_places: int) -> None:
    """Each in a phase of its own."""
    places = [np.round(7.3 * np.arange(n_places) + phase) for phase in np.arange(0, 7, 0.5)]
    assert common_period(places) == pytest.approx(7.3, abs=0.6 / n_places)


def test_spacings_of_all_proteins_may_be_shorter_than_the_period() -> None:
    places = [shift + np.cumsum([0, 25, 35, 25, 35, 25]) for shift in range(9)]
    assert common_period(places) == pytest.approx(30, abs=0.5)


@pytest.mark.parametrize("spacing", [3, 7, 7.3, 11.9, 30.2])
def test_periods_are_found_to_a_512th_of_a_turn(spacing: float) -> None:
    """Over the whole span: the steps are 256ths."""
    for n_places in range(9, 40):
        places = spacing * np.arange(n_places)
        for found in (period(places), common_period([places, places + 1, places + 2])):
            assert abs(1 / found - 1 / spacing) * places[-1] < 1 / 512 + 1e-9


@pytest.mark.parametrize(
    ("spacing", "off", "expected"),
    [
        pytest.param(30, 3, 30, id="cos 36 degrees is 0.81"),
        pytest.param(50, 6, 0, id="cos 43.2 degrees is 0.73"),
    ],
)
def test_how_regular_places_have_to_be(spacing: int, off: int, expected: float) -> None:
    """Two early, two late, and so on: the resultant is the cosine of how far off a turn they are,
    and has to be 0.8; of proteins together its square has to be 0.6."""
    places = spacing * np.arange(40) + np.resize([off, off, -off, -off], 40)
    assert period(places) == pytest.approx(expected, abs=0.05)
    together = common_period([places, places + 1, places + 2])
    assert together == pytest.approx(expected, abs=0.05)


def test_how_far_from_the_first_residue_places_lie_does_not_matter() -> None:
    places = np.round(7.3 * np.arange(20))
    assert period(places + 1000) == pytest.approx(period(places), rel=1e-9)
    every = [places, places + 3, places + 5]
    far = [each + 1000 for each in every]
    assert common_period(far) == pytest.approx(common_period(every), rel=1e-9)


@pytest.mark.parametrize("shift", [0, 4, 9])
def test_most_spacings_may_be_two_periods(shift: int) -> None:
    """10, 20, 20 and so on: a quarter of them is the period, 10."""
    places = shift + np.cumsum([0, *[10, 20, 20] * 5])
    assert period(places) == pytest.approx(10, abs=0.01)
    assert common_period([places, places + 1, places + 2]) == pytest.approx(10, abs=0.01)


def test_no_period_is_longer_than_1_3_times_the_median_spacing() -> None:
    """Two neighbours every 20: the median spacing is 10, and a period of 10 is nearly as good."""
    places = np.sort(np.append(np.arange(0, 401, 20), np.arange(1, 401, 20)))
    assert np.median(np.diff(places)) == 10
    assert period(places) == pytest.approx(10, abs=0.01)
    assert common_period([places, places + 3, places + 5]) == pytest.approx(10, abs=0.01)


def test_no_period_is_shorter_than_two_residues() -> None:
    everywhere = np.arange(30)
    assert period(everywhere) == 0
    assert common_period([everywhere] * 3) == 0
    assert period(2 * everywhere) == pytest.approx(2, abs=0.01)
    assert common_period([2 * everywhere] * 3) == pytest.approx(2, abs=0.01)


def runs_of(places: list[np.ndarray]) -> Runs:
    protein = np.repeat(np.arange(len(places)), [len(each) for each in places])
    begin = np.concatenate(places)
    return Runs(protein, begin, begin + 1)


@pytest.mark.parametrize(
    ("n_runs", "n_proteins", "expected"),
    [
        pytest.param(3, 10, 7, id="three runs in ten"),
        pytest.param(3, 8, 0, id="three runs in eight may be chance"),
        pytest.param(5, 3, 7, id="five runs in three"),
        pytest.param(4, 3, 0, id="four runs in three may be chance"),
        pytest.param(2, 30, 0, id="two runs tell nothing"),
        pytest.param(30, 2, 0, id="two proteins tell nothing"),
    ],
)
def test_runs_and_proteins_that_a_common_period_needs(
    n_runs: int, n_proteins: int, expected: float
) -> None:
    """m places in p proteins must share p + 6 sqrt(p) of them."""
    places = [shift % 5 + 7 * np.arange(n_runs) for shift in range(n_proteins)]
    found = label_periods(runs_of(places), np.full(n_proteins, 300))
    assert found == pytest.approx(np.full(n_proteins, expected), abs=0.01)


@pytest.mark.parametrize(
    ("regular", "irregular", "expected"),
    [
        pytest.param([7, 7, 7], 0, [5, 9, 11], id="seven runs in three"),
        pytest.param([6, 7, 7], 0, [0, 0, 0], id="one with six"),
        pytest.param([7, 7, 7], 3, [5, 9, 11, 200, 200, 200], id="half of them"),
        pytest.param([7, 7, 7], 4, [0] * 7, id="fewer than half"),
    ],
)
def test_periods_of_single_proteins(
    regular: list[int], irregular: int, expected: list[float]
) -> None:
    """Of 5, 9 and 11 residues, which share none."""
    places = [t * np.arange(n) for t, n in zip((5, 9, 11), regular, strict=True)]
    places += [np.array([0, 9, 13, 31, 40, 44, 59, 77, 80]) + shift for shift in range(irregular)]
    found = label_periods(runs_of(places), np.full(len(places), 200))
    assert found == pytest.approx(np.array(expected), abs=0.05)


def test_the_first_sixty_proteins_tell_whether_half_are_regular() -> None:
    """Thirty of sixty are; the next one is not, and no longer counts."""
    regular = [spacing * np.arange(8) for spacing in (5, 9, 11)] * 10
    irregular = [np.array([0, 9, 13, 31, 40, 44, 59, 77, 80]) + shift for shift in range(31)]
    found = label_periods(runs_of(regular + irregular), np.full(61, 200))
    assert found == pytest.approx(np.array([5, 9, 11] * 10 + [200] * 31), abs=0.05)


def test_too_few_proteins_share_nothing() -> None:
    one = np.arange(0, 70, 7)
    assert common_period([one, one + 1]) == 0
    assert common_period([one, one + 1, one + 3]) == pytest.approx(7, abs=0.01)


def test_irregular_proteins_among_regular_ones_cannot_rotate() -> None:
    """Periods of 5, 6 and 11 are no common one; the fourth has none, the last too few runs."""
    irregular = np.array([0, 9, 13, 31, 40, 44, 59, 77, 80])
    regular = [np.arange(0, 90, spacing) for spacing in (5, 6, 11)]
    every = [*regular, irregular, np.array([4])]
    protein = np.repeat(np.arange(5), [len(places) for places in every])
    begin = np.concatenate(every)
    found = label_periods(Runs(protein, begin, begin + 1), np.full(5, 97))
    assert found.round(2).tolist() == [5, 6, 11, 97, 97]
