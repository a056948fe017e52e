"""docs/tables.md says what the code writes."""

import pkgutil
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from protsae.cli import arguments_of
from protsae.schema.every_table import EVERY
from protsae.schema.markdown import column_list, with_column_lists
from protsae.schema.protein_tables import FETCHED
from protsae.schema.saes.evaluation_tables import EVALUATION, SUMMARY
from protsae.schema.table import Table, conform
from tests.helpers.configured_run import write_configured_run
from tests.helpers.fenced import ROOT, fenced_blocks
from tests.helpers.run_folder import MODEL, write_run

DOC = (ROOT / "docs" / "tables.md").read_text()


def test_column_lists_are_those_of_the_schema() -> None:
    assert with_column_lists(DOC) == DOC, "docs/tables.md is out of date; run make schema"
    assert all(column_list(table) in DOC for table in EVERY)


def test_column_lists_that_are_out_of_date_are_replaced() -> None:
    stale = DOC.replace("| `density` | number |", "| `density` | text |")
    assert stale != DOC
    assert with_column_lists(stale) == DOC


@pytest.mark.parametrize(
    "markers",
    [
        pytest.param("", id="missing"),
        pytest.param("<!-- columns: sacling -->\n<!-- /columns -->", id="unknown"),
        pytest.param("<!-- columns: scaling -->\n<!-- /columns -->\n" * 2, id="twice"),
    ],
)
def test_every_table_has_its_markers_once(markers: str) -> None:
    with pytest.raises(ValueError, match=r"expected those of \['scaling'\]"):
        with_column_lists(markers, [table for table in EVERY if table.name == "scaling"])


def test_every_table_has_a_heading_and_the_contents_link_to_every_heading() -> None:
    headings = re.findall(r"^## (.*)$", DOC, re.MULTILINE)
    for table in [*EVERY, EVALUATION]:
        assert sum(heading.startswith(f"{table.name}.") for heading in headings) == 1, table.name
    contents = DOC[: DOC.index("\n## ")]
    linked = re.findall(r"\(#([^)]+)\)", contents)
    assert sorted(linked) == sorted(map(anchor_of, headings))


@pytest.mark.parametrize("anchor", re.findall(r"\(#([^)]+)\)", DOC))
def test_links_within_the_page(anchor: str) -> None:
    assert anchor in {anchor_of(heading) for heading in re.findall(r"^#+ (.*)$", DOC, re.MULTILINE)}


def anchor_of(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("table", [*EVERY, FETCHED], ids=lambda table: table.name)
def test_meanings_are_whole_sentences(table: Table) -> None:
    for column in table.columns:
        assert re.fullmatch(r"[A-Z0-9`].*[^.]\.", column.meaning), column
        assert "|" not in column.meaning, column


def test_meanings_that_point_to_a_section_name_one() -> None:
    headings = re.findall(r"^#+ (.*)$", DOC, re.MULTILINE)
    for table in EVERY:
        for column in table.columns:
            text = f"{column.range}; {column.meaning}"
            for section in re.findall(r"see ([A-Z][\w ]+)", text):
                assert section in headings, column


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
    write_configured_run(tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    names: dict[str, object] = {}
    for example in fenced_blocks("docs/guide.md", "python"):
        exec(example.replace("esm2_t6_protsae", MODEL), names)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["0", "relu", "point", "0.8", "0.6", "0.85", "0.6", "0.0"]
    assert "Feature 0/relu/0 of onehot" in lines
    # Two SAEs of two layers, of whose features the first is called for SIGNAL; no seeds, no frozen.
    real = lines.index("16 features; 4 are called")
    assert lines[real + 1].split() == [
        *("concept", "called", "above_frozen", "above_rule", "verdict_above", "recurs"),
        "calibrated",
    ]
    assert lines[real + 2].split() == ["SIGNAL", "4", "0", "4", "4", "0", "2"]


@pytest.mark.parametrize("line", "".join(fenced_blocks("docs/guide.md", "sh")).splitlines())
def test_protsae_takes_the_commands_of_the_guide(line: str) -> None:
    program, command, *words = shlex.split(line)
    assert program == "protsae"
    assert arguments_of(command, words)


def test_conform_orders_and_types_columns() -> None:
    table = next(table for table in EVERY if table.name == "training")
    rows = pd.DataFrame({name: [1.0] for name in reversed(table.names)})
    typed = conform(rows, table, "x")
    assert list(typed) == table.names
    assert typed["step"].dtype == "int64"
    assert typed["loss"].dtype == "float64"


def test_the_api_page_names_what_is_there() -> None:
    """Which only the docs site, built where mkdocs is installed, would tell otherwise."""
    named = re.findall(r"^::: ([\w.]+)", (ROOT / "docs/api.md").read_text(), re.M)
    assert len(named) > 5
    for name in named:
        pkgutil.resolve_name(name)
