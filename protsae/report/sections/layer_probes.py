"""Linear probes, layer by layer: which concepts can be read off a layer, and which before it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from protsae.concepts.concept import is_defined_by_sequence
from protsae.config.reserved_names import ONEHOT, is_permuted
from protsae.report.figures.sequence_html import activation_level
from protsae.report.figures.svg import GREY, MARKERS, SERIES, svg
from protsae.report.layer_names import shortened

CONCEPTS = 12
"""Concepts shown at most."""
_COLUMNS = 4
"""Panels beside each other."""


def probed_concepts(probes: pd.DataFrame, count: int = CONCEPTS) -> list[str]:
    """Concepts to show: those in most homology clusters, annotated ones before the others.

    Those of the sequence alone come last, as every layer tells amino acids apart; concepts
    whose AUROC is known in no layer are left out.

    Examples
    --------
    >>> rows = [("SIGNAL", "SIGNAL", 7, 0.9), ("HELIX", "HELIX", 11, 0.8), ("X", "X", 13, None)]
    >>> rows += [("residue: C", "residue", 17, 1.0)]
    >>> columns = ["concept", "concept_type", "n_clusters", "auroc"]
    >>> probed_concepts(pd.DataFrame(rows, columns=columns), 3)
    ['HELIX', 'SIGNAL', 'residue: C']
    """
    known = probes[probes["auroc"].notna()]
    known = known.assign(derived=known["concept_type"].map(is_defined_by_sequence).astype(bool))
    best = known.groupby(["derived", "concept"])["n_clusters"].max().reset_index()
    ordered = best.sort_values(["derived", "n_clusters"], ascending=[True, False], kind="stable")
    return ordered["concept"].head(count).tolist()


def probe_section(probes: pd.DataFrame, layers: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """The figure, and for each concept its clusters and one cell per layer, None without an AUROC.

    Parameters
    ----------
    layers : sequence of tuple
        Model and number of each layer, in the order of the page.
    """
    shown = probed_concepts(probes)
    of_concept = {name: probes[probes["concept"] == name] for name in shown}
    return {
        "figure": _figure(of_concept) if shown else None,
        "rows": [
            {
                "concept": name,
                "clusters": int(rows["n_clusters"].max()),
                "cells": _cells(rows, layers),
            }
            for name, rows in of_concept.items()
        ],
    }


def _cells(rows: pd.DataFrame, layers: Sequence[tuple[str, int]]) -> list[dict[str, Any] | None]:
    known = rows[rows["auroc"].notna()].to_dict("records")
    cells = {
        (row["model"], row["layer"]): {
            "auroc": row["auroc"],
            "control": row["control_auroc"],
            # 0.5 is chance: no shade.
            "level": activation_level(2 * row["auroc"] - 1, 1.0),
        }
        for row in known
    }
    return [cells.get(layer) for layer in layers]


def _figure(of_concept: Mapping[str, pd.DataFrame]) -> Markup:
    """AUROC over layers, a panel for each concept, beside what needs no training of the model."""
    columns = min(_COLUMNS, len(of_concept))
    n_rows = -(-len(of_concept) // columns)
    shown = ["auroc", "auroc_low", "control_auroc"]
    low = min(rows[shown].min().min() for rows in of_concept.values())

    def draw(axes: Sequence[Axes]) -> None:
        for number, (axis, (name, rows)) in enumerate(zip(axes, of_concept.items(), strict=False)):
            clusters = int(rows["n_clusters"].max())
            axis.set_title(f"{shortened(name, 24)} ({clusters})", parse_math=False)
            _lines(axis, rows)
            axis.set_ylim(min(0.48, low - 0.02), 1.02)
            axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            if number % columns:
                axis.tick_params(labelleft=False)
            else:
                axis.set_ylabel("AUROC")
            if number + columns >= len(of_concept):
                axis.set_xlabel("layer")
        for axis in axes[len(of_concept) :]:
            axis.set_visible(False)
        found: dict[str, Any] = {}
        for axis in axes[: len(of_concept)]:
            handles, labels = axis.get_legend_handles_labels()
            found = {**dict(zip(labels, handles, strict=True)), **found}
        axes[0].figure.legend(
            list(found.values()), list(found), loc="outside upper left", ncols=5, fontsize=8
        )

    description = "AUROC of linear probes over layers, by concept; the table below has the numbers"
    inches = (0.6 + 2.4 * columns, 0.5 + 1.9 * n_rows)
    return svg("probes", description, inches, (n_rows, columns), draw)


def _lines(axis: Axes, rows: pd.DataFrame) -> None:
    """One concept: a line for each model, its control task, its permuted copy, and one-hot."""
    models = [model for model in dict.fromkeys(rows["model"]) if model != ONEHOT]
    trained = [model for model in models if not is_permuted(model)]
    for number, model in enumerate(models):
        of_model = rows[rows["model"] == model].sort_values("layer")
        x = of_model["layer"].to_numpy(dtype=int)
        y = of_model["auroc"].to_numpy(dtype=float)
        bounds = of_model[["auroc_low", "auroc_high"]].to_numpy(dtype=float).T
        if model not in trained:
            hollow: dict[str, Any] = {"marker": "s", "markerfacecolor": "none", "markersize": 5}
            axis.plot(x, y, color=GREY, ls="none", label="permuted model", **hollow)
            axis.vlines(x, *bounds, color=GREY, lw=0.8)
            continue
        look: dict[str, Any] = {"color": SERIES[number % len(SERIES)], "lw": 1.3}
        marker = MARKERS[number % len(MARKERS)]
        label = "the model" if len(trained) == 1 else model
        axis.plot(x, y, marker=marker, markersize=3.5, label=label, **look)
        axis.fill_between(x, *bounds, color=look["color"], alpha=0.15, lw=0)
        control = of_model["control_auroc"].to_numpy(dtype=float)
        axis.plot(x, control, ls="--", label="its control task", **{**look, "lw": 0.9})
    for value in rows.loc[rows["model"] == ONEHOT, "auroc"].dropna():
        axis.axhline(value, color=GREY, ls=":", lw=1.3, label="one-hot sequences")
