import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import t as student_t

from protsae.statistics.cluster_intervals import (
    auroc_interval,
    bootstrap_weights,
    effective_clusters,
    f1_interval,
    interval,
    ratio_error,
    ratio_interval,
    share_interval,
)


def test_every_resampling_draws_as_many_clusters_as_there_are() -> None:
    weights = bootstrap_weights(7, 1009, seed=0)
    assert weights.shape == (1009, 7)
    assert (weights.sum(1) == 7).all()
    # Each cluster is drawn once on average; the standard error of the mean is 0.03.
    np.testing.assert_allclose(weights.mean(0), 1, atol=0.12)


def test_the_seed_decides() -> None:
    one, two, other = (bootstrap_weights(7, 11, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_a_resampled_sum_by_hand() -> None:
    weights = np.array([[2.0, 0, 1], [0, 3, 0]])
    low, high = ratio_interval(np.array([1.0, 2, 3]), np.array([2.0, 2, 6]), weights)
    # 5 / 10 and 6 / 6; 100 / 44 effective clusters tell next to nothing of the spread.
    assert (low, high) == pytest.approx((0.5, 1), abs=1e-6)


def test_percentiles_of_few_clusters_by_hand() -> None:
    """Four alike: t = 3.1824 at 3 degrees of freedom, by sqrt(4 / 3): Phi(-3.6748) = 0.000119."""
    weights = np.stack([np.arange(10001.0), 10001 - np.arange(10001.0), *np.zeros((2, 10001))], 1)
    low, high = ratio_interval(np.array([1.0, 0, 0, 0]), np.ones(4), weights)
    share = np.arange(10001) / 10001
    assert (low, high) == pytest.approx(tuple(np.percentile(share, [0.01190, 99.98810])), abs=1e-6)


def test_the_interval_of_a_ratio_holds_the_truth_with_few_clusters() -> None:
    """Of 1,000 samples of 10 clusters of uneven sizes 94 %; 2.5 and 97.5 % hold it in 86 %."""
    rng = np.random.default_rng(2)
    weights = bootstrap_weights(10, 400, seed=0)
    below = rng.lognormal(5.5, 0.8, (1000, 10))
    above = below * 0.3 * rng.lognormal(-(0.25**2) / 2, 0.25, (1000, 10))
    bounds = [ratio_interval(x, y, weights) for x, y in zip(above, below, strict=True)]
    held = sum(low <= 0.3 <= high for low, high in bounds)
    assert 930 <= held <= 980


def test_one_cluster_has_no_width() -> None:
    weights = bootstrap_weights(1, 13, seed=0)
    assert ratio_interval(np.array([3.0]), np.array([4.0]), weights) == (0.75, 0.75)


def test_the_interval_of_a_mean_is_that_of_the_normal_law() -> None:
    values = np.random.default_rng(0).normal(5, 1, 400)
    weights = bootstrap_weights(400, 4000, seed=1)
    low, high = ratio_interval(values, np.ones(400), weights)
    half_width = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half_width, abs=0.01)
    assert high == pytest.approx(values.mean() + half_width, abs=0.01)


def test_the_error_of_a_ratio_by_hand() -> None:
    """3 / 6: deviations 1 - 1 = 0, 2 - 1.5 = 0.5 and 0 - 0.5; sqrt(3 / 2 * 0.5) / 6."""
    x, y = np.array([[1, 1], [2, 0], [0, 0], [0, 0]]), np.array([[2, 2], [3, 0], [1, 0], [0, 0]])
    assert ratio_error(x, y).tolist() == pytest.approx([0.75**0.5 / 6, np.inf])
    assert ratio_error(x[:, :0], y[:, :0]).shape == (0,)


def test_the_error_of_a_ratio_is_that_of_resampling() -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(1, 20, 300)
    x = rng.binomial(y, 0.3)
    resampled = bootstrap_weights(300, 4000, seed=2)
    spread = ((resampled @ x) / (resampled @ y)).std()
    assert float(ratio_error(x, y)) == pytest.approx(spread, rel=0.05)


def test_undefined_resamplings_are_left_out() -> None:
    low, high = interval(np.array([[np.nan, 1.0], [2.0, 1.0], [np.nan, 1.0]]))
    assert low.tolist() == high.tolist() == [2.0, 1.0]


def test_no_resampling_defined() -> None:
    """Quietly: warnings are errors here."""
    low, high = ratio_interval(np.zeros(2), np.zeros(2), bootstrap_weights(2, 5, seed=0))
    assert np.isnan([low, high]).all()


def test_nothing_to_resample() -> None:
    low, high = interval(np.zeros((7, 0)))
    assert low.shape == high.shape == (0,)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        pytest.param([5, 5, 5], 3, id="equal"),
        pytest.param([5, 0, 0], 1, id="all in one"),
        pytest.param([2, 1, 1], 16 / 6, id="unequal"),
        pytest.param([0, 0, 0], 0, id="none"),
    ],
)
def test_effective_clusters_by_hand(weights: list[int], expected: float) -> None:
    assert float(effective_clusters(np.array(weights))) == pytest.approx(expected)


