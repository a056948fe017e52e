import numpy as np
import pytest
from scipy import sparse

from protsae.association.pairs.selection import PairScores, best_rows, candidate_pairs, score_pairs
from protsae.association.scoring.residue_counts import KnownCounts

THRESHOLDS = np.array([[0, 0, 0], [2, 2, 2]], np.float32)

# Feature 0 marks SIGNAL where it exceeds 2, feature 1 is always on, feature 2 is on at one C.
ACTIVATIONS = np.array(
    [[3, 1, 0], [3, 1, 0], [1, 1, 0], [0, 1, 0], [0, 1, 5], [0, 1, 0], [1, 1, 0], [0, 1, 0]],
    np.float32,
)
SIGNAL = [1, 1, 0, 0, 0, 0, 0, 0]
CYSTEINE = [0, 0, 0, 0, 1, 1, 0, 0]


def counted(
    activations: np.ndarray, labels: np.ndarray, known: np.ndarray | None = None
) -> KnownCounts:
    """Counts where all is known; or each concept by its own column of ``known``."""
    n_residues, n_concepts = labels.shape
    column = np.zeros(n_concepts, int) if known is None else np.arange(n_concepts)
    known = np.ones((n_residues, 1), bool) if known is None else known
    counts = KnownCounts(THRESHOLDS, column)
    counts.update(sparse.csr_array(activations), sparse.csr_array(labels.astype(np.uint8)), known)
    return counts


@pytest.fixture
def scores() -> PairScores:
    return score_pairs(counted(ACTIVATIONS, np.array([SIGNAL, CYSTEINE]).T))


def test_the_threshold_with_the_highest_f1_is_chosen(scores: PairScores) -> None:
    # Feature 0 and SIGNAL: F1 2*2/(4+2) at threshold 0, 1 at threshold 2.
    assert scores.threshold[0].tolist() == [1, 0, 0]
    assert (scores.precision[0, 0], scores.recall[0, 0], scores.f1[0, 0]) == (1, 1, 1)
    # Feature 2 and C: on at one of two, F1 2*1/(1+2); always on 2*2/(8+2).
    assert (scores.precision[1, 2], scores.recall[1, 2]) == (1, 0.5)
    assert scores.f1[1, 2] == pytest.approx(2 / 3)
    assert scores.gain[1, 2] == pytest.approx((2 / 3 - 0.4) / (1 - 0.4))


def test_features_no_better_than_always_on_are_no_candidates(scores: PairScores) -> None:
    feature, concept = candidate_pairs(scores, min_f1=0.1)
    assert feature.tolist() == [0, 2]
    assert concept.tolist() == [0, 1]
    assert scores.gain[:, 1].tolist() == [0, 0]


def test_the_concept_is_chosen_by_gain_and_not_by_f1() -> None:
    """F1 favours the common concept; against always on the rare one is matched better."""
    common, rare = np.arange(20) < 16, np.arange(20) < 3
    activations = np.zeros((20, 3), np.float32)
    activations[:10, 0] = 1
    counts = counted(activations, np.array([common, rare]).T)
    scores = score_pairs(counts)
    # Common: F1 20/26 = 0.77, always on 32/36 = 0.89. Rare: F1 6/13 = 0.46, always on 6/23 = 0.26.
    assert scores.f1[:, 0] == pytest.approx([20 / 26, 6 / 13])
    feature, concept = candidate_pairs(scores, min_f1=0.1)
    assert (feature.tolist(), concept.tolist()) == ([0], [1])


def test_pairs_below_the_lowest_f1_are_left_out(scores: PairScores) -> None:
    assert candidate_pairs(scores, min_f1=0.7)[0].tolist() == [0]
    assert candidate_pairs(scores, min_f1=1.0)[0].tolist() == [0], "its F1 is just that"
    assert not len(candidate_pairs(scores, min_f1=1.1)[0])


def test_residues_that_are_not_known_do_not_count() -> None:
    """SIGNAL is known of the first four residues, C of all: the third is a false positive."""
    labels = np.array([SIGNAL, CYSTEINE]).T
    known = np.ones((8, 2), bool)
    known[4:, 0] = False
    activations = np.zeros((8, 3), np.float32)
    activations[[0, 1, 2, 6], 0] = 1
    scores = score_pairs(counted(activations, labels, known))
    assert (scores.precision[0, 0], scores.recall[0, 0]) == (pytest.approx(2 / 3), 1)
    # Always on is right at two of four residues: 2*2/(4+2).
    assert scores.gain[0, 0] == pytest.approx((0.8 - 2 / 3) / (1 - 2 / 3))
    assert scores.precision[1, 0] == 0


def test_concepts_keep_their_order_whatever_is_known_of_them() -> None:
    rng = np.random.default_rng(3)
    activations = np.maximum(rng.normal(size=(53, 3)), 0).astype(np.float32)
    labels = rng.random((53, 5)) < 0.3
    thresholds = THRESHOLDS / 4
    columns = np.array([1, 0, 1, 2, 0])
    known = rng.random((53, 3)) < 0.7
    both = KnownCounts(thresholds, columns)
    labelled = labels & known[:, columns]
    both.update(sparse.csr_array(activations), sparse.csr_array(labelled.astype(np.uint8)), known)
    scores = score_pairs(both)
    for concept, column in enumerate(columns):
        one = KnownCounts(thresholds, np.array([0]))
        rows = known[:, column]
        one.update(
            sparse.csr_array(activations[rows]),
            sparse.csr_array(labels[rows][:, [concept]].astype(np.uint8)),
            np.ones((rows.sum(), 1), bool),
        )
        alone = score_pairs(one)
        np.testing.assert_array_equal(scores.recall[concept], alone.recall[0])
        np.testing.assert_array_equal(scores.gain[concept], alone.gain[0])


def test_best_rows_takes_the_first_of_equals() -> None:
    assert best_rows(np.array([7, 3, 7, 3]), np.array([0.2, 0.5, 0.2, 0.6])).tolist() == [3, 0]
    assert best_rows(np.array([], int), np.array([])).tolist() == []
