"""Which row stands for a concept, and its baselines, by hand."""

import pandas as pd
import pytest

from protsae.association.frozen_saes import of_frozen
from protsae.association.joined_baselines import (
    best_pairs,
    best_per_concept,
    with_baselines,
)

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
