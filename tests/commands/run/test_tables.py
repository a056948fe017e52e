"""``protsae tables``: rows, order, counts worked out by hand, and what it refuses."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from protsae.cli import main
from protsae.config.reserved_names import DETECTORS
from protsae.io.saes.evaluations import read_evaluation, write_evaluation
from protsae.io.table_files.parquet import read_metadata, write_table
from protsae.schema.features.best_features_table import BEST_FEATURES
from protsae.schema.features.feature_tables import FEATURES
from protsae.schema.interventions.effect_table import EFFECTS, OF_FEATURES
from protsae.schema.pair_tables import ASSOCIATIONS
from protsae.schema.saes.evaluation_tables import EVALUATION, SUMMARY
from protsae.schema.saes.stability_table import STABILITY
from tests.helpers.run_folder import (
    HOSTILE,
    LAYERS,
    MODEL,
    N_FEATURES,
    VARIANTS,
    restamp,
    tables_command,
    write_stages,
)
from tests.helpers.stored_tables import load, store, store_wrong

OUTPUTS = (
    "features.parquet",
    "features.tsv",
    "best_features.parquet",
    "best_features.tsv",
    "associations.parquet",
    "detectors.tsv",
    "summary.tsv",
)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_stages(tmp_path)


def test_features_come_in_one_order_onehot_first(results: Path) -> None:
    assert main(tables_command(results)) == 0
    features = load(results / "features.parquet")
    assert list(features) == FEATURES.names
    expected = [(m, n, v, f) for m, n in LAYERS for v in VARIANTS for f in range(N_FEATURES)]
    key = features[["model", "layer", "variant", "feature"]]
    assert list(key.itertuples(index=False, name=None)) == expected


def test_the_best_feature_of_each_concept(results: Path) -> None:
    """Of equal features the first; feature 0 matches residue: C, too, but feature 1 does better."""
    assert main(tables_command(results)) == 0
    best = load(results / "best_features.parquet")
    assert list(best) == BEST_FEATURES.names
    assert best["concept"].tolist() == [f"BINDING: {HOSTILE}", "SIGNAL", "residue: C"]
    assert best["own_concept"].tolist() == best["concept"].tolist()
    place = best[["model", "layer", "variant"]].drop_duplicates().values.tolist()
    assert place == [[MODEL, 1, "relu"]]
    assert best["feature"].tolist() == [3, 0, 1]
    features = load(results / "features.parquet")
    own = features[(features["model"] == MODEL) & (features["layer"] == 1)].iloc[[3, 0, 1]]
    for name in ("f1", "coordinate_f1", "rule_f1", "best_baseline", "best_baseline_f1"):
        assert best[name].tolist() == pytest.approx(own[name].tolist(), nan_ok=True), name


def test_a_concept_whose_best_feature_matches_another_one_better(results: Path) -> None:
    """Without feature 1 of any SAE, the best feature for residue: C is 0, which matches SIGNAL."""
    for path in results.glob("annotation/*/*/associations.parquet"):
        pairs = load(path)
        store(path, pairs[pairs["variant"].isin(DETECTORS) | (pairs["feature"] != 1)])
    restamp(results)
    assert main(tables_command(results)) == 0
    row = load(results / "best_features.parquet").set_index("concept").loc["residue: C"]
    assert (row["feature"], row["own_concept"]) == (0, "SIGNAL")


def test_associations_of_a_feature_fall_in_valid_f1(results: Path) -> None:
    assert main(tables_command(results)) == 0
    pairs = load(results / "associations.parquet")
    assert list(pairs) == ASSOCIATIONS.names
    first = pairs[(pairs["model"] == "onehot") & (pairs["variant"] == "relu")]
    assert first["feature"].tolist() == [0, 0, 1, 3, 3]
    assert first["valid_f1"].tolist() == [0.9, 0.85, 0.95, 0.5, 0.3]


def test_summary_counts(results: Path) -> None:
    assert main(tables_command(results)) == 0
    summary = pd.read_csv(results / "summary.tsv", sep="\t")
    assert list(summary) == SUMMARY.names
    assert summary["model"].tolist() == ["onehot"] * 2 + [MODEL] * 4
    row = summary.iloc[-1]
    # Features 0 and 1 reach 0.5 and q 0.05; the rule for 1 has an F1 of 1.
    assert (row["features_with_concept"], row["features_significant"]) == (2, 2)
    # SIGNAL by the window is 0.3 and by its rule 0.45, below its f1_low of 0.6.
    assert (row["features_above_baselines"], row["features_above_references"]) == (1, 1)
    assert row["features_defined_by_sequence"] == 1  # residue: C
    assert summary["loss_recovered"].isna().tolist() == [True, True, False, False, False, False]


def test_tsv_has_four_significant_digits_and_gaps_where_nothing_is_known(results: Path) -> None:
    assert main(tables_command(results)) == 0
    lines = (results / "features.tsv").read_text().splitlines()
    assert lines[0].split("\t") == FEATURES.names
    without_concept = lines[3].split("\t")
    assert without_concept[:5] == ["onehot", "0", "relu", "2", "none"]
    assert without_concept[5:8] == ["unknown", "unknown", "0.1235"]
    assert without_concept[FEATURES.names.index("coordinate")] == ""
    assert lines[1].split("\t")[FEATURES.names.index("coordinate")] == "0"
    assert "\t1.235\t" in (results / "summary.tsv").read_text()


def test_tables_say_what_they_are(results: Path) -> None:
    assert main(tables_command(results)) == 0
    metadata = read_metadata(results / "features.parquet")
    assert (metadata["table"], metadata["table_version"]) == ("features", FEATURES.version)


def test_same_input_gives_same_bytes_in_any_order(results: Path) -> None:
    command = tables_command(results)
    assert main(command) == 0
    first = {name: (results / name).read_bytes() for name in OUTPUTS}
    middle = command.index("--evaluations")
    annotations = list(reversed(command[2:middle]))
    assert main([*command[:2], *annotations, *command[middle:]]) == 0
    assert {name: (results / name).read_bytes() for name in OUTPUTS} == first


def test_stdout_names_the_outputs(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tables_command(results)) == 0
    assert capsys.readouterr().out == (
        f"wrote {results}/features.parquet and .tsv: 24 features, of which\n"
        "  12 have a concept at a false discovery rate of 5% (6 one that a rule on the sequence "
        "defines) and\n"
        "  4 beat all baselines for theirs\n"
        f"wrote {results}/best_features.parquet and .tsv: 3 concepts\n"
        f"wrote {results}/associations.parquet: 39 pairs\n"
        f"wrote {results}/detectors.tsv: 12 sets of detectors\n"
        f"wrote {results}/summary.tsv: 6 SAEs\n"
    )


def test_missing_evaluation_is_named(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = tables_command(results)
    command.remove(str(results / f"sae/{MODEL}/layer-02/topk/evaluation.json"))
    _assert_refused(
        results,
        capsys,
        command,
        f"--evaluations: none of model {MODEL}, layer 2, variant topk, which --annotations has; "
        "give its evaluation.json, or run the evaluate stage",
    )


def test_missing_annotation_is_named(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = tables_command(results)
    command.remove(str(results / f"annotation/{MODEL}/layer-01"))
    path = results / f"sae/{MODEL}/layer-01/topk/evaluation.json"
    _assert_refused(
        results,
        capsys,
        command,
        f"{path}: model {MODEL}, layer 1, variant topk is in none of --annotations; give its "
        "folder, or run the annotate stage",
    )


def test_other_number_of_features(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = results / "sae/onehot/layer-00/relu/evaluation.json"
    write_evaluation(path, {**read_evaluation(path), "n_features": 7})
    _assert_refused(
        results,
        capsys,
        tables_command(results),
        f"{path}: 7 features of model onehot, layer 0, variant relu, but the annotations have 4; "
        "run the annotate stage again",
    )


def test_evaluation_without_a_number(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = results / "sae/onehot/layer-00/relu/evaluation.json"
    document = read_evaluation(path)
    del document["fvu"]
    write_evaluation(path, document)
    version = f"version {EVALUATION.version}"
    _assert_refused(
        results,
        capsys,
        tables_command(results),
        f"{path}: holds evaluation, {version}; no 'fvu'; expected evaluation, {version} "
        "(docs/tables.md); run the evaluate stage again",
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda rows: rows.drop(columns="f1"), "no column 'f1'"),
        (lambda rows: rows.assign(extra=1), "unexpected column 'extra'"),
    ],
    ids=["missing", "unknown"],
)
def test_other_columns(results, capsys, change, problem) -> None:
    path = results / f"annotation/{MODEL}/layer-01/features.parquet"
    store_wrong(path, change(load(path)))
    _assert_refused(
        results,
        capsys,
        tables_command(results),
        f"{path}: {problem}; expected the columns of the features table, version "
        f"{FEATURES.version} (docs/tables.md); run the stage that writes it again",
    )


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "column 'density' is empty in row 1; expected a value everywhere"),
        ("high", "column 'density' holds str values; expected numbers"),
    ],
    ids=["empty", "text"],
)
def test_values_of_another_kind(results, capsys, value, problem) -> None:
    path = results / f"annotation/{MODEL}/layer-01/features.parquet"
    store_wrong(path, load(path).assign(density=value))
    _assert_refused(
        results,
        capsys,
        tables_command(results),
        f"{path}: {problem}; run the stage that writes it again",
    )


def test_folder_given_twice(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = tables_command(results)
    command.insert(2, str(results / f"annotation/{MODEL}/layer-01"))
    _assert_refused(
        results,
        capsys,
        command,
        f"--annotations: feature 0 of model {MODEL}, layer 1, variant relu occurs twice; give each "
        "folder once",
    )


def test_evaluation_given_twice(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = tables_command(results)
    path = results / f"sae/{MODEL}/layer-01/relu/evaluation.json"
    command.insert(command.index("--probes"), str(path))
    _assert_refused(
        results,
        capsys,
        command,
        f"{path}: model {MODEL}, layer 1, variant relu is also in {path}; give each evaluation "
        "once",
    )


def test_missing_folder(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = tables_command(results)
    command.insert(2, str(results / "nowhere"))
    _assert_refused(
        results,
        capsys,
        command,
        f"{results}/nowhere/features.parquet: no such file; run the stage that writes it first",
    )


def _assert_refused(results: Path, capsys, command: list[str], line: str) -> None:
    before = sorted(results.iterdir())
    assert main(command) == 2
    assert capsys.readouterr().err == f"protsae tables: {line}\n"
    assert sorted(results.iterdir()) == before


def test_baselines_of_the_layer_are_their_best_detectors_on_valid(results: Path) -> None:
    assert main(tables_command(results)) == 0
    features = load(results / "features.parquet")
    own = features[(features["model"] == MODEL) & (features["variant"] == "topk")].head(4)
    assert own["coordinate_f1"].tolist() == pytest.approx([0.5, 0.75, np.nan, np.nan], nan_ok=True)
    # Detectors 0 and d_model + 0: coordinate 0, high for SIGNAL and low for C.
    assert own["coordinate"].tolist() == [0, 0, pd.NA, pd.NA]
    assert own["coordinate_sign"].tolist() == [1, -1, pd.NA, pd.NA]
    assert own["pca_f1"].tolist() == pytest.approx([0.25, *[np.nan] * 3], nan_ok=True)
    assert own["window_f1"].tolist() == pytest.approx([0.3, 0.2, np.nan, np.nan], nan_ok=True)
    assert own["homology_f1"].tolist() == pytest.approx([0.1, *[np.nan] * 3], nan_ok=True)
    assert own["probe_f1"].tolist() == pytest.approx([0.75, 0.9, np.nan, np.nan], nan_ok=True)
    assert own["random_f1"].isna().all()
    assert own["permuted_f1"].isna().all()


def test_every_row_has_the_rule_of_its_concept(results: Path) -> None:
    assert main(tables_command(results)) == 0
    features = load(results / "features.parquet")
    columns = ["rule", "rule_f1", "defined_by_sequence"]
    own = features.head(4)[columns].astype(object)
    assert own.where(own.notna(), None).to_numpy().tolist() == [
        ["residues 1–5", 0.45, 0],  # noqa: RUF001
        ["residue C", 1.0, 1],
        [None, None, None],
        ["everywhere", 0.09, 0],
    ]
    pairs = load(results / "associations.parquet").groupby("concept")[columns]
    assert pairs.nunique().eq(1).all(axis=None)
    assert pairs.first().loc["residue: C"].tolist() == ["residue C", 1.0, 1]


@pytest.mark.parametrize(
    ("rule_tp", "verdict", "n_above"),
    [
        pytest.param(15, "above", 1, id="rule-below"),
        pytest.param(16, "undecided", 0, id="rule-as-good"),
        pytest.param(17, "below", 0, id="rule-better"),
    ],
)
def test_a_rule_that_costs_nothing_is_a_baseline(
    results: Path, rule_tp: int, verdict: str, n_above: int
) -> None:
    """SIGNAL's feature finds 16 of 20 residues in each of 11 clusters; cysteines are a rule."""
    counts = load(results / "rule_counts.parquet")
    counts.loc[counts["concept"] == "SIGNAL", "tp"] = rule_tp
    store(results / "rule_counts.parquet", counts, {})
    assert main(tables_command(results)) == 0
    row = pd.read_csv(results / "summary.tsv", sep="\t").iloc[-1]
    assert row["features_above_baselines"] == row["features_above_references"] == n_above
    features = load(results / "features.parquet")
    signal = features[(features["concept"] == "SIGNAL") & (features["model"] == MODEL)].iloc[0]
    assert (signal["verdict"], signal["best_baseline"]) == (verdict, "rule")
    assert signal["best_baseline_f1"] == pytest.approx(rule_tp / 20)
    assert signal["f1_difference"] == pytest.approx(0.8 - rule_tp / 20)
    cysteine = features[features["concept"] == "residue: C"].iloc[0]
    assert (cysteine["verdict"], cysteine["best_baseline"]) == ("below", "rule")


