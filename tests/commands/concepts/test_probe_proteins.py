"""protsae probe-proteins on a run: files, words, one line for every mistake."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import protsae
from protsae.cli import main
from protsae.io.table_files.parquet import read_table
from protsae.schema.protein_probe_tables import (
    PROTEIN_PREDICTIONS,
    PROTEIN_PROBE_FEATURES,
    PROTEIN_PROBES,
)
from protsae.stages.protein_probing.pooled_inputs import pool_coordinates
from protsae.stages.protein_probing.probe_files import write_probes
from tests.helpers.finished_run import RESULTS

TABLES = (PROTEIN_PROBES, PROTEIN_PROBE_FEATURES, PROTEIN_PREDICTIONS)


def probe(output: Path, *words: object) -> int:
    given = ("--run", RESULTS, "--output", output, *words)
    return main(["probe-proteins", *map(str, given)])


def label_table(path: Path) -> Path:
    """Half of the proteins, by length; the tenth is unknown."""
    run = protsae.read_run(RESULTS)
    lengths = run.proteins["sequence"].str.len()
    long = (lengths > lengths.median()).map({True: "long", False: "short"})
    long.iloc[9] = "NA"
    own = run.proteins[["accession"]].assign(size=long, length=lengths)
    own.to_csv(path, sep="\t", index=False)
    return path


def test_labels_of_a_table(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = label_table(tmp_path / "labels.tsv")
    assert probe(tmp_path / "one", "--sae", "1/topk", "--labels", table) == 0
    said = capsys.readouterr().out
    scores, ranked, held_out = (
        read_table(tmp_path / "one" / f"{table.name}.parquet", table) for table in TABLES
    )
    run = protsae.read_run(RESULTS)
    n = len(run.proteins)
    sizes = scores.groupby("label")[["n_proteins", "n_unknown"]].first()
    assert sizes.loc["size"].tolist() == [n - 1, 1]
    assert sizes.loc["length"].tolist() == [n, 0]
    own = scores.set_index(["label", "inputs", "metric"])["value"]
    assert own["size", "composition", "auroc"] > 0.95  # log length is in it
    assert own["size", "base_rate", "auroc"] == 0.5
    # A homology cluster is in one fold.
    merged = held_out.merge(run.proteins[["accession", "cluster"]], on="accession")
    assert (merged.groupby(["label", "cluster"])["fold"].nunique() == 1).all()
    assert ranked["feature"].between(0, run.sae(1, "topk").n_features - 1).all()
    assert said.startswith(f"size: yes/no; {n - 1} proteins in ")
    assert "\nlength: number; " in said
    assert said.endswith("as .parquet and .tsv\n")
    file = pq.read_metadata(tmp_path / "one" / "protein_probes.parquet")
    stated = json.loads(file.metadata[b"protsae"])
    assert len(stated["penalties"]["size"]["features"]) == 5
    assert stated["layer"] == 1

    done = run.probe_proteins(table, 1, "topk")
    write_probes(tmp_path / "two", done, run.results, run.model, 1, "topk", seed=0)
    for each in TABLES:
        for name in (f"{each.name}.parquet", f"{each.name}.tsv"):
            assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_concept_of_the_run(folder: Path, tmp_path: Path) -> None:
    assert probe(tmp_path, "--sae", "1/topk", "--concepts", "SIGNAL") == 0
    rows = read_table(tmp_path / "protein_probes.parquet", PROTEIN_PROBES)
    assert set(rows["label"]) == {"SIGNAL"}


def test_pooled_coordinates_are_those_of_the_files(folder: Path) -> None:
    run = protsae.read_run(RESULTS)
    cache = run._layer_cache(1, None)
    pooled = pool_coordinates(run.proteins, cache)
    for i, accession in enumerate(run.proteins["accession"][:7]):
        [(_, rows)] = cache.protein_blocks({accession}, 1)
        of_rows = (rows.mean(0, dtype=np.float64), rows.max(0), rows.min(0))
        for found, expected in zip(pooled, of_rows, strict=True):
            np.testing.assert_allclose(found[i], expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "no labels; give --labels, --labels-from or --concepts"),
        (("--labels", "none.tsv"), "none.tsv: .*; expected a tab-separated table"),
        (("--concepts", "NONE"), "'NONE': no label of proteins; expected length, composition"),
        (("--labels-from", "data/sample/proteins.json.gz"), "no label of ec is told by 10 prot"),
        (("--ontology", "go.obo"), "--ontology is of the GO terms of --labels-from; give both"),
        (
            ("--labels-from", "data/sample/proteins.json.gz", "--of", "go", "--ontology", "no.obo"),
            "no.obo: no such file; expected the Gene Ontology in OBO format, such as go-basic.obo",
        ),
    ],
)
def test_one_line_says_what_is_wrong(
    words: tuple[object, ...],
    line: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert probe(tmp_path / "out", "--sae", "1/topk", *words) == 2
    said = capsys.readouterr().err
    assert re.match(rf"protsae probe-proteins: .*{line}", said), said
    assert said.count("\n") == 1
    assert not list(tmp_path.glob("out/*"))
