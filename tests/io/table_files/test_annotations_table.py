"""Reading annotations.parquet, bound to the proteins that it is of."""

import re
from pathlib import Path

import pandas as pd
import pytest

from protsae.errors import UserError
from protsae.io.table_files.annotations_table import read_annotations_table
from protsae.schema.protein_tables import ANNOTATIONS
from tests.helpers.stored_tables import store

ROWS = pd.DataFrame(
    [("P1", "SIGNAL", "", 1, 9, "", False), ("P1", "SITE", "x", 3, 3, "ECO:0000269", True)],
    columns=ANNOTATIONS.names,
)


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "annotations.parquet"
    store(path, ROWS, {"protein_set_sha256": "of these"})
    found = read_annotations_table(path, "of these")
    pd.testing.assert_frame_equal(found, ROWS, check_dtype=False)


def test_annotations_of_other_proteins(tmp_path: Path) -> None:
    path = tmp_path / "annotations.parquet"
    store(path, ROWS, {"protein_set_sha256": "of others"})
    message = (
        f"{path}: annotations of protein set of others, but the proteins given are of these; fetch "
        "and split again"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        read_annotations_table(path, "of these")
