"""Proposed pairs do not depend on how many features are counted at a time."""

import numpy as np
import pandas as pd
import pytest

from protsae.association.pairs import proposal as module
from protsae.association.pairs.proposal import Proposed, propose
from protsae.association.scoring.thresholds import positive_quantiles
from tests.association.tiny_layer import LENGTH, N_PROTEINS, SETTINGS, build_layer, codes_of, signal
from tests.helpers.tiny_run import protein_rows

N_FEATURES = 3


def activations_of() -> dict[str, np.ndarray]:
    """Feature 1 follows SIGNAL, 0 and 2 are noise."""
    rng = np.random.default_rng(0)
    activations = {
        name: np.maximum(rng.normal(-0.5, 0.4, (LENGTH, N_FEATURES)), 0).astype(np.float32)
        for name in protein_rows(N_PROTEINS, LENGTH)["accession"]
    }
    for name, has in signal(protein_rows(N_PROTEINS, LENGTH)).items():
        activations[name][:, 1] += has
    return activations


def proposed(min_f1: float) -> Proposed:
    """Of the layer with these activations."""
    layer = build_layer(SETTINGS.model_copy(update={"min_f1": min_f1}))
    codes = codes_of(activations_of())
    return propose(layer, codes, positive_quantiles(layer.train_sample(codes), SETTINGS.quantiles))


@pytest.mark.parametrize("min_f1", [0.0, 0.5, 1.1])
def test_in_groups_of_features_the_pairs_are_the_same(
    min_f1: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 0.5 only some groups have any, at 1.1 none has."""
    whole = proposed(min_f1)
    monkeypatch.setattr(module, "COUNT_CELLS", 1)
    parts = proposed(min_f1)
    pd.testing.assert_frame_equal(parts.pairs, whole.pairs)
    np.testing.assert_array_equal(parts.concept, whole.concept)
    assert set(whole.pairs["feature"]) == {0.0: {0, 1, 2}, 0.5: {1}, 1.1: set()}[min_f1]


def test_an_instance_is_found_where_any_of_its_residues_is_on() -> None:
    """Each protein of test has one SIGNAL at most; what is no instance is found by residues."""
    activations, pairs = activations_of(), proposed(0.0).pairs
    spans = signal(protein_rows(N_PROTEINS, LENGTH))
    test = [name for name in sorted(build_layer().names("test")) if spans[name].any()]
    of_signal = pairs[pairs["concept"] == "SIGNAL"]
    assert set(of_signal["feature"]) >= {1}
    for _, row in of_signal.iterrows():
        on = [activations[name][spans[name], row["feature"]] > row["threshold"] for name in test]
        recall = np.mean([each.any() for each in on])
        assert row["instance_recall"] == pytest.approx(recall)
        assert row["recall"] == pytest.approx(np.concatenate(on).mean())
        both = row["precision"] + recall
        expected = 2 * row["precision"] * recall / both if both else 0
        assert row["instance_f1"] == pytest.approx(expected)
    others = pairs[pairs["concept"] == "residue: C"]
    assert len(others)
    assert others["instance_recall"].tolist() == others["recall"].tolist()


def test_counts_are_those_of_test_residues() -> None:
    activations, pairs = activations_of(), proposed(0.0).pairs
    test = build_layer().of_split("test")["accession"]
    spans = signal(protein_rows(N_PROTEINS, LENGTH))
    has = np.concatenate([spans[name] for name in test])
    for _, row in pairs[pairs["concept"] == "SIGNAL"].iterrows():
        active = np.concatenate([activations[name][:, row["feature"]] for name in test])
        on = active > row["threshold"]
        found = row[["tp", "fp", "fn"]].tolist()
        assert found == [(on & has).sum(), (on & ~has).sum(), (~on & has).sum()]
        assert row["base_rate"] == pytest.approx(has.mean())
        assert row["false_positive_rate"] == pytest.approx(on[~has].mean())
