"""Tables say what they are, and another table or version is refused."""

from pathlib import Path

import pandas as pd
import pytest

from protsae.errors import UserError
from protsae.io.conformed import read_conformed, validate_version, write_conformed
from protsae.io.tables import read_metadata, write_table
from protsae.tables_schema import RULE_COUNTS, Column, Table

TABLE = Table("small", 3, "one row", ("n",), (Column("n", "integer", "any", "a number"),))


def test_name_and_version_go_with_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "small.parquet"
    write_conformed(path, pd.DataFrame({"n": [2.0, 5.0]}), TABLE, {"stage": "test"})
    found = read_conformed(path, TABLE)
    assert found["n"].tolist() == [2, 5]
    assert found["n"].dtype == "int64"
    metadata = read_metadata(path)
    assert (metadata["table"], metadata["table_version"]) == ("small", 3)
    assert metadata["stage"] == "test"


@pytest.mark.parametrize("change", [{"table": "large"}, {"table_version": 2}])
def test_another_table_or_version_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "small.parquet"
    stamp = {"table": "small", "table_version": 3, **change}
    write_table(path, pd.DataFrame({"n": [2]}), stamp)
    for read in (read_conformed, validate_version):
        with pytest.raises(UserError) as error:
            read(path, TABLE)
        assert str(error.value) == (
            f"{path}: holds the {stamp['table']} table, version {stamp['table_version']}; expected "
            "small, version 3 (docs/tables.md); run the stage that writes it again"
        )


def test_of_a_file_that_does_not_say_the_columns_decide(tmp_path: Path) -> None:
    path = tmp_path / "small.parquet"
    write_table(path, pd.DataFrame({"n": [2]}), {})
    assert read_conformed(path, TABLE)["n"].tolist() == [2]
    with pytest.raises(UserError, match="no column 'property'"):
        read_conformed(path, RULE_COUNTS)


def test_other_columns_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"small\.parquet: unexpected column 'm'"):
        write_conformed(tmp_path / "small.parquet", pd.DataFrame({"n": [2], "m": [3]}), TABLE, {})
    assert list(tmp_path.iterdir()) == []
