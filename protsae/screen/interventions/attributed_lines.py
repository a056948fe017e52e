"""What an output comes from, in words, with what checks it beside."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from protsae.one_line import note, one_line
from protsae.screen.wording import fitted, listed

Row = Mapping[Any, Any]

MOST_FEATURES, MOST_RESIDUES = 3, 3

WHAT_IT_SAYS = (
    "integrated gradients of a layer sum to y less y without features and errors; each layer "
    "explains all of y, so layers do not add up",
    "gradient x activation estimates what ablating a feature at one residue does; trust either as "
    "far as its ranks agree with ablations, and ablate what matters to you (protsae intervene)",
)
INCOMPLETE = "256 points were too few for the sum to be complete: take attributions as rough"


def attributed_lines(nodes: pd.DataFrame, checks: pd.DataFrame) -> list[str]:
    """Of each output and layer the sums, the strongest features, where they are, and the checks.

    Parameters
    ----------
    nodes, checks : DataFrame
        The tables ``attributions`` and ``attribution_checks`` of one protein.
    """
    lines = [f"{one_line(str(checks['protein'].iloc[0]))}"]
    keys = ["output", "layer"]
    by_layer = dict(list(nodes.groupby(keys, sort=False)))
    for row in checks.to_dict("records"):
        lines += _layer_lines(row, by_layer[row["output"], row["layer"]])
    return lines


def _layer_lines(row: Row, rows: pd.DataFrame) -> list[str]:
    head = (
        f"{one_line(row['output'])}, layer {row['layer']}: y = {row['value']:.3g}, "
        f"{row['baseline_value']:.3g} without features and errors"
    )
    sums = (
        f"features {row['feature_sum']:+.3g}, errors {row['error_sum']:+.3g}; off by "
        f"{abs(row['completeness_error']):.1g} with {row['n_steps']} points"
    )
    lines = [head, *fitted(sums, "  Sums: ")]
    if not row["is_complete"]:
        lines.append(f"  {INCOMPLETE}")
    place = f"{row['layer']}/{row['variant']}"
    for first, column in _LISTS.items():
        lines += fitted("; ".join(strongest(rows, place, column)) or "none", first)
    if not pd.isna(row["share_at_site"]):
        lines += fitted(_where(row), "  Where: ")
    return [*lines, *fitted(_checked(row), "  Checked: ")]


_LISTS = {
    "  Integrated gradients: ": "attribution",
    "  Gradient x activation: ": "gradient_attribution",
}


def strongest(rows: pd.DataFrame, place: str, column: str) -> list[str]:
    """The features with the largest sums of a column, with their strongest residues.

    Examples
    --------
    >>> rows = pd.DataFrame({"feature": [7.0, 7, 9, None]})
    >>> rows["label"] = ["signal", "signal", None, None]
    >>> rows["feature_attribution"] = [0.5, 0.5, -2.0, None]
    >>> rows["attribution"], rows["residue"] = [0.4, 0.1, -2.0, 3.0], list("MKVL")
    >>> strongest(rows.assign(position=[1, 2, 3, 4]), "6/topk", "attribution")
    ['6/topk/9 -2 (V3 -2)', '6/topk/7, signal, +0.5 (M1 +0.4, K2 +0.1)']
    """
    own = rows.dropna(subset="feature")
    sums = own.drop_duplicates("feature").set_index("feature")[f"feature_{column}"]
    sums = sums[sums != 0]
    order = sums.abs().sort_values(ascending=False, kind="stable").index[:MOST_FEATURES]
    said = []
    for feature in order:
        of_feature = own[(own["feature"] == feature) & (own[column] != 0)]
        size = of_feature[column].abs().sort_values(ascending=False, kind="stable")
        residues = [
            f"{one['residue']}{one['position']} {one[column]:+.2g}"
            for one in of_feature.loc[size.index].to_dict("records")
        ]
        label = of_feature["label"].iloc[0]
        is_known = isinstance(label, str) and label not in ("", "unknown")
        words = f", {one_line(label)}," if is_known else ""
        where = listed(residues[:MOST_RESIDUES], MOST_RESIDUES)
        said.append(f"{place}/{int(feature)}{words} {sums[feature]:+.2g} ({where})")
    return said


def _where(row: Row) -> str:
    shares = {
        "at the residue": row["share_at_site"],
        "within 8 residues": row["share_near"],
        "elsewhere": row["share_elsewhere"],
        "errors": row["share_error"],
    }
    parts = ", ".join(f"{share:.0%} {name}" for name, share in shares.items())
    return f"{parts}; {row['share_kept']:.0%} of all in the {row['n_rows']:,} rows of the table"


def _checked(row: Row) -> str:
    """How ranks agree with ablations, and what simple rules reach."""
    rules = ", ".join(
        f"{name} {_number(row[f'{key}_spearman'])}"
        for name, key in (
            ("integrated gradients", "size"),
            ("gradient x activation", "gradient_size"),
            ("activation", "activation"),
            ("activation x decoder norm", "length"),
            ("nearness", "nearness"),
        )
    )
    return (
        f"rank correlation with ablation of {row['n_sampled']} random nodes: integrated gradients "
        f"{_interval(row, 'spearman')}, gradient x activation {_interval(row, 'gradient_spearman')}"
        f"; by size alone: {rules}; among the top {row['n_top']}: {_number(row['top_spearman'])} "
        f"and {_number(row['top_gradient_spearman'])}"
    )


def _interval(row: Row, name: str) -> str:
    if pd.isna(row[f"{name}_low"]):
        return _number(row[name])
    return f"{_number(row[name])} ({row[f'{name}_low']:.2f} to {row[f'{name}_high']:.2f})"


def _number(value: float) -> str:
    return "undefined" if pd.isna(value) else f"{value:.2f}"


def said_at_end(folder: str) -> list[str]:
    """How to read it, and what was written where.

    Examples
    --------
    >>> said_at_end("attribute")[-1]
    'wrote attribute/: attributions and attribution_checks, as .parquet and .tsv'
    """
    wrote = f"wrote {folder}/: attributions and attribution_checks, as .parquet and .tsv"
    return [*map(note, WHAT_IT_SAYS), wrote]
