import numpy as np
import pytest
from scipy import sparse

from protsae.association.scoring.residue_counts import KnownCounts, MatchCounts
from protsae.association.scoring.thresholds import positive_quantiles


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Activations, labels and thresholds; whole numbers, so that many lie on a threshold."""
    rng = np.random.default_rng(seed)
    n_residues, n_features = rng.integers(1, 60), rng.integers(1, 8)
    n_concepts, n_thresholds = rng.integers(1, 6), rng.integers(1, 5)
    activations = rng.integers(0, 5, (n_residues, n_features)) * (
        rng.random((n_residues, n_features)) < rng.random()
    )
    labels = rng.random((n_residues, n_concepts)) < rng.random(n_concepts)
    labels[:, rng.random(n_concepts) < 0.2] = False
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


@pytest.mark.parametrize("seed", range(20))
def test_the_order_and_size_of_updates_change_nothing(seed: int) -> None:
    activations, labels, thresholds = random_case(seed)
    whole, parts = (MatchCounts(thresholds, labels.shape[1]) for _ in range(2))
    rows = np.arange(len(activations))
    for counts, blocks in ((whole, [rows]), (parts, np.array_split(rows, 7)[::-1])):
        for block in blocks:
            counts.update(
                sparse.csr_array(activations[block]),
                sparse.csr_array(labels[block].astype(np.uint8)),
            )
    np.testing.assert_array_equal(whole.true_positives, parts.true_positives)
    np.testing.assert_array_equal(whole.on, parts.on)
    np.testing.assert_array_equal(whole.positives, parts.positives)
    assert whole.n_residues == parts.n_residues


@pytest.mark.parametrize("factor", [0.1, 10])
def test_the_scale_of_a_feature_changes_no_count(factor: float) -> None:
    """Thresholds are quantiles, so they move with it; ties at them stay ties."""
    rng = np.random.default_rng(0)
    activations = np.maximum(rng.normal(size=(101, 7)), 0).astype(np.float32)
    labels = sparse.csr_array((rng.random((101, 5)) < 0.3).astype(np.uint8))
    found = []
    for scaled in (activations, activations * np.float32(factor)):
        thresholds = positive_quantiles(sparse.csc_array(scaled), [0, 0.3, 0.8])
        counts = MatchCounts(thresholds, 5)
        counts.update(sparse.csr_array(scaled), labels)
        found.append(counts)
    np.testing.assert_array_equal(found[0].true_positives, found[1].true_positives)
    np.testing.assert_array_equal(found[0].on, found[1].on)


def test_stored_zeros_are_not_on() -> None:
    stored = sparse.csr_array(
        (np.array([0, 1], np.float32), np.array([0, 0]), np.array([0, 1, 2])), shape=(2, 1)
    )
    counts = MatchCounts(np.zeros((1, 1), np.float32), 1)
    counts.update(stored, sparse.csr_array(np.ones((2, 1), np.uint8)))
    assert counts.on.tolist() == [[1]]
    assert stored.nnz == 2, "the input is left as it was"


@pytest.mark.parametrize("known_column", [[0, 0, 0], [2, 0, 2], [1, 2, 1], [2, 1, 0]])
def test_counts_of_known_residues(known_column: list[int]) -> None:
    """Of three concepts that are known at all residues, at some, and at others; in two updates."""
    rng = np.random.default_rng(3)
    activations = rng.integers(0, 4, (37, 5)).astype(np.float32)
    labels, known = rng.random((37, 3)) < 0.4, rng.random((37, 3)) < [1, 0.6, 0.3]
    thresholds = np.array([[0.0] * 5, [1, 2, 1, 2, 1]])
    counts = KnownCounts(thresholds, np.array(known_column))
    for part in (slice(0, 13), slice(13, 37)):
        x = sparse.csr_array(activations[part])
        counts.update(x, sparse.csr_array(labels[part].astype(np.uint8)), known[part])
    assert sorted(np.concatenate(counts.columns).tolist()) == [0, 1, 2]
    for columns, group in zip(counts.columns, counts.groups, strict=True):
        for number, concept in enumerate(columns):
            rows = known[:, known_column[concept]]
            on, has = activations[rows] > thresholds[:, None], labels[rows, concept]
            assert group.n_residues == rows.sum()
            assert group.positives[number] == has.sum()
            np.testing.assert_array_equal(group.on, on.sum(1))
            np.testing.assert_array_equal(group.true_positives[:, number], on[:, has].sum(1))
