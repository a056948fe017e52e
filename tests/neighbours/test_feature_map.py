"""The map keeps planted groups together."""

import numpy as np
import torch

from protsae.neighbours.coactivation import Nearest
from protsae.neighbours.feature_map import feature_map
from protsae.neighbours.near_directions import nearest_directions


def test_groups_stay_together_and_the_same_seed_gives_the_same_map() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1], [23, 29])
    centre = np.eye(17)[:2]
    directions = centre[group] + 0.1 * rng.normal(size=(len(group), 17))
    may = torch.ones(len(group), dtype=torch.bool)
    may[5] = False
    near = nearest_directions(torch.from_numpy(directions), 7, may)
    found = feature_map(near, directions, seed=0)
    assert found.shape == (52, 2)
    assert np.isnan(found[5]).all()
    placed, of_placed = np.delete(found, 5, axis=0), np.delete(group, 5)
    distance = np.linalg.norm(placed[:, None] - placed[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    assert (of_placed[distance.argmin(1)] == of_placed).all()
    np.testing.assert_array_equal(found, feature_map(near, directions, seed=0))


def test_without_neighbours_there_is_no_map() -> None:
    assert np.isnan(feature_map(Nearest.none(9, 3), np.zeros((9, 2)), seed=0)).all()
