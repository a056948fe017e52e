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
