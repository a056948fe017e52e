import numpy as np
import pytest
from scipy.stats import t as student_t

from protsae.association.verdicts import CountsByCluster, compare, verdicts
from protsae.statistics.cluster_intervals import effective_clusters


def counts(tp: np.ndarray, on: np.ndarray) -> CountsByCluster:
    return CountsByCluster(tp.astype(np.int64), on.astype(np.int64))


def drawn(seed: int, hits: list[float], n: int = 23) -> tuple[CountsByCluster, np.ndarray]:
    """Clusters of 5 to 40 labelled residues, found at these rates, a little different in each."""
    rng = np.random.default_rng(seed)
    positives = rng.integers(5, 41, n)
    rates = np.clip(np.array(hits) + 0.1 * rng.normal(size=(n, len(hits))), 0, 1)
    tp = rng.binomial(positives[:, None], rates)
    return counts(tp, tp + rng.binomial(6, 0.3, tp.shape)), positives


@pytest.mark.parametrize("seed", range(20))
def test_the_jackknife_leaves_out_each_cluster(seed: int) -> None:
    """One by one, with the maximum over the others taken anew."""
    every, positives = drawn(seed, [0.6, 0.5, 0.5])
    own, others = counts(every.tp[:, :1], every.on[:, :1]), counts(every.tp[:, 1:], every.on[:, 1:])

    def difference(kept: np.ndarray) -> float:
        f1 = 2 * every.tp[kept].sum(0) / (every.on[kept].sum(0) + positives[kept].sum())
        return float(f1[0] - f1[1:].max())

    n = len(positives)
    replicates = np.array([difference(np.arange(n) != left_out) for left_out in range(n)])
    (row,) = compare(own, others, positives).to_dict("records")
    assert row["f1_difference"] == pytest.approx(difference(np.ones(n, bool)))
    error = np.sqrt((n - 1) / n * ((replicates - replicates.mean()) ** 2).sum())
    half = (row["f1_difference_high"] - row["f1_difference_low"]) / 2
    freedom = effective_clusters(positives) - 1
    assert half / error == pytest.approx(student_t.ppf(0.975, freedom))


def test_fewer_than_ten_clusters_give_no_verdict() -> None:
    every, positives = drawn(0, [0.9, 0.1])
    positives[9:] = 0
    tp = np.minimum(every.tp, positives[:, None])
    found = compare(
        counts(tp[:, :1], every.on[:, :1]), counts(tp[:, 1:], every.on[:, 1:]), positives
    )
    undefined = found[["f1_difference_low", "f1_difference_high", "p_above", "p_below"]]
    assert undefined.isna().all(axis=None)
    assert found["f1_difference"][0] > 0.2


def test_one_giant_cluster_leaves_one_degree_of_freedom() -> None:
    """2,000 residues in one cluster and 50 in each of ten: 1.55 clusters are effective."""
    positives = np.array([2000, *[50] * 10])
    own, other = (
        counts(tp[:, None], tp[:, None])
        for tp in (np.array([1400, *[36] * 10]), np.array([1000, *[25] * 10]))
    )
    (row,) = compare(own, other, positives).to_dict("records")
    half = (row["f1_difference_high"] - row["f1_difference_low"]) / 2
    statistic = row["f1_difference"] / (half / student_t.ppf(0.975, 1))
    assert 0 < half < 0.5
    assert row["p_above"] == pytest.approx(student_t.sf(statistic, 1))


def test_clusters_in_which_nothing_happens_change_nothing() -> None:
    every, positives = drawn(1, [0.6, 0.4])
    zeros = np.zeros((50, 1), np.int64)

    def found(n_empty: int) -> np.ndarray:
        own, others = (
            CountsByCluster(
                *(np.vstack([x[:, [i]], zeros[:n_empty]]) for x in (every.tp, every.on))
            )
            for i in (0, 1)
        )
        padded = np.append(positives, zeros[:n_empty])
        return compare(own, others, padded).to_numpy(dtype=float)

    np.testing.assert_allclose(found(50), found(0))


