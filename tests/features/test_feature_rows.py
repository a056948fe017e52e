"""What a layer's detectors are said to detect, where the answer was planted."""

from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from protsae.association.pairs import layer_data as layer_module
from protsae.association.pairs import proposal as propose
from protsae.association.pairs.held_out_labels import HeldOut
from protsae.association.pairs.held_out_scores import examine
from protsae.association.pairs.layer_data import Layer
from protsae.association.pairs.scored_pairs import Examined
from protsae.association.run_tables import detector_rows
from protsae.association.scoring import preferred_ends
from protsae.concepts.sequence.scales import SCALES
from protsae.features.feature_rows import feature_rows
from protsae.statistics.multiple_testing import benjamini_hochberg
from tests.association import tiny_layer
from tests.association.tiny_layer import LENGTH, N_PROTEINS, build_layer, codes_of, signal
from tests.helpers.tiny_run import protein_rows

SIGNAL, CYSTEINE, ALWAYS, DEAD, NOISE = range(5)


def planted() -> dict[str, np.ndarray]:
    """Five detectors: SIGNAL (with graded strength), residue C, always on, never on, noise."""
    rng = np.random.default_rng(0)
    proteins = protein_rows(N_PROTEINS, LENGTH)
    is_signal = signal(proteins)
    activations = {}
    for name, sequence in zip(proteins["accession"], proteins["sequence"], strict=True):
        rows = np.zeros((LENGTH, 5), np.float32)
        rows[:, SIGNAL] = is_signal[name] * rng.uniform(1, 2, LENGTH)
        rows[:, CYSTEINE] = np.array(list(sequence)) == "C"
        rows[:, ALWAYS] = rng.uniform(1, 2, LENGTH)
        rows[:, NOISE] = np.maximum(rng.normal(size=LENGTH), 0)
        activations[name] = rows
    return activations


@dataclass
class Scored:
    layer: Layer
    examined: Examined
    features: pd.DataFrame


def score(activations: dict[str, np.ndarray]) -> Scored:
    layer, codes = build_layer(), codes_of(activations)
    examined = examine(layer, HeldOut.of(layer), codes)
    cosine = np.arange(codes.n_features) / 10
    strongest = [f"P{i}" for i in range(codes.n_features)]
    features = feature_rows(layer, codes, examined, strongest, cosine)
    return Scored(layer, examined, features)


@pytest.fixture(scope="module")
def scored() -> Scored:
    return score(planted())


def test_planted_detectors_are_named(scored: Scored) -> None:
    features = scored.features
    assert features["concept"].iloc[[SIGNAL, CYSTEINE]].tolist() == ["SIGNAL", "residue: C"]
    assert features["concept_type"].iloc[[SIGNAL, CYSTEINE]].tolist() == ["SIGNAL", "residue"]
    perfect = ("valid_f1", "f1", "f1_high", "precision", "recall", "instance_recall", "instance_f1")
    for column in (*perfect, "mcc", "auroc", "average_precision"):
        found = features[column].iloc[[SIGNAL, CYSTEINE]].tolist()
        assert found == pytest.approx([1, 1], rel=1e-12), column
    # Few clusters do not prove perfection.
    assert features["f1_low"].iloc[[SIGNAL, CYSTEINE]].between(0.1, 0.999).all()
    assert (features["rotation_null_f1"].iloc[[SIGNAL, CYSTEINE]] < 0.6).all()
    assert (features["q_value"].iloc[[SIGNAL, CYSTEINE]] < 0.01).all()


@pytest.mark.parametrize(
    ("module", "name"), [(propose, "COUNT_CELLS"), (layer_module, "HELD_VALUES")]
)
def test_what_is_held_at_a_time_changes_nothing(
    scored: Scored, module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, 1)
    again = score(planted())
    pd.testing.assert_frame_equal(again.examined.pairs, scored.examined.pairs)
    pd.testing.assert_frame_equal(again.features, scored.features)
    np.testing.assert_array_equal(again.examined.captured, scored.examined.captured)


