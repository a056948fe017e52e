"""protsae effects: the table, what it is bound to, and what it refuses."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from protsae.cli import main
from protsae.config.settings import Config, parse_settings
from protsae.errors import UserError
from protsae.io.saes.sae_identity import sae_sha256
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.provenance import file_sha256
from protsae.schema.interventions.effect_table import EFFECTS
from protsae.stages.intervening.measure_effects import with_q_values
from tests.helpers.stored_tables import load
from tests.helpers.tiny_esm import build_esm, save_tiny
from tests.helpers.tiny_run import (
    TOPK,
    encode,
    inputs,
    protein_rows,
    train_saes,
    write_annotations,
    write_embedded_run,
)

LAYER = 2
FLAGS = ("--exact-features", "4", "--exact-sites", "3", "--sites", "6")
PROTEINS = protein_rows(n_proteins=57)
CONCEPTS = ("--min-residues", "3", "--min-clusters", "2")


def effects(run: Path, *flags: str, saes: tuple[str, ...] = ("topk", "frozen")) -> int:
    folders = [str(run / name) for name in saes]
    model = ("--model", str(run / "esm2_tiny.pt"))
    return main(["effects", "--sae", *folders, *inputs(run), *model, *FLAGS, *flags])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_embedded_run(folder, LAYER)
    settings = {"topk": TOPK, "frozen": {**TOPK, "freeze": "decoder"}}
    assert train_saes(folder, folder, settings, "--layer", str(LAYER)) == 0
    assert effects(folder, "--output", str(folder / "effects")) == 0
    return folder


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More proteins, and what `annotate` finds in the features: SIGNAL is residues 4 to 9."""
    folder = tmp_path_factory.mktemp("annotated")
    write_embedded_run(folder, LAYER, PROTEINS)
    write_annotations(folder / "annotations.parquet", PROTEINS)
    sae = {"topk": {**TOPK, "k": 7}}
    assert train_saes(folder, folder, sae, "--layer", str(LAYER)) == 0
    for shard in (0, 1):
        assert encode(folder, folder, shard, folder / f"codes-{shard}.h5", "topk") == 0
    codes = [str(folder / f"codes-{shard}.h5") for shard in (0, 1)]
    of_sae = ["--sae", str(folder / "topk"), *inputs(folder), "--codes", *codes, *CONCEPTS]
    files = ["--annotations", str(folder / "annotations.parquet"), "--output", str(folder / "out")]
    assert main(["annotate", *of_sae, *files, "--bootstrap", "53"]) == 0
    return folder


def of_concepts(run: Path) -> tuple[str, ...]:
    features, annotations = run / "out" / "features.parquet", run / "annotations.parquet"
    return ("--features", str(features), "--annotations", str(annotations), *CONCEPTS)


def test_every_feature_of_saes_that_learn_has_a_row(run: Path) -> None:
    table = read_table(run / "effects" / "effects.parquet", EFFECTS)
    assert set(table["variant"]) == {"topk"}
    assert table["feature"].tolist() == list(range(TOPK["width"]))
    metadata = read_metadata(run / "effects" / "effects.parquet")
    assert metadata["saes"] == {"topk": sae_sha256(run / "topk")}
    assert metadata["layer"] == LAYER
    tested = table[table["necessity_kl"].notna()]
    assert len(tested)
    assert (tested["n_sites"] >= 5).all()
    assert (table.loc[table["n_sites"] < 5, "necessity_kl"].isna()).all()
    plain, whitened = (
        tested[[f"necessity_{of}direction_p_value", f"necessity_{of}cluster_p_value"]].max(axis=1)
        for of in ("", "whitened_")
    )
    expected = (2 * np.minimum(plain, whitened)).clip(upper=1)
    np.testing.assert_array_equal(tested["necessity_p_value"], expected)
    assert (whitened[tested["necessity_ratio"] <= 1] == 1).all()
    assert (tested["necessity_covariance_p_value"] >= tested["necessity_p_value"]).all()
    assert tested["necessity_kl"].between(tested["necessity_kl_low"], np.inf).all()


