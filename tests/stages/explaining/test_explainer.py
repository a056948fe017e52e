import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

import protsae
from protsae.plm.embedding import Piece
from protsae.plm.precision import Float16Error
from protsae.schema.explained.calibration_table import CALIBRATION
from protsae.schema.explained.segment_table import SEGMENTS
from protsae.stages.explaining.explainer import Explainer
from protsae.stages.explaining.opened_sae import OpenedSae
from protsae.stages.explaining.prediction_files import protein_document
from tests.helpers.finished_run import RESULTS, copy_run, finished_run
from tests.helpers.stored_tables import load, store
from tests.helpers.tiny_esm import build_esm, random_sequence, save_tiny

LAYER = 1


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished_run(tmp_path_factory)


@pytest.fixture(scope="module")
def run(finished: Path) -> protsae.Run:
    return protsae.read_run(finished / RESULTS)


@pytest.fixture(scope="module")
def explainer(run: protsae.Run) -> Explainer:
    return run.explainer()


def test_proteins_of_the_run_have_the_codes_that_it_stored(
    run: protsae.Run, explainer: Explainer
) -> None:
    """To the bit, though here each protein goes through the model by itself."""
    proteins = run.proteins.iloc[::9]
    assert set(explainer.saes) == {(LAYER, variant) for variant in run.variants}
    for variant in run.variants:
        stored = run.activations(LAYER, variant)
        for accession, sequence in zip(proteins["accession"], proteins["sequence"], strict=True):
            found, expected = explainer.codes(sequence)[LAYER, variant], stored[accession]
            np.testing.assert_array_equal(found.indptr, expected.indptr)
            np.testing.assert_array_equal(found.indices, expected.indices)
            np.testing.assert_array_equal(found.data, expected.data)


def test_segments_are_where_stored_codes_are_above_the_threshold(
    run: protsae.Run, explainer: Explainer
) -> None:
    protein = run.proteins.iloc[-1]
    rows = explainer(protein["accession"], protein["sequence"])
    assert list(rows) == SEGMENTS.names
    codes = run.activations(LAYER, "topk")[protein["accession"]].toarray()
    features = run.features.query("model == @run.model and layer == 1 and variant == 'topk'")
    on = codes > features["threshold"].fillna(0).to_numpy()
    found = np.zeros_like(on)
    own = rows[rows["variant"] == "topk"]
    for row in own.itertuples():
        found[row.start - 1 : row.end, row.feature] = True
        assert codes[row.peak - 1, row.feature] == row.activation
        assert codes[row.start - 1 : row.end, row.feature].max() == row.activation
    np.testing.assert_array_equal(found, on)
    by_feature = features.set_index("feature").loc[own["feature"]]
    for name in ("f1", "precision", "q_value"):
        np.testing.assert_array_equal(own[name], by_feature[name])


def test_a_protein_longer_than_the_context_goes_through_in_windows(explainer: Explainer) -> None:
    """Of 1,500 residues in windows of 1,022 that share 544, the cut is in the middle, at 750."""
    sequence = random_sequence(1500)
    rows = explainer.layer_activations(sequence)[LAYER]
    first = explainer.layer_activations(sequence[:1022])[LAYER]
    last = explainer.layer_activations(sequence[478:])[LAYER]
    np.testing.assert_allclose(rows[:750], first[:750], atol=2e-3, rtol=2e-3)
    np.testing.assert_allclose(rows[750:], last[272:], atol=2e-3, rtol=2e-3)
    found = explainer("long", sequence)
    assert found["end"].max() > 1400


def test_what_is_said_of_a_protein_does_not_depend_on_others(run: protsae.Run) -> None:
    first, second = run.proteins["sequence"].iloc[:2]
    both = run.explain({"a": first, "b": second})
    assert both["protein"].unique().tolist() == ["a", "b"]
    alone = run.explain(second.lower())
    assert set(alone["protein"]) == {"sequence"}
    expected = both[both["protein"] == "b"].drop(columns="protein").reset_index(drop=True)
    pd.testing.assert_frame_equal(alone.drop(columns="protein"), expected)


