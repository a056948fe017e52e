"""Figures of docs/findings.md, from the tables of ``studies/findings/write_page.py``."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from protsae.association.baseline_comparison import RULE
from protsae.association.scoring.metrics import CALLED_Q
from protsae.config.reserved_names import COORDINATES, MLP, ONEHOT, PCA, RANDOM
from studies.findings.tables import (
    ALL_LAYERS,
    BASELINES,
    FROZEN,
    N_SHOWN,
    N_TYPES,
    NAMES,
    OF_LAYERS,
    PERMUTED,
    SAE,
    SUPERVISED,
    commonest,
    over_layers,
    shown_model,
)

WIDTH = 9.6
COLOURS = {
    SAE: "#c03d3e",
    NAMES[COORDINATES]: "#3a6ea5",
    NAMES[PCA]: "#3c8f6d",
    NAMES[RANDOM]: "#8a8a8a",
    NAMES[MLP]: "#b5558f",
    FROZEN: "#5fb0c9",
    ONEHOT: "#b8860b",
    PERMUTED: "#7b5aa6",
    RULE: "#d9772b",
}
PROBE_COLOUR = "0.1"
MARKERS = dict(zip(BASELINES, "osDPXv^*", strict=True))
COLOURS_OF_KINDS = [matplotlib.colormaps["tab20"](place) for place in range(20)]
N_NAMED = 9
"""Types of concept with a colour of their own in the figure of kinds."""


def draw_captured(detectors: pd.DataFrame, path: Path) -> None:
    """Concepts captured by each set of detectors, layer by layer, and concepts of each."""
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 3.6), layout="constrained")
    axes[1].sharey(axes[0])
    detectors = detectors.assign(model=detectors["model"].map(shown_model))
    for place, name in enumerate((SAE, *OF_LAYERS)):
        own = detectors[detectors["set"] == name].sort_values("layer")
        for axis, shown in zip(axes, ("trained", "permuted"), strict=False):
            rows = own[own["model"] == shown]
            _with_bars(axis, rows["layer"] + 0.1 * (place - 1.5), rows, "concepts_captured", name)
        rows = own[own["model"] == "trained"]
        each = rows["concepts_per_detector"]
        axes[2].plot(rows["layer"], each, "o-", ms=4, lw=1.2, color=COLOURS[name])
    best = detectors.loc[detectors["model"] == ONEHOT, "concepts_captured"].max()
    for axis in axes[:2]:
        axis.axhline(best, color=COLOURS[ONEHOT], ls=":", lw=1.2, label="best on one-hot")
        axis.set_ylim(bottom=0)
    layers = detectors.loc[detectors["model"] == "trained", "layer"]
    for axis in axes:
        axis.set_xticks(sorted(layers.unique()))
        axis.set_xlabel("layer")
    axes[0].set_title("Concepts captured", fontsize=10)
    axes[1].set_title("permuted model", fontsize=10)
    axes[2].set_title("Concepts per detector, q ≤ 0.05", fontsize=10)
    axes[2].set_ylim(bottom=0)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=7, loc="outside lower center", ncols=6)
    _save(figure, path)


def _with_bars(axis: Axes, x: pd.Series, rows: pd.DataFrame, column: str, name: str) -> None:
    """A line through a column of ``rows`` with its interval, the columns _low and _high."""
    value = rows[column]
    error = [value - rows[f"{column}_low"], rows[f"{column}_high"] - value]
    style: dict[str, Any] = {"marker": "o", "ms": 4, "lw": 1.2, "elinewidth": 0.8}
    axis.errorbar(x, value, np.clip(error, 0, None), color=COLOURS[name], label=name, **style)


def draw_concepts(best: pd.DataFrame, path: Path) -> None:
    """F1 of the best detector of every set over all layers, for UniProt's commonest concepts."""
    names = commonest(best, N_SHOWN)
    rows = over_layers(best)
    rows = rows[rows["concept"].isin(names)]
    # By the SAE; those that it has no feature for follow, by what the best of the others reaches.
    reached = rows[rows["set"].isin([SAE, *BASELINES, *SUPERVISED])]
    reached = reached.assign(ours=reached["f1"].where(reached["set"] == SAE, -1))
    order = reached.groupby("concept")[["ours", "f1"]].max().sort_values(["ours", "f1"]).index
    height = {name: place for place, name in enumerate(order)}
    figure, axis = plt.subplots(figsize=(WIDTH, 0.3 * len(order) + 1.4), layout="constrained")
    style: dict[str, Any]
    for name in BASELINES:
        shown = rows[rows["set"] == name]
        style = {"ms": 5, "mfc": "none", "color": COLOURS[name], "label": name}
        axis.plot(shown["f1"], shown["concept"].map(height), MARKERS[name], **style)
    shown = rows[rows["set"] == SAE]
    error = np.clip([shown["f1"] - shown["f1_low"], shown["f1_high"] - shown["f1"]], 0, None)
    style = {
        "fmt": "o",
        "ms": 6,
        "color": COLOURS[SAE],
        "label": "SAE feature, 95 %",
    }
    axis.errorbar(shown["f1"], shown["concept"].map(height), xerr=error, **style)
    for name, mark in zip(SUPERVISED, "|x+", strict=True):
        shown = rows[rows["set"] == name]
        style = {"ms": 7, "color": PROBE_COLOUR, "label": name}
        axis.plot(shown["f1"], shown["concept"].map(height), mark, **style)
    clusters = rows.groupby("concept")["n_clusters"].max()
    floor = rows.drop_duplicates("concept")
    style = {"ms": 14, "color": "0.75", "zorder": 0, "label": "always on"}
    axis.plot(floor["always_on_f1"], floor["concept"].map(height), "|", **style)
    axis.set_yticks(range(len(order)), [f"{name} ({clusters[name]:.0f})" for name in order])
    axis.set(xlabel="F1 on test (in brackets: homology clusters with the concept)")
    axis.set_xlim(-0.015, 1)
    axis.set_ylim(-0.6, len(order) - 0.4)
    axis.grid(axis="y", lw=0.4, color="0.9")
    figure.legend(fontsize=7, loc="outside upper center", ncols=5)
    _save(figure, path)


