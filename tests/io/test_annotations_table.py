"""Reading annotations.parquet, and what is said of one that an older release wrote."""

import re

import pandas as pd
import pytest

from protsae.errors import UserError
from protsae.io.annotations_table import COLUMNS, read_annotations_table
from protsae.io.tables import write_table
from protsae.tables_schema import ANNOTATIONS


def test_columns_are_the_documented_ones():
    assert list(COLUMNS) == ANNOTATIONS.names


def test_rows_come_back_as_they_were(tmp_path):
    rows = pd.DataFrame(
        [("P1", "SIGNAL", "", 1, 9, "", False), ("P1", "SITE", "x", 3, 3, "ECO:0000269", True)],
        columns=COLUMNS,
    )
    write_table(tmp_path / "a.parquet", rows, {})
    pd.testing.assert_frame_equal(read_annotations_table(tmp_path / "a.parquet"), rows)


def test_a_table_of_an_older_release(tmp_path):
    path = tmp_path / "a.parquet"
    write_table(path, pd.DataFrame(columns=[name for name in COLUMNS if name != "certain"]), {})
    message = (
        f"{path}: no column 'certain', as older releases of protsae wrote it; run the fetch stage "
        "again"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        read_annotations_table(path)
