"""Which features the page shows first."""

import pandas as pd

from protsae.association.frozen_saes import is_frozen
from protsae.association.joined_baselines import DETECTOR_BASELINES, best_per_concept
from protsae.association.run_tables import is_above
from protsae.association.scoring.metrics import CALLED_Q, always_on_f1
from protsae.concepts.concept import is_defined_by_sequence

LEAST_F1 = 0.1
"""Test F1 below which an annotated concept is given no place of its own."""


def add_margin(features: pd.DataFrame) -> pd.DataFrame:
    """Features that have a concept, with how far each is above its strongest baseline.

    Those of frozen SAEs, which are baselines, are left out.

    margin = f1 - the largest of ``DETECTOR_BASELINES``, rotation_null_f1 and always_on_f1, all on
    test; ``above`` tells whether it `is_above` these and the best rule on the sequence, by its
    verdict. The rule has no part in the margin, or a page would not show what a rule explains.

    Examples
    --------
    >>> row = {"concept": "SIGNAL", "f1": 0.9, "rotation_null_f1": 0.2, "verdict": "above"}
    >>> row |= {"freeze": "none", "defined_by_sequence": 0}
    >>> row |= {name: 0.3 for name in DETECTOR_BASELINES}
    >>> scored = add_margin(pd.DataFrame([{**row, "coordinate_f1": 0.5, "base_rate": 1 / 3}]))
    >>> scored[["always_on_f1", "margin", "above"]].round(6).values.tolist()
    [[0.5, 0.4, True]]
    """
    subjects = features["concept"].notna() & ~is_frozen(features)
    scored = features[subjects].reset_index(drop=True)
    always_on = always_on_f1(scored["base_rate"].to_numpy(dtype=float))
    baselines = scored[[*DETECTOR_BASELINES, "rotation_null_f1"]].assign(always_on_f1=always_on)
    return scored.assign(
        always_on_f1=always_on,
        margin=scored["f1"] - baselines.max(axis=1),
        above=is_above(scored),
    )


def best_features(features: pd.DataFrame, count: int) -> pd.DataFrame:
    """The features of a layer worth looking at first, at most one per concept.

    Of all features that detect a concept, the one with the highest F1 on valid stands for it.
    Up to two thirds of the places go to annotated concepts with a positive margin
    and an F1 of at least ``LEAST_F1``, the others to whatever has the highest margin on test;
    without this the twenty amino acids would fill the page. Those above their baselines come first,
    then those that are called.

    Returns
    -------
    DataFrame
        At most ``count`` rows, concepts from UniProt first, each kind by falling margin: rows of
        the feature table with ``always_on_f1``, ``margin``, ``above``, ``derived`` (the concept
        follows from the sequence alone) and ``n_alike`` (features of the layer with the concept).
    """
    scored = add_margin(features)
    alike = scored["concept"].value_counts()
    best = best_per_concept(scored)
    best = best.assign(called=(best["q_value"].fillna(1) <= CALLED_Q).astype(bool))
    best = best.sort_values(["above", "called", "margin"], ascending=False, kind="stable")
    best = best.assign(
        derived=best["concept_type"].map(is_defined_by_sequence).astype(bool),
        n_alike=best["concept"].map(alike),
    )
    worthy = (best["margin"] > 0) & (best["f1"] >= LEAST_F1)
    annotated = best[~best["derived"] & worthy].head(-(-2 * count // 3))
    others = best.drop(annotated.index).head(count - len(annotated))
    chosen = best.loc[[*annotated.index, *others.index]]
    return chosen.sort_values(
        ["derived", "above", "called", "margin"],
        ascending=[True, False, False, False],
        kind="stable",
        ignore_index=True,
    )


def concept_by_layer(features: pd.DataFrame, count: int) -> list[pd.DataFrame]:
    """For each concept, the feature that stands for it in each layer; best concepts first.

    Returns
    -------
    list of DataFrame
        One per concept, at most ``count``, by the highest margin in any layer: first those
        annotated (at most two thirds of ``count``), then those that follow from the
        sequence; none whose F1 is below ``LEAST_F1`` in every layer.
    """
    best = best_per_concept(add_margin(features), by=["model", "layer"])
    # Copied, as pandas warns of more than a hundred columns that were added one at a time.
    best = best.copy().assign(derived=best["concept_type"].map(is_defined_by_sequence).astype(bool))
    shown = best.groupby("concept")["f1"].transform("max") >= LEAST_F1
    best = best[shown]
    top = best.groupby(["derived", "concept"], sort=False)["margin"].max()
    ordered = top.sort_values(ascending=False, kind="stable").reset_index()
    annotated = ordered.loc[~ordered["derived"], "concept"].head(-(-2 * count // 3))
    derived = ordered.loc[ordered["derived"], "concept"].head(count - len(annotated))
    return [best[best["concept"] == name] for name in (*annotated, *derived)]
