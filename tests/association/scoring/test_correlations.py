import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import pearsonr, spearmanr

from protsae.association.scoring.correlations import midranks, pearson, spearman

BOTH = pytest.mark.parametrize(
    ("correlate", "reference"),
    [(pearson, pearsonr), (spearman, spearmanr)],
    ids=["pearson", "spearman"],
)
DEAD = 5


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Activations, many equal, many zero, the last never; three scales, one with gaps."""
    rng = np.random.default_rng(seed)
    n_residues = rng.integers(23, 60)
    activations = rng.integers(0, 5, (n_residues, DEAD + 1)) * (
        rng.random((n_residues, DEAD + 1)) < 0.6
    )
    activations[:, DEAD] = 0
    scales = rng.integers(50, 56, (n_residues, 3)).astype(np.float32)
    scales[rng.random(n_residues) < 0.2, 1] = np.nan
    return activations.astype(np.float32), scales


@BOTH
@pytest.mark.parametrize("seed", range(20))
def test_against_scipy(correlate, reference, seed: int) -> None:
    activations, scales = random_case(seed)
    found = correlate(sparse.csc_array(activations), scales)
    for s in range(3):
        defined = ~np.isnan(scales[:, s])
        for f in range(DEAD):
            expected = reference(activations[defined, f], scales[defined, s])[0]
            assert found[s, f] == pytest.approx(expected, abs=1e-7)
        assert found[s, DEAD] == 0


@BOTH
def test_by_hand(correlate, reference) -> None:
    activations = sparse.csc_array(np.array([[0, 4], [1, 2], [2, 0]], np.float32))
    found = correlate(activations, np.array([[0.0], [1], [2]]))
    np.testing.assert_allclose(found, [[1, -1]])


@BOTH
def test_stored_zeros_are_zeros(correlate, reference) -> None:
    stored = sparse.csc_array(
        (np.array([0.0, 2]), np.array([0, 1]), np.array([0, 2])), shape=(3, 1)
    )
    found = correlate(stored, np.array([[1.0], [2], [4]]))
    assert found[0, 0] == pytest.approx(reference([0, 2, 0], [1, 2, 4])[0])


@BOTH
def test_what_does_not_vary_has_no_correlation(correlate, reference) -> None:
    """0.1 is no binary fraction: sums of it differ from n times it by rounding, not by variance."""
    rng = np.random.default_rng(1)
    varying = rng.random((1009, 1)).astype(np.float32)
    constant = np.full((1009, 1), 0.1, np.float32)
    dead = np.zeros((1009, 1), np.float32)
    both = sparse.csc_array(np.hstack([constant, dead]))
    assert correlate(both, np.hstack([varying, constant])).tolist() == [[0, 0], [0, 0]]
    assert correlate(sparse.csc_array(varying), constant).tolist() == [[0]]


@BOTH
def test_a_scale_that_is_nowhere_defined(correlate, reference) -> None:
    scales = np.full((5, 1), np.nan, np.float32)
    assert correlate(sparse.csc_array(np.eye(5, 2, dtype=np.float32)), scales).tolist() == [[0, 0]]


@BOTH
@pytest.mark.parametrize("factor", [0.125, 8])
def test_the_unit_of_a_feature_changes_nothing(correlate, reference, factor: float) -> None:
    activations, scales = random_case(0)
    np.testing.assert_allclose(
        correlate(sparse.csc_array(activations), scales),
        correlate(sparse.csc_array(activations * np.float32(factor)), scales),
        atol=1e-12,
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_midranks_are_those_of_pandas(dtype: type) -> None:
    rng = np.random.default_rng(3)
    for size in (0, 1, 2, 40, 3000):
        values = rng.integers(-5, size // 2 + 1, size=(size, 2)).astype(dtype)
        expected = pd.DataFrame(values).rank().to_numpy()
        assert (midranks(values) == expected).all()
        assert (midranks(values[:, 0]) == expected[:, 0]).all()


def test_a_correlation_is_never_beyond_1() -> None:
    """Of features with themselves, and with what rises as they fall; rounding exceeds 1 in some."""
    values = np.random.default_rng(0).random((7, 97))
    for scales in (values, 1 - values):
        assert np.abs(pearson(sparse.csc_array(values), scales)).max() <= 1
