"""The findings of a run in words, with their intervals: from its tables to a few lines."""

import pandas as pd

from protsae.association.frozen_saes import is_frozen, of_frozen
from protsae.association.run_tables import is_above, rests_on_relatives
from protsae.association.scoring.metrics import CALLED_Q
from protsae.config.reserved_names import COORDINATES, DETECTORS, MLP, ONEHOT, is_permuted, site_of
from protsae.run.run_places import feature_name
from protsae.screen.wording import WIDTH, count, fitted, listed

FEATURE_COLUMNS = (
    *("model", "layer", "variant", "freeze", "concept", "defined_by_sequence", "verdict"),
    *("recurs", "confidence", "effect_q_value", "covariance_q_value"),
)
"""Columns of the feature table that `finding_lines` reads."""

MOST_CONCEPTS = 4
"""Concepts whose best feature is named."""


def finding_lines(features: pd.DataFrame, best: pd.DataFrame, detectors: pd.DataFrame) -> list[str]:
    """What was found: features above all baselines, how many are called, and the best by concept.

    Parameters
    ----------
    features : DataFrame
        ``FEATURE_COLUMNS`` of the feature table.
    best : DataFrame
        Table ``best_features``.
    detectors : DataFrame
        Table ``detectors`` of all layers.
    """
    own = features[_is_trained(features) & ~is_frozen(features)]
    called = called_lines(detectors, of_frozen(detectors, features))
    found = [*above_lines(own), *called, *recurrence_lines(own)]
    return [*found, *description_lines(own), *effect_lines(features), *best_lines(best)]


def above_lines(features: pd.DataFrame) -> list[str]:
    """How many features of the trained model are above all their baselines, and at what.

    Examples
    --------
    >>> row = {"verdict": "above", "defined_by_sequence": 0, "concept": "SIGNAL"}
    >>> above_lines(pd.DataFrame([row, row | {"verdict": "below"}]))
    ['1 of 2 features is above all baselines: SIGNAL']
    >>> above_lines(pd.DataFrame([row | {"verdict": "below"}]))
    ['No feature (of 1) is above all baselines.']
    """
    above = features[is_above(features)]
    if not len(above):
        return [f"No feature (of {len(features):,}) is above all baselines."]
    verb = "is" if len(above) == 1 else "are"
    concepts = [str(concept) for concept in above["concept"].unique()]
    of = f"{len(above):,} of {count(len(features), 'feature')}"
    return fitted(f"{of} {verb} above all baselines: {listed(concepts, 6)}", "", 2)


def called_lines(detectors: pd.DataFrame, frozen: pd.Series) -> list[str]:
    """Of the trained model, its coordinates and neurons, and the baselines: where most are called.

    Called for a concept that the sequence does not define, at a false discovery rate of 5 %; beside
    it how many of these are true at least: a bound for that layer, not for the best of several.

    Parameters
    ----------
    frozen : Series of bool
        Which of them are features of frozen SAEs.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {"model": "m", "layer": [1, 2], "variant": "topk", "n_detectors": 31}
    ...     | {"n_significant": [7, 11], "n_significant_low": [5, 3]}
    ... )
    >>> print(called_lines(table, pd.Series([False, False]))[-1])
      model           11 of 31 (layer 2, topk), at least 3 true there (95 % confidence)
    """
    permuted = detectors["model"].map(is_permuted).astype(bool)
    onehot = detectors["model"] == ONEHOT
    is_sae = ~detectors["variant"].isin(DETECTORS)
    rows = {
        "model": is_sae & ~frozen & ~permuted & ~onehot,
        "its frozen SAEs": frozen & ~permuted & ~onehot,
        "its coordinates": (detectors["variant"] == COORDINATES) & ~permuted & ~onehot,
        "its neurons": (detectors["variant"] == MLP) & ~permuted & ~onehot,
        "permuted model": is_sae & ~frozen & permuted,
        "one-hot": is_sae & ~frozen & onehot,
    }
    lines = []
    for name, chosen in rows.items():
        found = detectors[chosen]
        if len(found):
            most = found.iloc[int(found["n_significant"].to_numpy().argmax())]
            where = [] if most["model"] == ONEHOT else [_place(most)]
            where += [] if most["variant"] in DETECTORS else [str(most["variant"])]
            called = f"{most['n_significant']:,} of {most['n_detectors']:,} ({', '.join(where)})"
            least = f"at least {most['n_significant_low']:,} true there (95 % confidence)"
            lines.append(f"  {name:<15} {called}, {least}")
    head = (
        "Called for a concept that the sequence does not define, in the layer where they are most:"
    )
    return [head, *lines] if lines else []


def recurrence_lines(features: pd.DataFrame) -> list[str]:
    """How many features of each layer recur with other seeds, of those that could be tested.

    Examples
    --------
    >>> rows = pd.DataFrame({"model": "m", "layer": [1, 1, 2], "recurs": [1, 0, None]})
    >>> rows = rows.assign(variant="x", verdict="above", defined_by_sequence=0)
    >>> recurrence_lines(rows)[1]
    '  those above all baselines: 1 of 2'
    """
    known = features[features["recurs"].notna()]
    lines = []
    for variant, rows in known.groupby("variant", sort=False):
        of_layers = [
            f"{int(own['recurs'].sum()):,} of {len(own):,} in {place}"
            for place, own in rows.groupby(rows.apply(_place, axis=1), sort=False)
        ]
        above = rows[is_above(rows)]
        of_above = f"; of those above all baselines: {int(above['recurs'].sum())} of {len(above)}"
        head = (
            f"Of {variant}'s features active in 10 test homology clusters, other seeds find again "
        )
        text = head + listed(of_layers, 12) + of_above * bool(len(above))
        first, *others = fitted(text, "", 4, WIDTH - 2)
        lines += [first, *(f"  {line}" for line in others)]
    return lines


