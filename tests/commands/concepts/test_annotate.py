import shutil
from pathlib import Path

import pandas as pd
import pytest

from protsae.cli import main
from protsae.concepts.concept import are_defined_by_sequence
from protsae.config.stage_settings import AnnotateSettings, ConceptSettings
from protsae.io.hdf5.code_cache import StoredCodes
from protsae.io.protein_files.residue_labels import write_labels
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.io.table_files.proteins_table import read_split_proteins
from protsae.schema.pair_tables import INTERPLM
from protsae.stages.annotate_layer import TABLES
from protsae.stages.inputs.concept_inputs import read_concepts
from protsae.stages.inputs.open_saes import open_saes
from protsae.stages.scoring_detectors.score_detectors import COLUMNS, score_detectors
from tests.helpers.stored_tables import load
from tests.helpers.tiny_run import TOPK, encode, inputs, protein_rows, train_saes, write_onehot_run

FILES = ("cluster_counts", "features", "descriptions", "associations", "examples", "logos")
FILES += ("detectors", "candidates", "recovery", "reliability", "calibration")
RELU = {**TOPK, "architecture": "relu", "width": 31, "penalty": 0.5}
SMALL = ("--min-residues", "3", "--min-clusters", "2", "--bootstrap", "53")


def annotate(run: Path, saes: list[Path], output: Path, *flags: str) -> int:
    return main(
        [
            *("annotate", "--sae", *map(str, saes), *inputs(run), "--codes", *codes(run)),
            *("--annotations", str(run / "annotations.parquet"), "--output", str(output)),
            *(*SMALL, *flags),
        ]
    )


def codes(run: Path) -> list[str]:
    return [str(path) for path in sorted(run.glob("codes-*.h5"))]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_onehot_run(tmp_path_factory.mktemp("run"), protein_rows(n_proteins=30))
    assert train_saes(run, run, {"topk": {**TOPK, "k": 1, "steps": 300}, "relu": RELU}) == 0
    for shard in (0, 1):
        assert encode(run, run, shard, run / f"codes-{shard}.h5", "topk", "relu") == 0
    (run / "out").mkdir()
    (run / "out" / "interplm.parquet").write_bytes(b"of an earlier run that asked for it")
    assert annotate(run, [run / "topk", run / "relu"], run / "out") == 0
    return run


@pytest.fixture(scope="module")
def tables(run: Path) -> dict[str, pd.DataFrame]:
    return {name: load(run / "out" / f"{name}.parquet") for name in FILES}


def test_columns_and_versions_are_the_documented_ones(run: Path) -> None:
    assert set(FILES) == TABLES.keys() - {"interplm"}
    for name in FILES:
        read_table(run / "out" / f"{name}.parquet", TABLES[name])
        stamp = read_metadata(run / "out" / f"{name}.parquet")
        assert (stamp["table"], stamp["table_version"]) == (name, TABLES[name].version)


def test_one_row_for_every_feature_of_every_variant(tables: dict[str, pd.DataFrame]) -> None:
    features = tables["features"]
    assert features["variant"].tolist() == ["topk"] * 37 + ["relu"] * 31
    assert features["feature"].tolist() == [*range(37), *range(31)]
    assert set(features["model"]) == {"onehot"}
    assert set(features["layer"]) == {0}


def test_a_dictionary_of_letters_detects_letters(tables: dict[str, pd.DataFrame]) -> None:
    topk = tables["features"][tables["features"]["variant"] == "topk"]
    perfect = topk[(topk["f1"] == 1) & (topk["concept_type"] == "residue")]
    assert len(perfect) >= 5
    # A coordinate of one-hot activations is a letter itself, so no feature can beat it.
    pairs = tables["associations"]
    coordinates = pairs[(pairs["variant"] == "coordinates") & (pairs["f1"] == 1)]
    found = coordinates[coordinates["concept_type"] == "residue"].set_index("concept")["feature"]
    for name in perfect["concept"]:
        assert found[name] == ord(name.removeprefix("residue: ")) - ord("A")


def test_sets_of_detectors_are_counted(tables: dict[str, pd.DataFrame]) -> None:
    detectors = tables["detectors"].set_index("variant").sort_index()
    assert detectors["n_detectors"].to_dict() == {
        **{"topk": 37, "relu": 31, "coordinates": 2 * 26, "pca": 2 * 26, "random": 37}
    }
    assert (detectors["concepts_captured"] <= detectors["concepts_captured_high"]).all()
    assert (detectors["n_capturing_low"] <= detectors["n_capturing_high"]).all()
    assert detectors["n_capturing"].between(1, detectors["n_detectors"]).all()
    for found in ("n_significant", "concepts_significant"):
        assert (detectors[f"{found}_low"] <= detectors[found]).all()
    pairs = tables["associations"].query("q_value <= 0.05")
    assert len(pairs), "nothing is called"
    pairs = pairs[~are_defined_by_sequence(pairs["concept_type"])]
    for variant, found in detectors.iterrows():
        called = pairs[pairs["variant"] == variant]
        n_features = called["feature"].nunique()
        assert found["n_significant"] == n_features
        assert found["concepts_significant"] == called["concept"].nunique()
        assert found["concepts_per_detector"] == pytest.approx(len(called) / max(1, n_features))


