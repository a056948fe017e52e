"""Best matches beside dense numpy.corrcoef; what is exchanged, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from protsae.detectors import best_matches as matching
from protsae.detectors.best_matches import best_matches, exchanged_rows

N, F, G = 53, 7, 11


def sparse_codes(n_features: int, seed: int, share: float = 0.3) -> np.ndarray:
    """Positive numbers in a share of the places, in float32 as codes are."""
    rng = np.random.default_rng(seed)
    values = rng.exponential(size=(N, n_features)) * (rng.random((N, n_features)) < share)
    return values.astype(np.float32)


def dense_matches(own: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The independent reference."""
    r = np.corrcoef(own.T.astype(np.float64), others.T.astype(np.float64))
    block = r[: own.shape[1], own.shape[1] :]
    return block.max(1), block.argmax(1)


@pytest.mark.parametrize("held", [1, 2 * G, 10_000], ids=["one", "two", "all"])
def test_as_numpy_finds_them_however_many_are_held(
    held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "PRODUCT_VALUES", held)
    own, others = sparse_codes(F, 1), sparse_codes(G, 2)
    correlation, match = best_matches(sparse.csr_array(own), sparse.csr_array(others))
    expected, which = dense_matches(own, others)
    np.testing.assert_allclose(correlation, expected, rtol=1e-12)
    assert match.tolist() == which.tolist()


@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 1))
def test_as_numpy_finds_them_on_random_codes(seed: int, share: float) -> None:
    own, others = sparse_codes(F, seed, share), sparse_codes(G, seed + 1, share)
    if (own.std(0) == 0).any() or (others.std(0) == 0).any():
        return
    correlation, _ = best_matches(sparse.csr_array(own), sparse.csr_array(others))
    np.testing.assert_allclose(correlation, dense_matches(own, others)[0], rtol=1e-9)


def test_a_permuted_and_rescaled_set_matches_itself() -> None:
    own = sparse_codes(F, 3)
    order = np.random.default_rng(4).permutation(F)
    others = (own * np.arange(1, F + 1))[:, order]
    correlation, match = best_matches(sparse.csr_array(own), sparse.csr_array(others))
    np.testing.assert_allclose(correlation, 1)
    assert order[match].tolist() == list(range(F))


def test_detectors_that_do_not_vary_have_no_match_and_are_none() -> None:
    """Of the first set detectors 1, never active, and 2, on everywhere; of the second the last."""
    own = sparse_codes(3, 5)
    own[:, 1], own[:, 2] = 0, 2.5
    others = np.column_stack([-own[:, 0] + 9, own[:, 0], np.full(N, 3.0)])
    correlation, match = best_matches(sparse.csr_array(own), sparse.csr_array(others))
    assert correlation.tolist() == pytest.approx([1, np.nan, np.nan], nan_ok=True)
    assert match.tolist() == [1, -1, -1]
    nothing = sparse.csr_array(np.zeros((N, 2)))
    correlation, match = best_matches(sparse.csr_array(own), nothing)
    assert np.isnan(correlation).all()
    assert (match == -1).all()


def test_a_negative_correlation_may_be_the_largest() -> None:
    own = np.array([[1.0], [0.0], [0.0]])
    others = np.array([[0.0], [1.0], [1.0]])
    correlation, match = best_matches(sparse.csr_array(own), sparse.csr_array(others))
    assert correlation.tolist() == pytest.approx([-1])
    assert match.tolist() == [0]


def test_each_protein_gets_the_next_longer_one_of_another_cluster() -> None:
    """By length: 0 (A), 2 (A), 1 (B). 0 and 2 get 1; 1, the longest, the shortest."""
    rows = exchanged_rows([2, 5, 3], ["A", "B", "A"])
    assert rows[:2].tolist() == [2, 6]  # first and last of protein 1
    assert rows[2:7].tolist() == [0, 0, 0, 1, 1]  # halves go to the even row
    assert rows[7:].tolist() == [2, 4, 6]


def test_one_residue_and_one_cluster() -> None:
    assert exchanged_rows([1, 3], ["A", "B"]).tolist() == [1, 0, 0, 0]
    assert exchanged_rows([2, 2], ["A", "A"]).tolist() == [2, 3, 0, 1]
    assert exchanged_rows([3], ["A"]).tolist() == [0, 1, 2]


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from("ABC")), min_size=2, max_size=13))
def test_no_protein_gets_one_of_its_cluster_if_there_is_another(
    proteins: list[tuple[int, str]],
) -> None:
    lengths, clusters = (list(part) for part in zip(*proteins, strict=True))
    rows = exchanged_rows(lengths, clusters)
    protein_of = np.repeat(np.arange(len(lengths)), lengths)
    cluster = np.array(clusters)[protein_of]
    first = np.cumsum(lengths) - lengths
    assert len(rows) == sum(lengths)
    if len(set(clusters)) > 1:
        assert (cluster[rows] != cluster).all()
    # The first residue comes from a first one.
    assert set(rows[first]) <= set(first)
