"""Where a feature and its concept disagree, against brute force over proteins."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from protsae.association.pairs.held_out_labels import HeldOut
from protsae.features.error_sites import SILENT, UNANNOTATED, error_sites
from tests.association.tiny_layer import (
    SETTINGS,
    build_layer,
    codes_of,
    noise_and_signal,
    signal,
)

THRESHOLD = 0.35


def pairs(q_values: list[float]) -> pd.DataFrame:
    """Features 2 and 1, both said to detect SIGNAL."""
    concept = ["SIGNAL", "SIGNAL"]
    threshold = np.float32([THRESHOLD] * 2)
    columns = {"feature": [2, 1], "concept": concept, "threshold": threshold, "q_value": q_values}
    return pd.DataFrame(columns).astype({"q_value": "Float64"})


@pytest.mark.parametrize("batch", [1, 101, 100_000])
def test_against_brute_force(batch: int) -> None:
    layer = build_layer(SETTINGS.model_copy(update={"batch": batch, "further_examples": 100}))
    activations, labels = noise_and_signal(), signal(layer.proteins)
    found = error_sites(layer, HeldOut.of(layer), codes_of(activations), pairs([0.05, 0.01]))
    names = layer.of_split("test")["accession"]
    for feature in (1, 2):
        on = {name: activations[name][:, feature] > THRESHOLD for name in names}
        unannotated = {
            name: int(activations[name][:, feature].argmax())
            for name in names
            if on[name].any() and not labels[name].any()
        }
        silent = {
            name: int(labels[name].argmax())
            for name in names
            if labels[name].any() and not (on[name] & labels[name]).any()
        }
        for selection, expected in ((UNANNOTATED, unannotated), (SILENT, silent)):
            sites = found[selection].take(found[selection].group == feature)
            accessions = layer.proteins["accession"].iloc[sites.protein]
            assert dict(zip(accessions, sites.residue.tolist(), strict=True)) == expected
    assert len(found[UNANNOTATED])
    assert len(found[SILENT])
    strongest = found[UNANNOTATED].take(found[UNANNOTATED].group == 2)
    assert (np.diff(strongest.value) <= 0).all()
    assert not (found[UNANNOTATED].group == 0).any()


def test_one_of_a_homology_cluster() -> None:
    layer = build_layer(SETTINGS.model_copy(update={"further_examples": 100}))
    cluster = layer.proteins["split"] + (np.arange(len(layer.proteins)) % 5).astype(str)
    layer = replace(layer, proteins=layer.proteins.assign(cluster=cluster))
    codes = codes_of(noise_and_signal())
    found = error_sites(layer, HeldOut.of(layer), codes, pairs([0.05, 0.01]))
    for sites in found.values():
        assert len(sites)
        assert not pd.DataFrame({"f": sites.group, "c": sites.cluster}).duplicated().any()


@pytest.mark.parametrize("q_values", [[0.0501, 1.0], [pd.NA, 0.2]])
def test_only_concepts_that_are_called(q_values: list[float]) -> None:
    layer = build_layer()
    found = error_sites(layer, HeldOut.of(layer), codes_of(noise_and_signal()), pairs(q_values))
    assert [len(sites) for sites in found.values()] == [0, 0]