def description_lines(features: pd.DataFrame) -> list[str]:
    """How many features have a label, by layer and SAE, and how many of high confidence.

    Examples
    --------
    >>> rows = pd.DataFrame({"layer": 1, "variant": "topk", "confidence": ["high", "unknown"]})
    >>> description_lines(rows)
    ['Features with a label (with high confidence): topk: 1 (1) of 2 in layer 1']
    """
    said = []
    for variant, rows in features[features["confidence"].notna()].groupby("variant", sort=False):
        of_layers = []
        for layer, own in rows.groupby("layer", sort=True):
            named, high = own["confidence"].ne("unknown").sum(), own["confidence"].eq("high").sum()
            of_layers.append(f"{named:,} ({high:,}) of {len(own):,} in layer {layer}")
        said.append(f"{variant}: {listed(of_layers, 12)}")
    if not said:
        return []
    text = f"Features with a label (with high confidence): {'; '.join(said)}"
    first, *others = fitted(text, "", 5, WIDTH - 2)
    return [first, *(f"  {line}" for line in others)]


def effect_lines(features: pd.DataFrame) -> list[str]:
    """How many features change predictions, by layer and SAE, and of the permuted model.

    Examples
    --------
    >>> rows = pd.DataFrame({"model": ["m", "m", "m-permuted"], "layer": 3, "variant": "topk"})
    >>> rows = rows.assign(effect_q_value=[0.01, 0.02, 0.9], covariance_q_value=[0.01, 0.8, 0.9])
    >>> for line in effect_lines(rows):
    ...     print(line)
    Features that change predictions more than random directions (and than those with the covariance
      of activations): topk: 2 (1) of 2 in layer 3; of the permuted model 0 of 1
    """
    known = features[features["effect_q_value"].notna()]
    permuted = known["model"].map(is_permuted).astype(bool)
    said = []
    for variant, rows in known[~permuted].groupby("variant", sort=False):
        of_layers = []
        for place, own in rows.groupby(rows.apply(_place, axis=1), sort=False):
            called, beyond = (
                int((own[f"{name}_q_value"] <= CALLED_Q).sum()) for name in ("effect", "covariance")
            )
            of_layers.append(f"{called:,} ({beyond:,}) of {len(own):,} in {place}")
        said.append(f"{variant}: {listed(of_layers, 12)}")
    if not said:
        return []
    text = (
        "Features that change predictions more than random directions (and than those with the "
        f"covariance of activations): {'; '.join(said)}"
    )
    if permuted.any():
        called = int((known.loc[permuted, "effect_q_value"] <= CALLED_Q).sum())
        text += f"; of the permuted model {called:,} of {int(permuted.sum()):,}"
    first, *others = fitted(text, "", 4, WIDTH - 2)
    return [first, *(f"  {line}" for line in others)]


def best_lines(best: pd.DataFrame) -> list[str]:
    """For concepts that their best feature is called for, the feature and the best baseline.

    In order of F1 on test. Concepts in too few clusters for an interval, and those that the
    sequence defines, are left out. Where the feature itself matches another concept best, and where
    F1 is below the interval in the clusters without a relative in train, a line says so.

    Parameters
    ----------
    best : DataFrame
        Table ``best_features``.
    """
    called = best[
        (best["q_value"] <= CALLED_Q).fillna(False)
        & best["defined_by_sequence"].eq(0).fillna(False)
        & best["f1_low"].notna()
    ]
    best = called.sort_values("f1", ascending=False, kind="stable")
    if not len(best):
        return ["No feature is called for such a concept in 10 homology clusters or more."]
    width = max(len(str(name)) for name in best["concept"][:MOST_CONCEPTS])
    lines = ["The best feature for such a concept, F1 on test with its 95 % interval:"]
    for _, row in best[:MOST_CONCEPTS].iterrows():
        interval = f"{row['f1']:.2f} [{row['f1_low']:.2f}, {row['f1_high']:.2f}]"
        mark = " (does not recur)" if pd.notna(row["recurs"]) and row["recurs"] == 0 else ""
        site = str(row["model"]) if site_of(str(row["model"])) else ""
        where = f"{feature_name(row['layer'], row['variant'], row['feature'], site)}{mark}"
        baseline = f"best baseline: {row['best_baseline']}, {row['best_baseline_f1']:.2f}"
        known = baseline if isinstance(row["best_baseline"], str) else "no baseline finds it"
        name = str(row["concept"])
        lines.append(f"  {name:<{width}}  {interval}  {where}; {known}"[:WIDTH])
        if row["own_concept"] != row["concept"]:
            lines.append(f"  {'':<{width}}  a better match for {row['own_concept']}"[:WIDTH])
        if rests_on_relatives(row):
            left = f"{row['n_clusters_without_relatives']} of {row['n_clusters']}"
            alone = f"{row['f1_without_relatives']:.2f} in the {left} homology clusters"
            lines.append(f"  {'':<{width}}  {alone} without a relative in train")
    more = len(best) - MOST_CONCEPTS
    return [*lines, f"  and {count(more, 'more concept')}"] if more > 0 else lines


def _place(row: pd.Series) -> str:
    """Layer and site of a feature or set of detectors."""
    site = site_of(str(row["model"]))
    return f"layer {row['layer']} {site}" if site else f"layer {row['layer']}"


def _is_trained(rows: pd.DataFrame) -> pd.Series:
    permuted = rows["model"].map(is_permuted).astype(bool)
    return ~permuted & (rows["model"] != ONEHOT)
