"""One-to-one pairs against SciPy's assignment on the dense table of correlations."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from protsae.detectors import best_matches
from protsae.neighbours import assignment
from protsae.neighbours.assignment import assign, candidates

N_RESIDUES = 211


def drawn(n_own: int, n_others: int, seed: int) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Codes of two SAEs that share some causes."""
    rng = np.random.default_rng(seed)
    causes = rng.exponential(size=(N_RESIDUES, 17)) * (rng.random((N_RESIDUES, 17)) < 0.2)
    found = []
    for n in (n_own, n_others):
        weights = rng.random((17, n)) * (rng.random((17, n)) < 0.2)
        found.append(sparse.csr_array(causes @ weights))
    return found[0], found[1]


def table(own: sparse.csr_array, others: sparse.csr_array) -> np.ndarray:
    """All correlations by NumPy; 0 where one does not vary."""
    both = np.hstack([own.toarray(), others.toarray()])
    with np.errstate(invalid="ignore"):
        r: np.ndarray = np.nan_to_num(np.corrcoef(both.T))
    return r[: own.shape[1], own.shape[1] :]


@pytest.mark.parametrize("values", [1, 10**6], ids=["feature by feature", "at once"])
@pytest.mark.parametrize(("n_own", "n_others"), [(11, 13), (13, 11), (23, 7)])
def test_pairs_are_those_of_the_dense_problem(
    n_own: int, n_others: int, values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(best_matches, "PRODUCT_VALUES", values)
    own, others = drawn(n_own, n_others, seed=n_own)
    pairs, r = assign(own, others), table(own, others)
    rows, columns = linear_sum_assignment(r.clip(min=0), maximize=True)
    assert pairs.correlation.sum() == pytest.approx(r[rows, columns].clip(min=0).sum())
    np.testing.assert_allclose(pairs.correlation, r[pairs.own, pairs.other])
    assert (pairs.correlation > 0).all()
    assert len(set(pairs.own.tolist())) == len(set(pairs.other.tolist())) == len(pairs.own)


def test_candidates_are_the_best_of_either_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assignment, "CANDIDATES", 2)
    own, others = drawn(11, 13, seed=1)
    row, column, value = candidates(own, others)
    r = table(own, others)
    wanted = {(i, j) for i in range(11) for j in np.argsort(-r[i])[:2].tolist()}
    wanted |= {(i, j) for j in range(13) for i in np.argsort(-r[:, j])[:2].tolist()}
    wanted = {(i, j) for i, j in wanted if r[i, j] > 0}
    assert set(zip(row.tolist(), column.tolist(), strict=True)) == wanted
    np.testing.assert_allclose(value, r[row, column])


def test_a_renamed_copy_is_found() -> None:
    own, _ = drawn(13, 1, seed=2)
    order = np.random.default_rng(0).permutation(13)
    copy = sparse.csr_array(sparse.csc_array(own * 3.0)[:, order])
    pairs = assign(own, copy)
    alive = np.flatnonzero(np.asarray(own.sum(0)).ravel() > 0)
    np.testing.assert_array_equal(pairs.own, alive)
    np.testing.assert_array_equal(order[pairs.other], alive)
    np.testing.assert_allclose(pairs.correlation, 1)


def test_silent_features_have_no_partner() -> None:
    nothing = sparse.csr_array((5, 3))
    assert len(assign(nothing, nothing).own) == 0
