import numpy as np
import pytest
from scipy import sparse

from protsae.association.counts import MatchCounts


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Activations, labels and thresholds; whole numbers, so that many lie on a threshold."""
    rng = np.random.default_rng(seed)
    n_residues, n_features = rng.integers(1, 60), rng.integers(1, 8)
    n_properties, n_thresholds = rng.integers(1, 6), rng.integers(1, 5)
    activations = rng.integers(0, 5, (n_residues, n_features)) * (
        rng.random((n_residues, n_features)) < rng.random()
    )
    labels = rng.random((n_residues, n_properties)) < rng.random(n_properties)
    labels[:, rng.random(n_properties) < 0.2] = False
    thresholds = np.sort(rng.integers(0, 5, (n_thresholds, n_features)), axis=0).astype(np.float32)
    thresholds[:, rng.random(n_features) < 0.2] = np.inf
    return activations.astype(np.float32), labels, thresholds


@pytest.mark.parametrize("seed", range(200))
def test_against_brute_force(seed: int) -> None:
    activations, labels, thresholds = random_case(seed)
    counts = MatchCounts(thresholds, labels.shape[1])
    cut = len(activations) // 3
    for part in (slice(0, cut), slice(cut, None)):
        counts.update(
            sparse.csr_array(activations[part]), sparse.csr_array(labels[part].astype(np.uint8))
        )
    on = activations[None] > thresholds[:, None, :]
    expected = np.einsum("tnf,np->tpf", on.astype(int), labels.astype(int))
    np.testing.assert_array_equal(counts.true_positives, expected)
    np.testing.assert_array_equal(counts.on, on.sum(1))
    np.testing.assert_array_equal(counts.positives, labels.sum(0))
    assert counts.n_residues == len(activations)


def test_more_hits_than_uint8_holds() -> None:
    """Labels come as uint8; sums of them must not wrap at 256."""
    ones = np.ones((1009, 1))
    counts = MatchCounts(np.zeros((1, 1), np.float32), 1)
    counts.update(
        sparse.csr_array(ones.astype(np.float32)), sparse.csr_array(ones.astype(np.uint8))
    )
    assert counts.true_positives.tolist() == [[[1009]]]
    assert counts.positives.tolist() == [1009]
