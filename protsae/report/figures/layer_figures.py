"""Figures of layers side by side, and of how their SAEs trained."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from protsae.config.reserved_names import DETECTORS
from protsae.report.figures.svg import GREY, MARKERS, SERIES, svg
from protsae.report.layer_names import tick_labels


def across_layers(summary: pd.DataFrame) -> Markup:
    """FVU beside that of PCA, L0, and loss recovered of every SAE, layer by layer.

    Bars are 95 % intervals over homology clusters. Layers of a model are joined; the one-hot
    baseline stands apart. Loss recovered has mean ablation at 0, and a gap where it has no value.
    """

    def draw(axes: Sequence[Axes]) -> None:
        titles = ("Variance unexplained (FVU)", "Active features (L0)", "Loss recovered")
        for axis, column, title in zip(axes, ("fvu", "l0", "loss_recovered"), titles, strict=True):
            axis.set_title(title)
            _layer_lines(axis, summary, column)
        _layer_lines(axes[0], summary, "pca_fvu", hollow=True)
        axes[0].set_ylim(bottom=0)
        axes[1].set_ylim(bottom=0)
        kinds = [
            Line2D([], [], color=GREY, marker="o", label="SAE"),
            Line2D([], [], color=GREY, marker="o", mfc="none", ls=":", label="PCA, L0 components"),
        ]
        axes[0].legend(handles=kinds, loc="best", fontsize=8)
        if summary["variant"].nunique() > 1:
            axes[1].legend(loc="best", fontsize=8)

    return svg("layers", "FVU, L0 and loss recovered across layers", (10.2, 2.9), (1, 3), draw)


def captured(detectors: pd.DataFrame) -> Markup:
    """Concepts that features capture in each layer, and features that detect one, beside others.

    Baselines are hollow and grey. Bars hold 95 % of the counts over resampled homology clusters.
    """
    baseline = detectors["variant"].isin(DETECTORS)

    def draw(axes: Sequence[Axes]) -> None:
        ticks = list(dict.fromkeys(_labels(detectors)))
        shares = detectors.assign(significant=detectors["n_significant"] / detectors["n_detectors"])
        pairs = (
            ("concepts_captured", "Concepts captured"),
            ("significant", "Share of detectors with such a concept, q ≤ 0.05"),
        )
        for axis, (column, title) in zip(axes, pairs, strict=True):
            axis.set_title(title)
            _layer_lines(axis, shares[~baseline], column, ticks=ticks)
            _layer_lines(axis, shares[baseline], column, hollow=True, colour=GREY, ticks=ticks)
            axis.set_ylim(bottom=0)
        axes[0].legend(loc="best", fontsize=8)

    return svg("captured", "Concepts captured by features and baselines", (10.2, 2.9), (1, 2), draw)


def training_curves(curves: Mapping[str, pd.DataFrame], name: str) -> Markup:
    """FVU, L0 and dead features of one layer's SAEs over training.

    Parameters
    ----------
    curves : mapping of str to DataFrame
        By variant; columns step, fvu, l0, dead_fraction.
    name : str
        Unique on the page; prefix of the element ids.
    """

    def draw(axes: Sequence[Axes]) -> None:
        titles = ("FVU while training", "L0 while training", "Dead features (share)")
        for axis, column, title in zip(axes, ("fvu", "l0", "dead_fraction"), titles, strict=True):
            axis.set_title(title)
            axis.set_xlabel("step")
            for number, (variant, curve) in enumerate(curves.items()):
                colour = SERIES[number % len(SERIES)]
                axis.plot(curve["step"], curve[column], color=colour, lw=1.4, label=variant)
            axis.set_ylim(bottom=0)
        axes[0].set_ylim(0, min(1.5, axes[0].get_ylim()[1]))
        if len(curves) > 1:
            axes[0].legend(loc="best", fontsize=8)

    return svg(name, "Training curves", (7.6, 2.3), (1, 3), draw)


def density_histograms(histograms: Mapping[str, Mapping[str, Any]], name: str) -> Markup:
    """How often features fire: number of features by log10 of their density on test.

    Parameters
    ----------
    histograms : mapping of str to mapping
        By variant; log10_edges (one more than counts) and counts.
    """

    def draw(axes: Sequence[Axes]) -> None:
        for number, (variant, histogram) in enumerate(histograms.items()):
            axes[0].stairs(
                histogram["counts"],
                histogram["log10_edges"],
                color=SERIES[number % len(SERIES)],
                lw=1.4,
                label=variant,
            )
        axes[0].set_title("Features by density")
        axes[0].set_xlabel("log10 share of residues")
        if len(histograms) > 1:
            axes[0].legend(loc="best", fontsize=8)

    return svg(name, "Histogram of feature densities", (2.7, 2.3), (1, 1), draw)


def _layer_lines(
    axis: Axes,
    summary: pd.DataFrame,
    column: str,
    hollow: bool = False,
    colour: str | None = None,
    ticks: Sequence[str] | None = None,
) -> None:
    """One line per model and variant over the layers; intervals where the table has them."""
    every = _labels(summary)
    labels = list(dict.fromkeys(every)) if ticks is None else list(ticks)
    place = pd.Series(every, index=summary.index).map(labels.index)
    for number, variant in enumerate(dict.fromkeys(summary["variant"])):
        ink = colour or SERIES[number % len(SERIES)]
        label = variant if not hollow or colour else None
        for _, rows in summary[summary["variant"] == variant].groupby("model", sort=False):
            values = rows[column].astype(float).to_numpy()
            axis.errorbar(
                place[rows.index],
                values,
                yerr=_error_bars(rows, column, values),
                color=ink,
                marker=MARKERS[number % len(MARKERS)],
                markersize=4.5,
                markerfacecolor="none" if hollow else ink,
                linestyle=":" if hollow else "-",
                linewidth=1.3,
                elinewidth=1,
                label=label,
            )
            label = None
    axis.set_xticks(range(len(labels)), labels)
    axis.set_xlim(-0.4, len(labels) - 0.6)
    axis.set_xlabel("layer")


def _error_bars(rows: pd.DataFrame, column: str, values: np.ndarray) -> np.ndarray | None:
    if f"{column}_low" not in rows:
        return None
    low = values - rows[f"{column}_low"].astype(float).to_numpy()
    high = rows[f"{column}_high"].astype(float).to_numpy() - values
    return np.maximum([low, high], 0)


def _labels(rows: pd.DataFrame) -> list[str]:
    return tick_labels(list(zip(rows["model"], rows["layer"], strict=True)))