def test_verdicts_by_hand(results: Path) -> None:
    """SIGNAL: 0.8, coordinate 0.5, rule 0.45; one-hot 0.4, 0.25. Feature 3: q = 0.3, no verdict."""
    assert main(tables_command(results)) == 0
    features = load(results / "features.parquet")
    features = (
        features.set_index(["model", "layer", "feature"]).sort_index().fillna({"verdict": ""})
    )
    features["best_baseline"] = features["best_baseline"].fillna("")
    best = features[features["variant"] == "topk"]["best_baseline"]
    assert best.loc[("onehot", 0)].tolist()[0] == "rule"
    assert best.loc[(MODEL, 1)].tolist() == ["coordinate", "rule", "", "one-hot sequence"]
    verdict = features[features["variant"] == "topk"]["verdict"]
    assert verdict.loc[(MODEL, 1)].tolist() == ["above", "below", "", ""]


def test_f1_without_the_clusters_with_relatives_in_train(results: Path) -> None:
    """SIGNAL's feature finds 16 of 20 residues in each of 11 clusters, but none in C03."""
    path = results / "proteins" / "proteins.parquet"
    proteins = load(path).replace({"cluster": {"P00001": "C03"}})
    assert proteins.loc[proteins["has_relative_in_train"], "cluster"].tolist() == ["C03"]
    store(path, proteins, read_metadata(path))
    for counted in results.rglob("cluster_counts.parquet"):
        rows = load(counted)
        rows.loc[rows["cluster"] == "C03", "tp"] = 0
        store(counted, rows, read_metadata(counted))
    restamp(results)
    assert main(tables_command(results)) == 0
    features = load(results / "features.parquet")
    signal = features[(features["concept"] == "SIGNAL") & (features["model"] == MODEL)].iloc[0]
    assert signal["f1_without_relatives"] == pytest.approx(0.8)
    assert features.loc[features["concept"].isna(), "f1_without_relatives"].isna().all()


