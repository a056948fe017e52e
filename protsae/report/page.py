"""The page: everything of a run that the template shows, and one self-contained HTML file."""

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from protsae import __version__
from protsae.errors import UserError
from protsae.models import ONEHOT, is_random
from protsae.report import plots
from protsae.report.names import layer_names
from protsae.report.properties import PropertyResidues
from protsae.report.ranking import FROM_SEQUENCE, property_by_layer
from protsae.report.run import Layer, Run
from protsae.report.sequence import activation_level, coloured_residues, shown_ranges

HERE = Path(__file__).parent
OPEN_FEATURES = 3
"""Features of each layer whose sequences are unfolded when the page opens."""
MATRIX_ROWS = 24
"""Properties in the table of properties by layer."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def render_page(run: Run) -> str:
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
    environment.filters |= {
        "count": _count,
        "decimals": _decimals,
        "percent": _percent,
        "significant": _significant,
    }
    proteins = run.proteins.set_index("accession")
    in_examples = {a for layer in run.layers for a in layer.examples["accession"]}
    shown = run.proteins[run.proteins["accession"].isin(in_examples)]
    residues = PropertyResidues(shown, run.annotations)
    names = layer_names([(layer.model, layer.number) for layer in run.layers])
    return environment.get_template("template.html").render(
        style=Markup((HERE / "style.css").read_text()),
        version=__version__,
        numbers=run_numbers(run),
        splits=split_rows(run.proteins),
        summary=summary_rows(run.summary),
        layer_names=names,
        overview={
            "layers": plots.across_layers(run.summary),
            "captured": plots.captured(run.detectors),
        },
        matrix=matrix_rows(run),
        layers=[
            _layer_section(number, layer, names[number], proteins, residues)
            for number, layer in enumerate(run.layers)
        ],
        open_features=OPEN_FEATURES,
    )


def summary_rows(summary: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """The summary, row by row, with ``place``, the name of the layer; None where there is none."""
    rows = summary.astype(object).where(summary.notna(), None)
    places = layer_names(list(zip(rows["model"], rows["layer"], strict=True)))
    return rows.assign(place=places).to_dict("records")


def run_numbers(run: Run) -> list[tuple[str, list[str]]]:
    """The run in numbers: a name and its lines, for what the provenance and tables hold."""
    source = run.provenance["source"]
    counts = run.provenance["counts"]
    proteins, features = counts["proteins"], counts["features"]
    left_out = {key: sum(reasons.values()) for key, reasons in features["left_out"].items()}
    models: dict[str, list[str]] = {}
    for layer in run.layers:
        models.setdefault(layer.model, []).append(str(layer.number))
    rows: list[tuple[str, list[str]]] = [
        ("Source", [f"{name}: {_short(value)}" for name, value in source.items()]),
        ("Proteins", [f"{proteins['kept']:,} kept of {proteins['read']:,} read"]),
        ("Dropped", _listed(proteins["dropped"])),
        ("Changed", _listed(proteins["changed"])),
        ("Residues", [f"{int(run.proteins['length'].sum()):,}"]),
        ("Homology clusters", [f"{run.proteins['cluster'].nunique():,}"]),
        ("Annotations kept", _joined(features["kept"])),
        ("Annotations left out", _joined(left_out)),
        (
            "Models and layers",
            [
                "onehot (sequence only, the baseline)"
                if model == ONEHOT
                else f"{model}: {', '.join(numbers)}{' (the control)' * is_random(model)}"
                for model, numbers in models.items()
            ],
        ),
        ("SAE variants", list(dict.fromkeys(run.summary["variant"]))),
        ("Features", [f"{len(run.features):,}"]),
        ("protsae", [f"{__version__} (proteins fetched by {run.provenance['protsae_version']})"]),
    ]
    return [(name, lines) for name, lines in rows if lines]


def split_rows(proteins: pd.DataFrame) -> list[dict[str, Any]]:
    """Proteins, residues and clusters of train, valid and test."""
    return [
        {
            "split": split,
            "proteins": len(part),
            "residues": int(part["length"].sum()),
            "clusters": part["cluster"].nunique(),
        }
        for split in ("train", "valid", "test")
        for part in [proteins[proteins["split"] == split]]
    ]


def matrix_rows(run: Run) -> list[dict[str, Any]]:
    """Rows of the table of properties by layer: a name, its kind, and one cell per layer."""
    keys = [(layer.model, layer.number) for layer in run.layers]
    rows = []
    for best in property_by_layer(run.features, MATRIX_ROWS):
        cells = {(row["model"], row["layer"]): row for row in best.to_dict("records")}
        rows.append(
            {
                "property": best["property"].iloc[0],
                "derived": best["property_type"].iloc[0] in FROM_SEQUENCE,
                "cells": [_cell(cells.get(key)) for key in keys],
            }
        )
    return rows


def _cell(row: Mapping[Any, Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {**row, "level": activation_level(float(row["f1"]), 1.0)}


def _layer_section(
    number: int, layer: Layer, name: str, proteins: pd.DataFrame, residues: PropertyResidues
) -> dict[str, Any]:
    key = f"layer-{number}"
    examples = dict(iter(layer.examples.groupby(["variant", "feature"])))
    histograms = {v: e["density_histogram"] for v, e in layer.evaluations.items()}
    return {
        "id": key,
        "name": name,
        "model": layer.model,
        "onehot": layer.model == ONEHOT,
        "random": is_random(layer.model),
        "training": plots.training_curves(layer.training, f"{key}-training"),
        "density": plots.density_histograms(histograms, f"{key}-density"),
        "features": [
            {
                **row,
                "examples": _examples(
                    examples.get((row["variant"], row["feature"]), layer.examples.head(0)),
                    row["property"],
                    proteins,
                    residues,
                ),
            }
            for row in layer.best.to_dict("records")
        ],
    }


def _examples(
    rows: pd.DataFrame, property_: str, proteins: pd.DataFrame, residues: PropertyResidues
) -> list[dict[Any, Any]]:
    strongest = float(rows["max_activation"].max()) if len(rows) else 0.0
    shown = []
    for row in rows.to_dict("records"):
        protein = proteins.loc[row["accession"]]
        start, end = row["start"], row["end"]
        stretch = protein["sequence"][start - 1 : end]
        if len(stretch) != end - start + 1 or len(row["activations"]) != len(stretch):
            raise UserError(
                f"examples.parquet: residues {start}-{end} of {row['accession']} do not fit its "
                f"{len(protein['sequence'])} residues; run the annotate stage again"
            )
        everywhere = residues.positions(row["accession"], property_)
        inside = {position for position in everywhere if start <= position <= end}
        shown.append(
            {
                **row,
                "entry_name": protein["entry_name"],
                "organism": protein["organism"],
                "split": protein["split"],
                "length": len(protein["sequence"]),
                "peak_residue": stretch[row["peak"] - start],
                "marked": shown_ranges(inside),
                "elsewhere": len(everywhere) - len(inside),
                "html": coloured_residues(
                    stretch, start, row["activations"], strongest, inside, row["peak"]
                ),
            }
        )
    return shown


def _listed(counts: Mapping[str, int]) -> list[str]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [f"{name}: {count:,}" for name, count in ordered]


def _joined(counts: Mapping[str, int]) -> list[str]:
    return [", ".join(_listed(counts))] if counts else []


def _short(value: Any) -> str:
    """Checksums cut to what a person compares."""
    return f"{value[:12]}…" if isinstance(value, str) and _SHA256.fullmatch(value) else str(value)


def _count(value: Any) -> str:
    return "–" if pd.isna(value) else f"{int(value):,}"  # noqa: RUF001 (a dash for "none")


def _decimals(value: Any, digits: int = 2) -> str:
    # Adding 0.0 makes a rounded -0.0 a plain zero.
    return "–" if pd.isna(value) else f"{round(value, digits) + 0.0:.{digits}f}"  # noqa: RUF001


def _percent(value: Any) -> str:
    return "–" if pd.isna(value) else f"{100 * value:.3g} %"  # noqa: RUF001


def _significant(value: Any) -> str:
    return "–" if pd.isna(value) else f"{value:.3g}"  # noqa: RUF001
