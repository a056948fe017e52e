"""The tables of all layers from those of each: one order of rows, baselines, and counts per SAE."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from protsae.association.joined_baselines import OF_REFERENCES
from protsae.association.pairs.scored_pairs import Examined
from protsae.association.pairs.selection import best_rows
from protsae.association.scoring.metrics import CALLED_Q, always_on_f1, reaches
from protsae.association.verdicts import ABOVE
from protsae.concepts.concept import are_defined_by_sequence
from protsae.config.reserved_names import (
    ONEHOT,
)
from protsae.statistics.cluster_intervals import interval
from protsae.statistics.multiple_testing import least_true

_SAE = ["model", "layer", "variant"]


def concatenate(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows of all parts: model onehot first, then by model, layer, variant and feature.

    Associations of one feature follow by falling ``valid_f1``, then by concept.

    Examples
    --------
    >>> row = {"layer": 1, "variant": "topk", "feature": 0}
    >>> parts = [pd.DataFrame([{"model": m, **row}]) for m in ("esm2", "onehot")]
    >>> concatenate(parts)["model"].tolist()
    ['onehot', 'esm2']
    """
    rows = pd.concat(parts, ignore_index=True)
    keys = {name: rows[name] for name in (*_SAE, "feature") if name in rows}
    order = pd.DataFrame({"baseline_first": rows["model"] != ONEHOT, **keys})
    if "valid_f1" in rows:
        order["falling"] = -rows["valid_f1"]
        order["concept"] = rows["concept"]
    sorted_rows = order.sort_values([str(name) for name in order], kind="stable").index
    return rows.loc[sorted_rows].reset_index(drop=True)


def detector_rows(examined: Examined) -> pd.DataFrame:
    """One row on a set of detectors: how many find something, and how many concepts are found.

    A concept is captured if the detector with the highest F1 on valid `reaches` it on test: chosen
    and scored on different proteins, so the best of many is not flattered. Significant ones do not
    count where the sequence defines the concept. Columns as in docs/tables.md.
    """
    pairs = examined.pairs
    undefined = pairs[~are_defined_by_sequence(pairs["concept_type"])]
    significant = undefined[undefined["q_value"] <= CALLED_Q]
    best = pairs.iloc[_best(pairs, "concept")]
    captures = pairs[is_captured(pairs["f1"], pairs["base_rate"])]
    capturing = [float(end) for end in interval(examined.capturing.astype(float))]
    captured = [float(end) for end in interval(examined.captured.astype(float))]
    return pd.DataFrame(
        {
            "n_detectors": examined.n_detectors,
            "n_significant": significant["feature"].nunique(),
            "n_significant_low": least_significant(undefined, "feature"),
            "n_capturing": captures["feature"].nunique(),
            "n_capturing_low": capturing[0],
            "n_capturing_high": capturing[1],
            "concepts_significant": significant["concept"].nunique(),
            "concepts_significant_low": least_significant(undefined, "concept"),
            "concepts_captured": int(is_captured(best["f1"], best["base_rate"]).sum()),
            "concepts_captured_low": captured[0],
            "concepts_captured_high": captured[1],
            "concepts_per_detector": len(significant) / max(1, significant["feature"].nunique()),
        },
        index=[0],
    )


def least_significant(pairs: pd.DataFrame, by: str) -> int:
    """Of the detectors (or concepts) with a pair called, how many have a true one at least.

    With 95 % confidence, `least_true` over the Simes p-values of all detectors (concepts), each
    the least n p_(k) / k of the n pairs it is in, and which were called by ``q_value``.

    Parameters
    ----------
    pairs : DataFrame
        With the column ``by``, p_value and q_value: all pairs that were tested.

    Examples
    --------
    >>> pairs = pd.DataFrame({"feature": [3, 3, 5, 8], "p_value": [0.9, 1e-4, 0.011, 0.9]})
    >>> least_significant(pairs.assign(q_value=[0.9, 4e-4, 0.022, 0.9]), "feature")
    2
    """
    pairs = pairs[pairs["p_value"].notna()]
    own = pairs.groupby(by)["p_value"]
    of_pairs = pairs["p_value"] * own.transform("size") / own.rank(method="first")
    simes = of_pairs.groupby(pairs[by]).min()
    called = simes.index.isin(pairs.loc[pairs["q_value"] <= CALLED_Q, by])
    return least_true(simes.to_numpy(), called)


def is_captured(f1: pd.Series, base_rate: pd.Series) -> pd.Series:
    """Whether F1 `reaches` what counts as captured.

    Examples
    --------
    >>> is_captured(pd.Series([0.6, 0.6, 0.4]), pd.Series([0.1, 0.5, 0.1])).tolist()
    [True, False, False]
    """
    floor = always_on_f1(base_rate.to_numpy(dtype=float, na_value=np.nan))
    found = reaches(f1.to_numpy(dtype=float, na_value=np.nan), floor)
    return pd.Series(found, index=f1.index)


