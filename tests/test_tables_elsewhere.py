"""The tables in DuckDB and in R, read as docs/tables.md says, give what pandas gives."""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from protsae.schema.concept_tables import CONCEPTS
from protsae.schema.features.feature_tables import FEATURES
from tests.helpers.fenced import fenced_blocks
from tests.helpers.run_folder import HOSTILE, write_run

DOC = "docs/tables.md"
TEXT = {"features.tsv": FEATURES, "concepts.tsv": CONCEPTS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds results/, as the examples expect."""
    folder = tmp_path_factory.mktemp("run")
    write_run(folder / "results")
    return folder


def read_tsv(path: Path) -> pd.DataFrame:
    """Empty fields are missing, and nothing else is."""
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""])


@pytest.fixture(scope="module")
def found(folder: Path) -> pd.DataFrame:
    """What the first example of the document, in pandas, finds."""
    names: dict[str, Any] = {}
    with contextlib.chdir(folder):
        exec(fenced_blocks(DOC, "python")[0], names)
    assert 0 < len(names["found"]) < len(names["features"])
    return names["found"]


@pytest.fixture
def answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[pd.DataFrame]:
    """What each of the document's statements gives."""
    monkeypatch.chdir(folder)
    statements = "".join(fenced_blocks(DOC, "sql")).split(";\n")
    assert statements.pop() == ""
    with duckdb.connect() as connection:
        return [connection.sql(statement).df() for statement in statements]


def test_sql_finds_the_same_features(answers: list[pd.DataFrame], found: pd.DataFrame) -> None:
    expected = found.sort_values(["model", "layer", "variant"])
    expected = expected.sort_values("f1", ascending=False, kind="stable")
    pd.testing.assert_frame_equal(
        answers[0], expected[list(answers[0])].reset_index(drop=True), check_dtype=False
    )


def test_sql_finds_the_best_detectors(answers: list[pd.DataFrame], folder: Path) -> None:
    pairs = pd.read_parquet(folder / "results" / "associations.parquet")
    key = ["model", "layer", "concept"]
    best = pairs.groupby(key)["valid_f1"].max()
    assert answers[1].set_index(key)["valid_f1"].sort_index().to_dict() == best.to_dict()
    winners = pairs.merge(answers[1], on=[*key, "variant", "valid_f1"])
    assert set(map(tuple, winners[key].to_numpy())) == set(best.index)


def test_sql_lists_what_is_not_scored(answers: list[pd.DataFrame]) -> None:
    rows = answers[2].astype(object).where(answers[2].notna(), None).to_numpy().tolist()
    assert rows == [
        [
            f"BINDING: {HOSTILE}",
            "fewer than 3 residues in valid or test: 2 in valid, 0 in test",
            0,
        ],
        ["CHAIN", "whole", None],
    ]


@pytest.mark.parametrize("name", TEXT)
def test_duckdb_reads_text_as_it_reads_parquet(folder: Path, name: str) -> None:
    path = folder / "results" / name
    with duckdb.connect() as connection:
        relation = connection.read_csv(str(path), delimiter="\t", sample_size=-1)
        types = dict(zip(relation.columns, map(str, relation.types), strict=True))
        rows = relation.df()
    expected = read_tsv(path)
    wanted = {"text": {"VARCHAR"}, "integer": {"BIGINT"}, "number": {"DOUBLE", "BIGINT"}}
    for column in TEXT[name].columns:
        if expected[column.name].notna().any():
            assert types[column.name] in wanted[column.kind], column.name
    pd.testing.assert_frame_equal(
        rows.astype(object).where(rows.notna(), None),
        expected.astype(object).where(expected.notna(), None),
        check_dtype=False,
    )


needs_r = pytest.mark.skipif(
    shutil.which("Rscript") is None,
    reason="Rscript is not installed, so the R examples of docs/tables.md are not run",
)

AFTERWARDS = """
concepts <- read.delim("results/concepts.tsv", na.strings = "")
for (name in c("features", "concepts", "found")) {
    rows <- get(name)
    columns <- data.frame(column = names(rows), class = sapply(rows, class),
                          missing = colSums(is.na(rows)))
    write.table(columns, paste0(name, ".columns"), sep = "\\t", row.names = FALSE)
    write.table(rows, paste0(name, ".seen"), sep = "\\t", na = "", qmethod = "double",
                row.names = FALSE)
}
"""


@pytest.fixture(scope="module")
def seen(folder: Path) -> Path:
    """Folder with the tables that R has after the document's example, and of what kind they are."""
    (folder / "example.R").write_text("".join(fenced_blocks(DOC, "r")) + AFTERWARDS)
    ran = subprocess.run(
        ["Rscript", "--vanilla", "example.R"],
        cwd=folder,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.split()[:4] == ["layer", "feature", "concept", "f1"]
    return folder


@needs_r
@pytest.mark.parametrize("name", TEXT)
def test_r_reads_every_value_with_its_type(seen: Path, name: str) -> None:
    table, stem = TEXT[name], Path(name).stem
    expected = read_tsv(seen / "results" / name)
    pd.testing.assert_frame_equal(read_tsv(seen / f"{stem}.seen"), expected)
    columns = read_tsv(seen / f"{stem}.columns").set_index("column")
    assert columns["missing"].to_dict() == expected.isna().sum().to_dict()
    wanted = {"text": {"character"}, "integer": {"integer"}, "number": {"numeric", "integer"}}
    for column in table.columns:
        # A column that is empty throughout is R's logical NA, which any comparison takes.
        empty = expected[column.name].isna().all()
        found = columns.at[column.name, "class"]
        assert found in ({"logical"} if empty else wanted[column.kind]), column.name


@needs_r
def test_r_finds_the_same_features(seen: Path, found: pd.DataFrame) -> None:
    key = ["model", "layer", "variant", "feature", "concept"]
    assert read_tsv(seen / "found.seen")[key].to_numpy().tolist() == found[key].to_numpy().tolist()