def test_scores_agree_with_their_counts(tables: dict[str, pd.DataFrame]) -> None:
    pairs = tables["associations"]
    assert set(pairs["variant"]) == {"coordinates", "pca", "random", "topk", "relu"}
    assert len(pairs) > 20
    tp, fp, fn = pairs["tp"], pairs["fp"], pairs["fn"]
    assert (pairs["f1"] - 2 * tp / (2 * tp + fp + fn)).abs().max() < 1e-12
    on = tp + fp > 0
    assert (pairs["precision"] - tp / (tp + fp))[on].abs().max() < 1e-12
    assert (pairs["recall"] - tp / (tp + fn)).abs().max() < 1e-12
    assert (pairs["valid_f1"] >= 0.1).all()
    assert not pairs.duplicated(["variant", "feature", "concept"]).any()


def test_a_feature_agrees_with_its_association(tables: dict[str, pd.DataFrame]) -> None:
    keys = ["variant", "feature", "concept"]
    shared = ["quantile", "threshold", "valid_f1", "precision", "recall", "f1", "q_value", "auroc"]
    features = tables["features"].dropna(subset="concept")
    both = features.merge(tables["associations"], on=keys, suffixes=("", "_pair"))
    assert len(both) > 20
    for column in shared:
        assert (both[column] == both[f"{column}_pair"]).all(), column
    assert (both["n_residues"] == both["tp"] + both["fn"]).all()
    # Fewer than ten clusters have no interval.
    told = both["n_clusters"] >= 10
    assert (both["f1_low"].notna() == told).all()
    assert (both["f1_low"] <= both["f1"])[told].all()
    assert (both["f1"] <= both["f1_high"])[told].all()


def test_features_without_a_concept_have_no_scores(tables: dict[str, pd.DataFrame]) -> None:
    features = tables["features"]
    without = features[features["concept"].isna()]
    scores = ["concept_type", "threshold", "f1", "concept_level", "rotation_null_f1", "n_residues"]
    assert without[scores].isna().all(axis=None)
    assert features.drop(index=without.index)[scores].notna().all(axis=None)


def test_the_same_bytes_again(run: Path, tmp_path: Path) -> None:
    assert annotate(run, [run / "topk", run / "relu"], tmp_path) == 0
    for name in FILES:
        path = f"{name}.parquet"
        assert (tmp_path / path).read_bytes() == (run / "out" / path).read_bytes(), name


@pytest.mark.parametrize(("n_shards", "batch"), [(1, "4096"), (3, "1"), (5, "101")])
def test_shards_and_batches_change_no_byte(
    run: Path, tmp_path: Path, n_shards: int, batch: str
) -> None:
    """The same SAEs on the same proteins, stored and read in other portions."""
    other = write_onehot_run(tmp_path, protein_rows(n_proteins=30), n_shards)
    for shard in range(n_shards):
        assert encode(other, run, shard, other / f"codes-{shard}.h5", "topk", "relu") == 0
    out = tmp_path / "out"
    assert annotate(other, [run / "topk", run / "relu"], out, "--batch", batch) == 0
    for name in FILES:
        path = f"{name}.parquet"
        assert (out / path).read_bytes() == (run / "out" / path).read_bytes(), name


def test_a_variant_alone_scores_as_among_others(
    run: Path, tmp_path: Path, tables: dict[str, pd.DataFrame]
) -> None:
    assert annotate(run, [run / "relu"], tmp_path) == 0
    alone = load(tmp_path / "features.parquet")
    among = tables["features"]
    among = among[among["variant"] == "relu"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, among)


