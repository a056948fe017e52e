from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from protsae.io.other_programs.h5ad_files import open_h5ad, storable, write_h5ad

anndata = pytest.importorskip("anndata")
pytestmark = pytest.mark.filterwarnings("ignore::Warning")
"""AnnData warns of what is new in pandas and in itself."""

VALUES = sparse.csr_array(np.array([[0, 1.5, 0], [2, 0, 0], [0, 0, 0], [0, 0, 7.25]], np.float32))
ROWS = pd.DataFrame(
    {"split": ["train", None, "test", "train"], "n": [1, 2, 3, 5], "x": [0.5, np.nan, 1.0, 2.0]},
    index=pd.Index(["P1:1", "P1:2", "Q2:1", "Q2:2"], dtype=object, name="residue_id"),
)
COLUMNS = storable(
    pd.DataFrame(
        {"concept": ["SIGNAL", None, "a/b"], "f1/low": pd.array([1, None, 3], "Int64")},
        index=pd.Index(["6/topk/0", "6/topk/1", "6/topk/2"], dtype=object, name="name"),
    )
)
NOTES = {"protsae": {"layer": 6, "model": "esm", "k": 16}}


def assert_is(found: "anndata.AnnData") -> None:
    """The table above, whatever way it was written."""
    np.testing.assert_array_equal(found.X[:].toarray(), VALUES.toarray())
    assert found.X[:].dtype == np.float32
    assert found.obs_names.tolist() == ROWS.index.tolist()
    assert found.obs["split"].isna().tolist() == [False, True, False, False]
    assert found.obs["split"].dropna().tolist() == ["train", "test", "train"]
    assert found.obs["n"].tolist() == [1, 2, 3, 5]
    np.testing.assert_array_equal(found.obs["x"], ROWS["x"])
    assert found.var_names.tolist() == COLUMNS.index.tolist()
    assert found.var["concept"].cat.categories.tolist() == ["SIGNAL", "a/b"]
    assert found.var["f1|low"].isna().tolist() == [False, True, False]
    assert found.uns["protsae"]["layer"] == 6
    assert found.uns["protsae"]["model"] == "esm"


def test_a_whole_matrix(tmp_path: Path) -> None:
    path = tmp_path / "x.h5ad"
    write_h5ad(path, VALUES, storable(ROWS), COLUMNS, NOTES)
    assert_is(anndata.read_h5ad(path))


@pytest.mark.parametrize("sizes", [(4,), (1, 3), (2, 0, 1, 1)])
def test_rows_that_come_in_blocks(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    """As if they had come together; in memory, and left on the disk."""
    path, rows = tmp_path / "x.h5ad", storable(ROWS)
    with open_h5ad(path, rows.iloc[:0], COLUMNS, NOTES) as writer:
        assert not path.exists()
        first = 0
        for size in sizes:
            own = slice(first, first + size)
            block = rows.iloc[own]
            columns = {
                "split": block["split"].cat.codes.to_numpy(),
                "n": block["n"].to_numpy(),
                "x": block["x"].to_numpy(),
            }
            writer.append(VALUES[own], block.index.tolist(), columns)
            first += size
    assert_is(anndata.read_h5ad(path))
    backed = anndata.read_h5ad(path, backed="r")
    assert backed.isbacked
    assert_is(backed)
    backed.file.close()


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with open_h5ad(tmp_path / "x.h5ad", storable(ROWS).iloc[:0], COLUMNS, NOTES):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_the_same_bytes_again(tmp_path: Path) -> None:
    for name in ("x", "y"):
        write_h5ad(tmp_path / name, VALUES, storable(ROWS), COLUMNS, NOTES)
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()


def test_places_of_values_have_64_bits(tmp_path: Path) -> None:
    """A residue has many values: they are soon more than 32 bits can count."""
    import h5py

    with open_h5ad(tmp_path / "x.h5ad", storable(ROWS).iloc[:0], COLUMNS, NOTES):
        pass
    with h5py.File(tmp_path / "x.h5ad") as file:
        assert file["X/indptr"].dtype == np.int64
