import numpy as np
import pytest
from scipy import sparse

from protsae.association.annotation import (
    PairScores,
    association_rows,
    best_detectors,
    best_properties,
    score_pairs,
)
from protsae.association.counts import MatchCounts

THRESHOLDS = np.array([[0, 0, 0], [2, 2, 2]], np.float32)
NAMES = [("SIGNAL", "SIGNAL"), ("residue: C", "residue")]

# Feature 0 marks SIGNAL where it exceeds 2, feature 1 is always on, feature 2 is on at one C.
ACTIVATIONS = np.array(
    [[3, 1, 0], [3, 1, 0], [1, 1, 0], [0, 1, 0], [0, 1, 5], [0, 1, 0], [1, 1, 0], [0, 1, 0]],
    np.float32,
)
SIGNAL = [1, 1, 0, 0, 0, 0, 0, 0]
CYSTEINE = [0, 0, 0, 0, 1, 1, 0, 0]


def counted(activations: np.ndarray, labels: np.ndarray) -> MatchCounts:
    counts = MatchCounts(THRESHOLDS, labels.shape[1])
    counts.update(sparse.csr_array(activations), sparse.csr_array(labels.astype(np.uint8)))
    return counts


@pytest.fixture
def scores() -> PairScores:
    labels = np.array([SIGNAL, CYSTEINE]).T
    test = ACTIVATIONS.copy()
    test[2, 0] = 4  # one false positive on test only
    return score_pairs(counted(ACTIVATIONS, labels), counted(test, labels))


def test_thresholds_are_chosen_on_valid(scores: PairScores) -> None:
    # Feature 0 and SIGNAL: F1 2*2/(4+2) at threshold 0, 1 at threshold 2.
    assert scores.threshold[0].tolist() == [1, 0, 0]
    assert scores.valid["f1"][0, 0] == 1
    # On test, threshold 2 lets 3 residues through, 2 of them right.
    assert scores.test["f1"][0, 0] == pytest.approx(0.8)
    assert scores.test["precision"][0, 0] == pytest.approx(2 / 3)
    assert scores.test["recall"][0, 0] == 1
    assert (scores.test["tp"][0, 0], scores.test["on"][0, 0]) == (2, 3)
    assert scores.base_rate.tolist() == [0.25, 0.25]


def test_features_no_better_than_always_on_have_no_property(scores: PairScores) -> None:
    feature, property_ = best_properties(scores)
    assert feature.tolist() == [0, 2]
    assert property_.tolist() == [0, 1]
    assert scores.gain[:, 1].tolist() == [0, 0]


def test_the_property_is_chosen_by_gain_and_not_by_f1() -> None:
    """F1 favours the common property; against always on the rare one is matched better."""
    common, rare = np.arange(20) < 16, np.arange(20) < 3
    activations = np.zeros((20, 3), np.float32)
    activations[:10, 0] = 1
    counts = counted(activations, np.array([common, rare]).T)
    scores = score_pairs(counts, counts)
    # Common: F1 20/26 = 0.77, always on 32/36 = 0.89. Rare: F1 6/13 = 0.46, always on 6/23 = 0.26.
    assert scores.valid["f1"][:, 0] == pytest.approx([20 / 26, 6 / 13])
    feature, property_ = best_properties(scores)
    assert (feature.tolist(), property_.tolist()) == ([0], [1])


def test_the_best_detector_of_each_property(scores: PairScores) -> None:
    assert best_detectors(scores).tolist() == [0, 2]


def test_association_rows(scores: PairScores) -> None:
    rows = association_rows(scores, NAMES, THRESHOLDS, [0.0, 0.5], min_f1=0.1)
    assert rows["feature"].tolist() == [0, 2]
    assert rows["property"].tolist() == ["SIGNAL", "residue: C"]
    assert rows["property_type"].tolist() == ["SIGNAL", "residue"]
    assert rows["quantile"].tolist() == [0.5, 0.0]
    assert rows["threshold"].tolist() == [2, 0]
    assert rows[["tp", "fp", "fn"]].to_numpy().tolist() == [[2, 1, 0], [1, 0, 1]]
    assert rows["valid_f1"].tolist() == pytest.approx([1, 2 / 3])
    assert rows["f1"].tolist() == pytest.approx([0.8, 2 / 3])


def test_pairs_below_the_lowest_f1_are_left_out(scores: PairScores) -> None:
    rows = association_rows(scores, NAMES, THRESHOLDS, [0.0, 0.5], min_f1=0.7)
    assert rows["feature"].tolist() == [0]
    assert association_rows(scores, NAMES, THRESHOLDS, [0.0, 0.5], min_f1=1.1).empty
