"""Parts after balancing: against all single moves, and by hand."""

import numpy as np
import pytest
from scipy import sparse

from protsae.config.stage_settings import ConceptSettings
from protsae.proteins.balance import (
    ENOUGH_CLUSTERS,
    ENOUGH_RESIDUES,
    TOLERANCE,
    balance_parts,
    wanted_clusters,
)

SHARES = np.array([0.6, 0.2, 0.2])


def cost(part: np.ndarray, residues: np.ndarray, concepts: np.ndarray) -> float:
    """The formula, one concept and one part at a time."""
    total = 0.0
    tolerance = max(TOLERANCE, 1 / len(part))
    everything = np.concatenate([concepts, np.ones((len(part), 1))], axis=1)
    wanted = wanted_clusters(sparse.csr_array(concepts), SHARES)
    wanted = np.concatenate([wanted, np.floor(len(part) * SHARES)[:, None]], axis=1)
    for s in range(3):
        for concept in range(everything.shape[1]):
            n = np.sum(everything[part == s, concept] > 0)
            if (want := wanted[s, concept]) > n:
                total += ((want - n) / want) ** 2
        off = abs(residues[part == s].sum() / residues.sum() - SHARES[s])
        total += (max(0.0, off - tolerance) / tolerance) ** 2
    return total


@pytest.mark.parametrize("seed", range(5))
def test_no_single_move_is_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    residues = rng.integers(30, 300, 53)
    concepts = rng.integers(1, 9, (53, 7)) * (rng.random((53, 7)) < rng.random(7) / 2)
    start = rng.integers(0, 3, 53)
    part = balance_parts(start, residues, SHARES, sparse.csr_array(concepts))
    reached = cost(part, residues, concepts)
    assert reached < cost(start, residues, concepts)
    for cluster in range(53):
        for target in range(3):
            moved = part.copy()
            moved[cluster] = target
            assert cost(moved, residues, concepts) >= reached - 1e-9
    assert (part == start).mean() > 0.5, "few move"


def test_what_is_balanced_stays() -> None:
    part = np.array([0] * 6 + [1] * 2 + [2] * 2)
    concepts = sparse.csr_array((10, 0), dtype=np.int64)
    assert balance_parts(part, np.full(10, 31), SHARES, concepts).tolist() == part.tolist()


@pytest.mark.parametrize(
    ("n_clusters", "residues", "wanted"),
    [
        pytest.param(50, 7, [30, 10, 10], id="by share"),
        pytest.param(7, 7, [1, 3, 3], id="just enough to be scored"),
        pytest.param(6, 7, [3, 1, 1], id="too few to be scored"),
        pytest.param(11, 2, [1, 5, 5], id="five clusters for ten residues"),
        pytest.param(1, 7, [0, 0, 0], id="one"),
        pytest.param(0, 7, [0, 0, 0], id="none"),
    ],
)
def test_wanted_clusters_by_hand(n_clusters: int, residues: int, wanted: list[int]) -> None:
    concepts = np.zeros((53, 1), dtype=np.int64)
    concepts[:n_clusters] = residues
    assert wanted_clusters(sparse.csr_array(concepts), SHARES)[:, 0].tolist() == wanted


def test_enough_is_what_the_default_asks_for() -> None:
    settings = ConceptSettings()
    assert settings.min_clusters == ENOUGH_CLUSTERS
    assert settings.min_residues == ENOUGH_RESIDUES
