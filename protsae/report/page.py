"""The page: everything of a run that the template shows, and one self-contained HTML file."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from protsae import __version__
from protsae.concepts.concept import is_defined_by_sequence
from protsae.report.figures import layer_figures as plots
from protsae.report.figures.logo_drawing import letter_outlines
from protsae.report.figures.map_drawing import map_shapes
from protsae.report.figures.sequence_html import activation_level
from protsae.report.layer_names import layer_names
from protsae.report.number_format import FILTERS
from protsae.report.page_data import PageData
from protsae.report.ranking import concept_by_layer
from protsae.report.sections.candidate_list import candidate_section
from protsae.report.sections.concept_residues import ConceptResidues
from protsae.report.sections.kind_counts import kind_section
from protsae.report.sections.layer_cards import layer_section
from protsae.report.sections.layer_probes import probe_section
from protsae.report.sections.overview import run_numbers, split_rows
from protsae.report.sections.recurring_features import recurrence_section
from protsae.screen.run_findings import finding_lines

HERE = Path(__file__).parent
OPEN_FEATURES = 3
"""Features of each layer whose sequences are unfolded when the page opens."""
MATRIX_ROWS = 24
"""Concepts in the table of concepts by layer."""


def render_page(run: PageData) -> str:
    """The page as HTML, with styles, plots and script inside; nothing is loaded from elsewhere.

    Raises
    ------
    UserError
        If an example does not lie within its protein.
    """
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= FILTERS
    proteins = run.proteins.set_index("accession")
    in_examples = {a for layer in run.layers for a in layer.examples["accession"]}
    shown = run.proteins[run.proteins["accession"].isin(in_examples)]
    residues = ConceptResidues(shown, run.annotations, run.labels)
    places = [(layer.model, layer.number) for layer in run.layers]
    names = layer_names(places)
    layers = [
        layer_section(number, layer, names[number], proteins, residues)
        for number, layer in enumerate(run.layers)
    ]
    cards = {
        (layer["model"], layer["number"], card["variant"], card["feature"]): card["id"]
        for layer in layers
        for card in layer["features"]
    }
    return environment.get_template("template.html").render(
        style=Markup((HERE / "style.css").read_text()),
        version=__version__,
        found=finding_lines(run.features, run.best_features, run.detectors),
        numbers=run_numbers(run),
        splits=split_rows(run.proteins),
        summary=summary_rows(run.summary),
        layer_names=names,
        overview={
            "layers": plots.across_layers(run.summary),
            "captured": plots.captured(run.detectors),
        },
        matrix=matrix_rows(run),
        kinds=kind_section(run.features),
        recurring=recurrence_section(run.features),
        probes=probe_section(run.probes, places),
        candidates=candidate_section(
            run.candidates, run.recovery, run.reliability, cards, proteins
        ),
        outlines=letter_outlines(),
        map_shapes=map_shapes(),
        layers=layers,
        open_features=OPEN_FEATURES,
    )


def summary_rows(summary: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """The summary, row by row, with ``place``, the name of the layer; None where there is none."""
    rows = summary.astype(object).where(summary.notna(), None)
    places = layer_names(list(zip(rows["model"], rows["layer"], strict=True)))
    return rows.assign(place=places).to_dict("records")


def matrix_rows(run: PageData) -> list[dict[str, Any]]:
    """Rows of the table of concepts by layer: a name, its kind, and one cell per layer."""
    keys = [(layer.model, layer.number) for layer in run.layers]
    rows = []
    for best in concept_by_layer(run.features, MATRIX_ROWS):
        cells = {(row["model"], row["layer"]): row for row in best.to_dict("records")}
        rows.append(
            {
                "concept": best["concept"].iloc[0],
                "derived": is_defined_by_sequence(best["concept_type"].iloc[0]),
                "cells": [_cell(cells.get(key)) for key in keys],
            }
        )
    return rows


def _cell(row: Mapping[Any, Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {**row, "level": activation_level(float(row["f1"]), 1.0)}
