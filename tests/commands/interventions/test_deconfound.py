"""protsae deconfound on a run: files, words, one line for every mistake."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import protsae
from protsae.cli import main
from protsae.io.table_files.parquet import read_table
from protsae.schema.interventions.deconfounded_table import DECONFOUNDED
from tests.helpers.finished_run import RESULTS


def deconfound(output: Path, *words: object) -> int:
    return main(["deconfound", "--run", RESULTS, "--output", str(output), *map(str, words)])


def label_table(path: Path) -> Path:
    """A label in turns, by rising length within each split: as common among the longer proteins."""
    proteins = protsae.read_run(RESULTS).proteins
    own = proteins.assign(length=proteins["sequence"].str.len()).sort_values(["split", "length"])
    own = own[["accession"]].assign(odd=np.arange(len(own)) % 2)
    own.to_csv(path, sep="\t", index=False)
    return path


def test_a_column_against_length(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = label_table(tmp_path / "mine.tsv")
    words = ("--sae", "1/topk", "--label", "odd", "--confounder", "length", "--table", table)
    for name in ("one", "two"):
        assert deconfound(tmp_path / name, *words) == 0
    for name in ("deconfounded.parquet", "deconfounded.tsv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    rows = read_table(tmp_path / "one" / "deconfounded.parquet", DECONFOUNDED)
    assert rows["arm"].nunique() == 8
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "label: proteins with odd in mine.tsv"
    assert said[-1].endswith("deconfounded.parquet and deconfounded.tsv, with every number tried")
    file = pq.read_metadata(tmp_path / "one" / "deconfounded.parquet")
    stated = json.loads(file.metadata[b"protsae"])
    assert stated["label"] == {"given": "odd", "meaning": "with odd in mine.tsv"}
    assert stated["layer"] == 1

    done = protsae.read_run(RESULTS).remove_confounder(1, "topk", "odd", "length", table)
    assert stated["features"] == done.found.features
    np.testing.assert_array_equal(rows["auroc"], done.found.table["auroc"])


def test_means_over_residues_are_those_of_the_files(folder: Path) -> None:
    run = protsae.read_run(RESULTS)
    pooled, codes = run.pooled_layer(1, "topk"), run.activations(1, "topk")
    names = [f"results/activations/esm2_tiny/shard-{shard}.h5" for shard in ("0000", "0001")]
    cache = protsae.LayerCache(names, 1, run._proteins[1])
    for i, accession in enumerate(run.proteins["accession"]):
        [(_, rows)] = cache.protein_blocks({accession}, 1)
        np.testing.assert_allclose(pooled.x_ND[i], rows.mean(0, dtype=np.float64), rtol=1e-9)
        own = codes[accession].toarray()
        np.testing.assert_allclose(pooled.f_NF[i], own.mean(0), rtol=1e-5, atol=1e-7)
    is_train = (run.proteins["split"] == "train").to_numpy()
    shares = [(codes[a].toarray() > 0).mean(0) for a in run.proteins["accession"][is_train]]
    np.testing.assert_allclose(pooled.rate_F, np.mean(shares, axis=0), rtol=1e-5)
    assert np.array_equal(pooled.decoder_FD, run.sae(1, "topk").W_dec.detach().numpy())


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--sae", "topk"), r"--sae 'topk'; expected LAYER/SAE, such as 6/topk"),
        (("--sae", "9/topk"), r"results: no layer 9 of esm2_tiny; it has"),
        (("--sae", "1/topk", "--label", "x"), r"'x': no label of proteins; expected length, comp"),
        (("--sae", "1/topk", "--label", "length"), r"train: no protein with the confounder alone"),
    ],
)
def test_one_line_says_what_is_wrong(
    words: tuple[object, ...],
    line: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ("--label", "composition", "--confounder", "length")
    assert deconfound(tmp_path / "out", *given, *words) == 2
    said = capsys.readouterr().err
    assert re.match(rf"protsae deconfound: .*{line}", said), said
    assert said.count("\n") == 1
    assert not list(tmp_path.glob("out/*"))