@pytest.mark.parametrize("given", ["MK*V", "", {"P1": "MK-V"}, {}])
def test_no_sequences(run: protsae.Run, given: str | dict[str, str]) -> None:
    with pytest.raises(protsae.UserError, match=r"letters A to Z|no sequences"):
        run.explain(given)


def test_layers_and_saes_are_chosen(run: protsae.Run) -> None:
    assert list(run.explainer(layers=[1], saes=["topk"]).saes) == [(1, "topk")]
    with pytest.raises(protsae.UserError, match="no layer 2 of esm2_tiny; it has"):
        run.explainer(layers=[2])
    with pytest.raises(protsae.UserError, match="no SAE 'relu'; it has topk, batchtopk"):
        run.explainer(saes=["relu"])


def test_another_model_is_refused(run: protsae.Run, finished: Path, tmp_path: Path) -> None:
    same = copy_model(finished, tmp_path)
    assert run.explainer(str(same)).made_from["weights_sha256"]
    other = save_tiny(tmp_path, model=build_esm(seed=1))
    with pytest.raises(protsae.UserError, match=r"the run's activations come from .*--model"):
        run.explainer(str(other))
    with pytest.raises(protsae.UserError, match="no such file"):
        run.explainer(str(tmp_path / "esm2_none.pt"))


def test_a_concept_is_predicted_by_its_best_feature_though_that_has_another(
    explainer: Explainer, run: protsae.Run
) -> None:
    """At a base rate of 1 in 10, a likelihood ratio of 9 is a probability of a half.

    The feature whose own concept it is has half the F1 on valid.
    """
    key, sequence = (LAYER, "topk"), run.proteins["sequence"].iloc[0]
    codes = explainer.codes(sequence)[key]
    feature = int(codes.indices[0])
    features = explainer.saes[key].features.assign(q_value=1.0, label="unknown")
    features["recurs"] = pd.array([pd.NA] * len(features), "Int64")
    features.loc[feature, ["concept", "label"]] = "residue: C", "Cysteine"
    second = (feature + 1) % len(features)
    features.loc[second, ["concept", "q_value"]] = "DISULFID", 0.01
    features.loc[second, ["valid_f1", "defined_by_sequence"]] = 0.25, 0
    best = features.iloc[[feature]].assign(
        own_concept="residue: C", concept="DISULFID", threshold=0.0, q_value=0.01, valid_f1=0.5
    )
    best = best.assign(defined_by_sequence=0, reference_base_rate=0.1, f1=0.5)
    bins = {name: [np.nan] for name in CALIBRATION.names} | {
        **{"feature": [feature], "concept": ["DISULFID"], "calibration": ["calibrated"]},
        **{"near_look_alike": [False], "bin": [1], "activation_above": [0.0]},
        **{"likelihood_ratio": [9.0], "likelihood_ratio_low": [1.0], "likelihood_ratio_high": [81]},
    }
    opened = OpenedSae.of(
        explainer.saes[key].encode,
        features,
        # Nothing is taken of features of another SAE.
        pd.concat([best, best.assign(variant="batchtopk", concept="TURN")]),
        pd.DataFrame(bins).astype({"look_alike": object}),
        {},
    )
    found = Explainer(explainer.embedder, {key: opened}, {}).explained("P1", sequence)
    rows = found.residues
    assert set(rows["concept"]) == {"DISULFID"}
    on = np.flatnonzero(codes[:, [feature]].toarray()[:, 0] > 0) + 1
    assert rows["position"].tolist() == on.tolist()
    assert set(rows["feature"]) == {feature}
    assert set(rows["label"]) == {"Cysteine"}
    assert rows["probability"].to_numpy() == pytest.approx(0.5)
    assert rows[["probability_low", "probability_high"]].iloc[0].tolist() == pytest.approx(
        [0.1, 0.9]
    )
    assert found.predictions["f1"].unique().tolist() == [0.5]
    [concept] = json.loads(json.dumps(protein_document(found), allow_nan=False))["concepts"]
    stated = {name: concept[name] for name in ("label", "f1", "q_value", "recurs")}
    assert stated == {"label": "Cysteine", "f1": 0.5, "q_value": 0.01, "recurs": None}
    with pytest.raises(protsae.UserError, match=r"feature 9999 of an SAE with \d+ features; run"):
        OpenedSae.of(opened.encode, features, best.assign(feature=9999), pd.DataFrame(bins), {})


