"""Neighbours by direction against a plain table of cosines."""

import numpy as np
import pytest
import torch

from protsae.neighbours import near_directions
from protsae.neighbours.near_directions import nearest_directions, random_cosines

N, D = 23, 7


@pytest.mark.parametrize("cosines", [1, 5 * N, 10**6], ids=["one row", "some", "all"])
def test_nearest_are_those_of_the_table(cosines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_directions, "COSINES", cosines)
    directions = np.random.default_rng(0).normal(size=(N, D))
    may = np.ones(N, bool)
    may[[3, 11]] = False
    found = nearest_directions(torch.from_numpy(directions), 4, torch.from_numpy(may))
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    table = unit @ unit.T
    table[:, ~may] = -np.inf
    np.fill_diagonal(table, -np.inf)
    order = np.argsort(-table, axis=1)[:, :4]
    np.testing.assert_array_equal(found.which[may], order[may])
    np.testing.assert_allclose(
        found.value[may], np.take_along_axis(table, order, 1)[may], atol=1e-6
    )
    assert (found.which[~may] == -1).all()
    assert np.isnan(found.value[~may]).all()


def test_fewer_features_than_neighbours() -> None:
    found = nearest_directions(torch.eye(3), 5, torch.ones(3, dtype=torch.bool))
    assert (found.which[:, :2] >= 0).all()
    assert (found.which[:, 2:] == -1).all()
    alone = nearest_directions(torch.eye(3), 5, torch.tensor([True, False, False]))
    assert (alone.which == -1).all()


def test_random_directions_are_as_near_as_theory_says() -> None:
    """On a circle the nearest of n random angles is pi / (n + 1) away on average, and in no more
    dimensions if the given directions have no more."""
    angle = torch.linspace(0, 2 * np.pi, 1000)
    circle = torch.stack([angle.cos(), angle.sin(), torch.zeros(1000)], dim=1)
    [cosine] = random_cosines(circle, 1, seed=0)
    assert cosine == pytest.approx(np.cos(np.pi / 1001), abs=1e-4)
    assert np.isnan(random_cosines(circle[:2], 3, seed=0)[2])


def test_random_directions_are_as_uneven_as_the_given_ones() -> None:
    """Directions that all share one axis are near each other for that alone."""
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(500, 32))
    even, uneven = (torch.from_numpy(normal * scale) for scale in (1, np.r_[5, np.ones(31)]))
    assert random_cosines(even, 1, 0)[0] + 0.05 < random_cosines(uneven, 1, 0)[0]
    nearest = nearest_directions(uneven, 1, torch.ones(500, dtype=torch.bool)).value.mean()
    assert random_cosines(uneven, 1, 0)[0] == pytest.approx(nearest, abs=0.05)
