import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from protsae.sae.architectures import ReluSae
from protsae.sae.evaluation.reconstruction import (
    PcaBaseline,
    Reconstruction,
    density_histogram,
    encoder_decoder_cosine,
    measure_moments,
)

D = 5


def by_hand() -> ReluSae:
    """Features max(x, 0) of two axes, rebuilt at half their size; the third is never active."""
    sae = ReluSae(2, 3)
    with torch.no_grad():
        sae.W_enc.copy_(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
        sae.b_enc.copy_(torch.tensor([0.0, 0.0, -1.0]))
        sae.W_dec.copy_(torch.tensor([[0.5, 0.0], [0.0, 0.5], [1.0, 1.0]]))
    return sae


def test_reconstruction_by_hand() -> None:
    rows = np.array([[2, 0], [-2, 4], [2, 2], [-2, -6]], np.float32)
    sums = Reconstruction(by_hand(), rows.mean(0), n_clusters=3)
    sums.update(rows[:3], np.array([0, 2, 2]))
    sums.update(rows[3:], np.array([0]))
    # x_hat: (1, 0), (0, 2), (1, 1), (0, 0); the mean of x is (0, 0).
    assert sums.n_residues.tolist() == [2, 0, 2]
    assert sums.error.tolist() == [1 + 40, 0, 8 + 2]
    assert sums.variance.tolist() == [4 + 40, 0, 20 + 8]
    assert sums.active.tolist() == [1, 0, 3]
    assert sums.fvu == 51 / 72
    assert sums.l0 == 1.0
    assert sums.fired.tolist() == [2, 2, 0]
    assert sums.density.tolist() == [0.5, 0.5, 0.0]


def test_predicting_the_mean_leaves_all_variance() -> None:
    rows = np.random.default_rng(0).normal(3, 1, (53, 2)).astype(np.float32)
    sae = ReluSae(2, 3)
    with torch.no_grad():
        sae.b_dec.copy_(torch.from_numpy(rows.mean(0)))
    sums = Reconstruction(sae, rows.mean(0), 1)
    sums.update(rows, np.zeros(53, dtype=np.int64))
    assert sums.fvu == pytest.approx(1, abs=1e-6)
    assert sums.l0 == 0


def rows_of(n_residues: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(D, D))
    return (rng.normal(size=(n_residues, D)) @ mixing + [20, 0, -7, 1, 3]).astype(np.float32)


def test_moments_give_mean_and_scatter() -> None:
    rows = rows_of(101, 0)
    moments = measure_moments(iter([rows[:7], rows[7:]]), D)
    exact = rows.astype(np.float64)
    assert moments.n_residues == 101
    np.testing.assert_allclose(moments.mean, exact.mean(0), rtol=1e-12)
    centre = np.arange(D, dtype=np.float64)
    expected = (exact - centre).T @ (exact - centre)
    np.testing.assert_allclose(moments.scatter(centre), expected, rtol=1e-9)


@pytest.mark.parametrize("n_components", [1, 2, 3, 4])
def test_pca_against_scikit_learn(n_components: int) -> None:
    train, test = rows_of(211, 1), rows_of(101, 2)
    pca = PCA(n_components, svd_solver="full").fit(train.astype(np.float64))
    rebuilt = pca.inverse_transform(pca.transform(test.astype(np.float64)))
    expected = ((test - rebuilt) ** 2).sum() / ((test - test.mean(0)) ** 2).sum()
    found = pca_of(train, test).fvu(n_components)
    assert found == pytest.approx(expected, rel=1e-5)


def pca_of(train: np.ndarray, test: np.ndarray) -> PcaBaseline:
    pca = PcaBaseline(measure_moments([train], D), measure_moments([test], D))
    for start in range(0, len(test), 17):
        pca.update(test[start : start + 17])
    return pca


@pytest.mark.parametrize("n_components", [1, 2, 3, 4])
def test_sparse_pca_against_scikit_learn(n_components: int) -> None:
    """Each residue keeps its own largest coefficients of all components."""
    train, test = rows_of(211, 1), rows_of(101, 2)
    pca = PCA(D, svd_solver="full").fit(train.astype(np.float64))
    coefficients = pca.transform(test.astype(np.float64))
    for row in coefficients:
        row[np.argsort(np.abs(row))[:-n_components]] = 0
    rebuilt = pca.inverse_transform(coefficients)
    expected = ((test - rebuilt) ** 2).sum() / ((test - test.mean(0)) ** 2).sum()
    found = pca_of(train, test)
    assert found.sparse_fvu(n_components) == pytest.approx(expected, rel=1e-5)
    assert found.sparse_fvu(n_components) < found.fvu(n_components)


def test_pca_with_all_components_leaves_nothing() -> None:
    pca = pca_of(rows_of(211, 211), rows_of(101, 101))
    assert pca.fvu(D) == pytest.approx(0, abs=1e-9)
    assert pca.sparse_fvu(D) == pytest.approx(0, abs=1e-9)


def test_encoder_decoder_cosine_by_hand() -> None:
    sae = ReluSae(2, 3)
    with torch.no_grad():
        sae.W_enc.copy_(torch.tensor([[2.0, 1.0, 1.0], [0.0, 0.0, 1.0]]))
        sae.W_dec.copy_(torch.tensor([[3.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]))
    np.testing.assert_allclose(encoder_decoder_cosine(sae), [1, 0, -1], atol=1e-6)


def test_density_histogram_counts_live_features() -> None:
    found = density_histogram(np.array([0.0, 1e-9, 1e-6, 0.003, 0.9, 1.0]))
    edges, counts = found["log10_edges"], found["counts"]
    assert len(edges) == len(counts) + 1 == 25
    assert (edges[0], edges[-1]) == (-6, 0)
    # Rarer than 1e-6 counts in the first bin; log10 0.003 = -2.52 lies in [-2.75, -2.5).
    assert counts[0] == 2
    assert counts[edges.index(-2.75)] == 1
    assert counts[-1] == 2
    assert sum(counts) == 5
