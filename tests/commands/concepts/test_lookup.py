from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from protsae.cli import main
from protsae.concepts.concept_table import ConceptTable
from protsae.io.json_files import write_document
from protsae.io.table_files.parquet import read_metadata
from protsae.proteins.alphabet import STANDARD
from protsae.schema.concept_tables import CONCEPTS
from protsae.schema.reference_tables import REFERENCES, RULE_COUNTS, RULES
from protsae.schema.table import conform
from protsae.stages.score_references import score_rules
from tests.helpers.stored_tables import load, store
from tests.helpers.tiny_run import protein_rows, write_annotations, write_proteins

SMALL = ("--min-residues", "3", "--min-clusters", "2", "--window-flank", "2")
N_PROTEINS, LENGTH = 18, 89


def lookup(run: Path, output: Path, *flags: str) -> int:
    return main(
        [
            *("lookup", "--proteins", str(run / "proteins.parquet")),
            *("--annotations", str(run / "annotations.parquet"), "--output", str(output)),
            *(*SMALL, *flags),
        ]
    )


def write_provenance(path: Path, proteins: dict[str, str]) -> None:
    """What a fetch of these proteins says of the features that it left out."""
    features = {"left_out": {"CHAIN": {"covers nearly the whole protein": N_PROTEINS}}}
    checksum = proteins["protein_set_sha256"]
    write_document(path, {"protein_set_sha256": checksum, "counts": {"features": features}})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Test proteins 2 and 8 have 4 residues more before what train proteins 0 and 6 have.

    Clusters are given, not computed, so that there is something to find.
    """
    run = tmp_path_factory.mktemp("run")
    proteins = protein_rows(N_PROTEINS, LENGTH)
    for target, query in ((0, 2), (6, 8)):
        proteins.at[query, "sequence"] = "WWWW" + proteins.at[target, "sequence"][:-4]
    assert proteins["split"].iloc[[0, 2, 6, 8]].tolist() == ["train", "test", "train", "test"]
    write_proteins(run / "proteins.parquet", proteins)
    write_annotations(run / "annotations.parquet", proteins)  # residues 4 to 9 are a SIGNAL
    write_provenance(run / "provenance.json", read_metadata(run / "proteins.parquet"))
    assert lookup(run, run / "out", "--provenance", str(run / "provenance.json")) == 0
    return run


@pytest.fixture(scope="module")
def table(run: Path) -> pd.DataFrame:
    return load(run / "out" / "references.parquet")


def test_columns_are_the_documented_ones(run: Path, table: pd.DataFrame) -> None:
    conform(table, REFERENCES, "references")
    assert list(table) == REFERENCES.names
    assert not table.duplicated(["method", "concept"]).any()
    metadata = read_metadata(run / "out" / "references.parquet")
    assert metadata["test_proteins"] == N_PROTEINS / 3
    assert metadata["test_proteins_with_hit"] == 2


def test_every_concept_has_its_counts_and_its_reason(run: Path, table: pd.DataFrame) -> None:
    found = pd.read_csv(run / "out" / "concepts.tsv", sep="\t")
    assert list(found) == CONCEPTS.names
    found = found.set_index("concept")
    assert found.at["CHAIN", "left_out"] == "covers nearly the whole protein: 18 features"
    assert found.loc["CHAIN"].drop(["concept_type", "left_out"]).isna().all()
    for split in ("train", "valid", "test"):
        counts = [f"{split}_{name}" for name in ("residues", "instances", "proteins", "clusters")]
        assert found.loc["SIGNAL", counts].tolist() == [36, 6, 6, 6]
        assert found.at["SIGNAL", f"{split}_known"] == 6 * LENGTH
    assert found.loc["position: first residue", "test_residues"] == 6
    assert found.at["motif: RGD", "left_out"].startswith("fewer than 3 residues in valid or test: ")
    scored = found.index[found["left_out"].isna()]
    assert set(scored) == set(table["concept"])
    of_windows = table[table["method"] == "blosum_window"].set_index("concept")
    for name in ("n_residues", "n_clusters"):
        counted = found.loc[scored, name.replace("n_", "test_")]
        assert counted.tolist() == of_windows.loc[scored, name].tolist()


def test_provenance_of_other_proteins(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_provenance(tmp_path / "other.json", {"protein_set_sha256": "0123456789abcdef"})
    assert lookup(run, tmp_path / "out", "--provenance", str(tmp_path / "other.json")) == 2
    err = capsys.readouterr().err
    assert "other.json: of protein set 0123456789ab, but the proteins given are" in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_only_annotations_are_transferred(table: pd.DataFrame) -> None:
    assert set(table.loc[table["method"] == "homology", "concept"]) == {"SIGNAL"}
    windows = set(table.loc[table["method"] == "blosum_window", "concept_type"])
    assert {"SIGNAL", "residue", "class"} <= windows


def test_transferred_labels_by_hand(table: pd.DataFrame) -> None:
    """Residues 4 to 9 of the target are 8 to 13 of the query: 2 of its 6 are of its own SIGNAL."""
    (row,) = table[table["method"] == "homology"].to_dict("records")
    assert row["precision"] == 4 / 12
    assert row["recall"] == 4 / 36
    assert row["f1"] == 2 * 4 / (12 + 36)
    assert row["valid_f1"] == 0, "no valid protein has a relative"
    assert (row["n_residues"], row["n_clusters"]) == (36, 6)
    assert row["n_covered"] == 2 * (LENGTH - 4)


def test_windows_tell_letters_and_the_start(table: pd.DataFrame) -> None:
    windows = table[table["method"] == "blosum_window"].set_index("concept")
    assert (windows.loc[windows["concept_type"] == "residue", "f1"] > 0.8).all()
    assert windows.at["position: first residue", "f1"] > 0.7, "zeros before it"
    assert (windows["n_covered"] == N_PROTEINS // 3 * LENGTH).all()


def test_rules_by_hand(run: Path, table: pd.DataFrame) -> None:
    """Residues 4 to 9 of every protein are a SIGNAL."""
    rules = load(run / "out" / "rules.parquet")
    conform(rules, RULES, "rules")
    assert rules["concept"].tolist() == table.loc[: len(rules) - 1, "concept"].tolist()
    assert rules["defined_by_sequence"].tolist() == [1] * (len(rules) - 1) + [0]
    assert (rules["f1"] == 1).all()
    (row,) = rules[rules["concept"] == "SIGNAL"].to_dict("records")
    assert row["rule"] == row["best_rule"] == "residues 4–9"  # noqa: RUF001
    assert (row["rule_parameters"], row["fit_f1"], row["best_fit_error"]) == (2, 1, 0)
    assert (row["n_residues"], row["n_clusters"]) == (36, 6)
    assert read_metadata(run / "out" / "rules.parquet")["table"] == "rules"


def test_rule_counts_add_up_to_the_scores(run: Path) -> None:
    rules = load(run / "out" / "rules.parquet")
    counts = load(run / "out" / "rule_counts.parquet")
    conform(counts, RULE_COUNTS, "rule_counts")
    proteins = load(run / "proteins.parquet")
    clusters = proteins.loc[proteins["split"] == "test", "cluster"].tolist()
    signal = counts[counts["concept"] == "SIGNAL"]
    assert signal["cluster"].tolist() == clusters
    names = ["tp", "on", "positives", "known"]
    assert signal[names].to_numpy().tolist() == [[6, 6, 6, LENGTH]] * 6
    total = counts.groupby("concept", sort=False)[names].sum().loc[rules["concept"]]
    f1 = 2 * total["tp"] / (total["on"] + total["positives"])
    assert f1.tolist() == rules["f1"].tolist()
    assert total["positives"].tolist() == rules["n_residues"].tolist()


def test_rules_see_nothing_of_test(run: Path) -> None:
    """With other annotations and letters in test, the same rules are chosen."""
    proteins = load(run / "proteins.parquet")
    in_test = proteins["split"] == "test"
    proteins.loc[in_test, "sequence"] = proteins.loc[in_test, "sequence"].str[::-1]
    annotations = load(run / "annotations.parquet")
    moved = annotations["accession"].isin(proteins.loc[in_test, "accession"])
    annotations.loc[moved, ["start", "end"]] += 40
    concepts = ConceptTable.build(proteins, annotations, min_residues=3, min_clusters=2)
    found, before = score_rules(proteins, concepts)[0], load(run / "out" / "rules.parquet")
    chosen = ["rule", "fit_f1", "best_rule", "best_fit_f1", "best_fit_error"]
    both = found.merge(before, on="concept", suffixes=("", "_before"))
    for name in chosen:
        assert both[name].tolist() == both[f"{name}_before"].tolist()
    assert found.set_index("concept").at["SIGNAL", "f1"] == 0


def test_the_same_bytes_again(run: Path, tmp_path: Path) -> None:
    assert lookup(run, tmp_path, "--threads", "2") == 0
    for path in ("rules.parquet", "rule_counts.parquet"):
        assert (tmp_path / path).read_bytes() == (run / "out" / path).read_bytes()
    # It states the checksum of concepts.tsv.
    pd.testing.assert_frame_equal(
        *(load(f / "references.parquet") for f in (tmp_path, run / "out"))
    )
    # Without provenance.json, what fetch left out is not known.
    lines = (run / "out" / "concepts.tsv").read_text().splitlines()
    assert (tmp_path / "concepts.tsv").read_text().splitlines() == lines[:-1]


def test_an_evalue_that_nothing_reaches_and_no_annotations(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    annotations = load(run / "annotations.parquet")
    (tmp_path / "proteins.parquet").symlink_to(run / "proteins.parquet")
    store(tmp_path / "annotations.parquet", annotations.iloc[:0])
    assert lookup(tmp_path, tmp_path, "--evalue", "1e-200") == 0
    assert set(load(tmp_path / "references.parquet")["method"]) == {"blosum_window"}
    assert "\n0 of 6 test proteins have a hit in train\n" in capsys.readouterr().out


def test_annotations_of_other_proteins(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    letters = np.random.default_rng(9).choice(list(STANDARD), LENGTH)
    others = protein_rows(3).assign(sequence="".join(letters))
    checksum = write_proteins(tmp_path / "others.parquet", others)
    annotations = load(run / "annotations.parquet")
    metadata = {"stage": "fetch", "protein_set_sha256": checksum}
    store(tmp_path / "annotations.parquet", annotations, metadata)
    (tmp_path / "proteins.parquet").symlink_to(run / "proteins.parquet")
    assert lookup(tmp_path, tmp_path / "out") == 2
    err = capsys.readouterr().err
    assert f"annotations of protein set {checksum[:12]}, but the proteins given are" in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()
