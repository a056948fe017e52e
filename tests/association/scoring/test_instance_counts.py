import numpy as np
import pytest
from scipy import sparse

from protsae.association.scoring import instance_counts as instances
from protsae.association.scoring.instance_counts import InstanceCounts
from tests.association.scoring.test_residue_counts import random_case


def random_instances(
    seed: int, n_residues: int, n_concepts: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Concepts, and rows [begin, end): overlapping, nested, repeated, single, also none."""
    rng = np.random.default_rng(seed)
    number = rng.integers(0, 14)
    begin = rng.integers(0, n_residues, number)
    end = np.minimum(begin + rng.integers(1, 7, number), n_residues)
    return rng.integers(0, n_concepts, number), begin, end


@pytest.mark.parametrize("block_cells", [1, instances.BLOCK_CELLS])
@pytest.mark.parametrize("seed", range(200))
def test_against_brute_force(seed: int, block_cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "BLOCK_CELLS", block_cells)
    activations, labels, thresholds = random_case(seed)
    n_concepts = labels.shape[1]
    concept, begin, end = random_instances(seed, len(activations), n_concepts)
    counts = InstanceCounts(thresholds, n_concepts)
    counts.update(sparse.csr_array(activations), concept, begin, end)

    expected = np.zeros((len(thresholds), n_concepts, activations.shape[1]), int)
    for p, a, b in zip(concept, begin, end, strict=True):
        for t, threshold in enumerate(thresholds):
            for f in range(activations.shape[1]):
                expected[t, p, f] += any(activations[a:b, f] > threshold[f])
    np.testing.assert_array_equal(counts.found, expected)
    for p in range(n_concepts):
        assert counts.n_instances[p] == (concept == p).sum()


def test_a_perfect_detector_finds_every_overlapping_instance() -> None:
    """Rows 0-4, 2-6 (across), 3-3 (inside), 8-9, and 8-9 once more."""
    begin, end = np.array([0, 2, 3, 8, 8]), np.array([5, 7, 4, 10, 10])
    detector = np.zeros((11, 1), np.float32)
    for a, b in zip(begin, end, strict=True):
        detector[a:b] = 1
    counts = InstanceCounts(np.zeros((1, 1)), 1)
    counts.update(sparse.csr_array(detector), np.zeros(5, int), begin, end)
    assert (counts.found.tolist(), counts.n_instances.tolist()) == ([[[5]]], [5])


def test_one_residue_is_enough_and_the_strongest_decides() -> None:
    """Activations 1, 5 within rows 0-2; thresholds 0, 2, 7: found at the first two."""
    activations = sparse.csr_array(np.array([[1], [5], [0], [9]], np.float32))
    counts = InstanceCounts(np.array([[0.0], [2], [7]]), 1)
    counts.update(activations, np.array([0]), np.array([0]), np.array([3]))
    assert counts.found.ravel().tolist() == [1, 1, 0]


def test_updates_add_up() -> None:
    activations = sparse.csr_array(np.array([[1, 0], [0, 1], [0, 0]], np.float32))
    counts = InstanceCounts(np.zeros((1, 2)), 3)
    for concept in (0, 2, 2):
        counts.update(activations, np.array([concept]), np.array([1]), np.array([3]))
    assert counts.n_instances.tolist() == [1, 0, 2]
    assert counts.found.tolist() == [[[0, 1], [0, 0], [0, 2]]]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param(-1, 1, id="before the first row"),
        pytest.param(2, 3, id="beyond the last row"),
        pytest.param(2, 1, id="ends before it begins"),
    ],
)
def test_an_instance_outside_the_rows(first: int, last: int) -> None:
    counts = InstanceCounts(np.zeros((1, 2)), 1)
    with pytest.raises(ValueError, match=f"instance 1: rows {first} to {last} do not lie within"):
        counts.update(
            sparse.csr_array((3, 2)),
            np.array([0, 0]),
            np.array([0, first]),
            np.array([1, last + 1]),
        )
