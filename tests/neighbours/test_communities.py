"""Communities of planted groups, and what they are about."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import binomtest

from protsae.neighbours.communities import communities
from protsae.neighbours.community_concepts import enriched_concepts
from protsae.neighbours.near_directions import nearest_directions

SIZES = (19, 13, 11)


def planted(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions around a centre for each group, and the group of each, the largest first."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(SIZES)), SIZES)
    centre = np.linalg.qr(rng.normal(size=(29, len(SIZES))))[0].T
    return centre[group] + 0.1 * rng.normal(size=(len(group), 29)), group


@pytest.mark.parametrize("seed", range(5))
def test_planted_groups_are_found_the_largest_first(seed: int) -> None:
    directions, group = planted(seed)
    shuffled = np.random.default_rng(seed).permutation(len(group))
    may = torch.ones(len(group), dtype=torch.bool)
    near = nearest_directions(torch.from_numpy(directions[shuffled]), 10, may)
    np.testing.assert_array_equal(communities(near, seed=0), group[shuffled])


def test_what_is_alone_is_in_no_community() -> None:
    directions, group = planted(0)
    may = torch.ones(len(group), dtype=torch.bool)
    may[4] = False
    found = communities(nearest_directions(torch.from_numpy(directions), 10, may), seed=0)
    assert found[4] == -1
    assert (np.delete(found, 4) == np.delete(group, 4)).all()


def test_the_same_seed_gives_the_same() -> None:
    directions = torch.from_numpy(np.random.default_rng(1).normal(size=(199, 13)))
    near = nearest_directions(directions, 5, torch.ones(199, dtype=torch.bool))
    np.testing.assert_array_equal(communities(near, 3), communities(near, 3))


def test_random_concepts_are_seldom_enriched() -> None:
    rng, wrong, tables = np.random.default_rng(0), 0, 200
    for _ in range(tables):
        community = rng.integers(-1, 4, 60)
        called = pd.DataFrame(
            {
                "feature": np.repeat(np.arange(60), 2),
                "concept": rng.choice(["A", "B", "C", "D", "E"], 120),
            }
        )
        wrong += bool((enriched_concepts(community, called)["q_value"] <= 0.05).any())
    assert binomtest(wrong, tables, 0.05, alternative="greater").pvalue > 0.01, wrong


def test_a_community_of_one_concept_is_enriched() -> None:
    community = np.repeat([0, 1, -1], [8, 8, 8])
    called = pd.DataFrame(
        {"feature": np.arange(24), "concept": ["HELIX"] * 8 + ["A", "B", "C", "D"] * 4}
    )
    found = enriched_concepts(community, called)
    assert found.iloc[0][["community", "concept", "n_with", "n_features"]].tolist() == [
        *(0, "HELIX", 8, 8),
    ]
    # All 8 of 24 are drawn into a community of 8 in one of C(24, 8) = 735471 ways.
    assert found["p_value"][0] == pytest.approx(1 / 735471)
    # Two communities, and five concepts that two features or more have.
    assert found["q_value"][0] == pytest.approx(10 / 735471)
    assert (found["q_value"][1:] > 0.05).all()


def test_nothing_called_gives_no_rows() -> None:
    nothing = pd.DataFrame({"feature": np.zeros(0, int), "concept": np.zeros(0, object)})
    assert enriched_concepts(np.array([0, 0, 0]), nothing).empty
