"""What the features of a run detect, beside every baseline: figures and tables of docs/findings.md.

Of every set of detectors (SAE features, neurons, principal components, a random dictionary, the
same on one-hot sequences and on the model with shuffled weights) and every property, the detector
with the highest F1 on valid is taken, and its F1 on test shown with its 95 % interval over homology
clusters. The SAE is "above" where the lower end of its interval exceeds all the others, "below"
where its F1 lies under the lower end of one of theirs.

    python benchmarks/findings.py results docs/findings
"""

import argparse
import sys
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from protsae.models import DETECTORS, NEURONS, ONEHOT, PCA, RANDOM, is_random

WIDTH = 9.6
SAE, SHUFFLED = "SAE", "shuffled weights"
NAMES = {NEURONS: "neurons", PCA: "principal components", RANDOM: "random dictionary"}
UNSUPERVISED = (*NAMES.values(), ONEHOT, SHUFFLED)
SUPERVISED = ("BLOSUM62 window", "homologue's annotation", "probe of the layer")
COLOURS = {
    SAE: "#c03d3e",
    NAMES[NEURONS]: "#3a6ea5",
    NAMES[PCA]: "#3c8f6d",
    NAMES[RANDOM]: "#8a8a8a",
    ONEHOT: "#b8860b",
    SHUFFLED: "#7b5aa6",
}
MARKERS = dict(zip(UNSUPERVISED, "osDv^", strict=True))
N_SHOWN = 26
"""Properties of UniProt in the figure: those with most homology clusters."""


