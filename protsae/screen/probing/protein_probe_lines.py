"""How well labels of proteins are told, and from what, in words and a small table."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from protsae.one_line import note, one_line
from protsae.screen.wording import count, fitted, listed

WHAT_IT_SAYS = (
    "proteins are scored by probes that have seen none of their homology cluster, neither for "
    "weights nor for penalties and thresholds",
    "an interval is of one comparison, over homology clusters: of many labels and inputs, one in "
    "20 would miss by chance",
    "that features tell a label does not say that the model uses them, nor that they cause it",
)
MOST_RANKED = 5
MAIN = {"number": "spearman"}
"""The metric that is compared in words, by kind of label; AUROC of all others."""

NAMES = {
    "auroc": "AUROC",
    "average_precision": "AP",
    "f1": "F1",
    "spearman": "Spearman's rho",
    "r2": "R2",
}


def label_lines(
    name: str,
    scores: pd.DataFrame,
    ranked: pd.DataFrame,
    left_out: Mapping[str, int],
    n_with_homologue: int,
) -> list[str]:
    """What is known of one label.

    Parameters
    ----------
    name : str
    scores, ranked : DataFrame
        Its rows of the tables ``protein_probes`` and ``protein_probe_features``.
    left_out : mapping of str to int
        Classes that are left out, and their homology clusters.
    n_with_homologue : int
        Proteins with a homologue in another fold.
    """
    first = scores.iloc[0]
    size = (
        f"{first['kind']}; {count(first['n_proteins'], 'protein')} in "
        f"{count(first['n_clusters'], 'homology cluster')}, {first['n_unknown']:,} unknown; "
        f"{n_with_homologue:,} with a homologue in another fold"
    )
    lines = fitted(size, f"{one_line(name)}: ")
    if left_out:
        texts = [f"{one_line(each)} ({n:,})" for each, n in left_out.items()]
        lines += fitted(listed(texts, 8), "  classes in too few homology clusters: ")
    lines += [f"  {line}" for line in score_lines(scores)]
    metric = MAIN.get(str(first["kind"]), "auroc")
    lines += fitted(verdict(scores, metric), f"  {NAMES[metric]} of features: ")
    return lines + [line for row in ranked_lines(ranked) for line in row]


def score_lines(scores: pd.DataFrame) -> list[str]:
    """Inputs and their scores, as columns of text; the last of proteins without a homologue."""
    metrics = scores["metric"].drop_duplicates().tolist()
    n_lone = f"{NAMES[metrics[0]]} of {scores['n_lone'].iloc[0]:,} without"
    rows = [("inputs", *(NAMES[metric] for metric in metrics), n_lone)]
    for inputs, own in scores.groupby("inputs", sort=False):
        by_metric = own.set_index("metric").to_dict("index")
        cells = [_value(by_metric[metric]) for metric in metrics]
        rows.append((str(inputs), *cells, _value(by_metric[metrics[0]], "lone_")))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def verdict(scores: pd.DataFrame, metric: str) -> str:
    """What features are ahead of, behind, and not told apart from, by a metric.

    Examples
    --------
    >>> rows = [("features", None, None, None), ("embeddings", 0.1, 0.02, 0.2)]
    >>> rows += [("composition", 0.1, -0.02, 0.2)]
    >>> columns = ["inputs", "ahead", "ahead_low", "ahead_high"]
    >>> verdict(pd.DataFrame(rows, columns=columns).assign(metric="auroc"), "auroc")
    'ahead of embeddings by 0.10 [0.02, 0.20]; not told apart from composition'
    """
    own = scores[(scores["metric"] == metric) & scores["ahead_low"].notna()]
    if own.empty:
        return "too few homology clusters to compare them with anything"
    ahead, behind, level = [], [], []
    for row in own.to_dict("records"):
        low, high = row["ahead_low"], row["ahead_high"]
        amount = f"{abs(row['ahead']):.2f} [{min(abs(low), abs(high)):.2f}, "
        amount = f"{row['inputs']} by {amount}{max(abs(low), abs(high)):.2f}]"
        if low > 0:
            ahead.append(amount)
        elif high < 0:
            behind.append(amount)
        else:
            level.append(row["inputs"])
    sides = (("ahead of", ahead), ("behind", behind), ("not told apart from", level))
    return "; ".join(f"{word} {', '.join(names)}" for word, names in sides if names)


def ranked_lines(ranked: pd.DataFrame) -> list[list[str]]:
    """The features with the largest weights, a line each; of several classes the first."""
    found = []
    for row in ranked[ranked["rank"] <= MOST_RANKED].to_dict("records"):
        names = [row[name] for name in ("feature_label", "concept") if not pd.isna(row[name])]
        named = (*names, "unknown")[0]
        of_class = "" if pd.isna(row["class_name"]) else f"{row['class_name']}: "
        text = (
            f"{of_class}feature {row['feature']} ({row['pool']}) {row['coefficient']:+.2f}, "
            f"alone {row['score']:.2f}, in {count(row['n_folds_agree'], 'fold')}: {named}"
        )
        found.append(fitted(one_line(text), f"  {row['rank']}. ", 1))
    return found


def end_lines(folder: str, notes: Sequence[str]) -> list[str]:
    """What was left out, how to read it, and what was written where."""
    files = "protein_probes, protein_probe_features and protein_predictions, as .parquet and .tsv"
    return [*map(note, (*notes, *WHAT_IT_SAYS)), f"wrote {folder}/: {files}"]


def _value(row: Mapping[Any, Any], of: str = "") -> str:
    """A score with its interval, of all proteins or of those without a homologue."""
    value, low, high = (row[f"{of}{name}"] for name in ("value", "low", "high"))
    if pd.isna(value):
        return "-"
    return f"{value:.2f}" + ("" if pd.isna(low) else f" [{low:.2f}, {high:.2f}]")
