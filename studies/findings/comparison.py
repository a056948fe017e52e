"""Verdicts of docs/findings.md: is the best SAE feature above everything that it is held against?

Held against the ``BASELINES`` and always being on, F1 of the feature less the largest F1 of the
others is compared with 0 by the paired jackknife over homology clusters of the tables
(`protsae.association.verdicts`), Benjamini-Hochberg over the concepts. What a rule on the sequence
defines (amino acids, positions, motifs, composition) is no finding and not compared. Then the SAE
is

- ``above`` or ``below`` where its feature is called (q <= 0.05) and the difference decides it, also
  ``below`` where no feature is called, but one of the others is;
- ``undecided`` where the difference does not decide it;
- ``too few`` where its feature is called on fewer than 10 homology clusters: no verdict;
- ``not found`` where nothing is called.

A rule has no q-value: it counts as called if the lower end of its interval is above always being
on.

The feature is also compared with detectors that have seen labels (``SUPERVISED``). No counts by
cluster are kept of them, so their intervals decide: ``against_supervised`` is ``above`` if the
lower end of the feature's interval exceeds the F1 of each of them, and ``below`` if the feature's
F1 is less than the lower end of one of theirs.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from protsae.association.baseline_comparison import ALWAYS_ON, RULE, ConceptCounts
from protsae.association.scoring.metrics import CALLED_Q
from protsae.association.verdicts import ABOVE, BELOW, UNDECIDED, CountsByCluster, verdicts
from protsae.association.verdicts import compare as compare_counts
from studies.findings.tables import ALL_LAYERS, BASELINES, PROBE, SAE, SUPERVISED, over_layers

TOO_FEW, NOT_FOUND = "too few", "not found"
VERDICTS = (ABOVE, UNDECIDED, BELOW, TOO_FEW, NOT_FOUND)

DIFFERENCE = ("f1_difference", "f1_difference_low", "f1_difference_high")


def compare(best: pd.DataFrame, counts: Mapping[str, ConceptCounts]) -> pd.DataFrame:
    """Verdicts, and what they rest on: a row for each concept and layer, and one over all layers.

    Parameters
    ----------
    best : DataFrame
        A row for each concept, layer and set of detectors.
    counts : mapping of str to ConceptCounts
        Of each concept's best detectors, by homology cluster.
    """
    layers = sorted(set(best.loc[best["set"].isin([SAE, PROBE]), "layer"]))
    parts = []
    for layer in [ALL_LAYERS, *layers]:
        wanted = [ALL_LAYERS, *(layers if layer == ALL_LAYERS else [layer])]
        chosen = over_layers(best[best["layer"].isin(wanted)])
        rows = [
            {"concept": name, "concept_type": kind, "layer": layer}
            | _compared(shown.set_index("set"), counts[str(name)])
            for (name, kind), shown in chosen.groupby(["concept", "concept_type"])
        ]
        parts.append(_with_verdicts(pd.DataFrame(rows)))
    table = pd.concat(parts)
    return table.sort_values(["concept_type", "concept", "layer"], ignore_index=True)


def _compared(shown: pd.DataFrame, counts: ConceptCounts) -> dict[str, object]:
    """What a verdict on one concept rests on, from a row for each set of detectors that has one."""
    sae = shown[shown.index == SAE]
    others = shown[shown.index.isin(BASELINES)]
    ours = strongest("sae", sae)
    del ours["best_sae"]
    return {
        "n_clusters": int(shown["n_clusters"].max()),
        "base_rate": float(shown["base_rate"].iloc[0]),
        "always_on_f1": float(shown["always_on_f1"].iloc[0]),
        "of_layer": pd.NA if sae.empty else sae["own_layer"].iloc[0],
        "feature": pd.NA if sae.empty else sae["feature"].iloc[0],
        "called": bool((sae["q_value"] <= CALLED_Q).any()),
        "other_called": bool(called(others).any()),
        **difference(sae, others, counts),
        "against_supervised": by_intervals(shown, SUPERVISED),
        **ours,
        **strongest("supervised", shown[shown.index.isin(SUPERVISED)]),
    }


def called(rows: pd.DataFrame) -> pd.Series:
    """Whether each is: q <= 0.05; of rules and what has seen labels, ``f1_low`` above always on.

    A detector whose q-value is missing could not be tested, and is not called.
    """
    untested = rows.index.isin([RULE, *SUPERVISED])
    above = untested & (rows["f1_low"] > rows["always_on_f1"])
    return (rows["q_value"] <= CALLED_Q) | above


def difference(sae: pd.DataFrame, others: pd.DataFrame, counts: ConceptCounts) -> dict[str, object]:
    """`compare_counts` of the feature with the others and with always being on.

    And with which of these it is, *_other: the one with the largest F1. Without a feature there is
    no difference, and always being on is not among the others.
    """
    names = [*DIFFERENCE, "p_above", "p_below"]
    if sae.empty:
        return dict.fromkeys(names, np.nan) | strongest("other", others)
    detectors = others[others.index != RULE]
    held = [ALWAYS_ON, *detectors.index]
    baselines = [counts.always_on, counts.take(_as_stored(detectors))]
    if RULE in others.index:
        held.append(RULE)
        baselines.append(counts.rule)
    found = compare_counts(
        counts.take(_as_stored(sae)), CountsByCluster.beside(baselines), counts.positives
    ).iloc[0]
    largest = held[int(found["other"])]
    everywhere = pd.DataFrame({"f1": sae["always_on_f1"].to_numpy()}, index=[ALWAYS_ON])
    row = everywhere if largest == ALWAYS_ON else others.loc[[largest]]
    return {name: found[name] for name in names} | strongest("other", row)


def _as_stored(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(layer=rows["own_layer"])


def _with_verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """The verdict of each row, corrected over all rows."""
    is_called = table["called"].to_numpy(dtype=bool)
    p_above, p_below = (table[name].to_numpy(dtype=float) for name in ("p_above", "p_below"))
    decided = verdicts(p_above, p_below, is_called).set_index(table.index)
    others = np.where(table["other_called"], BELOW, NOT_FOUND)
    without = np.where(is_called, TOO_FEW, others)
    verdict = decided["verdict"].where(decided["verdict"].notna(), without)
    found = table.drop(columns=["called", "other_called", "p_above", "p_below"])
    found.insert(3, "verdict", verdict)
    found.insert(4, "verdict_q_value", decided["verdict_q_value"])
    return found


def by_intervals(shown: pd.DataFrame, others: Sequence[str]) -> str:
    """One of ``VERDICTS`` from intervals of F1, a row for each set of detectors, by name."""
    ours, theirs = (shown[shown.index.isin(sets)] for sets in ([SAE], others))
    if not (called(ours).any() or called(theirs).any()):
        return NOT_FOUND
    if ours.empty:
        return BELOW
    sae = ours.iloc[0]
    if called(ours).all() and (sae["f1_low"] > theirs["f1"]).all():
        return ABOVE
    return BELOW if (theirs["f1_low"] > sae["f1"]).any() else UNDECIDED


def strongest(name: str, rows: pd.DataFrame) -> dict[str, object]:
    """Which has the highest F1, it and its interval, if it has one; empty where there is none."""
    columns = {"set": f"best_{name}", "f1": f"{name}_f1"}
    columns |= {f"f1_{end}": f"{name}_f1_{end}" for end in ("low", "high")}
    if rows.empty:
        return dict.fromkeys(columns.values())
    best = rows.iloc[int(rows["f1"].argmax())]
    return {new: best.name if old == "set" else best.get(old) for old, new in columns.items()}


def headline(table: pd.DataFrame) -> pd.DataFrame:
    """How many concepts, over all layers: columns what, concepts."""
    over_all = table[table["layer"] == ALL_LAYERS]
    decided, supervised = over_all["verdict"], over_all["against_supervised"]
    counts = {"compared": len(over_all)}
    counts |= {name: int((decided == name).sum()) for name in VERDICTS}
    counts["no SAE feature good enough on valid"] = int(over_all["feature"].isna().sum())
    counts |= {
        f"{name}, against the supervised": int((supervised == name).sum())
        for name in (ABOVE, UNDECIDED, BELOW, NOT_FOUND)
    }
    return pd.DataFrame({"what": list(counts), "concepts": list(counts.values())})
