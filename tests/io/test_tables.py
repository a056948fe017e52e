"""Parquet tables: round trip, determinism, metadata, and what the reader refuses."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from protsae.errors import UserError
from protsae.io.tables import open_table, read_metadata, read_table, write_table

ROWS = pd.DataFrame(
    {
        "accession": ["P1", "P2", "P3"],
        "taxon_id": pd.array([9606, None, 562], dtype="Int64"),
        "score": [0.5, float("nan"), -1.0],
    }
)


def test_round_trip_keeps_values_dtypes_and_metadata(tmp_path):
    path = tmp_path / "sub" / "t.parquet"
    write_table(path, ROWS, {"layer": 3, "made_from": {"x": "é"}})

    pd.testing.assert_frame_equal(read_table(path), ROWS)
    assert read_table(path)["taxon_id"].dtype == "Int64"
    assert read_metadata(path) == {
        "format": "protsae-table",
        "format_version": 1,
        "layer": 3,
        "made_from": {"x": "é"},
    }


def test_pieces_equal_the_whole(tmp_path):
    with open_table(tmp_path / "t.parquet", ROWS.head(0)) as table:
        table.append(ROWS.iloc[:2])
        table.append(ROWS.iloc[2:])
        table.describe({"layer": 3})

    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet"), ROWS)
    assert read_metadata(tmp_path / "t.parquet")["layer"] == 3


def test_some_columns_in_the_order_asked_for(tmp_path):
    write_table(tmp_path / "t.parquet", ROWS, {})
    assert list(read_table(tmp_path / "t.parquet", ["score", "accession"])) == [
        "score",
        "accession",
    ]


def test_same_content_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_table(tmp_path / name, ROWS, {"k": 1, "j": 2} if name == "a" else {"j": 2, "k": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_failure_leaves_the_old_table_and_nothing_else(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(path, ROWS, {})
    before = path.read_bytes()

    def fail_halfway():
        with open_table(path, ROWS.head(0)) as table:
            table.append(ROWS)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail_halfway()

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"t\.parquet: no such file; run the stage"):
        read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize("content", [b"", b"accession\tlength\n", b"PAR1 but no more"])
def test_not_parquet(tmp_path, content):
    path = tmp_path / "t.parquet"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"t\.parquet: not a Parquet file"):
        read_table(path)


def test_parquet_of_another_program(tmp_path):
    ROWS.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(UserError, match="not written by protsae"):
        read_table(tmp_path / "t.parquet")


def test_a_later_format_version(tmp_path):
    table = pa.table({"n": [1]}).replace_schema_metadata({"protsae": '{"format_version": 99}'})
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(UserError, match="format version 99; this protsae reads 1"):
        read_table(tmp_path / "t.parquet")


def test_a_missing_column_is_named(tmp_path):
    write_table(tmp_path / "t.parquet", ROWS, {})
    with pytest.raises(UserError, match="no column 'split'; found accession, taxon_id, score"):
        read_table(tmp_path / "t.parquet", ["accession", "split"])