def main() -> None:
    """Read a finished run, write figures and tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--variant", default="topk", help="the SAE of the run that is shown")
    args = parser.parse_args()
    if not (args.results / "associations.parquet").is_file():
        sys.exit(f"{args.results}: no finished run; expected associations.parquet")
    args.output.mkdir(parents=True, exist_ok=True)
    best = best_detectors(args.results, args.variant)
    tables = {"verdicts": compare(best), "recovery": recovered(args.results, args.variant)}
    for name, table in tables.items():
        path = args.output / f"{name}.tsv"
        table.to_csv(path, sep="\t", index=False, float_format="%.4g")
    draw_captured(args.results, args.variant, args.output / "captured.png")
    draw_properties(best, args.output / "properties.png")
    draw_layers(best, args.output / "layers.png")
    draw_kinds(args.results, args.variant, args.output / "kinds.png")
    print("\n".join(markdown(args.output)))


def markdown(folder: Path) -> list[str]:
    """The tables of docs/findings.md, from those that were written."""
    verdicts = pd.read_csv(folder / "verdicts.tsv", sep="\t")
    recovery = pd.read_csv(folder / "recovery.tsv", sep="\t")
    return [by_layer(verdicts), by_type(verdicts), above(verdicts), recovery_table(recovery)]


def best_detectors(results: Path, variant: str) -> pd.DataFrame:
    """One row for each property, layer and set of detectors: the best on valid, scored on test.

    Sets of other models than the trained one (one-hot, shuffled weights) and those from the
    sequence alone have layer -1: one row for all layers, of whatever layer and kind is best.
    """
    pairs = pd.read_parquet(results / "associations.parquet")
    pairs = pairs[pairs["variant"].isin([variant, *DETECTORS])]
    other = (pairs["model"] == ONEHOT) | pairs["model"].map(is_random)
    shuffled = pairs["model"].map(is_random)
    trained = pairs[~other].assign(set=lambda rows: rows["variant"].map(NAMES).fillna(SAE))
    rest = pairs[other].assign(set=np.where(shuffled[other], SHUFFLED, ONEHOT), layer=-1)
    model = trained["model"].iloc[0]
    supervised = []
    for path in sorted((results / "probes" / model).glob("layer-*/probes.parquet")):
        supervised.append(pd.read_parquet(path).assign(set=SUPERVISED[2]))
    lookup = pd.read_parquet(results / "lookup.parquet").assign(layer=-1)
    lookup["set"] = lookup["method"].map(
        {"blosum_window": SUPERVISED[0], "homology": SUPERVISED[1]}
    )
    every = pd.concat([trained, rest, *supervised, lookup], ignore_index=True)
    every = every.sort_values("valid_f1", ascending=False, kind="stable")
    best = every.drop_duplicates(["property", "layer", "set"])
    columns = ["property", "property_type", "layer", "set", "feature", "valid_f1", "f1", "f1_low"]
    columns += ["f1_high", "auroc", "q_value", "n_clusters"]
    best = best[columns].astype({"feature": "Int64"})
    return best.sort_values(["property_type", "property", "layer", "set"], ignore_index=True)


def compare(best: pd.DataFrame) -> pd.DataFrame:
    """One row for each property and layer, and one (layer -1) over all: above, below or neither."""
    rows = []
    layers = sorted(set(best["layer"]) - {-1})
    for (name, kind), of_property in best.groupby(["property", "property_type"]):
        for layer in [-1, *layers]:
            # Over all layers, each set shows the layer that is best on valid.
            there = of_property[of_property["layer"].isin(layers if layer == -1 else [layer])]
            shown = pd.concat([there, of_property[of_property["layer"] == -1]])
            shown = shown.sort_values("valid_f1", ascending=False).drop_duplicates("set")
            shown = shown.set_index("set")
            sae = shown.loc[SAE] if SAE in shown.index else None
            others = shown[shown.index.isin(UNSUPERVISED)]
            with_labels = shown[shown.index.isin(SUPERVISED)]
            rows.append(
                {
                    "property": name,
                    "property_type": kind,
                    "layer": layer,
                    "n_clusters": of_property["n_clusters"].max(),
                    "feature": pd.NA if sae is None else sae["feature"],
                    "verdict": verdict(sae, others),
                    "against_supervised": verdict(sae, with_labels),
                    **strongest("sae", shown[shown.index == SAE]),
                    **strongest("other", others),
                    **strongest("supervised", with_labels),
                }
            )
    return pd.DataFrame(rows)


def strongest(name: str, rows: pd.DataFrame) -> dict[str, object]:
    """Which has the highest F1, it and its interval; empty where there is none."""
    columns = {"set": f"best_{name}", "f1": f"{name}_f1"}
    columns |= {f"f1_{end}": f"{name}_f1_{end}" for end in ("low", "high")}
    if rows.empty:
        return dict.fromkeys(columns.values())
    best = rows.loc[rows["f1"].idxmax()]
    return {new: best.name if old == "set" else best[old] for old, new in columns.items()}


def with_interval(row: pd.Series, name: str) -> str:
    """F1 [low, high] of what ``strongest`` found."""
    if pd.isna(row[f"{name}_f1"]):
        return "none"
    low, high = row[f"{name}_f1_low"], row[f"{name}_f1_high"]
    return f"{row[f'{name}_f1']:.2f} [{low:.2f}, {high:.2f}]"


def verdict(sae: pd.Series | None, others: pd.DataFrame) -> str:
    """As the module says; "none" where no feature was worth testing."""
    if sae is None:
        return "none"
    if sae["q_value"] <= 0.05 and (sae["f1_low"] > others["f1"]).all():
        return "above"
    return "below" if (sae["f1"] < others["f1_low"]).any() else "neither"


def recovered(results: Path, variant: str) -> pd.DataFrame:
    """Of annotations hidden on purpose, how many come back among as many first candidates."""
    files = sorted(results.glob("annotation/*/layer-*/recovery.parquet"))
    rows = pd.concat([pd.read_parquet(path) for path in files])
    counts = ["n_hidden", "n_found", "n_found_first", "n_candidates"]
    return (
        rows[rows["variant"] == variant].groupby(["model", "layer"], as_index=False)[counts].sum()
    )


def recovery_table(recovery: pd.DataFrame) -> str:
    """A row for each layer."""
    header = ["model", "layer", "hidden", "found", "found first", "candidates"]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in recovery.itertuples(index=False)]
    return "\n".join(lines) + "\n"


def above(verdicts: pd.DataFrame) -> str:
    """Properties that an SAE feature finds above every unsupervised detector, over all layers."""
    rows = verdicts[(verdicts["layer"] == -1) & (verdicts["verdict"] == "above")]
    header = ["property", "clusters", "SAE feature", "best other", "its F1", "best supervised"]
    lines = ["| " + " | ".join([*header, "its F1"]) + " |", "|---" * (len(header) + 1) + "|"]
    for _, row in rows.sort_values("sae_f1", ascending=False).iterrows():
        cells = [row["property"], f"{row['n_clusters']:.0f}", with_interval(row, "sae")]
        for name in ("other", "supervised"):
            strongest_one = row[f"best_{name}"]
            cells += [strongest_one if pd.notna(strongest_one) else "", with_interval(row, name)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def by_layer(verdicts: pd.DataFrame) -> str:
    """Numbers of properties, a row for each layer."""
    return _counts(verdicts, "layer")


def by_type(verdicts: pd.DataFrame) -> str:
    """Numbers of properties over all layers, a row for each type."""
    return _counts(verdicts[verdicts["layer"] == -1], "property_type")


def _counts(verdicts: pd.DataFrame, key: str) -> str:
    kinds = ["above", "neither", "below", "none"]
    counts = verdicts.groupby(key)["verdict"].value_counts().unstack(fill_value=0)
    header = [key, "above", "neither", "below", "no feature", "above the supervised, too"]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for name, row in counts.reindex(columns=kinds, fill_value=0).iterrows():
        both = verdicts[(verdicts[key] == name) & (verdicts["verdict"] == "above")]
        n_both = int((both["against_supervised"] == "above").sum())
        cells = [*(int(row[kind]) for kind in kinds), n_both]
        name = "best of all" if name == -1 else name
        lines.append(f"| {name} | " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def draw_captured(results: Path, variant: str, path: Path) -> None:
    """Properties captured by each set of detectors, layer by layer."""
    detectors = pd.read_csv(results / "detectors.tsv", sep="\t")
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 4.2), layout="constrained")
    shuffled = detectors["model"].map(is_random)
    onehot = detectors["model"] == ONEHOT
    sets = {SAE: variant, **{name: key for key, name in NAMES.items()}}
    for place, (name, key) in enumerate(sets.items()):
        mine = detectors["variant"] == key
        line = detectors[mine & ~shuffled & ~onehot].sort_values("layer")
        _line(axes[0], line, name, place)
        axes[1].plot(
            line["layer"], line["properties_per_detector"], marker="o", ms=4, color=COLOURS[name]
        )
        of_shuffled = detectors[mine & shuffled].sort_values("layer")
        _line(axes[0], of_shuffled, None, place, COLOURS[name], hollow=True)
    best = detectors.loc[onehot & (detectors["variant"] != "relu"), "properties_captured"].max()
    axes[0].axhline(best, color=COLOURS[ONEHOT], ls=":", lw=1.2, label="best on one-hot")
    axes[0].plot([], [], "o:", mfc="none", color="0.5", label="hollow: shuffled weights")
    for axis in axes:
        axis.set_xticks(sorted(detectors.loc[~onehot, "layer"].unique()))
    axes[0].set(title="Properties captured", xlabel="layer", ylim=(0, None))
    axes[1].set(title="Properties per significant detector", xlabel="layer", ylim=(0, None))
    figure.legend(fontsize=7, loc="outside lower center", ncols=6)
    _save(figure, path)


def _line(
    axis: Axes,
    rows: pd.DataFrame,
    name: str | None,
    place: int,
    colour: str | None = None,
    hollow: bool = False,
) -> None:
    value = rows["properties_captured"]
    error = [value - rows["properties_captured_low"], rows["properties_captured_high"] - value]
    axis.errorbar(
        rows["layer"] + 0.08 * (place - 1.5),
        value,
        np.clip(error, 0, None),
        marker="o",
        ms=4,
        lw=1.2,
        ls=":" if hollow else "-",
        mfc="none" if hollow else None,
        color=colour or COLOURS[str(name)],
        label=name,
    )


def draw_properties(best: pd.DataFrame, path: Path) -> None:
    """F1 of the best detector of every set over all layers, for UniProt's commonest properties."""
    rows = best.sort_values("valid_f1", ascending=False).drop_duplicates(["property", "set"])
    uniprot = rows[rows["property_type"].str.isupper()]
    known = uniprot[uniprot["set"] == SAE].nlargest(N_SHOWN, "n_clusters")
    order = known.sort_values("f1")["property"].tolist()
    figure, axis = plt.subplots(figsize=(WIDTH, 0.32 * len(order) + 1.2), layout="constrained")
    height = {name: place for place, name in enumerate(order)}
    for name in (*UNSUPERVISED, SAE):
        shown = rows[(rows["set"] == name) & rows["property"].isin(order)]
        y = shown["property"].map(height)
        if name == SAE:
            error = [shown["f1"] - shown["f1_low"], shown["f1_high"] - shown["f1"]]
            axis.errorbar(
                *(shown["f1"], y, None, np.clip(error, 0, None)),
                **{"fmt": "o", "ms": 6, "color": COLOURS[SAE], "label": "SAE feature, 95 %"},
            )
        else:
            axis.plot(
                *(shown["f1"], y, MARKERS[name]),
                **{"ms": 5, "mfc": "none", "color": COLOURS[name], "label": name},
            )
    for name, mark in zip(SUPERVISED, "|x+", strict=True):
        shown = rows[(rows["set"] == name) & rows["property"].isin(order)]
        axis.plot(shown["f1"], shown["property"].map(height), mark, ms=8, color="0.1", label=name)
    clusters = known.set_index("property")["n_clusters"]
    axis.set_yticks(range(len(order)), [f"{name} ({clusters[name]:.0f})" for name in order])
    axis.set(xlabel="F1 on test (in brackets: homology clusters with the property)", xlim=(0, 1))
    axis.grid(axis="y", lw=0.4, color="0.9")
    axis.legend(fontsize=7, loc="lower right")
    _save(figure, path)


