import numpy as np
import pytest
from scipy import sparse

from protsae.sparse_probes.column_probes import SparseProbes, TrainRows, fit_sparse_probes
from protsae.sparse_probes.forward_selection import NONE

N_RESIDUES, N_COLUMNS, SIZES = 1201, 23, (1, 2, 5)


def codes(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random((N_RESIDUES, N_COLUMNS)) * (rng.random((N_RESIDUES, N_COLUMNS)) < 0.2)


def planted(x: np.ndarray) -> np.ndarray:
    """Where any of columns 4, 9 and 17 is above 1/2; and where column 2 is."""
    on = x > 0.5
    return np.column_stack([on[:, [4, 9, 17]].any(1), on[:, 2]])


def train_rows(
    x: np.ndarray | sparse.csr_array,
    labels: np.ndarray,
    known: np.ndarray | None = None,
    known_column: np.ndarray | None = None,
    weight: np.ndarray | None = None,
) -> TrainRows:
    """Clusters of 7 residues; by default all labels are known and every residue counts once."""
    n, n_concepts = labels.shape
    return TrainRows(
        x,
        labels,
        np.ones((n, 1), bool) if known is None else known,
        np.zeros(n_concepts, int) if known_column is None else known_column,
        np.arange(n) // 7,
        np.ones(n) if weight is None else weight,
    )


def fitted(x: np.ndarray | sparse.csr_array, labels: np.ndarray) -> SparseProbes:
    return fit_sparse_probes(train_rows(x, labels), SIZES)


@pytest.mark.parametrize("seed", range(3))
def test_the_columns_planted_are_chosen(seed: int) -> None:
    x = codes(seed)
    probes = fitted(x, planted(x))
    assert set(probes.chosen[:3, 0]) == {4, 9, 17}
    assert probes.chosen[0, 1] == 2
    assert probes.chosen.shape == (5, 2)


def test_each_probe_uses_its_first_columns() -> None:
    x = codes(0)
    probes = fitted(x, planted(x))
    weights = probes.weights.toarray()
    assert weights.shape == (N_COLUMNS, 6)
    for place, size in enumerate(SIZES):
        for concept in range(2):
            used = np.flatnonzero(weights[:, 2 * place + concept])
            assert sorted(used) == sorted(probes.chosen[:size, concept])


def test_sparse_and_dense_rows_give_the_same_probes() -> None:
    x = codes(1)
    labels = planted(x)
    dense, stored = fitted(x, labels), fitted(sparse.csr_array(x), labels)
    assert (dense.chosen == stored.chosen).all()
    np.testing.assert_allclose(stored.weights.toarray(), dense.weights.toarray(), atol=1e-6)
    np.testing.assert_allclose(stored.logits(sparse.csr_array(x)), dense.logits(x), atol=1e-6)
    np.testing.assert_allclose(dense.low, dense.logits(x).min(0), atol=1e-9)
    np.testing.assert_allclose(dense.high, dense.logits(x).max(0), atol=1e-9)


def test_residues_with_an_unknown_label_do_not_count() -> None:
    x = codes(2)
    labels = planted(x)
    known = np.random.default_rng(0).random((N_RESIDUES, 2)) < [0.7, 0.5]
    columns = np.array([1, 0])
    found = fit_sparse_probes(train_rows(x, labels, known, columns), SIZES)
    for concept, column in enumerate(columns):
        rows = known[:, column]
        alone = fitted(x[rows], labels[rows][:, [concept]])
        assert (alone.chosen[:, 0] == found.chosen[:, concept]).all()
        own = found.weights.toarray()[:, concept::2]
        np.testing.assert_allclose(own, alone.weights.toarray(), rtol=1e-6)


def test_no_label_is_known() -> None:
    x = codes(2)
    nowhere = np.zeros((N_RESIDUES, 1), bool)
    probes = fit_sparse_probes(train_rows(x, planted(x), nowhere), SIZES)
    assert (probes.chosen == NONE).all()
    assert not probes.weights.nnz


def test_a_weight_is_as_good_as_a_copy() -> None:
    x = codes(4)
    labels, times = planted(x), np.random.default_rng(4).integers(1, 4, N_RESIDUES)
    copied = fitted(np.repeat(x, times, axis=0), np.repeat(labels, times, axis=0))
    weighted = fit_sparse_probes(train_rows(x, labels, weight=times.astype(float)), SIZES)
    assert (copied.chosen == weighted.chosen).all()
    np.testing.assert_allclose(weighted.weights.toarray(), copied.weights.toarray(), atol=1e-5)


def test_what_is_in_two_clusters_alone_is_not_chosen() -> None:
    x = codes(5)
    labels = np.zeros((N_RESIDUES, 1), bool)
    labels[:14] = True  # two clusters of 7
    x[:, 3] = labels[:, 0]
    assert 3 not in fitted(x, labels).chosen
    labels[14:21], x[14:21, 3] = True, 1
    assert fitted(x, labels).chosen[0, 0] == 3


def test_fewer_columns_than_a_probe_may_use() -> None:
    x = codes(3)[:, :3]
    probes = fit_sparse_probes(train_rows(x, x[:, [1]] > 0.5), (2, 5))
    assert probes.chosen[3:, 0].tolist() == [NONE, NONE]
    assert (probes.weights.toarray()[:, 1] != 0).sum() == 3
