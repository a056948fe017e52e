"""The descriptions of a finished run: how many features have one, by layer, and the best and worst.

Prints the tables of docs/findings.md in Markdown.

    python -m studies.descriptions.measure results
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from protsae.config.reserved_names import ONEHOT, is_permuted
from protsae.descriptions.rule_words import UNKNOWN
from protsae.descriptions.terms import from_json
from protsae.io.table_files.parquet import read_table
from protsae.schema.features.description_table import DESCRIPTIONS
from protsae.schema.features.feature_tables import FEATURES

CONFIDENCE = ("high", "moderate", "low", UNKNOWN)
N_SHOWN = 10


def read_descriptions(results: Path) -> pd.DataFrame:
    """Descriptions of all layers, with ``recurs`` and ``density`` of each feature."""
    paths = sorted(results.glob("annotation/*/*/descriptions.parquet"))
    every = pd.concat([read_table(path, DESCRIPTIONS) for path in paths], ignore_index=True)
    key = ["model", "layer", "variant", "feature"]
    features = read_table(results / "features.parquet", FEATURES)
    return every.merge(features[[*key, "recurs", "density"]], on=key, validate="1:1")


def by_layer(described: pd.DataFrame) -> pd.DataFrame:
    """A row for each SAE: features by confidence, and the medians of scores.

    Unknown features that are active in too few clusters to tell are counted apart.
    """
    rows = []
    for (model, layer, variant), own in described.groupby(["model", "layer", "variant"], sort=True):
        permuted = is_permuted(str(model))
        place = ONEHOT if model == ONEHOT else f"permuted {layer}" if permuted else layer
        counts = own["confidence"].value_counts()
        named = own[own["confidence"] != UNKNOWN]
        rows.append(
            {
                "layer": place,
                "SAE": variant,
                **{name: int(counts.get(name, 0)) for name in CONFIDENCE},
                "of them in too few clusters": int(own["p_value"].isna().sum()),
                "with annotations": int((named["needs"] == "annotations").sum()),
                "AUROC": f"{named['auroc'].median():.2f}",
                "dealt": f"{named['dealt_auroc'].median():.2f}",
                "correlation": f"{named['correlation'].median():.2f}",
            }
        )
    return pd.DataFrame(rows)


def by_recurrence(described: pd.DataFrame) -> pd.DataFrame:
    """How many of the features that could be tested recur, by confidence of their label."""
    known = described[described["recurs"].notna() & ~described["model"].map(is_permuted)]
    known = known[known["model"] != ONEHOT]
    table = known.groupby("confidence")["recurs"].agg(["sum", "size"]).reindex(CONFIDENCE)
    share = table["sum"] / table["size"]
    return pd.DataFrame(
        {
            "confidence": table.index,
            "recur": [f"{a} of {b}" for a, b in zip(table["sum"], table["size"], strict=True)],
            "share": [f"{value:.2f}" for value in share],
        }
    )


def best_and_worst(described: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of the trained model: the labels of more than one term or with annotations, one of each."""
    own = described[(described["confidence"] != UNKNOWN) & (described["model"] != ONEHOT)]
    own = own[~own["model"].map(is_permuted)]
    says_more = own["rule"].map(lambda rule: len(from_json(rule)) > 1)
    own = own[says_more | (own["needs"] == "annotations")]
    ordered = own.sort_values("correlation_low", ascending=False).drop_duplicates("label")
    return _shown(ordered.head(N_SHOWN)), _shown(ordered.tail(N_SHOWN))


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    names = [f"{r.layer}/{r.variant}/{r.feature}" for r in rows.itertuples()]
    return pd.DataFrame(
        {
            "feature": names,
            "label": rows["label"].tolist(),
            "AUROC": [
                f"{r.auroc:.2f} [{r.auroc_low:.2f}, {r.auroc_high:.2f}]" for r in rows.itertuples()
            ],
            "correlation": [
                f"{r.correlation:.2f} [{r.correlation_low:.2f}, {r.correlation_high:.2f}]"
                for r in rows.itertuples()
            ],
            "recall": [f"{value:.2f}" for value in rows["recall"]],
            "precision": [f"{value:.2f}" for value in rows["precision"]],
        }
    )


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown.

    Examples
    --------
    >>> print(markdown(pd.DataFrame({"layer": [1], "high": [7]})))
    | layer | high |
    |---|---|
    | 1 | 7 |
    """

    def line(cells: Iterable[object]) -> str:
        return f"| {' | '.join(map(str, cells))} |"

    rows = [line(row) for row in table.itertuples(index=False, name=None)]
    return "\n".join([line(table.columns), "|" + "---|" * table.shape[1], *rows])


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    described = read_descriptions(parser.parse_args().results)
    for table in (by_layer(described), by_recurrence(described), *best_and_worst(described)):
        print(markdown(table), end="\n\n")


if __name__ == "__main__":
    main()