def copy_model(finished: Path, folder: Path) -> Path:
    for path in finished.glob("esm2_tiny*.pt"):
        shutil.copy(path, folder)
    return folder / "esm2_tiny.pt"


def test_parts_that_do_not_belong_together_are_refused(finished: Path, tmp_path: Path) -> None:
    results = copy_run(finished, tmp_path / "run") / RESULTS
    folder = results / "sae" / "esm2_tiny" / "layer-01"
    (folder / "topk").rename(folder / "away")
    (folder / "batchtopk").rename(folder / "topk")
    with pytest.raises(protsae.UserError, match=r"features\.parquet: of SAE .*/topk; expected"):
        protsae.read_run(results).explainer(saes=["topk"])
    for name in ("features", "best_features"):
        table = results / f"{name}.parquet"
        store(table, load(table), {"saes": {}})
    with pytest.raises(protsae.UserError, match="not the SAE whose codes the run has scored"):
        protsae.read_run(results).explainer(saes=["topk"])
    (results / "features.parquet").unlink()
    with pytest.raises(protsae.UserError, match=r"features\.parquet: no such file"):
        protsae.read_run(results).explainer()


def test_without_activations_layers_are_of_the_type_that_settings_say(
    run: protsae.Run, finished: Path, tmp_path: Path
) -> None:
    """Activations take the most space of a run, and are the first to be deleted."""
    results = copy_run(finished, tmp_path / "run") / RESULTS
    shutil.rmtree(results / "activations")
    sequence = run.proteins["sequence"].iloc[0]
    found = protsae.read_run(results).explain(sequence)
    pd.testing.assert_frame_equal(found, run.explain(sequence))


def test_what_it_is_made_from_is_json(explainer: Explainer) -> None:
    assert sorted(json.loads(json.dumps(explainer.made_from))["saes"]) == ["1/batchtopk", "1/topk"]


def test_a_long_protein_is_encoded_in_parts(
    explainer: Explainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = explainer.codes(random_sequence(90))[LAYER, "topk"].toarray()
    monkeypatch.setattr("protsae.stages.explaining.opened_sae._ROWS_TOGETHER", 40)
    parts = explainer.codes(random_sequence(90))[LAYER, "topk"].toarray()
    np.testing.assert_allclose(parts, whole, rtol=1e-6)


class Wide:
    """Stands for an embedder of a layer whose values float16 cannot hold."""

    def __init__(self) -> None:
        self.dtypes = {LAYER: torch.float16}
        self.esm2 = SimpleNamespace(d_model=2)

    def __call__(self, sequences: list[str]) -> Iterator[Piece]:
        if self.dtypes[LAYER] == torch.float16:
            raise Float16Error(LAYER, np.inf)
        for start in (2, 0):
            yield Piece(0, start, {LAYER: np.full((2, 2), 1e5 + start, np.float32)})


def test_what_float16_cannot_hold_is_kept_in_float32_for_that_protein() -> None:
    wide = Wide()
    rows = Explainer(wide, {}, {}).layer_activations("MKVL")[LAYER]  # type: ignore[arg-type]
    assert rows.tolist() == [[1e5, 1e5], [1e5, 1e5], [100002.0, 100002.0], [100002.0, 100002.0]]
    assert wide.dtypes == {LAYER: torch.float16}
