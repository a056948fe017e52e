import numpy as np
import pytest
from sklearn.metrics import f1_score as sklearn_f1
from sklearn.metrics import matthews_corrcoef

from protsae.association.scoring.metrics import (
    always_on_f1,
    best_thresholds,
    f1_score,
    gain_over,
    harmonic_mean,
    lift,
    matthews_correlation,
    ratio,
    reaches,
    take_threshold,
)


def test_ratio_of_nothing_is_zero() -> None:
    found = ratio(np.array([[3.0], [5.0]]), np.array([0, 4]))
    assert found.tolist() == [[0, 0.75], [0, 1.25]]


@pytest.mark.parametrize("seed", range(5))
def test_f1_against_scikit_learn(seed: int) -> None:
    on, truth = np.random.default_rng(seed).random((2, 53)) < 0.3
    found = f1_score(np.array((on & truth).sum()), np.array(on.sum()), np.array(truth.sum()))
    assert float(found) == pytest.approx(sklearn_f1(truth, on))


def test_f1_without_any_positive() -> None:
    assert float(f1_score(np.array(0), np.array(0), np.array(0))) == 0


def test_always_on() -> None:
    """On everywhere: all 4 of 10 positives are hit, with 10 on: 2 * 4 / (10 + 4)."""
    assert float(always_on_f1(np.array(0.4))) == pytest.approx(8 / 14)
    assert float(f1_score(np.array(4), np.array(10), np.array(4))) == pytest.approx(8 / 14)


@pytest.mark.parametrize(
    ("f1", "base_rate", "gain"),
    [
        pytest.param(1.0, 0.5, 1.0, id="perfect"),
        pytest.param(2 / 3, 0.5, 0.0, id="as always on"),
        pytest.param(0.5, 0.5, -0.5, id="worse"),
        pytest.param(0.7, 0.0, 0.7, id="concept that never occurs"),
        pytest.param(1.0, 1.0, 0.0, id="concept of all residues"),
    ],
)
def test_gain_by_hand(f1: float, base_rate: float, gain: float) -> None:
    found = gain_over(np.array(f1), always_on_f1(np.array(base_rate)))
    assert float(found) == pytest.approx(gain, abs=1e-12)


def test_the_lowest_of_equal_thresholds_is_taken() -> None:
    f1 = np.array([[[0.1, 0.5]], [[0.3, 0.5]], [[0.3, 0.2]]])
    assert best_thresholds(f1).tolist() == [[1, 0]]


def test_values_at_the_chosen_threshold() -> None:
    of_pair = np.arange(2 * 3 * 5).reshape(2, 3, 5)
    of_feature = np.arange(2 * 5).reshape(2, 5)
    threshold = np.array([[0, 1, 0, 1, 1], [1, 1, 1, 0, 0], [0, 0, 0, 0, 1]])
    for p in range(3):
        for f in range(5):
            t = threshold[p, f]
            assert take_threshold(of_pair, threshold)[p, f] == of_pair[t, p, f]
            assert take_threshold(of_feature, threshold)[p, f] == of_feature[t, f]


@pytest.mark.parametrize("seed", range(5))
def test_matthews_correlation_against_scikit_learn(seed: int) -> None:
    on, truth = np.random.default_rng(seed).random((2, 53)) < 0.3
    counts = (np.array((on & truth).sum()), np.array(on.sum()), np.array(truth.sum()), 53)
    assert float(matthews_correlation(*counts)) == pytest.approx(matthews_corrcoef(truth, on))
    assert float(lift(*counts)) == pytest.approx(truth[on].mean() / truth.mean())


def test_matthews_correlation_of_many_residues() -> None:
    """The product of all margins, 1e40, is beyond int64."""
    half = np.array(5 * 10**9 // 10)
    assert float(matthews_correlation(half, half, half, 10**9)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("true_positives", "on", "positives"),
    [
        pytest.param(3, 11, 3, id="always on"),
        pytest.param(5, 5, 11, id="concept of all residues"),
        pytest.param(0, 0, 3, id="never on"),
        pytest.param(0, 3, 0, id="concept that never occurs"),
    ],
)
def test_what_does_not_vary_has_no_correlation(
    true_positives: int, on: int, positives: int
) -> None:
    counts = (np.array(true_positives), np.array(on), np.array(positives), 11)
    assert float(matthews_correlation(*counts)) == 0
    assert float(lift(*counts)) == float(true_positives > 0)


def test_harmonic_mean_of_nothing_is_zero() -> None:
    assert harmonic_mean(np.array([0.0, 1, 0.5]), np.array([0.0, 1, 0.25])).tolist() == [
        0,
        1,
        pytest.approx(1 / 3),
    ]


def test_captured_means_at_least_one_half_and_more_than_always_on() -> None:
    f1, always_on = np.array([0.5, 0.5, 0.49, 0.9]), np.array([0.4, 0.5, 0.1, 0.95])
    assert reaches(f1, always_on).tolist() == [True, False, False, False]
