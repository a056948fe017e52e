import numpy as np
import pytest
from scipy.stats import t

from protsae.probabilities.binned_counts import BinnedCounts
from protsae.probabilities.likelihood_ratios import (
    agreement_on,
    likelihood_ratios,
    probability_at,
)

BINS = np.array([[0.90, 0.07, 0.03], [0.20, 0.30, 0.50]])
"""Off, weakly on, strongly on: at residues without the concept, and with it."""
RATIOS = BINS[1, 1:] / BINS[0, 1:]


def world(seed: int, base_rate: float = 0.1, n: int = 60, bins: np.ndarray = BINS) -> BinnedCounts:
    """Clusters of 20 to 200 residues; in each the concept is more or less common."""
    rng = np.random.default_rng(seed)
    known = rng.integers(20, 200, n)
    rate = rng.beta(4 * base_rate, 4 * (1 - base_rate), n)
    positives = rng.binomial(known, rate)
    tp = np.array([rng.multinomial(k, bins[1]) for k in positives])[:, 1:]
    fp = np.array([rng.multinomial(k, bins[0]) for k in known - positives])[:, 1:]
    return BinnedCounts(tp, tp + fp, positives, known)


def test_precision_at_another_base_rate_worked_by_hand() -> None:
    """Recall 0.8 and false-positive rate 0.1; 1,000 residues of which 10 have the concept."""
    found = probability_at(np.array(0.8 / 0.1), 0.01)
    assert found == pytest.approx(8 / (8 + 99))
    assert probability_at(np.array(8.0), np.array([0.0, 1.0])).tolist() == [0, 1]


def test_at_the_base_rate_of_valid_it_is_the_share_of_positives() -> None:
    """But for the weight of the mean: 2 of a few thousand residues."""
    counts = world(0, n=400)
    found = probability_at(likelihood_ratios(counts).value, counts.base_rate)
    np.testing.assert_allclose(found, counts.tp.sum(0) / counts.on.sum(0), atol=1e-3)


def test_the_base_rate_of_valid_does_not_matter() -> None:
    for base_rate in (0.02, 0.3):
        found = likelihood_ratios(world(1, base_rate, n=3000)).value
        np.testing.assert_allclose(found, RATIOS, rtol=0.1)


def test_intervals_hold_the_truth() -> None:
    """In 200 worlds of 60 clusters, each of two bins."""
    found = [likelihood_ratios(world(seed)) for seed in range(200)]
    inside = [(each.low <= RATIOS) & (each.high >= RATIOS) for each in found]
    assert 0.92 <= np.mean(inside) <= 0.995
    assert all((each.low < each.value).all() for each in found)


def test_a_bin_without_negatives_has_an_interval() -> None:
    ones = np.ones((13, 1), int)
    found = likelihood_ratios(BinnedCounts(2 * ones, 2 * ones, 3 * ones[:, 0], 90 * ones[:, 0]))
    assert 0 < found.low[0] < found.value[0] < found.high[0] < np.inf


def test_residues_without_exception_in_few_clusters_are_not_sure() -> None:
    """Twelve clusters with 10 residues on, all with the concept, of 500: by hand.

    The pseudo-cluster adds 1.25 to the 120 positives and to no negative of 5,880. At a base rate of
    0.02 the lower bound is a probability of 0.90; without the pseudo-cluster in L' it was 0.9986.
    """
    ones = np.ones((12, 1), int)
    counts = BinnedCounts(10 * ones, 10 * ones, 10 * ones[:, 0], 500 * ones[:, 0])
    found = likelihood_ratios(counts)
    h = np.append(np.full(12, 10 / 121.25), 1.25 / 121.25 - 1)
    half = t.ppf(0.975, 11) * np.sqrt(13 / 12 * (h**2).sum())
    assert found.low[0] == pytest.approx(121.25 / 120 / (1.25 / 5880) * np.exp(-half))
    assert probability_at(found.low, 0.02)[0] == pytest.approx(0.90, abs=0.005)
    assert found.low[0] < found.value[0] <= found.high[0]


@pytest.mark.parametrize(("n", "wrong"), [(12, 0.05), (20, 0.05), (40, 0.02)])
def test_intervals_hold_the_truth_where_few_clusters_are_wrong_as_a_whole(
    n: int, wrong: float
) -> None:
    """On at 10 residues in each of ``n`` clusters of 300; 60 more have neither."""
    rng = np.random.default_rng(3)
    on = np.append(np.full(n, 10), np.zeros(60, int))
    truth = (300 * (n + 60) - (1 - wrong) * 10 * n) / (wrong * 10 * n)
    inside = []
    for _ in range(400):
        tp = np.where(rng.random(n + 60) < wrong, 0, on)
        found = likelihood_ratios(BinnedCounts(tp[:, None], on[:, None], tp, np.full(n + 60, 300)))
        inside.append(found.low[0] <= truth <= found.high[0])
    assert np.mean(inside) >= 0.89


def test_the_calibration_holds_where_it_should() -> None:
    """Valid and test of 60 clusters, another base rate in test: 95 % of worlds, or a few more."""
    held = [
        agreement_on(likelihood_ratios(world(seed, 0.05)), world(1000 + seed, 0.2)).holds
        for seed in range(200)
    ]
    assert 0.92 <= np.mean(held) <= 0.995


def test_the_calibration_fails_where_valid_and_test_differ() -> None:
    """In test, the feature is as strong on residues without the concept."""
    other = np.array([BINS[1], BINS[1]])
    held = [
        agreement_on(likelihood_ratios(world(seed)), world(1000 + seed, bins=other)).holds
        for seed in range(50)
    ]
    assert np.mean(held) <= 0.1


def test_expected_positives_worked_by_hand() -> None:
    """Ratios 4 and 36 where a tenth has the concept are 4/13 and 4/5; 13 and 5 residues on."""
    ratios = likelihood_ratios(world(0))
    fixed = type(ratios)(
        np.array([4.0, 36.0]), ratios.low, ratios.high, 0 * ratios.influence, ratios.freedom
    )
    on = np.zeros((10, 2), int)
    on[:5] = [[2, 1], [3, 1], [3, 1], [3, 1], [2, 1]]
    counts = BinnedCounts(on // 2, on, np.full(10, 9), np.full(10, 90))
    found = agreement_on(fixed, counts)
    assert (found.observed, found.expected) == (5, pytest.approx(8))
    assert found.low <= found.expected <= found.high <= 18