def draw_layers(best: pd.DataFrame, path: Path) -> None:
    """F1 of the best SAE feature of each layer, and its distance from the best coordinate."""
    names = commonest(best, N_SHOWN)
    rows = best[best["concept"].isin(names) & (best["layer"] != ALL_LAYERS)]
    layers = sorted(rows.loc[rows["set"] == SAE, "layer"].unique())
    sae, coordinates = (
        rows[rows["set"] == name]
        .pivot(index="concept", columns="layer", values="f1")
        .reindex(index=names, columns=layers)
        for name in (SAE, NAMES[COORDINATES])
    )
    order = sae.max(axis=1).sort_values(ascending=False, na_position="last", kind="stable").index
    difference = (sae.fillna(0) - coordinates.fillna(0)).where(sae.notna() | coordinates.notna())
    both = {
        "F1 of the best SAE feature": (sae, "viridis", 0, 1),
        "less that of the best coordinate": (difference, "RdBu_r", -0.4, 0.4),
    }
    size = (WIDTH, 0.25 * len(order) + 1.0)
    figure, axes = plt.subplots(1, 2, figsize=size, layout="constrained", sharey=True)
    for axis, (title, (table, colours, low, high)) in zip(axes, both.items(), strict=True):
        table = table.loc[order]
        image = axis.imshow(table, aspect="auto", cmap=colours, vmin=low, vmax=high)
        for (row, column), value in np.ndenumerate(table.to_numpy()):
            if not np.isnan(value):
                dark = (value - low) / (high - low) < 0.5 if low == 0 else abs(value) > 0.25
                style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7}
                colour = "white" if dark else "black"
                # No minus before zero.
                axis.text(column, row, f"{round(value, 2) + 0.0:.2f}", color=colour, **style)
        axis.set_xticks(range(len(layers)), layers)
        axis.set_yticks(range(len(order)), order)
        axis.set(title=title, xlabel="layer")
        figure.colorbar(image, ax=axis, shrink=0.6)
    _save(figure, path)


