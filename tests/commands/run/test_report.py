"""``protsae report``: one file, the same every time, or one line and no file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from protsae.cli import main
from tests.helpers.run_folder import MODEL, joined_feature_rows, write_run
from tests.helpers.stored_tables import load, store


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_run(tmp_path)


def _command(results: Path, *flags: str) -> list[str]:
    return ["report", "--results", str(results), "--output", str(results / "report.html"), *flags]


def test_writes_the_page_and_says_where(results, capsys) -> None:
    capsys.readouterr()
    assert main(_command(results)) == 0
    assert capsys.readouterr().out == (
        f"feature table: {results}/features.tsv (and features.parquet)\n"
        f"report: {results}/report.html\n"
    )
    assert (results / "report.html").read_text().startswith("<!doctype html>")


@pytest.mark.usefixtures("without_figures")
def test_same_run_same_bytes(results: Path) -> None:
    assert main(_command(results)) == 0
    first = (results / "report.html").read_bytes()
    assert main(_command(results)) == 0
    assert (results / "report.html").read_bytes() == first


@pytest.mark.parametrize(
    "missing",
    [
        "features.parquet",
        "proteins/proteins.parquet",
        "proteins/annotations.parquet",
        "proteins/provenance.json",
        f"annotation/{MODEL}/layer-02/examples.parquet",
        f"annotation/{MODEL}/layer-02/logos.parquet",
        f"annotation/{MODEL}/layer-02/detectors.parquet",
        f"annotation/{MODEL}/layer-02/candidates.parquet",
        f"annotation/{MODEL}/layer-02/recovery.parquet",
        f"annotation/{MODEL}/layer-02/reliability.parquet",
        f"probes/{MODEL}/layer-02/probes.parquet",
        f"sae/{MODEL}/layer-02/topk/evaluation.json",
        f"sae/{MODEL}/layer-02/topk/training.parquet",
    ],
)
def test_missing_file(results, capsys, missing) -> None:
    (results / missing).unlink()
    _assert_refused(
        results,
        capsys,
        f"{results}/{missing}: no such file; run the stage that writes it first",
    )


def test_no_features(results, capsys) -> None:
    store(results / "features.parquet", joined_feature_rows(MODEL, 1).head(0), {})
    _assert_refused(
        results, capsys, f"{results}/features.parquet: no features; run the annotate stage"
    )


def test_evaluation_of_an_older_version(results, capsys) -> None:
    path = results / f"sae/{MODEL}/layer-02/topk/evaluation.json"
    path.write_text("{}")
    assert main(_command(results)) == 2
    assert capsys.readouterr().err == (
        f"protsae report: {path}: not a document that this release of protsae wrote (no 'xxh3'); "
        "run the stage that writes it again\n"
    )


@pytest.mark.usefixtures("without_figures")
def test_labels_of_files_are_underlined(results: Path) -> None:
    """The hostile binding site, feature 3's concept, as a class of a set: residues 4 and 5."""
    name = "topology: TMH"
    for path in (results / "features.parquet",):
        rows = load(path)
        of_label = rows["feature"] == 3
        rows.loc[of_label, "concept"], rows.loc[of_label, "concept_type"] = name, "topology"
        store(path, rows, {})
    labels = results / "labels.jsonl"
    header = {"format": "protsae-labels", "format_version": 1, "set": "topology"}
    record = {"set": "topology", "accession": "P00002", "labels": "??" + "?HH" + "??????"}
    labels.write_text(
        "\n".join(json.dumps(row) for row in ({**header, "classes": {"H": "TMH"}}, record))
    )
    assert main(_command(results, "--labels", str(labels))) == 0
    page = (results / "report.html").read_text()
    assert f"peak C3; {name} at 4-5" in page
    assert main(_command(results)) == 0
    page = (results / "report.html").read_text()
    assert f"peak C3; {name}: whether this protein has the concept is not known" in page


def test_setting_out_of_range(results, capsys) -> None:
    _assert_refused(
        results,
        capsys,
        "command line: features_per_layer: must be greater than or equal to 1, found '0'",
        "--features-per-layer",
        "0",
    )


def test_needs_neither_torch_nor_hdf5() -> None:
    code = (
        "import sys, protsae.commands.run.report, protsae.commands.run.tables\n"
        "assert not {'torch', 'h5py', 'esm'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def _assert_refused(results: Path, capsys, line: str, *flags: str) -> None:
    capsys.readouterr()
    assert main(_command(results, *flags)) == 2
    assert capsys.readouterr().err == f"protsae report: {line}\n"
    assert not list(results.glob("*report.html"))