@pytest.mark.parametrize("n", [10, 40])
def test_equals_are_seldom_told_apart_and_winners_nearly_always(n: int) -> None:
    def share(hits: list[float]) -> float:
        above = []
        for seed in range(120):
            every, positives = drawn(seed, hits, n)
            own = counts(every.tp[:, :1], every.on[:, :1])
            others = counts(every.tp[:, 1:], every.on[:, 1:])
            above.append(compare(own, others, positives)["p_above"][0] <= 0.05)
        return float(np.mean(above))

    assert share([0.5, 0.5]) <= 0.05 + 2 * (0.05 * 0.95 / 120) ** 0.5
    assert share([0.5, 0.5, 0.5]) <= 0.05
    assert share([0.7, 0.4]) >= 0.95


@pytest.mark.parametrize("n_others", [2, 6])
def test_none_of_many_equals_is_below_the_luckiest(n_others: int) -> None:
    """The largest of six F1s is too large on the proteins that it was found on."""
    found = []
    for seed in range(300):
        every, positives = drawn(seed, [0.6] * (1 + n_others))
        own, others = every.of(np.array([0])), every.of(np.arange(1, 1 + n_others))
        found.append(compare(own, others, positives)[["p_above", "p_below"]].to_numpy()[0])
    above, below = (np.array(found) <= 0.05).mean(0)
    most = 0.05 + 2 * np.sqrt(0.05 * 0.95 / 300)
    assert above <= most
    assert below <= most
    assert below > 0.005, "Bonferroni over six that share their clusters loses little"


def test_below_is_tested_beside_each() -> None:
    every, positives = drawn(0, [0.4, 0.6, 0.62])
    own = every.of(np.array([0]))
    one_by_one = [
        compare(own, every.of(np.array([other])), positives)["p_below"][0] for other in (1, 2)
    ]
    both = compare(own, every.of(np.array([1, 2])), positives)["p_below"][0]
    assert both == pytest.approx(2 * min(one_by_one))


def test_above_all_of_several_p_below_is_1() -> None:
    every, positives = drawn(0, [0.9, 0.2, 0.3])
    found = compare(every.of(np.array([0])), every.of(np.array([1, 2])), positives)
    assert found["p_below"].tolist() == [1]


def test_verdicts_by_hand() -> None:
    """Four tests in either direction; of the fifth, not called, there is none."""
    above = np.array([0.01, 0.04, 0.5, 0.999, 1e-9])
    called = np.array([True, True, True, True, False])
    found = verdicts(above, 1 - above, called)
    np.testing.assert_allclose(found["verdict_q_value"][:4], [0.04, 0.08, 2 / 3, 0.999])
    assert found["verdict"].tolist() == ["above", "undecided", "undecided", "below", None]
    assert np.isnan(found["verdict_p_value"][4])


def test_verdicts_of_two_families_by_hand() -> None:
    """0.01 and 0.04 are the tests of one family; 0.04 alone is another's: q 0.02, 0.04, 0.04."""
    above = np.array([0.01, 0.04, 0.04])
    family = np.array([True, True, False])
    found = verdicts(above, 1 - above, np.ones(3, dtype=bool), family)
    np.testing.assert_allclose(found["verdict_q_value"], [0.02, 0.04, 0.04])
    assert found["verdict"].tolist() == ["above"] * 3


def test_a_q_value_at_the_level_is_a_verdict() -> None:
    above = np.array([0.05, 0.95])
    found = verdicts(above, np.array([0.95, 0.05]), np.ones(2, dtype=bool), np.array([0, 1]))
    assert found["verdict"].tolist() == ["above", "below"]


def test_bounds_of_a_difference_stay_within_1() -> None:
    """Half of 2,000 residues of one cluster is found, or nothing; Student's t of 95 % is 12.7."""
    positives = np.array([2000, *[1] * 10])
    half, none = (
        counts(tp[:, None], tp[:, None]) for tp in (np.array([1000, *[0] * 10]), 0 * positives)
    )
    assert compare(half, none, positives)["f1_difference_high"].tolist() == [1]
    assert compare(none, half, positives)["f1_difference_low"].tolist() == [-1]
