"""Whom a feature is compared with: baselines of its own layer, and those that serve all layers."""

import numpy as np
import pandas as pd
import pytest

from protsae.association.baseline_comparison import OfLayer, compare_features
from protsae.association.frozen_saes import of_frozen

CLUSTERS = [f"c{number}" for number in range(11)]
POSITIVES = 10
"""Residues with the concept in each of the eleven clusters; 30 are known."""

# Residues found in each cluster, none of them wrongly.
FOUND = {
    ("m", 1, "topk", 0): 7,
    ("m", 1, "coordinates", 5): 9,
    ("m", 2, "topk", 0): 7,
    ("m", 2, "coordinates", 5): 6,
    ("onehot", 0, "topk", 3): 2,
    ("onehot", 0, "coordinates", 1): 3,
    ("m-permuted", 1, "topk", 4): 4,
}
FROZEN = {"fixed": "decoder", "fixed-encoder": "encoder", "soft": "soft"}
KEYS = ["model", "layer", "variant", "feature"]


def detectors(found: dict[tuple[str, int, str, int], int]) -> pd.DataFrame:
    table = pd.DataFrame(list(found), columns=KEYS)
    f1 = [2 * n / (n + POSITIVES) for n in found.values()]
    return table.assign(concept="SIGNAL", concept_type="SIGNAL", valid_f1=f1, f1=f1, q_value=0.05)


def of_layer(counts: pd.DataFrame) -> OfLayer:
    """Counts of one layer at a time, of the concept."""
    named = counts.assign(concept="SIGNAL")
    return lambda model, layer: named[(named["model"] == model) & (named["layer"] == layer)]


def compared(
    related: tuple[str, ...] = (),
    found: dict[tuple[str, int, str, int], int] = FOUND,
    frozen: bool = False,
    lacking: tuple[str, ...] = (),
    single: tuple[str, ...] = (),
    table: tuple[str, ...] = ("features",),
) -> pd.DataFrame:
    """Of all SAE features, by model and layer, or, with frozen SAEs, by feature.

    Clusters that are ``lacking`` have no residue with the concept, ``single`` ones have one.
    """
    every = detectors(found)
    counts = [
        {**dict(zip(KEYS, key, strict=True)), "cluster": cluster, "tp": hits, "on": hits}
        for key, n in found.items()
        for cluster in CLUSTERS
        for hits in [min(n, 1) if cluster in single else n]
        if n and cluster not in lacking
    ]
    rule = {"tp": 5, "on": 5, "positives": POSITIVES, "known": 30}
    none = {"tp": 0, "on": 0, "positives": 0}
    rules = pd.DataFrame([{"concept": "SIGNAL", "cluster": c, **rule} for c in CLUSTERS])
    rules.loc[rules["cluster"].isin(lacking), list(none)] = list(none.values())
    rules.loc[rules["cluster"].isin(single), list(none)] = 1
    features = every[every["variant"].isin(["topk", *FROZEN])].reset_index(drop=True)
    features = features.assign(freeze=features["variant"].map(FROZEN).fillna("none"))
    rows = compare_features(
        features,
        every,
        of_frozen(every, features),
        of_layer(pd.DataFrame(counts)),
        rules,
        related,
        table,
    )
    if frozen:
        return rows.set_index(pd.MultiIndex.from_frame(features[KEYS]))
    return rows.set_index(pd.MultiIndex.from_frame(features[["model", "layer"]]))


def test_verdicts_are_corrected_within_each_table() -> None:
    """The second feature of four is the only one of its table: nothing to correct for."""
    together = compared().loc[("m", 2)]
    apart = compared(table=("a", "b", "a", "a")).loc[("m", 2)]
    assert apart["verdict_p_value"] == together["verdict_p_value"]
    assert apart["verdict_q_value"] == apart["verdict_p_value"] < together["verdict_q_value"]


@pytest.mark.parametrize(
    ("model", "layer", "baseline", "n_found"),
    [
        pytest.param("m", 1, "coordinate", 9, id="the coordinate of the layer"),
        pytest.param("m", 2, "coordinate", 6, id="not that of another layer, which is better"),
        pytest.param("onehot", 0, "rule", 5, id="one-hot features not with themselves"),
        pytest.param("m-permuted", 1, "rule", 5, id="the permuted model not with itself"),
    ],
)
def test_the_best_baseline(model: str, layer: int, baseline: str, n_found: int) -> None:
    row = compared().loc[(model, layer)]
    assert row["best_baseline"] == baseline
    assert row["best_baseline_f1"] == pytest.approx(2 * n_found / (n_found + POSITIVES))
    own = FOUND[(model, layer, "topk", 0 if model == "m" else 3 if model == "onehot" else 4)]
    expected = 2 * own / (own + POSITIVES) - row["best_baseline_f1"]
    assert row["f1_difference"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("better", "name"),
    [
        pytest.param(("onehot", 0, "relu", 1), "one-hot sequence", id="one-hot"),
        pytest.param(("m-permuted", 2, "pca", 1), "permuted model", id="permuted"),
    ],
)
def test_the_best_baseline_of_all_is_none_of_its_own_kind(
    better: tuple[str, int, str, int], name: str
) -> None:
    """It finds all: every feature is compared with it, but for those of the same model."""
    best = compared(found={**FOUND, better: 10})["best_baseline"]
    expected = dict.fromkeys(("m", "onehot", "m-permuted"), name) | {better[0]: "rule"}
    assert best[("m", 1)] == best[("m", 2)] == name
    assert best[("onehot", 0)] == expected["onehot"]
    assert best[("m-permuted", 1)] == expected["m-permuted"]


