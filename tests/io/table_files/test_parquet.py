"""Tables: round trip, determinism, schema, and what the reader refuses."""

import random
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from protsae.errors import UserError
from protsae.io.table_files.parquet import (
    open_table,
    read_metadata,
    read_table,
    validate_table,
    write_table,
)
from protsae.schema.concept_tables import CONCEPTS
from protsae.schema.reference_tables import RULE_COUNTS
from protsae.schema.table import Column, Table
from tests.helpers.stored_tables import store_wrong

SMALL = Table(
    "small",
    3,
    "one row",
    ("accession",),
    (
        Column("accession", "text", "any", "a name"),
        Column("taxon_id", "integer", "any", "a number", True),
        Column("score", "number", "any", "a number", True),
        Column("trace", "list of numbers", "any", "numbers"),
        Column("known", "boolean", "any", "a truth"),
    ),
)

ROWS = pd.DataFrame(
    {
        "accession": ["P1", "P2", "P3"],
        "taxon_id": pd.array([9606, None, 562], dtype="Int64"),
        "score": [0.5, float("nan"), -1.0],
        "trace": [[0.25], [], [2.0, 3.0]],
        "known": [True, False, True],
    }
)


def test_round_trip_keeps_values_types_and_metadata(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "t.parquet"
    write_table(path, ROWS, SMALL, {"layer": 3, "made_from": {"x": "é"}})

    found = read_table(path, SMALL)
    assert found["trace"].map(list).tolist() == ROWS["trace"].tolist()
    others = [name for name in ROWS if name != "trace"]
    pd.testing.assert_frame_equal(found[others], ROWS[others], check_dtype=False)
    assert [str(found[name].dtype) for name in others] == ["object", "Int64", "float64", "bool"]
    assert read_metadata(path) == {
        "format": "protsae-table",
        "format_version": 2,
        "table": "small",
        "table_version": 3,
        "layer": 3,
        "made_from": {"x": "é"},
    }


def test_pieces_equal_the_whole(tmp_path: Path) -> None:
    write_table(tmp_path / "whole.parquet", ROWS, SMALL, {})
    with open_table(tmp_path / "t.parquet", SMALL) as table:
        table.append(ROWS.iloc[:2])
        table.append(ROWS.iloc[2:])
        table.describe({"layer": 3})

    whole = read_table(tmp_path / "whole.parquet", SMALL)
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet", SMALL), whole)
    assert read_metadata(tmp_path / "t.parquet")["layer"] == 3


def test_some_columns_in_the_order_asked_for(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", ROWS, SMALL, {})
    found = read_table(tmp_path / "t.parquet", SMALL, ["score", "accession"])
    assert list(found) == ["score", "accession"]


@pytest.mark.parametrize(
    ("where", "accessions"),
    [
        ({"taxon_id": 562}, ["P3"]),
        ({"known": True}, ["P1", "P3"]),
        ({"known": True, "accession": "P1"}, ["P1"]),
        ({"taxon_id": 7}, []),
        ({}, ["P1", "P2", "P3"]),
    ],
)
def test_some_rows(tmp_path: Path, where: dict[str, object], accessions: list[str]) -> None:
    """A row whose value is empty equals nothing."""
    write_table(tmp_path / "t.parquet", ROWS, SMALL, {})
    found = read_table(tmp_path / "t.parquet", SMALL, where=where)
    assert found["accession"].tolist() == accessions
    whole = read_table(tmp_path / "t.parquet", SMALL)
    pd.testing.assert_frame_equal(
        found, whole[whole["accession"].isin(accessions)].reset_index(drop=True)
    )
    names = list(dict.fromkeys(["accession", *where]))
    some = read_table(tmp_path / "t.parquet", SMALL, names, where)
    pd.testing.assert_frame_equal(some, found[names])


def test_no_rows_have_the_types_of_the_table(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", ROWS.head(0), SMALL, {})
    types = [str(field.type) for field in pq.read_schema(tmp_path / "t.parquet")]
    assert types == ["string", "int64", "double", "list<element: double>", "bool"]


def test_a_table_of_no_pieces(tmp_path: Path) -> None:
    """Nothing stands between the mark at the start and the footer."""
    path = tmp_path / "t.parquet"
    with open_table(path, SMALL) as table:
        table.describe({"layer": 3})
    content = path.read_bytes()
    assert len(content) == 4 + int.from_bytes(content[-8:-4], "little") + 8
    assert read_table(path, SMALL).shape == (0, 5)


def test_same_content_same_bytes(tmp_path: Path) -> None:
    for name, stamps in (("a", {"k": 1, "j": 2}), ("b", {"j": 2, "k": 1})):
        write_table(tmp_path / name, ROWS, SMALL, stamps)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_failure_leaves_the_old_table_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, ROWS, SMALL, {})
    before = path.read_bytes()

    def fail_halfway() -> None:
        with open_table(path, SMALL) as table:
            table.append(ROWS)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail_halfway()

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_other_columns_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"small\.parquet: unexpected column 'm'"):
        write_table(tmp_path / "small.parquet", ROWS.assign(m=3), SMALL, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": [0.5, 1.0, float("inf")]}, "column 'score' is inf in row 3"),
        ({"trace": [[1.0], [], [2.0, float("nan")]]}, "column 'trace' is nan in row 3"),
        ({"accession": ["P1", None, "P3"]}, "column 'accession' is empty in row 2"),
        ({"taxon_id": ["a", "b", "c"]}, "column 'taxon_id' holds str values; expected integers"),
    ],
    ids=["infinite", "NaN in a list", "empty", "text"],
)
def test_values_that_are_refused(
    tmp_path: Path, change: dict[str, list[object]], message: str
) -> None:
    """On writing; and on reading, should another program have written them."""
    path = tmp_path / "t.parquet"
    with pytest.raises(UserError, match=f"^{path}: {message}"):
        write_table(path, ROWS.assign(**change), SMALL, {})
    assert not path.exists()

    write_table(path, ROWS, SMALL, {})
    store_wrong(path, ROWS.assign(**change))
    with pytest.raises(UserError, match=f"^{path}: {message}"):
        read_table(path, SMALL)