def draw_layers(best: pd.DataFrame, path: Path) -> None:
    """F1 of the best SAE feature of each layer, and how far it is from the layer's best neuron."""
    uniprot = best[best["property_type"].str.isupper() & (best["layer"] >= 0)]
    clusters = uniprot[uniprot["set"] == SAE].groupby("property")["n_clusters"].max()
    order = clusters.nlargest(N_SHOWN).index
    tables = {
        name: uniprot[uniprot["set"] == name].pivot(index="property", columns="layer", values="f1")
        for name in (SAE, NAMES[NEURONS])
    }
    sae = tables[SAE].reindex(order)
    order = sae.max(axis=1).sort_values(ascending=False).index
    sae = sae.loc[order]
    neurons = tables[NAMES[NEURONS]].reindex(index=order, columns=sae.columns)
    both = {
        "F1 of the best SAE feature": (sae, "viridis", 0, 1),
        "less that of the best neuron": (sae - neurons.fillna(0), "RdBu_r", -0.4, 0.4),
    }
    size = (WIDTH, 0.27 * len(order) + 1.0)
    figure, axes = plt.subplots(1, 2, figsize=size, layout="constrained", sharey=True)
    for axis, (title, (table, colours, low, high)) in zip(axes, both.items(), strict=True):
        image = axis.imshow(table, aspect="auto", cmap=colours, vmin=low, vmax=high)
        for (row, column), value in np.ndenumerate(table.to_numpy()):
            if not np.isnan(value):
                dark = (value - low) / (high - low) < 0.5 if low == 0 else abs(value) > 0.25
                axis.text(
                    *(column, row, f"{value:.2f}"),
                    **{"ha": "center", "va": "center", "fontsize": 7},
                    color="white" if dark else "black",
                )
        axis.set_xticks(range(len(table.columns)), table.columns)
        axis.set_yticks(range(len(order)), order)
        axis.set(title=title, xlabel="layer")
        figure.colorbar(image, ax=axis, shrink=0.6)
    _save(figure, path)


