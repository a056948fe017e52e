import numpy as np
import pytest
from scipy import sparse

from protsae.sparse_probes.column_probes import SparseProbes, fit_sparse_probes
from protsae.sparse_probes.forward_selection import NONE

N_RESIDUES, N_COLUMNS, SIZES = 1201, 23, (1, 2, 5)
EVERYWHERE, FIRST_COLUMN = np.ones((N_RESIDUES, 1), bool), np.zeros(2, int)


def codes(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random((N_RESIDUES, N_COLUMNS)) * (rng.random((N_RESIDUES, N_COLUMNS)) < 0.2)


def planted(x: np.ndarray) -> np.ndarray:
    """Where any of columns 4, 9 and 17 is above 1/2; and where column 2 is."""
    on = x > 0.5
    return np.column_stack([on[:, [4, 9, 17]].any(1), on[:, 2]])


def fitted(x: np.ndarray | sparse.csr_array, labels: np.ndarray) -> SparseProbes:
    return fit_sparse_probes(x, labels, EVERYWHERE, FIRST_COLUMN, SIZES)


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
    found = fit_sparse_probes(x, labels, known, columns, SIZES)
    for concept, column in enumerate(columns):
        rows = known[:, column]
        alone = fit_sparse_probes(
            x[rows], labels[rows][:, [concept]], np.ones((rows.sum(), 1), bool), [0], SIZES
        )
        assert (alone.chosen[:, 0] == found.chosen[:, concept]).all()
        own = found.weights.toarray()[:, concept::2]
        np.testing.assert_allclose(own, alone.weights.toarray(), rtol=1e-6)


def test_fewer_columns_than_a_probe_may_use() -> None:
    x = codes(3)[:, :3]
    labels = x[:, [1]] > 0.5
    probes = fit_sparse_probes(x, labels, EVERYWHERE, np.zeros(1, int), (2, 5))
    assert probes.chosen[3:, 0].tolist() == [NONE, NONE]
    assert (probes.weights.toarray()[:, 1] != 0).sum() == 3