def is_above(features: pd.DataFrame) -> pd.Series:
    """Whether a feature is above all its baselines at a concept the sequence does not define.

    Its ``verdict`` (`protsae.association.verdicts`) says the first; the second leaves out concepts
    that a rule on the sequence gives exactly, which are no findings.
    """
    defined = features["defined_by_sequence"].eq(1).fillna(False).astype(bool)
    return features["verdict"].eq(ABOVE).fillna(False).astype(bool) & ~defined


def rests_on_relatives(row: pd.Series) -> bool:
    """Whether a feature's F1 in the clusters without a relative in train is below its interval.

    False where there is no such cluster, or no interval.

    Examples
    --------
    >>> rests_on_relatives(pd.Series({"f1_without_relatives": 0.05, "f1_low": 0.25}))
    True
    """
    return bool(row["f1_without_relatives"] < row["f1_low"])


def is_above_references(features: pd.DataFrame) -> pd.Series:
    """Whether it `is_above`, and its ``f1_low`` also exceeds all references, one at least.

    A reference that the concept does not have is neither exceeded nor in the way.
    """
    counts = reference_counts(features)
    all_below = counts["n_references_below"].eq(counts["n_references"]).fillna(False)
    return is_above(features) & all_below.astype(bool) & counts["n_references"].gt(0)


def reference_counts(features: pd.DataFrame) -> pd.DataFrame:
    """How many of ``OF_REFERENCES`` each feature's concept has, and how many are below ``f1_low``.

    Returns
    -------
    DataFrame
        n_references, and n_references_below, which is empty where ``f1_low`` is.

    Examples
    --------
    >>> rows = pd.DataFrame({"f1_low": [0.5, 0.5, 0.5, np.nan], "window_f1": [0.4, 0.5, np.nan, 0]})
    >>> reference_counts(rows.assign(homology_f1=[0.3, np.nan, np.nan, 0])).values.tolist()
    [[2, 2], [1, 0], [0, 0], [2, <NA>]]
    """
    f1 = features[list(OF_REFERENCES)].astype("float64")
    low = features["f1_low"].astype("float64")
    counts = pd.DataFrame(
        {
            "n_references": f1.notna().sum(axis=1),
            "n_references_below": f1.lt(low, axis=0).sum(axis=1),
        }
    ).astype("Int64")
    counts["n_references_below"] = counts["n_references_below"].where(low.notna())
    return counts


def summarise(evaluations: Sequence[dict[str, Any]], features: pd.DataFrame) -> pd.DataFrame:
    """One row per evaluation: its numbers, and how many features capture or find a concept.

    Features of concepts that the sequence defines are never counted as above their baselines;
    how many are significant for one is counted apart.

    Parameters
    ----------
    evaluations : sequence of dict
        With model, layer and variant.
    features : DataFrame
        As in docs/tables.md.
    """
    rows = []
    for evaluation in evaluations:
        own = features[(features[_SAE] == [evaluation[key] for key in _SAE]).all(axis=1)]
        called = (own["q_value"] <= CALLED_Q).fillna(False)
        counts = {
            "features_with_concept": int(is_captured(own["f1"], own["base_rate"]).sum()),
            "features_significant": int(called.sum()),
            "features_above_baselines": int(is_above(own).sum()),
            "features_above_references": int(is_above_references(own).sum()),
            "features_defined_by_sequence": int((called & own["defined_by_sequence"].eq(1)).sum()),
            **_recurring(own),
            **_described(own),
        }
        rows.append(pd.DataFrame([{**evaluation, **counts}]))
    return concatenate(rows)


def _recurring(features: pd.DataFrame) -> dict[str, Any]:
    """How many features of an SAE recur with other seeds, or do not; empty if it has one seed."""
    if features["stability_cosine"].isna().all():
        return {"features_recurring": None, "features_not_recurring": None}
    counts = features["recurs"].value_counts()
    return {
        "features_recurring": int(counts.get(1, 0)),
        "features_not_recurring": int(counts.get(0, 0)),
    }


def _described(features: pd.DataFrame) -> dict[str, Any]:
    """How many features of an SAE have a label, and a good one; empty for frozen SAEs."""
    confidence = features["confidence"].dropna()
    if not len(confidence):
        return {"features_described": None, "features_of_high_confidence": None}
    return {
        "features_described": int(confidence.ne("unknown").sum()),
        "features_of_high_confidence": int(confidence.eq("high").sum()),
    }


def _best(pairs: pd.DataFrame, column: str) -> np.ndarray:
    return best_rows(pd.factorize(pairs[column])[0], pairs["valid_f1"].to_numpy())