def test_the_interval_of_a_share_of_many_clusters_is_that_of_resampling() -> None:
    rng = np.random.default_rng(0)
    below = rng.integers(1, 30, 1009)
    above = rng.binomial(below, rng.beta(3, 2, 1009))
    low, high = share_interval(above, below)
    resampled = ratio_interval(above, below, bootstrap_weights(1009, 2000, seed=0))
    assert (float(low), float(high)) == pytest.approx(resampled, abs=0.003)


def test_clusters_without_any_residue_do_not_count() -> None:
    above, below = np.array([3.0, 1, 4]), np.array([5.0, 2, 7])
    with_empty = share_interval(np.append(above, [0, 0]), np.append(below, [0, 0]))
    assert with_empty == pytest.approx(share_interval(above, below))


@pytest.mark.parametrize("n_clusters", [1, 5])
def test_a_perfect_share_is_less_sure_the_fewer_the_clusters(n_clusters: int) -> None:
    whole = np.full(n_clusters, 7)
    low, high = share_interval(whole, whole)
    assert high == 1
    assert low == pytest.approx({1: 0.003, 5: 0.64}[n_clusters], abs=0.01)
    zero_low, zero_high = share_interval(0 * whole, whole)
    assert (float(zero_low), float(zero_high)) == pytest.approx((0, 1 - low))


def test_the_interval_of_no_share() -> None:
    """Quietly: warnings are errors here."""
    low, high = share_interval(np.zeros((3, 2)), np.array([[0, 1], [0, 0], [0, 2]]))
    assert np.isnan([low[0], high[0]]).all()
    assert low[1] == 0
    assert share_interval(np.zeros((3, 0)), np.zeros((3, 0)))[0].shape == (0,)


@pytest.mark.parametrize(("n_clusters", "precision"), [(10, 2), (30, 2), (10, 8)])
def test_the_interval_of_a_share_holds_the_truth(n_clusters: int, precision: int) -> None:
    """Shares Beta(3 a, 2 a) by cluster, of 1 to 40 residues: 95 % of 2,000 intervals hold 0.6."""
    rng = np.random.default_rng(0)
    below = rng.integers(1, 41, (n_clusters, 2000))
    above = rng.binomial(below, rng.beta(0.6 * precision, 0.4 * precision, below.shape))
    low, high = share_interval(above, below)
    assert 0.93 < ((low <= 0.6) & (high >= 0.6)).mean() < 0.97


@pytest.mark.parametrize(("n_clusters", "share"), [(10, 1.0), (60, 0.5)])
def test_the_interval_of_auroc_holds_the_truth(n_clusters: int, share: float) -> None:
    """Scores N(1 + u_c, 1) of positives, N(v_c, 1) of others, u and v N(0, 1) by cluster.

    Their difference is N(1, 4), so that AUROC is Phi(1 / 2).
    """
    rng = np.random.default_rng(0)
    truth, hits = 0.6915, []
    for _ in range(400):
        positives = np.where(rng.random(n_clusters) < share, rng.integers(1, 40, n_clusters), 0)
        negatives = rng.geometric(0.4, n_clusters) * 30
        x = rng.normal(1 + np.repeat(rng.normal(size=n_clusters), positives))
        y = rng.normal(np.repeat(rng.normal(size=n_clusters), negatives))
        below = np.searchsorted(np.sort(y), x) / len(y)
        above = 1 - np.searchsorted(np.sort(x), y) / len(x)
        clusters = np.arange(n_clusters)
        placed = np.bincount(np.repeat(clusters, positives), below, n_clusters)
        passed = np.bincount(np.repeat(clusters, negatives), above, n_clusters)
        low, high = auroc_interval(placed, positives, passed, negatives)
        hits.append(low <= truth <= high)
    assert 0.92 < np.mean(hits) < 0.98