def draw_probes(probes: pd.DataFrame, path: Path) -> None:
    """F1 of the probe, best SAE feature and best coordinate, layer by layer, for each type."""
    bare = probes[probes["concept"] == probes["concept_type"]]
    types = bare["concept"].unique()[:N_TYPES]
    size: dict[str, Any] = {"figsize": (WIDTH, 7.2), "sharex": True, "sharey": True}
    figure, axes = plt.subplots(3, 4, layout="constrained", **size)
    lines = {
        "probe": ("probe of the layer", PROBE_COLOUR, "s-"),
        "permuted": ("probe, permuted model", COLOURS[PERMUTED], "^--"),
        "coordinate": ("best coordinate", COLOURS[NAMES[COORDINATES]], "o-"),
        "sae": ("best SAE feature", COLOURS[SAE], "o-"),
    }
    levels = {
        "window": ("probe, BLOSUM62 window", COLOURS[NAMES[PCA]], "-."),
        "onehot": ("probe, one residue", COLOURS[ONEHOT], ":"),
        "always_on": ("always on", "0.75", "-"),
    }
    for axis, name in zip(axes.flat, types, strict=False):
        own = bare[bare["concept"] == name].sort_values("layer")
        for key, (label, colour, style) in levels.items():
            axis.axhline(own[f"{key}_f1"].iloc[0], color=colour, ls=style, lw=1.2, label=label)
        for key, (label, colour, style) in lines.items():
            axis.plot(
                own["layer"], own[f"{key}_f1"], style, ms=3.5, lw=1.2, color=colour, label=label
            )
        axis.set_title(f"{name} ({own['n_clusters'].iloc[0]} clusters)", fontsize=9)
        axis.set_xticks(own["layer"])
    for axis in axes.flat[len(types) :]:
        axis.axis("off")
    axes[0, 0].set_ylim(0, 1)
    figure.supxlabel("layer", fontsize=9)
    figure.supylabel("F1 on test", fontsize=9)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=7.5, loc="outside upper center", ncols=4)
    _save(figure, path)


def draw_kinds(features: pd.DataFrame, path: Path) -> None:
    """Kinds of features, and the types of the concepts that they detect, layer by layer."""
    model = features["model"].map(shown_model)
    label = (model.replace("trained", "") + " " + features["layer"].astype(str)).str.strip()
    label = label.where(model != ONEHOT, ONEHOT)
    order = features.assign(label=label, model=model).drop_duplicates("label")
    order["rank"] = order["model"].map({"trained": 0, "permuted": 1, ONEHOT: 2})
    labels = order.sort_values(["rank", "layer"])["label"]
    type_ = features["concept_type"].where(features["q_value"] <= CALLED_Q, "none at q ≤ 0.05")
    common = type_.value_counts().index[:N_NAMED]
    features = features.assign(label=label, type=type_.where(type_.isin(common), "other"))
    size = (WIDTH, 0.24 * len(labels) + 1.8)
    figure, axes = plt.subplots(1, 2, figsize=size, layout="constrained", sharey=True)
    titles = {"kind": "Kind of feature", "type": "Type of concept"}
    for axis, (column, title) in zip(axes, titles.items(), strict=True):
        shares = features.groupby("label")[column].value_counts(normalize=True).unstack().fillna(0)
        shares = shares.loc[labels, shares.sum().sort_values(ascending=False).index]
        left = np.zeros(len(shares))
        for name, colour in zip(shares, COLOURS_OF_KINDS, strict=False):
            axis.barh(shares.index, shares[name], left=left, color=colour, label=name)
            left += shares[name].to_numpy()
        axis.set(title=title, xlim=(0, 1), xlabel="share of features")
        handles, names = axis.get_legend_handles_labels()
        below: dict[str, Any] = {
            "loc": "upper center",
            "bbox_to_anchor": (0.5, -0.5 / (size[1] - 1.4)),
        }
        axis.legend(handles, names, fontsize=6.5, ncols=5, columnspacing=1.2, **below)
    axes[0].invert_yaxis()
    axes[0].set_ylabel("layer")
    _save(figure, path)


def _save(figure: plt.Figure, path: Path) -> None:
    # No software version in the file, so that equal results give equal bytes.
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