def draw_kinds(results: Path, variant: str, path: Path) -> None:
    """Kinds of features, and the types of the properties that they detect, layer by layer."""
    features = pd.read_parquet(results / "features.parquet")
    features = features[features["variant"] == variant]
    names = features["model"].where(~features["model"].map(is_random), "shuffled")
    names = names.where((names == "shuffled") | (names == ONEHOT), "")
    features = features.assign(label=(names + " " + features["layer"].astype(str)).str.strip())
    type_ = features["property_type"].where(features["q_value"] <= 0.05, "none at q ≤ 0.05")
    common = type_.value_counts().index[:9]
    features = features.assign(type=type_.where(type_.isin(common), "other"))
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.8), layout="constrained")
    for axis, column, title in zip(
        axes, ("kind", "type"), ("Kind of feature", "Type of property"), strict=True
    ):
        shares = features.groupby("label")[column].value_counts(normalize=True).unstack().fillna(0)
        shares = shares[shares.sum().sort_values(ascending=False).index]
        left = np.zeros(len(shares))
        for name, colour in zip(shares, plt.get_cmap("tab20").colors, strict=False):
            axis.barh(shares.index, shares[name], left=left, color=colour, label=name)
            left += shares[name].to_numpy()
        axis.invert_yaxis()
        axis.set(title=title, xlim=(0, 1), xlabel="share of features", ylabel="layer")
        axis.legend(fontsize=6.5, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=4)
    _save(figure, path)


def _save(figure: plt.Figure, path: Path) -> None:
    # No software version in the file, so that equal results give equal bytes.
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