def test_baselines_are_not_tested_where_the_sequence_defines(scored: Scored) -> None:
    """Baselines have the same pairs, F1 and intervals; only those of SIGNAL are tested."""
    layer = build_layer()
    baselines = examine(layer, HeldOut.of(layer), codes_of(planted()), keep="best").pairs
    own = scored.examined.pairs
    defined = baselines["concept_type"] != "SIGNAL"
    untested = [
        "p_value",
        "q_value",
        "rotation_null_f1",
        "family_p_value",
        "auroc",
        "average_precision",
    ]
    assert defined.any()
    assert baselines.loc[defined, untested].isna().all(axis=None)
    pd.testing.assert_frame_equal(baselines[~defined], own[~defined])
    scores = ["feature", "concept", "f1", "f1_low", "f1_high", "tp", "fp", "fn"]
    pd.testing.assert_frame_equal(baselines[scores], own[scores])


def test_q_values_of_what_the_sequence_defines_are_apart(scored: Scored) -> None:
    pairs = scored.examined.pairs
    defined = pairs["concept_type"] != "SIGNAL"
    for members in (pairs[defined], pairs[~defined]):
        alone = benjamini_hochberg(members["p_value"].to_numpy())
        np.testing.assert_array_equal(members["q_value"], alone)
    together = benjamini_hochberg(pairs["p_value"].to_numpy())
    assert (pairs["q_value"].to_numpy() != together).any()


def test_what_the_sequence_defines_is_not_counted_as_significant(scored: Scored) -> None:
    (row,) = detector_rows(scored.examined).to_dict("records")
    pairs = scored.examined.pairs
    called = pairs[pairs["q_value"] <= 0.05]
    assert {"SIGNAL", "residue: C"} <= set(called["concept"])
    assert row["concepts_significant"] == 1
    assert row["n_significant"] == (called["concept"] == "SIGNAL").sum()
    assert row["concepts_captured"] > 1


def test_within_families(scored: Scored) -> None:
    """Clusters of one tell nothing. In one of all 24, each has its place: relatives do not do."""
    assert scored.features["family_p_value"].isna().all()
    layer = build_layer()
    one = replace(layer, proteins=layer.proteins.assign(cluster=layer.proteins["split"]))
    pairs = examine(one, HeldOut.of(one), codes_of(planted())).pairs.set_index(
        ["feature", "concept"]
    )
    assert pairs.at[(SIGNAL, "SIGNAL"), "family_p_value"] == 0.001  # 1 / (999 + 1)
    assert pairs.loc[CYSTEINE].drop("residue: C")["family_p_value"].isna().all()


def test_support_of_a_concept(scored: Scored) -> None:
    """SIGNAL is 6 residues of every second of the 24 test proteins, each its own cluster."""
    row = scored.features.iloc[SIGNAL]
    assert (row["n_residues"], row["n_clusters"]) == (72, 12)
    assert row["base_rate"] == 72 / (24 * LENGTH)


def test_f1_at_the_base_rates_of_test_is_f1(scored: Scored) -> None:
    pairs = scored.examined.pairs
    assert pairs[["reference_base_rate", "f1_at_reference_rate"]].isna().all(axis=None)
    own = dict(zip(pairs["concept"], pairs["base_rate"], strict=True))
    rates = {name: rate for name, rate in own.items() if name != "SIGNAL"}
    layer = replace(build_layer(), reference_rates=rates)
    again = examine(layer, HeldOut.of(layer), codes_of(planted())).pairs
    known = (again["concept"] != "SIGNAL").to_numpy()
    np.testing.assert_allclose(again["f1_at_reference_rate"][known], again["f1"][known])
    assert again["f1_at_reference_rate"][~known].isna().all()
    negatives = (1 - again["base_rate"]) * 24 * LENGTH  # all residues are known
    np.testing.assert_allclose(again["false_positive_rate"], again["fp"] / negatives)