def test_a_detector_that_is_on_nowhere_in_test(results: Path) -> None:
    """It has no row of counts, and an F1 of 0: SIGNAL's coordinate is then no baseline."""
    for path in results.rglob(f"{MODEL}/**/*.parquet"):
        if path.stem in ("associations", "cluster_counts"):
            rows = load(path)
            coordinate = (rows["variant"] == "coordinates") & (rows["concept"] == "SIGNAL")
            if path.stem == "associations":
                rows.loc[coordinate, "f1"] = 0.0
            else:
                rows = rows[~coordinate]
            store(path, rows, read_metadata(path))
    assert main(tables_command(results)) == 0
    features = load(results / "features.parquet")
    signal = features[(features["concept"] == "SIGNAL") & (features["model"] == MODEL)]
    assert (signal["best_baseline"] == "rule").all()


def test_a_concept_without_a_rule(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = results / "rules.parquet"
    store(path, load(path).iloc[1:], {})
    _assert_refused(
        results,
        capsys,
        tables_command(results),
        f"{path}: no rule for 'SIGNAL', which the annotations name; run the lookup stage again",
    )


def test_the_model_with_shuffled_weights_is_a_baseline(results: Path) -> None:
    """Its detectors serve every layer, and have no such baseline themselves."""
    for name in ("features", "associations", "cluster_counts", "detectors", "examples"):
        path = results / f"annotation/{MODEL}/layer-01/{name}.parquet"
        rows = load(path).assign(model=f"{MODEL}-permuted")
        if name == "associations":
            rows["f1"] /= 4
        store(path, rows, {"stage": "annotate"})
    for path in results.glob(f"sae/{MODEL}/layer-01/*/evaluation.json"):
        write_evaluation(path, {**read_evaluation(path), "model": f"{MODEL}-permuted"})
    path = results / f"probes/{MODEL}/layer-01/probes.parquet"
    store(path, load(path).assign(model=f"{MODEL}-permuted"))
    restamp(results)
    assert main(tables_command(results)) == 0
    features = load(results / "features.parquet")
    found = features[features["concept"] == "SIGNAL"].groupby("model")["permuted_f1"].unique()
    assert found[MODEL].tolist() == found["onehot"].tolist() == [0.2]
    assert np.isnan(found[f"{MODEL}-permuted"]).all()


def test_the_one_hot_baseline_is_its_best_detector_on_valid(results: Path) -> None:
    assert main(tables_command(results)) == 0
    features = load(results / "features.parquet")
    on_sequence = features["model"] == "onehot"
    assert features.loc[on_sequence, "onehot_f1"].isna().all()
    # Highest valid F1 on one-hot: SIGNAL 0.85, residue C 0.95; their test F1 halved: 0.4, 0.45.
    found = features[~on_sequence].groupby("concept")["onehot_f1"].unique()
    assert found["SIGNAL"].tolist() == [0.4]
    assert found["residue: C"].tolist() == [0.45]


def test_a_feature_below_the_one_hot_baseline_is_not_above_its_baselines(results: Path) -> None:
    # Feature 0 (SIGNAL, f1_low 0.6) beats its coordinate (0.5); one-hot sequences would give 0.8.
    for path in results.rglob("onehot/**/associations.parquet"):
        pairs = load(path)
        store(path, pairs.assign(f1=2 * pairs["f1"]), read_metadata(path))
    for path in results.rglob("onehot/**/cluster_counts.parquet"):
        counts = load(path)
        store(path, counts.assign(tp=2 * counts["tp"]), read_metadata(path))
    assert main(tables_command(results)) == 0
    summary = pd.read_csv(results / "summary.tsv", sep="\t")
    assert summary.iloc[-1]["features_above_baselines"] == 0


def test_parts_of_another_layer(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of layer 2 in the folder of layer 1, as of a copy that went wrong."""
    for name in ("associations", "detectors", "cluster_counts"):
        path = results / f"annotation/{MODEL}/layer-01/{name}.parquet"
        true = path.read_bytes()
        shutil.copy(results / f"annotation/{MODEL}/layer-02/{name}.parquet", path)
        _assert_refused(
            results,
            capsys,
            tables_command(results),
            f"{path}: its layer is 2; expected 1, as of {path.with_name('features.parquet')}; run "
            "the annotate stage again",
        )
        path.write_bytes(true)
    path = results / f"probes/{MODEL}/layer-01/probes.parquet"
    shutil.copy(results / f"probes/{MODEL}/layer-02/probes.parquet", path)
    other = results / f"probes/{MODEL}/layer-02/probes.parquet"
    _assert_refused(
        results,
        capsys,
        tables_command(results),
        f"{other}: probes of model {MODEL}, layer 2, as {path} has; give each layer once",
    )


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        (f"annotation/{MODEL}/layer-01/features.parquet", "annotate"),
        (f"annotation/{MODEL}/layer-01/cluster_counts.parquet", "annotate"),
        (f"probes/{MODEL}/layer-01/probes.parquet", "probe"),
        ("references.parquet", "lookup"),
        ("rules.parquet", "lookup"),
        ("rule_counts.parquet", "lookup"),
    ],
)
@pytest.mark.parametrize("key", ["protein_set_sha256", "split_sha256", "annotations_sha256"])
def test_parts_of_another_run(
    results: Path, capsys: pytest.CaptureFixture[str], name: str, stage: str, key: str
) -> None:
    path = results / name
    store(path, load(path), {key: "f" * 64})
    assert main(tables_command(results)) == 2
    error = capsys.readouterr().err
    # Of annotations it cannot be told which part is the odd one.
    where = path if key != "annotations_sha256" else ""
    assert error.startswith(f"protsae tables: {where}")
    assert f": of another run: its {key} is " in error
    if where:
        assert error.endswith(f"; run the {stage} stage again\n")


def test_annotations_of_another_sae(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = results / f"sae/{MODEL}/layer-01/topk/evaluation.json"
    write_evaluation(path, {**read_evaluation(path), "sae_sha256": "1"})
    _assert_refused(
        results,
        capsys,
        tables_command(results),
        f"{results}/annotation/{MODEL}/layer-01/features.parquet: annotates SAE 0 of variant topk, "
        "but --evaluations has 1; run the annotate and evaluate stages again",
    )


def write_matches(results: Path, sae: str = "0") -> Path:
    """Of the layer's topk: feature 0 has a match in both other seeds, feature 1 in one."""
    rows = pd.DataFrame({"feature": [0, 1, 2, 3] * 2, "seed": [1] * 4 + [2] * 4, "match": 3})
    rows["correlation"] = [0.9, 0.9, 0.2, 0.3, 0.8, 0.4, 0.2, 0.3]
    rows = rows.assign(random_correlation=0.25, exchanged_correlation=0.125, cosine=0.5)
    rows = rows.assign(random_cosine=0.375, variance_share=0.1, active_clusters=10)
    path = results / f"sae/{MODEL}/layer-01/topk/stability.parquet"
    stamp = read_metadata(results / f"annotation/{MODEL}/layer-01/features.parquet")
    metadata = {**stamp, "stage": "evaluate", "saes": {"topk": sae}}
    placed = rows.assign(model=MODEL, layer=1, variant="topk")
    write_table(path, placed, STABILITY, metadata)
    return path


def test_stability_joins_the_features_and_counts_in_the_summary(results: Path) -> None:
    path = write_matches(results)
    assert main([*tables_command(results), "--stability", str(path)]) == 0
    every = load(results / "features.parquet")
    is_own = (every["model"] == MODEL) & (every["layer"] == 1) & (every["variant"] == "topk")
    own = every[is_own].sort_values("feature")
    assert own["stability"].tolist() == pytest.approx([0.85, 0.65, 0.2, 0.3])
    assert own["recurs"].tolist() == [1, 0, 0, 0]
    assert set(own["random_stability"]) == {0.25}
    assert every.loc[~is_own, ["stability", "recurs"]].isna().all(axis=None)
    summary = pd.read_csv(results / "summary.tsv", sep="\t").set_index(
        ["model", "layer", "variant"]
    )
    counts = summary[["features_recurring", "features_not_recurring"]]
    assert counts.loc[(MODEL, 1, "topk")].tolist() == [1, 3]
    assert counts.drop((MODEL, 1, "topk")).isna().all(axis=None)


def test_stability_of_another_sae(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_matches(results, sae="1")
    command = [*tables_command(results), "--stability", str(path)]
    problem = "annotates SAE 1 of variant topk, but --evaluations has 0"
    expected = f"{path}: {problem}; run the annotate and evaluate stages again"
    _assert_refused(results, capsys, command, expected)


def write_layer_effects(results: Path, sae: str = "0") -> Path:
    """Of the layer's topk: feature 1 was edited, feature 3 has too few sites."""
    rows = pd.DataFrame({"feature": [0, 1, 2, 3], "n_sites": [5, 7, 11, 2]})
    rows["necessity_kl"] = [0.25, 0.5, 0.125, None]
    rows["necessity_q_value"] = [0.5, 0.01, 1.0, None]
    rows["promotes"] = [None, "M L", None, None]
    path = results / f"effects/{MODEL}/layer-01/effects.parquet"
    stamp = read_metadata(results / f"annotation/{MODEL}/layer-01/features.parquet")
    metadata = {**stamp, "stage": "effects", "saes": {"topk": sae}}
    empty = {c.name: [[]] * 4 if c.kind == "list of numbers" else None for c in EFFECTS.columns}
    placed = rows.assign(n_silent_sites=3, model=MODEL, layer=1, variant="topk")
    placed = placed.assign(**{k: v for k, v in empty.items() if k not in placed})
    path.parent.mkdir(parents=True)
    write_table(path, placed, EFFECTS, metadata)
    return path


def test_effects_join_the_features(results: Path) -> None:
    path = write_layer_effects(results)
    assert main([*tables_command(results), "--effects", str(path)]) == 0
    every = load(results / "features.parquet")
    is_own = (every["model"] == MODEL) & (every["layer"] == 1) & (every["variant"] == "topk")
    own = every[is_own].sort_values("feature")
    assert own["necessity_kl"].tolist()[:3] == [0.25, 0.5, 0.125]
    assert own["necessity_kl"].isna().tolist() == [False, False, False, True]
    assert own["promotes"].tolist()[1] == "M L"
    assert every.loc[~is_own, list(OF_FEATURES)].isna().all(axis=None)


def test_effects_of_another_sae(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_layer_effects(results, sae="1")
    command = [*tables_command(results), "--effects", str(path)]
    problem = "annotates SAE 1 of variant topk, but --evaluations has 0"
    expected = f"{path}: {problem}; run the annotate and evaluate stages again"
    _assert_refused(results, capsys, command, expected)


def test_a_frozen_sae_is_a_baseline_of_the_other_one(results: Path) -> None:
    """That of the layer; its own features are not compared with it."""
    path = results / f"sae/{MODEL}/layer-01/relu/evaluation.json"
    write_evaluation(path, {**read_evaluation(path), "freeze": "decoder"})
    assert main(tables_command(results)) == 0
    every = load(results / "features.parquet")
    of_layer = every[(every["model"] == MODEL) & (every["layer"] == 1)]
    frozen, trained = (of_layer[of_layer["variant"] == name] for name in ("relu", "topk"))
    assert set(frozen["freeze"]) == {"decoder"}
    assert frozen["frozen_f1"].isna().all()
    # The best feature by valid of each concept, as in the module's table.
    found = trained.set_index("concept")["frozen_f1"]
    assert (found["SIGNAL"], found["residue: C"]) == (0.8, 0.9)
    elsewhere = every[(every["model"] != MODEL) | (every["layer"] != 1)]
    assert elsewhere["frozen_f1"].isna().all()