def test_the_interval_of_auroc_without_positives_or_negatives() -> None:
    """Quietly: warnings are errors here. And a perfect score of ten clusters says little more."""
    none, some = np.zeros(2), np.array([3.0, 1])
    assert np.isnan(auroc_interval(none, none, none, some)).all()
    assert np.isnan(auroc_interval(none, some, none, none)).all()
    assert np.isnan(auroc_interval(np.ones(9), np.ones(9), np.ones(9), np.ones(9))).all()
    low, high = auroc_interval(np.ones(10), np.ones(10), np.ones(10), np.ones(10))
    assert low < 0.97
    assert high == 1


def with_pseudo_cluster(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """And degrees of freedom: Kish's effective clusters less one, at least one."""
    weight = 0.25 * y[y > 0].mean()
    x, y = np.append(x, weight / 2), np.append(y, weight)
    return x, y, max(y.sum() ** 2 / (y**2).sum() - 1, 1)


def around(share: float, error: float, freedom: float) -> tuple[float, float]:
    half = student_t.ppf(0.975, freedom) * error / (share * (1 - share))
    return expit(logit(share) - half), expit(logit(share) + half)


@pytest.mark.parametrize("denominator", [[7, 5, 2, 9], [7, 0, 2, 0], [0, 8, 0, 0], [1, 9, 1, 6]])
def test_the_interval_of_a_share_by_its_formula(denominator: list[int]) -> None:
    y = np.array(denominator)
    x = y // 3 + 1 * (y > 5)
    more_x, more_y, freedom = with_pseudo_cluster(x, y)
    share = more_x.sum() / more_y.sum()
    n = np.count_nonzero(y)
    error = np.sqrt((n + 1) / n * ((more_x - share * more_y) ** 2).sum()) / more_y.sum()
    low, high = around(share, error, freedom)
    expected = min(low, x.sum() / y.sum()), max(high, x.sum() / y.sum())
    assert share_interval(x, y) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("positives", "negatives"),
    [
        pytest.param([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 0, 0], [4] * 8 + [0, 0, 30, 0], id="many"),
        pytest.param([3, 1, 4, 1, 5, 9, 2, 6, 5, 3], [0] * 9 + [17], id="negatives of one"),
        pytest.param([1] * 10 + [0] * 3, [0, 2, 1] * 4 + [1], id="one alone"),
        pytest.param([60] + [1] * 9, [99] + [0] * 9, id="nearly all in one"),
    ],
)
def test_the_interval_of_auroc_by_its_formula(positives: list[int], negatives: list[int]) -> None:
    rng = np.random.default_rng(0)
    m, n, clusters = np.array(positives), np.array(negatives), np.arange(len(positives))
    x, y = rng.normal(1, 1, m.sum()), rng.normal(0, 1, n.sum())
    above = x[:, None] > y
    placed = np.bincount(np.repeat(clusters, m), above.mean(1), len(m))
    passed = np.bincount(np.repeat(clusters, n), above.mean(0), len(m))
    more_p, more_m, of_positives = with_pseudo_cluster(placed, m)
    more_n, more_q, of_negatives = with_pseudo_cluster(passed, n)
    area = (more_p.sum() / more_m.sum() + more_n.sum() / more_q.sum()) / 2
    r, q = (more_p - area * more_m) / more_m.sum(), (more_n - area * more_q) / more_q.sum()
    squares = sum(
        (k + 1) / k * terms.sum()
        for k, terms in (
            (np.count_nonzero(m), r**2),
            (np.count_nonzero(n), q**2),
            (np.count_nonzero(m + n), 2 * r * q),
        )
    )
    low, high = around(area, np.sqrt(squares), min(of_positives, of_negatives))
    found = auroc_interval(placed, m, passed, n)
    expected = min(low, above.mean()), max(high, above.mean())
    assert found == pytest.approx(expected, rel=1e-9)


def test_the_interval_of_f1_is_that_of_a_share_in_ten_clusters() -> None:
    """2 TP of on and labelled; a cluster without the concept does not count among the ten."""
    tp = np.array([3, 1, 4, 1, 5, 2, 2, 6, 5, 3, 0])
    on, positives = tp + 2, tp + np.array([1, 0, *[1] * 8, 0])
    found = f1_interval(tp, on, positives)
    assert found == pytest.approx(share_interval(2 * tp, on + positives))
    assert np.isnan(f1_interval(tp[1:], on[1:], positives[1:])).all()