def test_auroc_at_equal_distance_where_a_concept_prefers_an_end(
    scored: Scored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGNAL anywhere prefers none; at residues 4 to 9 of 29 the start, if 10 residues are near."""
    columns = ["position_matched_auroc", "preferred_end"]
    assert scored.examined.pairs[columns].isna().all(axis=None)
    monkeypatch.setattr(tiny_layer, "start", lambda protein: 4)
    monkeypatch.setattr(preferred_ends, "NEAR", 10)
    monkeypatch.setattr(preferred_ends, "MIN_Z", 1.7)
    pairs = score(planted()).examined.pairs.set_index(["feature", "concept"])
    assert pairs.loc[(SIGNAL, "SIGNAL"), columns].tolist() == [1, "N-terminus"]
    others = pairs[pairs["preferred_end"].isna()]
    assert 0 < len(others) < len(pairs)
    assert others["position_matched_auroc"].isna().all()
    bounds = ["position_matched_auroc_low", "position_matched_auroc_high"]
    low, high = pairs.loc[(SIGNAL, "SIGNAL"), bounds]
    assert 0.5 < low < high == 1
    assert others[bounds].isna().all(axis=None)


def test_always_on_and_dead_features_have_no_concept(scored: Scored) -> None:
    features = scored.features
    assert features["concept"].iloc[[DEAD]].isna().all()
    assert features["f1"].iloc[[DEAD]].isna().all()
    assert features[["density", "mean_activation", "max_activation"]].iloc[DEAD].tolist() == [0] * 3
    # At threshold 0 it is on everywhere, which never counts as a match.
    pairs = scored.examined.pairs
    assert not (pairs["quantile"][pairs["feature"] == ALWAYS] == 0).any()


def test_a_feature_that_is_never_on_in_the_train_sample_is_tested_all_the_same() -> None:
    activations, train = planted(), build_layer().names("train")
    for name in train:
        activations[name][:, SIGNAL] = 0
    rare = score(activations).features.iloc[SIGNAL]
    assert (rare["concept"], rare["quantile"], rare["threshold"], rare["f1"]) == (
        "SIGNAL",
        0,
        0,
        1,
    )
    assert (rare["kind"], rare["segment_length"]) == ("short motif", 6)
    assert rare["prevalence"] == 0.5


def test_a_constant_feature_is_never_matched() -> None:
    activations = {name: np.ones((LENGTH, 2), np.float32) for name in planted()}
    features = score(activations).features
    assert features["concept"].isna().all()
    assert features["n_residues"].isna().all()
    assert features["density"].tolist() == [1, 1]
    assert features["hydropathy_r"].tolist() == [0, 0]


def test_a_dead_feature_has_no_correlation(scored: Scored) -> None:
    dead = scored.features.iloc[DEAD]
    assert (dead["kind"], dead["mean_activation"]) == ("dead", 0)
    assert dead.filter(regex="_(r|rho)$").isna().all()


def test_numbers_of_a_feature_by_hand(scored: Scored) -> None:
    test = sorted(scored.layer.names("test"))
    rows = np.concatenate([planted()[name] for name in test])
    features = scored.features
    assert features["feature"].tolist() == list(range(5))
    np.testing.assert_allclose(features["density"], (rows > 0).mean(0))
    np.testing.assert_allclose(features["max_activation"], rows.max(0))
    noise = rows[:, NOISE]
    assert features["mean_activation"].iloc[NOISE] == pytest.approx(noise[noise > 0].mean())
    assert features["encoder_decoder_cosine"].tolist() == [0, 0.1, 0.2, 0.3, 0.4]
    table = scored.layer.proteins.set_index("accession")["sequence"]
    letters = "".join(table[name] for name in test)
    hydropathy = [SCALES["hydropathy"].values[ord(letter) - ord("A")] for letter in letters]
    expected = np.corrcoef(noise, hydropathy)[0, 1]
    assert features["hydropathy_r"].iloc[NOISE] == pytest.approx(expected, abs=1e-6)
    of_ranks = spearmanr(noise, hydropathy).statistic
    assert features["hydropathy_rho"].iloc[NOISE] == pytest.approx(of_ranks, abs=1e-6)


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_scale_changes_no_score(scored: Scored, factor: float) -> None:
    """Thresholds move with the feature; only what is in its own unit changes with it."""
    other = score({name: rows * np.float32(factor) for name, rows in planted().items()}).features
    in_its_unit = ["threshold", "mean_activation", "max_activation"]
    np.testing.assert_allclose(other[in_its_unit], scored.features[in_its_unit] * factor, rtol=1e-5)
    pd.testing.assert_frame_equal(
        other.drop(columns=in_its_unit), scored.features.drop(columns=in_its_unit)
    )


def test_one_row_for_every_feature_whatever_it_matches(scored: Scored) -> None:
    assert len(scored.features) == 5
    assert scored.features.index.tolist() == list(range(5))
    assert scored.features["n_residues"].dtype == "Int64"
