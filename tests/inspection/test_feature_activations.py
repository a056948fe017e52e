"""Pooled activations, beside those of dense arrays."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from protsae.errors import UserError
from protsae.inspection import feature_activations
from protsae.inspection.feature_activations import POOLS, FeatureActivations, pooled_rows
from protsae.io.hdf5.code_cache import StoredCodes
from tests.helpers.run_folder import N_FEATURES, PROTEINS, write_layer_codes

DENSE = {
    "max": lambda rows: rows.max(axis=0),
    "mean": lambda rows: rows.astype(np.float64).mean(axis=0),
    "share": lambda rows: (rows > 0).mean(axis=0),
}


@pytest.mark.parametrize("pool", POOLS)
def test_pools_as_dense_arrays_do(pool: str) -> None:
    rng = np.random.default_rng(0)
    lengths = np.array([5, 1, 11, 7])
    dense = rng.random((lengths.sum(), 13), np.float32)
    dense[rng.random(dense.shape) < 0.7] = 0
    dense[:5] = 0  # a protein in which nothing is active
    found = pooled_rows(sparse.csr_array(dense), lengths, pool)
    parts = np.split(dense, np.cumsum(lengths)[:-1])
    expected = np.array([DENSE[pool](part) for part in parts])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert not found[0].any()


def test_a_stored_zero_is_not_active() -> None:
    codes = sparse.csr_array((np.float32([0, 2]), [0, 1], [0, 2]), (1, 3))
    assert pooled_rows(codes, np.array([1]), "share").tolist() == [[0, 1, 0]]


@pytest.fixture
def stored(tmp_path: Path) -> FeatureActivations:
    """Feature i is i at residue i of every protein, and 0 elsewhere."""
    write_layer_codes(tmp_path / "shard-0000.h5", "m")
    return FeatureActivations(StoredCodes([tmp_path / "shard-0000.h5"], "topk", "0", "0"))


@pytest.mark.parametrize("rows", [1, 13, 10_000])
def test_blocks_do_not_matter(
    stored: FeatureActivations, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(feature_activations, "ROWS", rows)
    largest, mean = stored.pooled(), stored.pooled("mean")
    assert largest.index.tolist() == PROTEINS["accession"].tolist()
    assert largest.index.name == "accession"
    assert largest.columns.tolist() == list(range(N_FEATURES))
    assert largest.to_numpy().tolist() == [[0, 1, 2, 3]] * 3
    n_residues = PROTEINS["sequence"].str.len().to_numpy()
    np.testing.assert_allclose(mean[3], 3 / n_residues, rtol=1e-6)


def test_no_such_pool(stored: FeatureActivations) -> None:
    with pytest.raises(UserError, match="pool='sum': expected one of max, mean, share"):
        stored.pooled("sum")  # type: ignore[arg-type]
