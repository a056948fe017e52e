"""The tables of all layers from those of each: one order of rows, and counts per SAE."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from protsae.association.scores import above_always_on, always_on_f1
from protsae.models import ONEHOT

CAPTURE_F1 = 0.5
"""Lowest test F1 at which a property counts as captured."""

NEURONS = "neurons"
"""Stands for the SAE variant in associations of the model's own neurons."""

_SAE = ["model", "layer", "variant"]


def concatenate(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows of all parts: model onehot first, then by model, layer, variant and feature.

    Associations of one feature follow by falling ``valid_f1``, then by property.

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
        order["property"] = rows["property"]
    sorted_rows = order.sort_values([str(name) for name in order], kind="stable").index
    return rows.loc[sorted_rows].reset_index(drop=True)


def is_captured(f1: pd.Series, base_rate: pd.Series) -> pd.Series:
    """Whether F1 is at least ``CAPTURE_F1`` and above that of "always on", 2p / (1 + p).

    Examples
    --------
    >>> is_captured(pd.Series([0.6, 0.6, 0.4]), pd.Series([0.1, 0.5, 0.1])).tolist()
    [True, False, False]
    """
    floor = always_on_f1(base_rate.to_numpy(dtype=float, na_value=np.nan))
    return (f1 >= CAPTURE_F1) & (f1 > floor)


def is_above_baselines(features: pd.DataFrame) -> pd.Series:
    """Whether a feature beats all that is cheaper.

    Its F1 exceeds ``null_f1`` and that of "always on", and even ``f1_low`` exceeds ``neuron_f1``
    and, where there is one, ``onehot_f1``.
    """
    base_rate = features["base_rate"].to_numpy(dtype=float, na_value=np.nan)
    return (
        (features["f1_low"] > features[["neuron_f1", "onehot_f1"]].max(axis=1))
        & (features["f1"] > features["null_f1"])
        & (features["f1"] > always_on_f1(base_rate))
    )


def with_onehot_f1(features: pd.DataFrame, associations: pd.DataFrame) -> pd.DataFrame:
    """Features with ``onehot_f1``: what the sequence alone gives for the same property.

    Of all detectors on one-hot sequences, SAE features and single letters, the one with the highest
    ``valid_f1`` for the property; its F1 on test. Empty for the one-hot features themselves, and
    where no detector's valid F1 was high enough to be kept (``annotate.min_f1``).
    """
    on_sequence = best_per_property(associations[associations["model"] == ONEHOT])
    f1 = features["property"].map(on_sequence.set_index("property")["f1"])
    return features.assign(onehot_f1=f1.where(features["model"] != ONEHOT).astype("float64"))


def summarise(
    evaluations: Sequence[dict[str, Any]], features: pd.DataFrame, associations: pd.DataFrame
) -> pd.DataFrame:
    """One row per evaluation: its numbers, and how many features and neurons capture properties.

    A property is captured if the feature (or neuron) with the highest F1 on valid has a test F1
    that `is_captured`: chosen and scored on different proteins, so the best of many is not
    flattered.

    Parameters
    ----------
    evaluations : sequence of dict
        With model, layer, variant and n_residues.
    features, associations : DataFrame
        As in docs/tables.md.
    """
    return concatenate(
        [
            pd.DataFrame([{**evaluation, **_counts(evaluation, features, associations)}])
            for evaluation in evaluations
        ]
    )


def best_per_property(pairs: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """The row with the highest ``valid_f1`` for each property (within each group of ``by``).

    The first of equals is kept; rows without a property are dropped.
    """
    scored = pairs[pairs["property"].notna()]
    ordered = scored.sort_values("valid_f1", ascending=False, kind="stable")
    return ordered.drop_duplicates([*by, "property"]).sort_index()


def _counts(
    evaluation: dict[str, Any], features: pd.DataFrame, associations: pd.DataFrame
) -> dict[str, int]:
    own = _of(features, evaluation, evaluation["variant"])
    with_sae = _of(associations, evaluation, evaluation["variant"])
    with_neurons = _of(associations, evaluation, NEURONS)
    n_residues, d_model = evaluation["n_residues"], evaluation["d_model"]
    gain = above_always_on(
        with_neurons["valid_f1"].to_numpy(), _base_rate(with_neurons, n_residues).to_numpy()
    )
    neuron = with_neurons["feature"] % d_model  # both signs of a neuron are the one neuron
    best = with_neurons.assign(neuron=neuron, gain=gain).sort_values(
        "gain", ascending=False, kind="stable"
    )
    best = best.drop_duplicates("neuron")
    return {
        "features_with_property": int(is_captured(own["f1"], own["base_rate"]).sum()),
        "features_above_neuron": int(is_above_baselines(own).sum()),
        "properties_captured": _captured(best_per_property(with_sae), n_residues),
        "neurons_with_property": _captured(best, n_residues),
        "neuron_properties_captured": _captured(best_per_property(with_neurons), n_residues),
    }


def _captured(pairs: pd.DataFrame, n_residues: int) -> int:
    return int(is_captured(pairs["f1"], _base_rate(pairs, n_residues)).sum())


def _base_rate(pairs: pd.DataFrame, n_residues: int) -> pd.Series:
    return (pairs["tp"] + pairs["fn"]) / max(n_residues, 1)


def _of(table: pd.DataFrame, evaluation: dict[str, Any], variant: str) -> pd.DataFrame:
    return table[
        (table["model"] == evaluation["model"])
        & (table["layer"] == evaluation["layer"])
        & (table["variant"] == variant)
    ]
