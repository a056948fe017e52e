from pathlib import Path

import pandas as pd
import pytest

from protsae.cli import main
from protsae.io.protein_files.residue_labels import write_labels
from protsae.io.table_files.parquet import read_metadata
from protsae.schema.reference_tables import PROBES
from protsae.schema.table import conform
from tests.helpers.stored_tables import load
from tests.helpers.tiny_run import inputs, protein_rows, write_onehot_run

SMALL = ("--min-residues", "3", "--min-clusters", "2")


def probe(run: Path, output: Path, *flags: str) -> int:
    return main(
        [
            *("probe", "--layer", "0", *inputs(run)),
            *("--annotations", str(run / "annotations.parquet"), "--output", str(output)),
            *(*SMALL, *flags),
        ]
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_onehot_run(tmp_path_factory.mktemp("run"), protein_rows(n_proteins=60))
    assert probe(run, run / "out") == 0
    return run


@pytest.fixture(scope="module")
def table(run: Path) -> pd.DataFrame:
    return load(run / "out" / "probes.parquet").set_index("concept", drop=False)


def test_columns_are_the_documented_ones(run: Path, table: pd.DataFrame) -> None:
    conform(table, PROBES, "probes")
    assert list(table) == PROBES.names
    assert set(table["model"]) == {"onehot"}
    assert set(table["layer"]) == {0}
    metadata = read_metadata(run / "out" / "probes.parquet")
    assert (metadata["table"], metadata["table_version"]) == ("probes", PROBES.version)
    assert metadata["model"] == "onehot"


def test_letters_tell_letters_and_not_places(table: pd.DataFrame) -> None:
    of_letters = table[table["concept_type"].isin(["residue", "class"])]
    assert len(of_letters) > 20
    assert (of_letters["f1"] == 1).all()
    assert (of_letters["auroc"] == 1).all()
    # Residues 4 to 9 of random sequences: on everywhere is the best that letters can do.
    rate = 6 / 29
    assert table.at["SIGNAL", "f1"] == pytest.approx(2 * rate / (1 + rate), abs=0.03)
    assert table.at["SIGNAL", "auroc"] == pytest.approx(0.5, abs=0.1)
    assert table.at["SIGNAL", "n_residues"] == 20 * 6
    assert table.at["SIGNAL", "n_clusters"] == 20


def test_selectivity_is_the_lead_over_the_control(table: pd.DataFrame) -> None:
    assert (table["selectivity"] == table["f1"] - table["control_f1"]).all()
    both = table["auroc_selectivity"].dropna()
    assert len(both) > 20
    assert (both == (table["auroc"] - table["control_auroc"])[both.index]).all()
    # A letter says little of a tripeptide's random label, and nothing of a random sequence's place.
    assert table.loc[table["concept_type"] == "residue", "selectivity"].min() > 0.5
    assert abs(table.at["SIGNAL", "selectivity"]) < 0.1


def test_the_interval_holds_the_score(table: pd.DataFrame) -> None:
    told = table["n_clusters"] >= 10
    assert (table["f1_low"].notna() == told).all()
    assert told.any()
    assert (table["f1_low"] <= table["f1"])[told].all()
    assert (table["f1"] <= table["f1_high"])[told].all()


def test_the_same_bytes_again_whatever_the_order_of_shards(run: Path, tmp_path: Path) -> None:
    shards = [str(run / f"shard-{shard}.h5") for shard in (1, 0)]
    assert probe(run, tmp_path, "--activations", *shards) == 0
    path = "probes.parquet"
    assert (tmp_path / path).read_bytes() == (run / "out" / path).read_bytes()


def test_a_sample_and_penalties_are_used(run: Path, tmp_path: Path, table: pd.DataFrame) -> None:
    assert (
        probe(run, tmp_path, "--train-residues", "101", "--penalties", "0.5", "--batch", "37") == 0
    )
    found = load(tmp_path / "probes.parquet")
    assert set(found["penalty"]) == {0.5}
    assert set(table["penalty"]) <= {0.01, 0.001, 0.0001}
    assert (found["n_residues"].to_numpy() == table["n_residues"].to_numpy()).all()


def test_labels_of_a_file_count_where_they_are_known(run: Path, tmp_path: Path) -> None:
    """Which letter is a G, for every second protein; the others' glycines are no negatives."""
    proteins = load(run / "proteins.parquet")
    chosen = proteins.iloc[[i for i in range(60) if i % 6 < 3]]
    rows = [
        {"accession": name, "labels": "".join("G" if x == "G" else "n" for x in sequence)}
        for name, sequence in zip(chosen["accession"], chosen["sequence"], strict=True)
    ]
    write_labels(tmp_path / "glycine.jsonl", [], rows)
    assert probe(run, tmp_path, "--labels", str(tmp_path / "glycine.jsonl")) == 0
    found = load(tmp_path / "probes.parquet").set_index("concept")
    n_glycines = chosen.loc[chosen["split"] == "test", "sequence"].str.count("G").sum()
    assert found.at["glycine: G", "n_residues"] == n_glycines
    assert found.at["glycine: G", "f1"] == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        pytest.param(
            ("--layer", "7"),
            "{run}/shard-0.h5: layer 7 is not in this cache; it has 0",
            id="no such layer",
        ),
        pytest.param(
            ("--min-residues", "5000"),
            "{run}/annotations.parquet: no concept occurs often enough in valid and in test; give "
            "more proteins, or lower concepts.min_residues and concepts.min_clusters",
            id="no concept",
        ),
        pytest.param(
            ("--penalties", "0"),
            "command line: penalties.0: must be greater than 0, found '0'",
            id="no penalty",
        ),
    ],
)
def test_mistakes(
    flags: tuple[str, ...],
    message: str,
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert probe(run, tmp_path / "out", *flags) == 2
    assert capsys.readouterr().err == f"protsae probe: {message.format(run=run)}\n"
    assert not (tmp_path / "out").exists()
