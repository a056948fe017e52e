"""Examples of three features, against brute force over all residues."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from protsae.association.pairs.layer_data import Layer
from protsae.association.scoring.thresholds import positive_quantiles
from protsae.features import example_sites as module
from protsae.features.example_rows import example_rows, strongest_proteins
from protsae.features.example_sites import STRENGTHS, STRONGEST, choose_sites
from protsae.features.leading_sites import Sites
from tests.association.tiny_layer import (
    LENGTH,
    SETTINGS,
    build_layer,
    codes_of,
    noise_and_signal,
)

N_FEATURES = 3


def layer_of_families(batch: int = SETTINGS.batch) -> Layer:
    """Two proteins of a split in each homology cluster."""
    layer = build_layer(SETTINGS.model_copy(update={"batch": batch}))
    cluster = [f"C{i // 6}-{i % 3}" for i in range(len(layer.proteins))]
    return replace(layer, proteins=layer.proteins.assign(cluster=cluster))


@pytest.fixture(scope="module")
def layer() -> Layer:
    return layer_of_families()


def chosen(layer: Layer) -> tuple[dict[str, Sites], Sites]:
    codes = codes_of(noise_and_signal())
    found = choose_sites(layer, codes, layer.train_sample(codes))
    return found.examples, found.logo


def test_the_strongest_of_each_cluster(layer: Layer) -> None:
    activations, (examples, _) = noise_and_signal(), chosen(layer)
    proteins = layer.proteins
    names = strongest_proteins(examples[STRONGEST], proteins, N_FEATURES)
    for feature in range(N_FEATURES):
        peak = [activations[name][:, feature].max() for name in proteins["accession"]]
        ranked = proteins.assign(peak=peak).sort_values("peak", ascending=False)
        expected = ranked.drop_duplicates("cluster")["accession"].head(SETTINGS.examples)
        assert names[feature] == ",".join(expected)
        own = examples[STRONGEST].take(examples[STRONGEST].group == feature)
        for name, residue, value in zip(expected, own.residue, own.value, strict=True):
            assert activations[name][:, feature].argmax() == residue
            assert activations[name][residue, feature] == value


@pytest.mark.parametrize("selection", STRENGTHS)
def test_residues_of_every_strength_lie_between_the_quantiles(layer: Layer, selection: str) -> None:
    codes, activations = codes_of(noise_and_signal()), noise_and_signal()
    low, high = positive_quantiles(layer.train_sample(codes), STRENGTHS[selection])
    sites = chosen(layer)[0][selection]
    # Most activations of feature 1 are 1, and none is above that and not above it.
    assert np.bincount(sites.group)[[0, 2]].tolist() == [SETTINGS.further_examples] * 2
    for group, protein, residue, value in zip(
        sites.group, sites.protein, sites.residue, sites.value, strict=True
    ):
        assert low[group] < value <= high[group]
        assert activations[layer.proteins["accession"][protein]][residue, group] == value


def test_they_are_drawn_from_all_clusters_and_residues(layer: Layer) -> None:
    """72 proteins in 36 clusters of two: over 101 seeds every cluster and residue comes up."""
    clusters: list[int] = []
    residues: list[int] = []
    for seed in range(101):
        seeded = layer.settings.model_copy(update={"seed": seed})
        examples, _ = chosen(replace(layer, settings=seeded))
        sites = examples["quantile 0-0.5"]
        clusters.extend(sites.cluster)
        residues.extend(sites.residue)
    times = np.bincount(clusters, minlength=36)
    expected = len(clusters) / 36
    assert times.min() > 0
    assert np.abs(times - expected).max() < 5 * np.sqrt(expected)
    assert set(residues) == set(range(LENGTH))


@pytest.mark.parametrize("batch", [1, 100_000])
def test_batches_change_no_choice(layer: Layer, batch: int) -> None:
    examples, logo = chosen(layer)
    others, other_logo = chosen(layer_of_families(batch))
    for one, other in [*zip(examples.values(), others.values(), strict=True), (logo, other_logo)]:
        assert [a.tolist() for a in vars(one).values()] == [
            a.tolist() for a in vars(other).values()
        ]


def test_what_is_in_no_split_is_no_example(layer: Layer) -> None:
    first = strongest_proteins(chosen(layer)[0][STRONGEST], layer.proteins, 1)[0].split(",")[0]
    split = layer.proteins["split"].where(layer.proteins["accession"] != first, "left out")
    examples, logo = chosen(replace(layer, proteins=layer.proteins.assign(split=split)))
    row = layer.row_of.get_loc(first)
    assert all(row not in sites.protein for sites in [*examples.values(), logo])


def test_logos_see_strong_residues_of_train_and_valid_only(
    layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOGO_CLUSTERS", 7)
    codes, (_, logo) = codes_of(noise_and_signal()), chosen(layer)
    [strong] = positive_quantiles(layer.train_sample(codes), [module.LOGO_QUANTILE])
    assert np.bincount(logo.group).tolist() == [7] * N_FEATURES
    assert not (layer.proteins["split"].iloc[logo.protein] == "test").any()
    assert (logo.value > strong[logo.group]).all()


def test_rows_are_windows_around_the_site(layer: Layer) -> None:
    activations, (examples, _) = noise_and_signal(), chosen(layer)
    table = example_rows(layer, codes_of(activations), examples)
    assert list(table["selection"].unique()) == [STRONGEST, *STRENGTHS]
    proteins = layer.proteins.set_index("accession")
    for row in table.itertuples():
        values = activations[row.accession][:, row.feature]
        assert row.start == max(1, row.peak - SETTINGS.example_flank)
        assert row.end == min(LENGTH, row.peak + SETTINGS.example_flank)
        np.testing.assert_array_equal(row.activations, values[row.start - 1 : row.end])
        assert row.activation == values[row.peak - 1]
        assert row.split == proteins["split"][row.accession]
    for _, rows in table.groupby(["feature", "selection"]):
        assert rows["rank"].tolist() == list(range(1, len(rows) + 1))
        assert rows["cluster"].is_unique


def test_rows_name_the_annotations_in_the_window(layer: Layer) -> None:
    """Half of the proteins have a SIGNAL of six residues."""
    activations, (examples, _) = noise_and_signal(), chosen(layer)
    table = example_rows(layer, codes_of(activations), examples)
    spans = layer.concepts.instances(layer.proteins["accession"].tolist())
    signal = dict(zip(spans.protein, zip(spans.begin + 1, spans.end, strict=True), strict=True))
    shown = 0
    for row in table.itertuples():
        place = signal.get(layer.row_of.get_loc(row.accession))
        overlaps = place is not None and place[0] <= row.end and place[1] >= row.start
        if overlaps:
            assert place is not None
            assert row.annotations == f"SIGNAL {place[0]}-{place[1]}"
        else:
            assert pd.isna(row.annotations)
        shown += overlaps
    assert 0 < shown < len(table)
