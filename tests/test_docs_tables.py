"""docs/tables.md says what the code writes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from protsae.schema.evaluation_tables import EVALUATION
from protsae.schema.result_tables import EVERY, SUMMARY
from protsae.schema.table import Table, conform, markdown
from tests.fenced import ROOT, fenced_blocks
from tests.run_folder import MODEL, write_run

DOC = (ROOT / "docs" / "tables.md").read_text()


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_columns_are_documented_word_for_word(table: Table) -> None:
    assert markdown(table) in DOC, f"put this into docs/tables.md:\n{markdown(table)}"


@pytest.mark.parametrize("table", [*EVERY, EVALUATION], ids=lambda table: table.name)
def test_file_list_has_rows_and_version(table: Table) -> None:
    line = next(line for line in DOC.splitlines() if f"{table.name}." in line and "| " in line)
    assert line.endswith(f"| {table.rows} | {table.version} |")


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_names_are_unique_and_keys_are_columns(table: Table) -> None:
    assert len(set(table.names)) == len(table.names)
    assert set(table.key) <= set(table.names)
    assert all(column.meaning and column.range for column in table.columns)


def test_evaluation_is_the_start_of_the_summary() -> None:
    assert SUMMARY.names[: len(EVALUATION.names)] == EVALUATION.names
    assert EVALUATION.names[-1] == "training_residues"


def test_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    write_run(tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for example in fenced_blocks("docs/tables.md", "python"):
        exec(example, names)
        if "codes" in names:
            # Feature i is i at residue i of every protein, and 0 elsewhere.
            first = np.zeros((12, 4))
            np.fill_diagonal(first, np.arange(4))
            np.testing.assert_array_equal(names["codes"][:12].toarray(), first)
    printed = capsys.readouterr().out
    assert "SIGNAL" in printed
    assert "P00001" in printed


def test_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    write_run(tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    names: dict[str, object] = {}
    for example in fenced_blocks("docs/guide.md", "python"):
        exec(example.replace("esm2_t6_protsae", MODEL), names)
    first = capsys.readouterr().out.splitlines()[1].split()
    assert first == ["0", "relu", "point", "0.8", "0.6", "0.85", "0.6", "0.0"]


def test_conform_orders_and_types_columns() -> None:
    table = next(table for table in EVERY if table.name == "training")
    rows = pd.DataFrame({name: [1.0] for name in reversed(table.names)})
    typed = conform(rows, table, "x")
    assert list(typed) == table.names
    assert typed["step"].dtype == "int64"
    assert typed["loss"].dtype == "float64"