def test_base_rates_of_a_file(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rates = tmp_path / "rates.tsv"
    rates.write_text("concept\tbase_rate\nresidue: C\t0.01\nMOTIF\t0.5\n")
    output = tmp_path / "out"
    assert annotate(run, [run / "topk"], output, "--reference-rates", str(rates)) == 0
    printed = capsys.readouterr().out.splitlines()
    (line,) = [line for line in printed if line.startswith(str(rates))]
    assert line.startswith(f"{rates}: base rates of 2 concepts, of all but ")
    pairs = load(output / "associations.parquet")
    given = pairs["concept"] == "residue: C"
    assert (pairs.loc[given, "reference_base_rate"] == 0.01).all()
    # A perfect detector is one at any base rate.
    perfect = pairs.loc[given & (pairs["f1"] == 1), "f1_at_reference_rate"]
    assert (perfect == 1).all()
    assert len(perfect)
    assert pairs.loc[~given, ["reference_base_rate", "f1_at_reference_rate"]].isna().all(axis=None)


def test_no_concept_often_enough(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert annotate(run, [run / "topk"], tmp_path / "out", "--min-residues", "5000") == 2
    assert capsys.readouterr().err == (
        f"protsae annotate: {run}/annotations.parquet: no concept occurs often enough in valid "
        "and in test; give more proteins, or lower concepts.min_residues and "
        "concepts.min_clusters\n"
    )
    assert not (tmp_path / "out").exists()


def test_experimental_evidence_only(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The SIGNALs of the run have no evidence code."""
    flags = ("--evidence", "experimental")
    assert annotate(run, [run / "relu"], tmp_path, *flags) == 0
    printed = capsys.readouterr().out
    assert "note: 30 UniProt features left out: no evidence given\n" in printed
    assert "1 concepts left out: no feature with experimental evidence\n" in printed
    assert "SIGNAL" not in set(load(tmp_path / "associations.parquet")["concept_type"])


def test_labels_of_other_files(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which letter is a G, for the proteins of all splits but the last three."""
    proteins = load(run / "proteins.parquet")
    rows = [
        {"accession": name, "labels": "".join("G" if x == "G" else "n" for x in sequence)}
        for name, sequence in zip(proteins["accession"], proteins["sequence"], strict=True)
    ]
    write_labels(tmp_path / "glycine.jsonl", [], [*rows[:-3], {"sequence": "WW", "labels": "nn"}])
    flags = ("--labels", str(tmp_path / "glycine.jsonl"))
    assert annotate(run, [run / "topk"], tmp_path / "out", *flags) == 0
    printed = capsys.readouterr().out
    assert "note: labels 'glycine': 27 proteins; 1 left out: not among the proteins\n" in printed
    pairs = load(tmp_path / "out" / "associations.parquet")
    coordinate = pairs[
        (pairs["variant"] == "coordinates") & (pairs["feature"] == ord("G") - ord("A"))
    ]
    assert {"glycine: G", "residue: G"} <= set(coordinate["concept"])


def test_labels_of_another_length(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "short.jsonl"
    write_labels(path, [], [{"accession": "P00001", "labels": "HHE"}])
    assert annotate(run, [run / "topk"], tmp_path / "out", "--labels", str(path)) == 2
    assert capsys.readouterr().err == (
        f"protsae annotate: {path}: line 1: 3 labels for a sequence of 29 residues\n"
    )


def test_two_variants_of_one_name(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run / "topk", tmp_path / "topk")
    assert annotate(run, [run / "topk", tmp_path / "topk"], tmp_path / "out") == 2
    assert capsys.readouterr().err == (
        "protsae annotate: --sae: two folders of the same name; give the variants of one layer\n"
    )


def test_a_shard_that_was_not_given(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--activations", str(run / "shard-0.h5"))
    assert annotate(run, [run / "topk"], tmp_path / "out", *flags) == 2
    assert capsys.readouterr().err == (
        "protsae annotate: activations: 5 of the 10 proteins asked for are in none of the files "
        "given, first P00015; give all shards\n"
    )


def test_interplms_rule_on_request(run: Path, tmp_path: Path) -> None:
    """SIGNAL without a note is no concept there; what is not asked for is not left from before."""
    assert annotate(run, [run / "topk"], tmp_path, "--interplm", "true") == 0
    found = read_table(tmp_path / "interplm.parquet", INTERPLM)
    assert found.empty
    assert not (run / "out" / "interplm.parquet").exists()


def test_score_detectors_finds_the_same(run: Path, tables: dict[str, pd.DataFrame]) -> None:
    # The stage reads files block by block; the function has everything in memory.
    proteins, protein_set = read_split_proteins(run / "proteins.parquet")
    train = set(proteins.loc[proteins["split"] == "train", "accession"])
    _, saes = open_saes([run / "topk"], [*run.glob("shard-*.h5")], protein_set, train)
    stored = StoredCodes(sorted(run.glob("codes-*.h5")), "topk", saes["topk"].sha256, protein_set)
    settings = AnnotateSettings(bootstrap=53)
    path = run / "annotations.parquet"
    chosen = ConceptSettings(min_residues=3, min_clusters=2)
    concepts = read_concepts(path, proteins, protein_set, chosen, print)
    names = proteins["accession"].tolist()
    column = concepts.known_column
    found = score_detectors(
        {name: block for (name,), block in stored.blocks(set(names), max_rows=1)},
        {name: concepts.labels([name]).toarray() for name in names},
        dict(zip(names, proteins["cluster"], strict=True)),
        known={name: concepts.known([name])[:, column] for name in names},
        split=dict(zip(names, proteins["split"], strict=True)),
        concepts=[named.name for named in concepts.concepts],
        settings=settings,
    )
    written = tables["associations"]
    written = written[written["variant"] == "topk"]
    pair = ["feature", "concept"]
    assert len(found) > 20
    expected, given = (
        table[list(COLUMNS)].sort_values(pair).reset_index(drop=True).convert_dtypes()
        for table in (written, found)
    )
    pd.testing.assert_frame_equal(given, expected, check_dtype=False, rtol=1e-6)