def test_frozen_saes_of_the_layer_are_one_baseline() -> None:
    """The one with the higher F1 on valid stands for them; another layer's does not count."""
    found = {
        ("m", 1, "topk", 0): 7,
        ("m", 1, "fixed", 2): 8,
        ("m", 1, "soft", 3): 9,
        ("m", 1, "coordinates", 5): 6,
        ("m", 2, "topk", 0): 7,
        ("m", 2, "coordinates", 5): 6,
    }
    row = compared(found=found, frozen=True)
    best = row["best_baseline"].to_dict()
    assert best == {
        ("m", 1, "topk", 0): "frozen SAE",
        ("m", 1, "fixed", 2): "coordinate",
        ("m", 1, "soft", 3): "coordinate",
        ("m", 2, "topk", 0): "coordinate",
    }
    assert row.loc[("m", 1, "topk", 0), "best_baseline_f1"] == pytest.approx(18 / 19)
    assert row["verdict"].tolist() == ["below", "above", "above", "above"]


@pytest.mark.parametrize(
    ("n_found", "best", "verdict"), [(6, "coordinate", "above"), (8, "neuron", "below")]
)
def test_a_neuron_of_the_layer_is_a_baseline(n_found: int, best: str, verdict: str) -> None:
    """A better one makes of a feature that is above all baselines one that is below."""
    found = {
        ("m", 1, "topk", 0): 7,
        ("m", 1, "coordinates", 5): 6,
        ("m", 1, "mlp", 93): n_found,
        ("m", 2, "mlp", 3): 10,
    }
    row = compared(found=found).loc[("m", 1)]
    assert (row["best_baseline"], row["verdict"]) == (best, verdict)


def test_a_detector_that_is_on_nowhere_in_test() -> None:
    """It has no counts, and finds nothing: the rule remains the best baseline."""
    found = {("m", 1, "topk", 0): 7, ("m", 1, "pca", 3): 0}
    row = compared(found=found).loc[("m", 1)]
    assert (row["best_baseline"], row["best_baseline_f1"]) == ("rule", pytest.approx(10 / 15))


def test_verdicts_where_all_clusters_agree() -> None:
    found = compared()["verdict"]
    assert (found[("m", 1)], found[("m", 2)], found[("onehot", 0)]) == ("below", "above", "below")


def test_clusters_without_the_concept_are_not_among_those_without_relatives() -> None:
    """Of 11 clusters, 4 have relatives in train, and 2 of the other 7 lack the concept; 3 of those
    that have it have one residue of it."""
    few, none = tuple(CLUSTERS[4:7]), tuple(CLUSTERS[-2:])
    found = compared(tuple(CLUSTERS[:4]), lacking=none, single=few)
    assert found["n_clusters_without_relatives"].tolist() == [5] * len(found)


def test_clusters_with_relatives_are_left_out_of_one_score_alone() -> None:
    """All clusters are alike, so that leaving some out changes nothing; without any there is no
    score."""
    some, none = compared(tuple(CLUSTERS[:4])), compared(tuple(CLUSTERS))
    np.testing.assert_allclose(some["f1_without_relatives"].astype(float)[("m", 1)], 14 / 17)
    assert none["f1_without_relatives"].isna().all()
    n_left = "n_clusters_without_relatives"
    assert (some[n_left] == len(CLUSTERS) - 4).all()
    assert (none[n_left] == 0).all()
    assert none["best_baseline_f1"].notna().all()


def test_detectors_are_told_apart_by_variant_and_number() -> None:
    found = {
        ("m", 1, "topk", 1): 7,
        ("m", 1, "coordinates", 0): 9,
        ("m", 1, "coordinates", 1): 3,
        ("m", 1, "pca", 0): 2,
        ("m", 1, "pca", 1): 8,
    }
    row = compared(found=found).loc[("m", 1)]
    assert (row["best_baseline"], row["best_baseline_f1"]) == ("coordinate", pytest.approx(18 / 19))
    assert row["f1_difference"] == pytest.approx(14 / 17 - 18 / 19)
