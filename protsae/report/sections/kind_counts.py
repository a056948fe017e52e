"""Kinds of features, SAE by SAE: how many mark a point, a motif, a domain, an end of the chain."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes

from protsae.features.pattern_kinds import KINDS
from protsae.report.figures.svg import GREY, PAGE, RULE, SERIES, SHADES, svg
from protsae.report.layer_names import layer_names, tick_labels

# One hue for segments, darker as they get longer; the kinds that are no segment stand apart.
_COLOURS = dict(zip(("point", "short motif", "medium motif", "domain"), SHADES, strict=True))
_COLOURS |= {"dead": RULE, "rare": GREY, "whole protein": SERIES[3], "periodic": SERIES[2]}
_COLOURS |= {"N-terminal": SERIES[1], "C-terminal": SERIES[4]}
_FROM_BELOW = (
    *("point", "short motif", "medium motif", "domain"),
    *("whole protein", "periodic", "N-terminal", "C-terminal", "rare", "dead"),
)
_COLUMNS = 3
"""Panels beside each other, one for each variant."""


def kind_counts(features: pd.DataFrame) -> pd.DataFrame:
    """Features of each kind.

    Returns
    -------
    DataFrame
        Index model, layer, variant, in the order of ``features``; columns ``KINDS``.

    Examples
    --------
    >>> rows = [("esm2", 1, "topk", kind) for kind in ("point", "domain", "point")]
    >>> features = pd.DataFrame(rows, columns=["model", "layer", "variant", "kind"])
    >>> kind_counts(features)[["point", "domain", "dead"]].iloc[0].tolist()
    [2, 1, 0]
    """
    sae = ["model", "layer", "variant"]
    counts = features.groupby([*sae, "kind"]).size().unstack(fill_value=0)
    in_order = pd.MultiIndex.from_frame(features[sae].drop_duplicates())
    return counts.reindex(index=in_order, columns=list(KINDS), fill_value=0)


def kind_section(features: pd.DataFrame) -> dict[str, Any]:
    """The figure; the kinds that occur; and for each SAE ``place``, variant and its counts."""
    counts = kind_counts(features)
    places = layer_names([(model, layer) for model, layer, _ in counts.index])
    found = [kind for kind in KINDS if counts[kind].any()]
    return {
        "figure": _figure(counts, found),
        "kinds": found,
        "rows": [
            {"place": place, "variant": variant, "counts": [int(n) for n in row]}
            for place, (_, _, variant), row in zip(
                places, counts.index, counts[found].to_numpy(), strict=True
            )
        ],
    }


def _figure(counts: pd.DataFrame, found: Sequence[str]) -> Markup:
    """Shares of kinds, a stacked bar for each layer and a panel for each variant."""
    variants = list(dict.fromkeys(counts.index.get_level_values("variant")))
    shares = counts.div(counts.sum(axis=1), axis=0)
    labels = tick_labels([(model, layer) for model, layer, _ in counts.index])
    ticks = list(dict.fromkeys(labels))
    at = pd.Series([ticks.index(label) for label in labels], index=counts.index)
    columns = min(_COLUMNS, len(variants))
    n_rows = -(-len(variants) // columns)

    def draw(axes: Sequence[Axes]) -> None:
        for axis, variant in zip(axes, variants, strict=False):
            mine = shares.xs(variant, level="variant")
            place = at.xs(variant, level="variant").to_numpy()
            below = mine[found[0]].to_numpy() * 0
            for kind in (kind for kind in _FROM_BELOW if kind in found):
                height = mine[kind].to_numpy()
                bars = axis.bar(place, height, bottom=below, width=0.82, label=kind)
                for bar in bars:
                    bar.set(facecolor=_COLOURS[kind], edgecolor=PAGE, linewidth=0.5)
                below = below + height
            axis.set_title(variant)
            axis.set_xticks(range(len(ticks)), ticks, rotation=90 if len(ticks) > 12 else 0)
            axis.set_ylim(0, 1)
            axis.grid(visible=False, axis="x")
            axis.set_xlabel("layer")
        for axis in axes[len(variants) :]:
            axis.set_visible(False)
        axes[0].set_ylabel("share of features")
        handles, names = axes[0].get_legend_handles_labels()
        axes[0].figure.legend(handles[::-1], names[::-1], loc="outside right upper", fontsize=8)

    inches = (1.8 + 4.2 * min(2, columns), 2.9 * n_rows)
    return svg("kinds", "Kinds of features in each layer", inches, (n_rows, columns), draw)
