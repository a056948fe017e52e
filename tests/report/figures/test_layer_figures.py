"""Plots: same bytes from the same numbers, no foreign addresses, colours of the page."""

import re

import pandas as pd
import pytest
from markupsafe import Markup

from protsae.association.run_tables import summarise
from protsae.report.figures import layer_figures as plots
from protsae.report.sections.candidate_list import pooled_reliability, reliability_figure
from protsae.report.sections.kind_counts import kind_section
from protsae.report.sections.layer_probes import probe_section
from tests.helpers.run_folder import (
    LAYERS,
    VARIANTS,
    detector_rows,
    evaluation,
    joined_feature_rows,
    probe_rows,
    reliability_rows,
    training_rows,
)


@pytest.fixture(scope="module")
def summary() -> pd.DataFrame:
    return summarise(
        [evaluation(model, layer, variant) for model, layer in LAYERS for variant in VARIANTS],
        pd.concat([joined_feature_rows(*layer) for layer in LAYERS]),
    )


def _draw(name: str, summary: pd.DataFrame) -> Markup:
    histogram = {"log10_edges": [-2.0, -1.0, 0.0], "counts": [1, 3]}
    return {
        "across_layers": lambda: plots.across_layers(summary),
        "captured": lambda: plots.captured(
            pd.concat([detector_rows(*p) for p in LAYERS], ignore_index=True)
        ),
        "training": lambda: plots.training_curves({"relu": training_rows()}, "t1"),
        "density": lambda: plots.density_histograms({"relu": histogram}, "d1"),
        "kinds": lambda: kind_section(joined_feature_rows(*LAYERS[1]).assign(kind="periodic"))[
            "figure"
        ],
        "probes": lambda: probe_section(pd.concat([probe_rows(*p) for p in LAYERS]), LAYERS)[
            "figure"
        ],
        "reliability": lambda: reliability_figure(
            pooled_reliability(pd.concat([reliability_rows(*p) for p in LAYERS]))
        ),
    }[name]()


NAMES = ("across_layers", "captured", "training", "density", "kinds", "probes", "reliability")


@pytest.mark.parametrize("name", NAMES)
def test_same_numbers_same_bytes(name: str, summary: pd.DataFrame) -> None:
    assert _draw(name, summary) == _draw(name, summary)


@pytest.mark.parametrize("name", NAMES)
def test_is_one_svg_without_addresses_and_with_the_pages_colours(name, summary) -> None:
    svg = _draw(name, summary)
    assert svg.startswith('<svg role="img" aria-label="')
    assert svg.endswith("</svg>")
    assert "http" not in svg
    assert "<metadata" not in svg
    assert "var(--series-" in svg
    assert "currentColor" in svg
    assert not re.search(r"#0[0-9a]0[0-9b]0[0-9]", svg)  # placeholder colours


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_has_its_target(name: str, summary: pd.DataFrame) -> None:
    svg = _draw(name, summary)
    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', svg)) <= set(ids)


def test_ids_of_two_plots_differ() -> None:
    one, other = (plots.training_curves({"a": training_rows()}, name) for name in ("t1", "t2"))
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (one, other)]
    assert not ids[0] & ids[1]


def test_layers_of_several_models_keep_apart(summary: pd.DataFrame) -> None:
    second = summary[summary["model"] != "onehot"].assign(model="esm2_other")
    svg = plots.across_layers(pd.concat([summary, second], ignore_index=True))
    assert "esm2_tiny 1" in svg
    assert "esm2_other 1" in svg


def test_a_concept_is_no_formula() -> None:
    svg = probe_section(probe_rows(*LAYERS[1]).assign(concept="BINDING: $x_1$"), LAYERS)["figure"]
    assert "BINDING: $x_1$" in svg


def test_variant_names_are_escaped() -> None:
    svg = plots.training_curves({"<b>": training_rows(), "c": training_rows()}, "t")
    assert "<b>" not in svg
    assert "&lt;b&gt;" in svg