def test_some_were_edited_and_the_estimate_is_near(run: Path) -> None:
    table = read_table(run / "effects" / "effects.parquet", EFFECTS)
    edited = table[table["ablation_kl"].notna()]
    assert len(edited) == min(4, int(table["necessity_kl"].notna().sum()))
    assert (edited["n_ablated"] == 3).all()
    assert edited["promotion"].map(len).eq(20).all()
    parts = edited[[f"ablation_kl_{part}" for part in ("site", "near", "elsewhere")]].sum(axis=1)
    np.testing.assert_allclose(parts, edited["ablation_kl"], rtol=1e-9)
    largest = table["necessity_kl"].nlargest(2).index
    assert set(largest) <= set(edited.index)


def test_equal_runs_write_equal_bytes(run: Path, tmp_path: Path) -> None:
    assert effects(run, "--output", str(tmp_path)) == 0
    again = (tmp_path / "effects.parquet").read_bytes()
    assert again == (run / "effects" / "effects.parquet").read_bytes()
    assert effects(run, "--seed", "1", "--output", str(tmp_path)) == 0
    first, other = (read_table(p / "effects.parquet", EFFECTS) for p in (run / "effects", tmp_path))
    assert not first["necessity_kl"].equals(other["necessity_kl"])


def test_another_model(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = save_tiny(tmp_path, "esm2_other", build_esm(seed=1))
    command = ["effects", "--sae", str(run / "topk"), *inputs(run), "--model", str(other)]
    assert main([*command, "--output", str(tmp_path / "out")]) == 2
    problem = capsys.readouterr().err
    assert problem.startswith(f"protsae effects: {other}: weights_sha256 is ")
    assert problem.endswith("; embed again with this model\n")
    assert not (tmp_path / "out").exists()


def test_the_screen_says_how_many(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert effects(run, "--output", str(tmp_path)) == 0
    first, second = capsys.readouterr().out.splitlines()[-2:]
    table = read_table(tmp_path / "effects.parquet", EFFECTS)
    tested, called = table["necessity_kl"].notna().sum(), (table["effect_q_value"] <= 0.05).sum()
    assert first.startswith(f"topk: of {tested} features active in enough clusters, {called} chan")
    edited = table["ablation_kl"].notna().sum()
    assert second.startswith(f"topk: {edited} features edited one by one; estimate and ablation")


def test_layer_0_has_no_features_to_measure() -> None:
    with pytest.raises(UserError, match="embedding of <mask> is 0"):
        parse_settings(Config, {"effect_layers": [0]})


def test_promotion_and_necessity_are_corrected_together(run: Path) -> None:
    table = read_table(run / "effects" / "effects.parquet", EFFECTS)
    p = pd.concat([table["necessity_p_value"], table["promotion_p_value"]]).dropna()
    q = pd.concat([table["necessity_q_value"], table["promotion_q_value"]]).dropna()
    ranked = np.sort(p.to_numpy(float)) * len(p) / np.arange(1, len(p) + 1)
    assert q.min() == pytest.approx(min(ranked.min(), 1))


def test_q_of_features_is_of_twice_the_smaller_p() -> None:
    need, promotion = [0.001, 0.5, None, 0.02], [0.6, None, None, 0.9]
    table = pd.DataFrame({"necessity_p_value": need, "promotion_p_value": promotion}, dtype=float)
    table["variant"] = "topk"
    for name in ("necessity", "promotion"):
        table[f"{name}_covariance_p_value"] = table[f"{name}_p_value"]
    found = with_q_values(table)["effect_q_value"].tolist()
    # 0.002, 1, none, 0.04 among three features that were tested.
    assert found[:2] == pytest.approx([0.006, 1.0])
    assert np.isnan(found[2])
    assert found[3] == pytest.approx(0.06)


def test_what_ablation_does_at_the_concept(
    annotated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = (*of_concepts(annotated), "--output", str(tmp_path))
    assert effects(annotated, *flags, saes=("topk",)) == 0
    said = capsys.readouterr().out.splitlines()
    table = read_table(tmp_path / "effects.parquet", EFFECTS)
    features = load(annotated / "out" / "features.parquet").set_index("feature")
    own = table.set_index("feature")
    assert own["concept"].equals(features["concept"].rename("concept"))
    assert own.loc[own["concept"].isna(), "n_concept_clusters"].isna().all()
    assert own.loc[own["concept"].notna(), "n_concept_clusters"].notna().all()
    compared = own[own["inside_kl"].notna()]
    assert len(compared)
    assert compared.index.equals(own[(own["n_concept_clusters"] >= 5).fillna(False)].index)
    difference = compared["inside_kl"] - compared["outside_kl"]
    np.testing.assert_allclose(compared["inside_kl_difference"], difference, rtol=1e-9, atol=1e-15)
    assert difference.between(
        compared["inside_kl_difference_low"], compared["inside_kl_difference_high"]
    ).all()
    more = (compared["inside_kl_difference_low"] > 0).sum()
    expected = f"topk: {len(compared)} features are active with their concept and without in 5 clu"
    [line] = [line for line in said if line.startswith(expected)]
    assert f"ablated, {more} change predictions more with it" in line
    metadata = read_metadata(tmp_path / "effects.parquet")
    assert metadata["annotations_sha256"] == file_sha256(annotated / "annotations.parquet")
    assert effects(annotated, "--output", str(tmp_path / "without"), saes=("topk",)) == 0
    without = read_table(tmp_path / "without" / "effects.parquet", EFFECTS)
    assert without["concept"].isna().all()
    assert without["necessity_kl"].equals(table["necessity_kl"]), "concepts change nothing else"


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--features", "{run}/out/features.parquet"), "--features is given without --annotations"),
        (("--annotations", "{run}/none"), "--annotations is given without --features"),
        (
            ("--features", "{run}/proteins.parquet", "--annotations", "{run}/annotations"),
            "{run}/proteins.parquet: holds the proteins table",
        ),
        (
            ("--features", "{run}/out/features.parquet", "--annotations", "{run}/more.parquet"),
            "{run}/out/features.parquet: of another run: its annotations_sha256 is ",
        ),
        (
            (
                *("--features", "{run}/out/features.parquet", "--annotations"),
                *("{run}/annotations.parquet", "--min-residues", "10000"),
            ),
            "{run}/annotations.parquet: no concept occurs often enough",
        ),
        (
            (
                *("--features", "{run}/out/features.parquet", "--annotations"),
                *("{run}/annotations.parquet", "--min-residues", "20"),
            ),
            "{run}/out/features.parquet: names the concept '",
        ),
    ],
)
def test_concepts_that_do_not_belong(
    annotated: Path,
    tmp_path: Path,
    flags: tuple[str, ...],
    problem: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_annotations(annotated / "more.parquet", PROTEINS.iloc[:5])
    words = [word.format(run=annotated) for word in flags]
    assert effects(annotated, *words, "--output", str(tmp_path / "o"), saes=("topk",)) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"protsae effects: {problem.format(run=annotated)}"), said
    assert said.count("\n") == 1
    assert not (tmp_path / "o").exists()


def test_features_of_another_sae(
    annotated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_saes(annotated, tmp_path, {"topk": {**TOPK, "seed": 1}}, "--layer", "2") == 0
    shown = capsys.readouterr()
    folders = ("--sae", str(tmp_path / "topk"), "--output", str(tmp_path / "out"))
    assert effects(annotated, *of_concepts(annotated), *folders, saes=("topk",)) == 2
    said = capsys.readouterr().err
    digests = sae_sha256(annotated / "topk")[:12], sae_sha256(tmp_path / "topk")[:12]
    expected = "annotates SAE {} of variant topk; expected {}, the weights there are; run the "
    assert expected.format(*digests) in said, shown
