"""Figures of many SAEs side by side: what sparsity costs, and how error scales."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from protsae.io.atomic import atomic_path
from protsae.report.figures.svg import MARKERS, SERIES
from protsae.report.layer_names import layer_names

DASHES = ("-", "--", ":", "-.")
GREY = "#777777"

LABELS = {
    "n_features": "features",
    "l0": "active features (L0)",
    "training_residues": "training residues",
}
"""Columns that error is plotted against, and what their axes say."""


def write_pareto(summary: pd.DataFrame, path: Path) -> None:
    """FVU, and loss recovered, against L0 of every SAE; a row of panels for each layer.

    A line joins the SAEs of an architecture that differ in sparsity alone, the most there are; the
    others stand by themselves, pale. Bars are 95 % intervals over homology clusters.
    """
    places = list(dict.fromkeys(zip(summary["model"], summary["layer"], strict=True)))
    layers = [summary[(summary["model"] == m) & (summary["layer"] == n)] for m, n in places]
    figure = Figure(figsize=(9.2, 3.1 * len(layers)), layout="constrained")
    axes = figure.subplots(len(layers), 2, squeeze=False)
    for (left, right), rows, name in zip(axes, layers, layer_names(places), strict=True):
        for number, (architecture, of_one) in enumerate(rows.groupby("architecture")):
            look = {"color": SERIES[number % len(SERIES)], "marker": MARKERS[number % len(MARKERS)]}
            sizes = of_one[["n_features", "training_residues"]].apply(tuple, axis=1)
            different = ~pd.DataFrame({"size": sizes, "l0": of_one["l0"].round(1)}).duplicated()
            joined = sizes == sizes[different].value_counts().index[0]
            for axis, column in ((left, "fvu"), (right, "loss_recovered")):
                line = of_one[joined].drop_duplicates("l0").sort_values("l0")
                _points(axis, line, column, look | {"label": str(architecture), "lw": 1.2})
                _points(axis, of_one[~joined], column, look | {"ls": "none", "alpha": 0.3})
        baseline = rows.sort_values("l0").drop_duplicates("pca_components")
        for column, dashes, label in (
            ("pca_fvu", ":", "PCA, L0 components"),
            ("pca_sparse_fvu", "--", "PCA, L0 largest"),
        ):
            left.plot(baseline["pca_components"], baseline[column], dashes, color=GREY, label=label)
        left.set(title=name, ylabel="variance unexplained (FVU)", yscale="log")
        right.set(title=name, ylabel="loss recovered (0: mean ablation)")
        right.axhline(1, color=GREY, lw=0.8)
        for axis in (left, right):
            axis.set(xlabel="active features per residue (L0)", xscale="log")
        left.legend(fontsize=7, frameon=False)
    _save(figure, path)


def write_scaling(summary: pd.DataFrame, path: Path) -> None:
    """FVU and dead share against width, L0 and training residues; lines join what is equal else.

    A colour for each architecture, a dash for each layer.
    """
    varying = [(c, label) for c, label in LABELS.items() if summary[c].nunique() > 1]
    figure = Figure(figsize=(3.6 * max(1, len(varying)), 6.2), layout="constrained")
    axes = figure.subplots(2, max(1, len(varying)), squeeze=False)
    architectures = list(summary["architecture"].unique())
    groups = list(summary.groupby(["model", "layer", "architecture"], sort=False))
    places = list(dict.fromkeys(zip(summary["model"], summary["layer"], strict=True)))
    names = layer_names(places)
    for column_axes, (column, label) in zip(axes.T, varying, strict=False):
        for axis, y in zip(column_axes, ("fvu", "dead_fraction"), strict=True):
            for (model, layer, architecture), rows in groups:
                place = places.index((model, layer))
                look = {
                    "color": SERIES[architectures.index(architecture) % len(SERIES)],
                    "ls": DASHES[place % len(DASHES)],
                    "label": f"{names[place]}, {architecture}",
                }
                _joined(axis, rows, column, y, look)
            axis.set(xlabel=label, xscale="log", ylabel="FVU" if y == "fvu" else "dead share")
            if column != "l0":
                values = sorted(summary[column].unique())
                axis.set_xticks(values, [f"{value:,.0f}" for value in values])
        column_axes[0].set_yscale("log")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    _save(figure, path)


def _joined(axis: Axes, rows: pd.DataFrame, x: str, y: str, look: dict[str, Any]) -> None:
    """Points, and lines between SAEs that differ in x alone (L0 counts as equal within 10 %)."""
    others = [c for c in LABELS if c != x]
    keys = [np.round(np.log(rows[c]) / np.log(1.1)) if c == "l0" else rows[c] for c in others]
    for _, line in rows.groupby(keys):
        line = line.sort_values(x)
        axis.plot(line[x], line[y], marker="o", ms=3, lw=0.9, alpha=0.8, **look)
        look = look | {"label": "_"}


def _points(axis: Axes, rows: pd.DataFrame, column: str, look: dict[str, Any]) -> None:
    """Values against L0 with their intervals; nothing where there are none."""
    values = rows[column].astype(float).to_numpy()
    if np.isnan(values).all():
        return
    bounds = [rows[f"{column}_{end}"].astype(float).to_numpy() for end in ("low", "high")]
    bars = np.maximum([values - bounds[0], bounds[1] - values], 0)
    axis.errorbar(rows["l0"], values, yerr=bars, ms=4, elinewidth=0.8, **look)


def _save(figure: Figure, path: Path) -> None:
    for axis in figure.axes:
        axis.grid(True, lw=0.4, alpha=0.5, which="both")
        axis.spines[["top", "right"]].set_visible(False)
        axis.xaxis.set_minor_formatter(NullFormatter())
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix.removeprefix("."), dpi=130, metadata={})
