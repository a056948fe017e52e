"""Tables of a run by hand: which row stands for a concept, baselines, references, counts."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from protsae.association.frozen_saes import of_frozen
from protsae.association.pairs.scored_pairs import Examined
from protsae.association.run_tables import (
    best_pairs,
    best_per_concept,
    concatenate,
    detector_rows,
    is_above,
    is_above_references,
    least_significant,
    reference_counts,
    summarise,
    with_baselines,
)
from protsae.association.verdicts import ABOVE, UNDECIDED

COORDINATES_OF_LAYER = 7
"""Width of the layers; detectors 7 to 13 are coordinates of the other sign."""


KEYS_OF = {0: "coordinate", 5: "neuron", 7: "frozen SAE", 10: "one-hot", 12: "permuted model"}
"""Rows of ``associations``."""


def associations() -> pd.DataFrame:
    """Best on valid: on layer 1 detector 9, which is coordinate 2 below its mean; on layer 2
    detector 7, which is coordinate 0 below its mean."""
    rows = [
        ("m", 1, "coordinates", 4, 0.50, 0.91),
        ("m", 1, "coordinates", 9, 0.60, 0.55),
        ("m", 2, "coordinates", 7, 0.70, 0.65),
        ("m", 1, "pca", 0, 0.30, 0.25),
        ("m", 2, "random", 5, 0.20, 0.15),
        ("m", 1, "mlp", 27, 0.20, 0.75),
        ("m", 1, "mlp", 3, 0.80, 0.40),
        ("m", 1, "fixed", 3, 0.40, 0.35),
        ("m", 1, "soft", 6, 0.45, 0.30),
        ("m", 1, "topk", 0, 0.90, 0.95),
        ("onehot", 0, "topk", 8, 0.40, 0.45),
        ("onehot", 0, "coordinates", 1, 0.35, 0.85),
        ("m-permuted", 2, "topk", 8, 0.10, 0.12),
        ("m-permuted", 1, "pca", 2, 0.20, 0.11),
    ]
    table = pd.DataFrame(rows, columns=["model", "layer", "variant", "feature", "valid_f1", "f1"])
    return table.assign(concept="SIGNAL")


@pytest.mark.parametrize("other", [0, 5, 7, 10, 12], ids=lambda row: KEYS_OF[row])
def test_the_best_pair_is_of_a_feature_of_the_trained_model(other: int) -> None:
    """Whatever else is better on valid: a coordinate, a neuron, a frozen SAE, one-hot, permuted."""
    pairs = associations()
    pairs.loc[other, "valid_f1"] = 0.99
    best = best_pairs(pairs, of_frozen(pairs, features()))
    assert best[["model", "layer", "variant", "feature"]].values.tolist() == [["m", 1, "topk", 0]]


def test_the_best_pair_of_each_concept_over_layers_and_saes() -> None:
    """By valid F1, of equals the first; the same feature may stand for two concepts."""
    rows = [("A", 1, "relu", 3, 0.5), ("B", 1, "relu", 3, 0.7), ("B", 2, "topk", 5, 0.6)]
    rows += [("A", 2, "topk", 7, 0.8), ("A", 3, "relu", 9, 0.8)]
    pairs = pd.DataFrame(rows, columns=["concept", "layer", "variant", "feature", "valid_f1"])
    pairs = pairs.iloc[::-1].assign(model="m")
    best = best_pairs(pairs, pd.Series(False, index=pairs.index))
    found = best[["concept", "layer", "variant", "feature"]].values.tolist()
    assert found == [["A", 3, "relu", 9], ["B", 1, "relu", 3]]


def features() -> pd.DataFrame:
    places = [("m", 1, "topk"), ("m", 2, "topk"), ("onehot", 0, "topk"), ("m-permuted", 2, "topk")]
    rows = [(*place, 0, "SIGNAL") for place in places] + [("m", 1, "topk", 1, None)]
    rows += [("m", 1, "fixed", 3, "SIGNAL"), ("m", 1, "soft", 6, "SIGNAL")]
    table = pd.DataFrame(rows, columns=["model", "layer", "variant", "feature", "concept"])
    freeze = table["variant"].map({"fixed": "decoder", "soft": "soft"})
    return table.assign(freeze=freeze.fillna("none"))


def joined() -> pd.DataFrame:
    methods = pd.DataFrame({"method": ["blosum_window", "homology"], "f1": [0.33, 0.22]})
    probes = pd.DataFrame({"model": ["m", "m"], "layer": [1, 2], "f1": [0.77, 0.88]})
    rules = {"concept": ["SIGNAL"], "rule": ["everywhere"], "f1": [0.5]}
    table = with_baselines(
        features(),
        associations(),
        of_frozen(associations(), features()),
        probes.assign(concept="SIGNAL"),
        methods.assign(concept="SIGNAL"),
        pd.DataFrame({**rules, "defined_by_sequence": [0]}),
        {("m", 1): 7, ("m", 2): 7, ("onehot", 0): 27, ("m-permuted", 2): 7},
    )
    return table.set_index(["model", "layer", "feature"])


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("coordinate_f1", [0.55, 0.65, 0.85, None]),
        ("coordinate", [2, 0, 1, None]),
        ("coordinate_sign", [-1, -1, 1, None]),
        ("pca_f1", [0.25, None, None, None]),
        ("random_f1", [None, 0.15, None, None]),
        ("mlp_f1", [0.40, None, None, None]),
        ("frozen_f1", [0.30, None, None, None]),
        ("onehot_f1", [0.45, 0.45, None, 0.45]),
        ("permuted_f1", [0.11, 0.11, 0.11, None]),
        ("window_f1", [0.33] * 4),
        ("homology_f1", [0.22] * 4),
        ("probe_f1", [0.77, 0.88, None, None]),
        ("rule_f1", [0.5] * 4),
    ],
)
def test_baselines_of_features(column: str, expected: list[float | None]) -> None:
    """Of layers 1 and 2, one-hot sequences and the permuted model; empty without a concept."""
    found = joined()[column].astype("Float64")
    assert [None if pd.isna(value) else value for value in found[:4]] == expected
    assert pd.isna(found.loc[("m", 1, 1)])


def test_frozen_saes_are_compared_with_all_but_frozen_saes() -> None:
    """Neither with themselves nor with the other one; with the coordinate as any feature is."""
    own = joined().loc[[("m", 1, 3), ("m", 1, 6)]]
    assert own["frozen_f1"].isna().all()
    assert own["coordinate_f1"].tolist() == [0.55, 0.55]


def test_the_first_of_equals_stands_for_a_concept() -> None:
    pairs = pd.DataFrame(
        {
            "concept": ["A", "A", "B", None],
            "valid_f1": [0.5, 0.5, 0.1, 0.9],
            "feature": [3, 4, 5, 6],
        }
    )
    assert best_per_concept(pairs)["feature"].tolist() == [3, 5]


def test_pairs_of_a_feature_come_by_falling_valid_f1_then_by_concept() -> None:
    rows = [("m", 0.2, "B"), ("m", 0.9, "C"), ("m", 0.2, "A"), ("onehot", 0.1, "Z")]
    table = pd.DataFrame(rows, columns=["model", "valid_f1", "concept"])
    found = concatenate([table.assign(layer=1, variant="topk", feature=0)])
    assert found["concept"].tolist() == ["Z", "C", "A", "B"]


def verdict_rows() -> pd.DataFrame:
    """Above; above at what the sequence defines; undecided; above, but not above references."""
    return pd.DataFrame(
        {
            "model": "m",
            "layer": 1,
            "variant": "topk",
            "verdict": [ABOVE, ABOVE, UNDECIDED, ABOVE, None],
            "defined_by_sequence": pd.array([0, 1, 0, 0, pd.NA], dtype="Int64"),
            "f1": [0.6, 0.5, 0.9, 0.4, np.nan],
            "f1_low": [0.5, 0.5, 0.9, 0.5, np.nan],
            "base_rate": [0.1, 0.4, 0.9, 0.1, np.nan],
            "q_value": [0.05, 0.01, 0.051, 0.04, np.nan],
            "window_f1": [0.4, 0.1, 0.1, 0.5, np.nan],
            "homology_f1": [0.3, np.nan, 0.1, 0.2, np.nan],
            "stability_cosine": 0.5,
            "recurs": pd.array([1, 1, 0, pd.NA, pd.NA], dtype="Int64"),
            "confidence": ["high", "low", "unknown", "unknown", "high"],
        }
    )


def test_above_baselines_and_above_references() -> None:
    rows = verdict_rows()
    assert is_above(rows).tolist() == [True, False, False, True, False]
    assert is_above_references(rows).tolist() == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("window", "homology", "counts", "is_above_all"),
    [
        pytest.param(0.4, 0.3, (2, 2), True, id="both-below"),
        pytest.param(0.4, 0.5, (2, 1), False, id="one-equal"),
        pytest.param(0.4, np.nan, (1, 1), True, id="one-missing"),
        pytest.param(0.6, np.nan, (1, 0), False, id="one-missing-one-above"),
        pytest.param(np.nan, np.nan, (0, 0), False, id="none"),
    ],
)
def test_a_missing_reference_is_not_exceeded(
    window: float, homology: float, counts: tuple[int, int], is_above_all: bool
) -> None:
    rows = verdict_rows().iloc[:1].assign(window_f1=window, homology_f1=homology)
    assert reference_counts(rows).iloc[0].tolist() == [*counts]
    assert is_above_references(rows).tolist() == [is_above_all]


def test_without_an_interval_nothing_is_known_of_references() -> None:
    rows = verdict_rows().iloc[:1].assign(f1_low=np.nan)
    counts = reference_counts(rows).iloc[0]
    assert counts["n_references"] == 2
    assert pd.isna(counts["n_references_below"])
    assert is_above_references(rows).tolist() == [False]


def test_counts_of_an_sae() -> None:
    """Captured are F1 of at least 0.5 above being always on, 0.18, 0.57, 0.95 and 0.18."""
    found = summarise([{"model": "m", "layer": 1, "variant": "topk", "l0": 16.0}], verdict_rows())
    counts = found.iloc[0].to_dict()
    assert counts == {
        **{"model": "m", "layer": 1, "variant": "topk", "l0": 16.0},
        "features_with_concept": 1,
        "features_significant": 3,
        "features_above_baselines": 2,
        "features_above_references": 1,
        "features_defined_by_sequence": 1,
        "features_recurring": 2,
        "features_not_recurring": 1,
        "features_described": 3,
        "features_of_high_confidence": 2,
    }


@pytest.mark.parametrize(("recurs", "counts"), [(1, (5, 0)), (0, (0, 5))])
def test_all_features_recur_or_none(recurs: int, counts: tuple[int, int]) -> None:
    rows = verdict_rows().assign(recurs=recurs)
    found = summarise([{"model": "m", "layer": 1, "variant": "topk"}], rows).iloc[0]
    assert (found["features_recurring"], found["features_not_recurring"]) == counts


def test_a_frozen_sae_has_no_descriptions() -> None:
    rows = verdict_rows().assign(confidence=None)
    found = summarise([{"model": "m", "layer": 1, "variant": "topk"}], rows).iloc[0]
    assert pd.isna(found["features_described"])
    assert pd.isna(found["features_of_high_confidence"])


def test_pairs_without_a_test_count_for_nothing() -> None:
    """Feature 3 has its least p-value, 1e-4, twice for its two tested pairs; 5 has no test."""
    pairs = pd.DataFrame(
        {
            "feature": [3, 3, 3, 5],
            "p_value": [0.9, 1e-4, np.nan, np.nan],
            "q_value": [0.9, 2e-4] * 2,
        }
    )
    assert least_significant(pairs, "feature") == 1


def test_a_q_value_at_the_limit_is_called() -> None:
    pairs = pd.DataFrame({"feature": [3, 5], "p_value": [1e-4, 0.9], "q_value": [0.05, 0.9]})
    assert least_significant(pairs, "feature") == 1
    assert least_significant(pairs.assign(q_value=[0.051, 0.9]), "feature") == 0


def examined(q_values: list[float]) -> Examined:
    """Of four detectors. The best for SIGNAL on valid does not reach it on test; residues of one
    kind are defined by the sequence."""
    rows = [
        (0, "HELIX", "HELIX", 0.3, 0.6, 1e-5),
        (0, "SIGNAL", "SIGNAL", 0.6, 0.7, 1e-6),
        (1, "SIGNAL", "SIGNAL", 0.8, 0.2, 0.9),
        (2, "residue: C", "residue", 0.9, 0.9, 1e-9),
    ]
    columns = ["feature", "concept", "concept_type", "valid_f1", "f1", "p_value"]
    pairs = pd.DataFrame(rows, columns=columns).assign(base_rate=0.1, q_value=q_values)
    sample = sparse.csc_array((5, 4))
    return Examined(pairs, np.arange(201), np.arange(101), sample, pd.DataFrame())


def test_what_a_set_of_detectors_finds() -> None:
    """Intervals from 2.5 to 97.5 % of the resamplings."""
    found = detector_rows(examined([0.05, 0.01, 0.9, 0.001])).iloc[0].to_dict()
    assert found == {
        "n_detectors": 4,
        "n_significant": 1,
        "n_significant_low": 1,
        "n_capturing": 2,
        "n_capturing_low": 2.5,
        "n_capturing_high": 97.5,
        "concepts_significant": 2,
        "concepts_significant_low": 2,
        "concepts_captured": 2,
        "concepts_captured_low": 5,
        "concepts_captured_high": 195,
        "concepts_per_detector": 2,
    }


def test_where_nothing_is_significant_no_detector_has_concepts() -> None:
    found = detector_rows(examined([0.9] * 4)).iloc[0]
    assert found["n_significant"] == found["concepts_per_detector"] == 0


def test_concepts_per_significant_detector() -> None:
    """Two of feature 0, one of 1; that of 2 is defined by the sequence."""
    found = detector_rows(examined([0.05, 0.01, 0.01, 0.001])).iloc[0]
    assert found["concepts_per_detector"] == 1.5


def test_the_least_p_value_of_a_detector_is_that_of_simes() -> None:
    """Of three pairs with 0.02, 0.03 and 0.03 it is 3 / 3 of 0.03, no significance with another."""
    pairs = pd.DataFrame({"feature": [3] * 3, "p_value": [0.02, 0.03, 0.03], "q_value": 0.03})
    assert least_significant(pairs, "feature") == 1
    assert least_significant(pairs.assign(p_value=[0.02, 0.06, 0.06]), "feature") == 0
