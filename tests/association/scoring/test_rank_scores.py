import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import average_precision_score, roc_auc_score

from protsae.association.scoring import rank_scores as module
from protsae.association.scoring.rank_scores import rank_scores
from protsae.statistics import cluster_intervals as resampling
from protsae.statistics.cluster_intervals import auroc_interval


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Activations, many equal, many zero, one feature never and one always on; labels."""
    rng = np.random.default_rng(seed)
    n_residues = rng.integers(7, 60)
    activations = rng.integers(0, 5, (n_residues, 7)) * (rng.random((n_residues, 7)) < 0.6) * 1.0
    activations[:, 5] = 0
    activations[:, 6] = rng.random(n_residues) + 1
    labels = rng.random((n_residues, 5)) < rng.random(5)
    labels[0], labels[1] = True, False  # scikit-learn wants both
    return activations.astype(np.float32), labels


def every_pair(
    activations: np.ndarray, labels: np.ndarray, cluster: np.ndarray | None = None
) -> np.ndarray:
    """Shape (4, n_concepts, n_features); clusters of five residues where none are given."""
    concept, feature = np.indices((labels.shape[1], activations.shape[1])).reshape(2, -1)
    found = rank_scores(
        sparse.csc_array(activations),
        sparse.csc_array(labels.astype(np.uint8)),
        feature,
        concept,
        np.arange(len(labels)) // 5 if cluster is None else cluster,
    )
    return found.T.reshape(4, labels.shape[1], activations.shape[1])


@pytest.mark.parametrize("seed", range(7))
def test_the_interval_is_that_of_all_pairs_of_residues(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every residue with the concept against every one without, one by one, summed by cluster."""
    monkeypatch.setattr(resampling, "MIN_CLUSTERS", 1)
    activations, labels = random_case(seed)
    cluster = np.sort(np.random.default_rng(seed).integers(0, 5, len(labels)))
    cluster = np.unique(cluster, return_inverse=True)[1]
    found = every_pair(activations, labels, cluster)
    for p in range(labels.shape[1]):
        has = labels[:, p]
        for f in range(activations.shape[1]):
            x = activations[:, f]
            won = (x[:, None] > x[None]) + 0.5 * (x[:, None] == x[None])
            placed = won[:, ~has].mean(1) * has
            passed = won[has].mean(0) * ~has
            sums = [np.bincount(cluster, v) for v in (placed, has, passed, ~has)]
            np.testing.assert_allclose(found[2:, p, f], auroc_interval(*sums), atol=1e-12)
            assert found[2, p, f] <= found[1, p, f] <= found[3, p, f]


@pytest.mark.parametrize("seed", range(40))
def test_against_scikit_learn(seed: int) -> None:
    activations, labels = random_case(seed)
    average_precision, auroc, *_ = every_pair(activations, labels)
    for p in range(labels.shape[1]):
        for f in range(activations.shape[1]):
            case = (labels[:, p], activations[:, f])
            assert average_precision[p, f] == pytest.approx(average_precision_score(*case))
            assert auroc[p, f] == pytest.approx(roc_auc_score(*case))


@pytest.mark.parametrize("level", [0.0, 3.0])
def test_a_constant_feature_is_no_detector(level: float) -> None:
    """Exactly: AUROC 1/2, and the base rate as average precision."""
    activations = np.full((13, 1), level, np.float32)
    average_precision, auroc, *_ = every_pair(activations, (np.arange(13) < 5)[:, None])
    assert (average_precision[0, 0], auroc[0, 0]) == (5 / 13, 0.5)


def test_pairs_of_a_feature_after_another_one() -> None:
    """Each feature's activations are ranked once."""
    activations, labels = random_case(4)
    stored, has = sparse.csc_array(activations), sparse.csc_array(labels.astype(np.uint8))
    cluster = np.arange(len(labels)) // 5
    feature, concept = np.array([0, 1, 1]), np.array([0, 0, 1])
    found = rank_scores(stored, has, feature, concept, cluster)
    for pair, own in enumerate(found):
        alone = rank_scores(stored, has, feature[[pair]], concept[[pair]], cluster)
        np.testing.assert_array_equal(alone[0], own)


def test_the_loop_in_python_reads_nothing_outside_of_its_arrays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is compiled does not look."""
    activations, labels = random_case(2)
    expected = every_pair(activations, labels)
    for loop in ("_curve", "_by_cluster"):
        monkeypatch.setattr(module, loop, getattr(module, loop).__wrapped__)
    np.testing.assert_array_equal(every_pair(activations, labels), expected)


def test_labels_that_do_not_vary() -> None:
    activations = np.array([[1], [0], [2]], np.float32)
    labels = np.array([[0, 1], [0, 1], [0, 1]])
    average_precision, auroc, *_ = every_pair(activations, labels)
    assert np.isnan(average_precision).tolist() == [[True], [False]]
    assert average_precision[1, 0] == 1
    assert np.isnan(auroc).all()


def test_stored_zeros_tie_with_the_others() -> None:
    stored = sparse.csc_array(
        (np.array([0.0, 2]), np.array([0, 1]), np.array([0, 2])), shape=(3, 1)
    )
    labels = sparse.csc_array(np.array([[0], [1], [1]], np.uint8))
    found = rank_scores(stored, labels, np.array([0]), np.array([0]), np.arange(3))
    # Of the two pairs, one is won and one, zero with zero, is a tie.
    assert found[0, 1] == 0.75


@pytest.mark.parametrize("factor", [0.1, 10])
def test_the_scale_of_a_feature_changes_nothing(factor: float) -> None:
    activations, labels = random_case(0)
    for one, two in zip(
        every_pair(activations, labels),
        every_pair(activations * np.float32(factor), labels),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)
