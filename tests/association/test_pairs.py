import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from protsae.association.pairs import PairCounts, circular_shift

N_PROTEINS, LENGTH = 23, 101


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=12),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_shift_rotates_each_protein_by_its_own_offset(lengths: list[int], seed: int) -> None:
    shifted = circular_shift(np.array(lengths), np.random.default_rng(seed))
    first = 0
    for length in lengths:
        rows = shifted[first : first + length] - first
        offset = rows[0]
        assert (offset > 0) == (length > 1)
        assert rows.tolist() == [(i + offset) % length for i in range(length)]
        first += length
    assert len(shifted) == first


def test_proteins_turn_independently_and_by_every_offset() -> None:
    rng = np.random.default_rng(0)
    offsets = np.array([circular_shift(np.array([5, 5]), rng)[[0, 5]] for _ in range(200)])
    assert {(int(a), int(b) - 5) for a, b in offsets} == {
        (a, b) for a in range(1, 5) for b in range(1, 5)
    }


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 20, N_PROTEINS)
    activations = rng.integers(0, 4, (lengths.sum(), 7)).astype(np.float32)
    labels = (rng.random((lengths.sum(), 5)) < 0.3).astype(np.uint8)
    cluster = np.repeat(rng.integers(0, 3, N_PROTEINS), lengths)
    return lengths, activations, labels, cluster


@pytest.mark.parametrize("n_parts", [1, 2])
def test_counts_against_brute_force(n_parts: int) -> None:
    lengths, activations, labels, cluster = random_case(0)
    feature, property_ = np.array([0, 3, 3, 6]), np.array([4, 0, 1, 0])
    threshold = np.array([0, 1, 2, 3], np.float32)
    counts = PairCounts(feature, property_, threshold, 3, n_shifts=2, seed=0)
    for proteins in np.array_split(np.arange(N_PROTEINS), n_parts):
        rows = np.isin(np.repeat(np.arange(N_PROTEINS), lengths), proteins)
        counts.update(
            sparse.csc_array(activations[rows]),
            sparse.csr_array(labels[rows]),
            cluster[rows],
            lengths[proteins],
        )
    on = activations[:, feature] > threshold
    has = labels[:, property_].astype(bool)
    for c in range(3):
        mine = cluster == c
        np.testing.assert_array_equal(counts.on[c], on[mine].sum(0))
        np.testing.assert_array_equal(counts.positives[c], has[mine].sum(0))
        np.testing.assert_array_equal(counts.true_positives[c], (on & has)[mine].sum(0))


def test_shifts_against_brute_force() -> None:
    lengths, activations, labels, cluster = random_case(1)
    pairs = np.array([0, 1]), np.array([2, 3]), np.zeros(2, np.float32)
    counts = PairCounts(*pairs, 3, n_shifts=7, seed=5)
    counts.update(sparse.csc_array(activations), sparse.csr_array(labels), cluster, lengths)
    rng = np.random.default_rng(5)
    for shifted in counts.shifted:
        moved = labels[circular_shift(lengths, rng)]
        expected = ((activations[:, :2] > 0) & (moved[:, 2:4] > 0)).sum(0)
        assert shifted.tolist() == expected.tolist()


def count(activation: np.ndarray, label: np.ndarray, n_shifts: int = 50) -> PairCounts:
    """One feature and one property on proteins of equal length, a cluster each."""
    pair = np.zeros(1, np.int64)
    counts = PairCounts(pair, pair, np.zeros(1, np.float32), N_PROTEINS, n_shifts, seed=0)
    counts.update(
        sparse.csc_array(activation.reshape(-1, 1).astype(np.float32)),
        sparse.csr_array(label.reshape(-1, 1).astype(np.uint8)),
        np.repeat(np.arange(N_PROTEINS), LENGTH),
        np.full(N_PROTEINS, LENGTH),
    )
    return counts


def noisy(label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A detector that misses a tenth and fires on a hundredth of the rest."""
    return np.where(label, rng.random(label.shape) < 0.9, rng.random(label.shape) < 0.01)


def f1_of(counts: PairCounts) -> float:
    tp, on, positives = (
        int(table.sum()) for table in (counts.true_positives, counts.on, counts.positives)
    )
    return 2 * tp / (on + positives)


def test_a_feature_of_a_place_is_far_above_its_null() -> None:
    """Ten residues of 101: where the labels turn, they meet by chance only."""
    label = np.zeros((N_PROTEINS, LENGTH), bool)
    label[:, 20:30] = True
    counts = count(noisy(label, np.random.default_rng(0)), label)
    assert f1_of(counts) > 0.85
    assert counts.null_f1()[0] < 0.35


def test_a_feature_of_whole_proteins_is_not_above_its_null() -> None:
    """Labels that cover a protein stay where they are under every rotation."""
    label = np.zeros((N_PROTEINS, LENGTH), bool)
    label[::3] = True
    counts = count(noisy(label, np.random.default_rng(0)), label)
    assert counts.null_f1()[0] == f1_of(counts) > 0.85


def test_the_interval_holds_the_f1() -> None:
    rng = np.random.default_rng(3)
    label = rng.random((N_PROTEINS, LENGTH)) < 0.1
    counts = count(noisy(label, rng), label)
    low, high = counts.f1_interval()
    assert 0 < low[0] < f1_of(counts) < high[0] < 1


def test_no_pairs() -> None:
    none = np.zeros(0, np.int64)
    counts = PairCounts(none, none, np.zeros(0, np.float32), 3, n_shifts=2, seed=0)
    lengths, activations, labels, cluster = random_case(2)
    counts.update(sparse.csc_array(activations), sparse.csr_array(labels), cluster, lengths)
    low, high = counts.f1_interval()
    assert low.shape == high.shape == counts.null_f1().shape == (0,)
