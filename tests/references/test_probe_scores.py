from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from protsae.references.linear_probe import LinearProbe
from protsae.references.probe_scores import Block, ClusterCounts, LogitCounts, score_probes

N_RESIDUES, N_CONCEPTS = 307, 3


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits on the grid of 1/8 from -4 to 4, labels that go with them, known."""
    rng = np.random.default_rng(seed)
    labels = rng.random((N_RESIDUES, N_CONCEPTS)) < [0.5, 0.2, 0.05]
    logits = np.clip(np.round(rng.normal(size=labels.shape) * 8 + 8 * labels) / 8, -4, 3.875)
    return logits, labels, rng.random(labels.shape) < [1.0, 0.7, 0.9]


def counted(seed: int, *cuts: int) -> LogitCounts:
    """Counts in steps of 1/8, so that nothing is rounded; residues added in parts."""
    counts = LogitCounts(np.full(N_CONCEPTS, -4.0), np.full(N_CONCEPTS, 4.0), n_bins=64)
    for part in zip(*(np.split(array, cuts) for array in random_case(seed)), strict=True):
        counts.update(*part)
    return counts


@pytest.mark.parametrize("seed", range(7))
def test_the_best_threshold_is_that_of_a_search(seed: int) -> None:
    f1, threshold = counted(seed).best_threshold()
    logits, labels, known = random_case(seed)
    for p in range(N_CONCEPTS):
        z, y = logits[known[:, p], p], labels[known[:, p], p]
        tried = np.arange(-4, 4, 1 / 8)
        every = np.array([f1_score(y, z >= t, zero_division=0) for t in tried])
        assert f1[p] == pytest.approx(every.max(), abs=1e-12)
        assert threshold[p] == tried[np.isclose(every, every.max(), atol=1e-12)][0]


@pytest.mark.parametrize("seed", range(7))
def test_rank_scores_are_those_of_scikit_learn(seed: int) -> None:
    average_precision, auroc = counted(seed, 100, 101).rank_scores()
    logits, labels, known = random_case(seed)
    for p in range(N_CONCEPTS):
        z, y = logits[known[:, p], p], labels[known[:, p], p]
        assert average_precision[p] == pytest.approx(average_precision_score(y, z))
        assert auroc[p] == pytest.approx(roc_auc_score(y, z))


@pytest.mark.parametrize("seed", range(3))
def test_placements_are_shares_of_the_others(seed: int) -> None:
    counts = counted(seed)
    logits, labels, known = random_case(seed)
    place = counts.place(logits)
    placed, passed = (shares.ravel() for shares in counts.placements())
    for p in range(N_CONCEPTS):
        z, has = logits[known[:, p], p], labels[known[:, p], p]
        at = place[known[:, p], p]
        won = (z[has][:, None] > z[~has][None]) + 0.5 * (z[has][:, None] == z[~has][None])
        np.testing.assert_allclose(placed[at[has]], won.mean(1))
        np.testing.assert_allclose(passed[at[~has]], won.mean(0))


def test_parts_change_nothing() -> None:
    whole, parts = counted(3), counted(3, 1, 50, 260)
    assert np.array_equal(whole.rank_scores(), parts.rank_scores())


def test_logits_beyond_the_range_of_train() -> None:
    counts = LogitCounts(np.array([0.0]), np.array([1.0]), n_bins=2)
    logits = np.array([[-np.inf], [-7.0], [0.25], [0.75], [99.0], [np.inf]])
    labels = np.array([[0], [0], [0], [1], [1], [1]]) > 0
    counts.update(logits, labels, np.ones_like(labels))
    f1, threshold = counts.best_threshold()
    assert (f1.tolist(), threshold.tolist()) == ([1.0], [0.5])


def test_no_known_residue_and_logits_that_never_vary() -> None:
    counts = LogitCounts(np.array([2.0, 2.0]), np.array([2.0, 2.0]))
    logits = np.array([[2.0, 2.0], [2.0, 2.0], [1.5, 3.0]])
    labels = np.array([[1, 1], [0, 0], [0, 0]]) > 0
    counts.update(logits, labels, np.array([[0, 1]] * 3) > 0)
    f1, threshold = counts.best_threshold()
    np.testing.assert_allclose(f1, [0, 0.5])
    assert threshold.tolist() == [2.0, 2.0]
    average_precision, auroc = counts.rank_scores()
    assert np.isnan([average_precision[0], auroc[0]]).all()
    assert auroc[1] == 0.5


def test_cluster_counts_by_hand() -> None:
    counts = ClusterCounts(n_clusters=3, n_concepts=1)
    on = np.array([1, 1, 0, 1, 0])[:, None] > 0
    labels = np.array([1, 0, 1, 1, 1])[:, None] > 0
    known = np.array([1, 1, 1, 1, 0])[:, None] > 0
    cluster = np.array([0, 0, 0, 2, 2])
    counts.update(on[:2], labels[:2], known[:2], cluster[:2])
    counts.update(on[2:], labels[2:], known[2:], cluster[2:])
    assert counts.true_positives.ravel().tolist() == [1, 0, 1]
    assert counts.on.ravel().tolist() == [2, 0, 1]
    assert counts.positives.ravel().tolist() == [2, 0, 1]
    (row,) = counts.scores().to_dict("records")
    assert (row["precision"], row["recall"], row["f1"]) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert (row["n_residues"], row["n_clusters"]) == (3, 2)
    # Two clusters do not tell how sure that is.
    assert np.isnan([row["f1_low"], row["f1_high"]]).all()


def probe(weight: list[float], penalty: float) -> LinearProbe:
    """Two concepts, a weight each on the one column; logits from -5 to 5 on train."""
    weights = np.array([weight], np.float32)
    low, high = -5 * np.abs(weights[0]), 5 * np.abs(weights[0])
    return LinearProbe(weights, np.zeros(2, np.float32), np.full(2, penalty), low, high)


def test_each_concept_takes_the_penalty_that_is_best_on_valid() -> None:
    rng = np.random.default_rng(0)
    rows = {name: rng.uniform(-5, 5, (101, 1)).astype(np.float32) for name in ("valid", "test")}

    def read(split: str) -> Iterator[Block]:
        x = rows[split]
        labels = np.hstack([x > 2, x < -1])  # rising and falling with the column
        for part in (slice(0, 40), slice(40, 101)):
            yield Block(
                x[part], labels[part], np.ones_like(labels[part]), np.arange(101)[part] % 11
            )

    found = score_probes([probe([1.0, 1.0], 0.1), probe([-1.0, -1.0], 0.2)], read, 11)
    assert found["penalty"].tolist() == [0.1, 0.2]
    np.testing.assert_allclose(found["threshold"], [2, 1], atol=0.2)
    assert (found["valid_f1"] > 0.98).all()
    assert (found[["f1", "auroc", "average_precision"]] > 0.95).all(axis=None)
    assert (found["auroc_low"] < found["auroc"]).all()
    assert (found["auroc_high"] >= found["auroc"]).all()
    assert found["n_residues"].tolist() == [(rows["test"] > 2).sum(), (rows["test"] < -1).sum()]
