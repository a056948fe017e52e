"""Which features the page shows first."""

import pandas as pd

from protsae.association.scores import always_on_f1
from protsae.association.summary import best_per_property, is_above_baselines

FROM_SEQUENCE = ("residue", "class", "position")
"""Types of properties that follow from the sequence alone, not from UniProt."""


def add_margin(features: pd.DataFrame) -> pd.DataFrame:
    """Features that have a property, with how far each is above its strongest baseline.

    margin = f1 - max(neuron_f1, null_f1, always_on_f1), all on test; ``above`` tells whether it
    beats them beyond its interval.

    Examples
    --------
    >>> row = {"property": "SIGNAL", "f1": 0.9, "f1_low": 0.8, "null_f1": 0.2, "neuron_f1": 0.5}
    >>> scored = add_margin(pd.DataFrame([{**row, "base_rate": 1 / 3}]))
    >>> scored[["always_on_f1", "margin", "above"]].round(6).values.tolist()
    [[0.5, 0.4, True]]
    """
    scored = features[features["property"].notna()]
    always_on = always_on_f1(scored["base_rate"].to_numpy(dtype=float))
    baselines = scored[["neuron_f1", "null_f1"]].assign(always_on_f1=always_on)
    return scored.assign(
        always_on_f1=always_on,
        margin=scored["f1"] - baselines.max(axis=1),
        above=is_above_baselines(scored),
    )


def best_features(features: pd.DataFrame, count: int) -> pd.DataFrame:
    """The features of a layer worth looking at first, at most one per property.

    Of all features that detect a property, the one with the highest F1 on valid stands for it;
    these are ranked by ``margin`` on test.

    Returns
    -------
    DataFrame
        At most ``count`` rows: those of the feature table, with ``always_on_f1``, ``margin``,
        ``above`` and ``n_alike``, the number of features of the layer with the same property.
    """
    scored = add_margin(features)
    alike = scored["property"].value_counts()
    best = best_per_property(scored)
    best = best.assign(n_alike=best["property"].map(alike))
    return best.sort_values("margin", ascending=False, kind="stable", ignore_index=True).head(count)


def property_by_layer(features: pd.DataFrame, count: int) -> list[pd.DataFrame]:
    """For each property, the feature that stands for it in each layer; best properties first.

    Returns
    -------
    list of DataFrame
        One per property, at most ``count``: those known from UniProt first, then by the highest
        margin in any layer. Only properties with a positive margin somewhere.
    """
    best = best_per_property(add_margin(features), by=["model", "layer"])
    top = best.groupby("property", sort=False)["margin"].transform("max")
    best = best.assign(top=top, derived=best["property_type"].isin(FROM_SEQUENCE))
    best = best[best["top"] > 0].sort_values(
        ["derived", "top", "property"], ascending=[True, False, True], kind="stable"
    )
    chosen = best["property"].drop_duplicates().head(count)
    return [best[best["property"] == name] for name in chosen]
