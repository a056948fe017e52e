"""What each arm takes out, by hand."""

import numpy as np
import pytest

from protsae.interventions.confounders.removal_arms import (
    COORDINATES,
    DIFFERENCE,
    DIRECTIONS,
    FEATURES,
    LEACE,
    RANDOM,
    REMOVALS,
    Proteins,
    removals,
)

LABEL = np.array([False, False, True, True] * 6)
CONFOUNDER = np.array([False, True] * 12)


def proteins() -> Proteins:
    """Feature 1 is the confounder, feature 4 the label, feature 2 both; coordinates as features."""
    rng = np.random.default_rng(0)
    f = rng.random((24, 7))
    f[:, 1] += 2 * CONFOUNDER
    f[:, 4] += 2 * LABEL
    f[:, 2] += 0.5 * CONFOUNDER + 0.5 * LABEL
    return Proteins(f.copy(), f, LABEL, CONFOUNDER)


def of_arm(arm: str, **changes: object) -> list:
    given = {"counts": (1, 2, 64), "n_draws": 3, "penalty": 0.1, "seed": 0} | changes
    train = proteins()
    found = removals(train, np.eye(7), np.linspace(0.1, 0.7, 7), **given)  # type: ignore[arg-type]
    return [one for one in found if one.arm == arm]


def test_features_of_the_confounder_are_first_and_those_of_the_label_not_among_them() -> None:
    one, two = of_arm(FEATURES)[:2]
    assert one.chosen.tolist() == [1]
    assert two.chosen.tolist() == [1, 2]
    left = one.apply(proteins())
    assert (left[:, 1] == 0).all()
    assert np.array_equal(np.delete(left, 1, 1), np.delete(proteins().x_ND, 1, 1))


def test_coordinates_are_chosen_by_the_same_rule() -> None:
    assert [c.chosen.tolist() for c in of_arm(COORDINATES)][:2] == [[1], [1, 2]]
    left = of_arm(COORDINATES)[0].apply(proteins())
    np.testing.assert_allclose(left[:, 1], proteins().x_ND[:, 1].mean())
    assert np.array_equal(np.delete(left, 1, 1), np.delete(proteins().x_ND, 1, 1))


def test_random_features_are_as_many_and_others_for_each_draw() -> None:
    found = of_arm(RANDOM)
    assert [(one.n, one.draw) for one in found[:6]] == [(n, d) for n in (1, 2) for d in range(3)]
    for one in found[:6]:
        assert len(one.chosen) == one.n
        assert not set(one.chosen.tolist()) & set([1, 2][: one.n])
    assert len({tuple(one.chosen.tolist()) for one in found}) > 2


def test_what_is_not_there_is_not_removed() -> None:
    """64 of 7 features or coordinates."""
    for arm in REMOVALS:
        assert max(one.n for one in of_arm(arm)) <= 7
    assert [one.n for one in of_arm(DIFFERENCE)] == [1]
    assert [one.n for one in of_arm(LEACE)] == [1]


@pytest.mark.parametrize(("arm", "most"), [(DIFFERENCE, 0.1), (LEACE, 1e-9), (DIRECTIONS, 0.6)])
def test_directions_take_the_confounder_and_leave_the_label(arm: str, most: float) -> None:
    """The direction of a probe is not that of the means, so that one takes a part."""
    before, after = proteins().x_ND, of_arm(arm)[0].apply(proteins())
    gap = [x[CONFOUNDER].mean(0) - x[~CONFOUNDER].mean(0) for x in (before, after)]
    assert np.linalg.norm(gap[1]) < most * np.linalg.norm(gap[0])
    kept = after[LABEL, 4].mean() - after[~LABEL, 4].mean()
    assert kept == pytest.approx(before[LABEL, 4].mean() - before[~LABEL, 4].mean(), rel=0.1)