@pytest.mark.parametrize("change", [{"name": "large"}, {"version": 2}])
def test_another_table_or_version_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "small.parquet"
    other = Table(**{**vars(SMALL), **change})
    write_table(path, ROWS, other, {})
    for read in (read_table, validate_table):
        with pytest.raises(UserError) as error:
            read(path, SMALL)
        assert str(error.value) == (
            f"{path}: holds the {other.name} table, version {other.version}; expected small, "
            "version 3 (docs/tables.md); run the stage that writes it again"
        )


def test_columns_of_another_table_under_its_name(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, ROWS, SMALL, {})
    renamed = Table(SMALL.name, SMALL.version, "", (), RULE_COUNTS.columns)
    with pytest.raises(UserError, match="no column 'concept'"):
        read_table(path, renamed)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"t\.parquet: no such file; run the stage"):
        read_table(tmp_path / "t.parquet", SMALL)


@pytest.mark.parametrize("content", [b"", b"accession\tlength\n", b"PAR1 but no more"])
def test_not_parquet(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"t\.parquet: not a Parquet file"):
        read_table(path, SMALL)


def test_parquet_of_another_program(tmp_path: Path) -> None:
    ROWS.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(UserError, match="not a table that this release of protsae wrote"):
        read_table(tmp_path / "t.parquet", SMALL)


def test_other_programs_read_the_file(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", ROWS, SMALL, {})
    found = pd.read_parquet(tmp_path / "t.parquet")
    assert found["accession"].tolist() == ["P1", "P2", "P3"]
    assert str(found["taxon_id"].dtype) == "Int64"  # though one is missing
    assert pa.parquet.read_table(tmp_path / "t.parquet").num_rows == 3


def test_every_byte_counts(tmp_path: Path) -> None:
    """One bit flipped, in any byte: refused in one line."""
    path = tmp_path / "t.parquet"
    write_table(path, ROWS, SMALL, {"stage": "test"})
    content = path.read_bytes()
    draw = random.Random(0)
    refusals = []
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        try:
            read_table(path, SMALL)
        except UserError as error:
            refusals.append(str(error))
    assert len(refusals) == len(content)
    assert all(re.match(rf"{path}: (damaged|not a)", line) for line in refusals)


@pytest.mark.parametrize("share", [0, 0.2, 0.5, 0.9, 0.999])
def test_a_file_cut_short(tmp_path: Path, share: float) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, ROWS, SMALL, {})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UserError, match=f"^{path}: not a Parquet file"):
        read_table(path, SMALL)


def test_no_memory_is_not_called_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(tmp_path / "t.parquet", ROWS, SMALL, {})

    def fail(*_: object, **__: object) -> None:
        raise OSError("Failed to launch worker thread: Resource temporarily unavailable")

    monkeypatch.setattr(pq.ParquetFile, "read", fail)
    with pytest.raises(OSError, match="worker thread"):
        read_table(tmp_path / "t.parquet", SMALL)


def test_reading_starts_no_thread(tmp_path: Path) -> None:
    """Arrow waits for ever for a thread that there is no memory for."""
    write_table(tmp_path / "concepts.parquet", pd.DataFrame(columns=CONCEPTS.names), CONCEPTS, {})
    code = (
        "import os, sys\n"
        "from protsae.io.table_files.parquet import read_table\n"
        "from protsae.schema.concept_tables import CONCEPTS\n"
        "n_threads = len(os.listdir('/proc/self/task'))\n"
        "read_table(sys.argv[1], CONCEPTS)\n"
        "print(len(os.listdir('/proc/self/task')) - n_threads)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "concepts.parquet")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "0\n"
