import re
from pathlib import Path

import pandas as pd
import pytest

from protsae.errors import UserError
from protsae.io.proteins_table import read_split_proteins
from protsae.io.tables import write_table
from tests.tiny_run import protein_rows, write_proteins


def test_proteins_and_their_checksum(tmp_path: Path) -> None:
    proteins = protein_rows(n_proteins=5)
    checksum = write_proteins(tmp_path / "proteins.parquet", proteins)
    found, found_checksum = read_split_proteins(tmp_path / "proteins.parquet")
    pd.testing.assert_frame_equal(found, proteins, check_dtype=False)
    assert found_checksum == checksum


@pytest.mark.parametrize(
    ("clusters", "problem"),
    [
        (["A", "A", "B", "C", "D"], "cluster A is in train and valid"),
        (["A", "A", "A", "B", "B"], "cluster A is in train and valid and test (and 1 more)"),
    ],
)
def test_homologues_across_a_split(tmp_path: Path, clusters: list[str], problem: str) -> None:
    path = tmp_path / "proteins.parquet"
    write_proteins(path, protein_rows(n_proteins=5).assign(cluster=clusters))
    message = (
        f"{path}: {problem}; homologous proteins must not face each other across a split; run the "
        "split stage again"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        read_split_proteins(path)


def test_a_table_without_splits(tmp_path: Path) -> None:
    path = tmp_path / "fetched.parquet"
    write_table(path, protein_rows(5).drop(columns=["cluster", "split"]), {"stage": "fetch"})
    with pytest.raises(UserError, match=r"no column 'cluster', 'split'; found accession, "):
        read_split_proteins(path)
