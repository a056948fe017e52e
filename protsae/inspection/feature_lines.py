"""What a feature is, in lines of text: its concept and how sure that is, activity, and motif."""

import itertools

import numpy as np
import pandas as pd

from protsae.association.run_tables import rests_on_relatives
from protsae.association.scoring.metrics import CALLED_Q, always_on_f1
from protsae.association.verdicts import UNDECIDED
from protsae.features.recurrence import recurrence_words
from protsae.inspection.description_words import (
    description_words,
    has,
    interval_words,
    llm_words,
)
from protsae.inspection.effect_words import effect_words
from protsae.inspection.logo_letters import consensus, enriched_words
from protsae.one_line import one_line
from protsae.screen.wording import count, fitted, listed

WIDTH = 80
"""Characters of a line where no terminal says how many it has."""

NO_LOGO = "none: fewer than 10 homology clusters have activations above its quantile 0.9"

MOST_OTHERS = 4
"""Further concepts of a feature that are named."""

_BASELINES = {
    "coordinate": "coordinate_f1",
    "neuron": "mlp_f1",
    "principal component": "pca_f1",
    "random dictionary": "random_f1",
    "frozen SAE": "frozen_f1",
    "one-hot sequence": "onehot_f1",
    "permuted model": "permuted_f1",
    "rule": "rule_f1",
}
_REFERENCES = {"window": "window_f1", "homology": "homology_f1", "probe": "probe_f1"}
_CALIBRATION = {"calibrated": "holds", "uncalibrated": "fails, or cannot be tested"}
_INDENT = 14


def feature_lines(
    row: pd.Series,
    associations: pd.DataFrame,
    description: pd.DataFrame,
    llm: pd.DataFrame,
    width: int = WIDTH,
) -> list[str]:
    """Name, description, concept, scores with their baselines, stability and activity of a feature.

    Parameters
    ----------
    row : Series
        Of the feature table.
    associations : DataFrame
        Pairs of the feature, for the other concepts that it is called for.
    description : DataFrame
        Its row of the descriptions table; empty if it has none.
    llm : DataFrame
        Its row of the table of an LLM's descriptions; empty if it has none.
    width : int
        Characters of a line, at most.
    """
    frozen = f", a baseline: its {row['freeze']} is frozen" if row["freeze"] != "none" else ""
    title = f"Feature {row['layer']}/{row['variant']}/{row['feature']} of {row['model']}{frozen}"
    said = [*description_words(description), *llm_words(llm), ("concept", concept_words(row))]
    if pd.notna(row["concept"]):
        said += [
            ("F1", score_words(row)),
            ("baselines", _baseline_words(row)),
            ("references", _f1s(row, _REFERENCES)),
        ]
        said += [("also", others)] if (others := _others(row, associations)) else []
    said += [("stability", stability_words(row)), ("activity", activity_words(row))]
    said += [("effect", effect)] if (effect := effect_words(row)) else []
    lines = [line for head, text in said for line in headed(head, text, width)]
    return [*fitted(one_line(title), "", width=width), *lines]


def concept_words(row: pd.Series) -> str:
    """Which concept, whether the pair is called, and the verdict.

    Examples
    --------
    >>> row = {"concept": "SIGNAL", "q_value": 0.2, "defined_by_sequence": 0}
    >>> concept_words(pd.Series(row))
    'SIGNAL, not called (q 0.2): no finding'
    >>> row |= {"q_value": 0.01, "verdict": "below", "best_baseline": "rule"}
    >>> concept_words(pd.Series(row | {"best_baseline_f1": 0.75}))
    'SIGNAL, called (q 0.01), below the best baseline, rule 0.75'
    """
    if pd.isna(row["concept"]):
        return "none; no pair of it was kept"
    concept, q = one_line(str(row["concept"])), row["q_value"]
    called = pd.notna(q) and q <= CALLED_Q
    if not called:
        said = f"(q {q:.2g})" if pd.notna(q) else "(no q)"
        if concept.startswith("position: "):
            return f"{concept}, not called {said}: every protein has it at the same place"
        return f"{concept}, not called {said}: no finding"
    if row["defined_by_sequence"] == 1:
        return f"{concept}, called (q {q:.2g}), but the sequence defines it"
    return f"{concept}, called (q {q:.2g}), {_verdict(row)}"


def _verdict(row: pd.Series) -> str:
    if not isinstance(row["verdict"], str):
        return "no verdict: too few homology clusters"
    best = f"{row['best_baseline']} {row['best_baseline_f1']:.2f}"
    if row["verdict"] == UNDECIDED:
        return f"undecided against the best baseline, {best}"
    every = "all baselines; the best is" if row["verdict"] == "above" else "the best baseline,"
    return f"{row['verdict']} {every} {best}"


def score_words(row: pd.Series) -> str:
    """F1 on test with its interval, precision and recall, and what it comes to elsewhere.

    That in clusters without a relative in train is given where it is below the interval.
    """
    clusters = count(row["n_clusters"], "homology cluster")
    text = f"{row['f1']:.2f}{interval_words(row, 'f1')} on test, {clusters} with the concept; "
    text += f"precision {row['precision']:.2f}, recall {row['recall']:.2f}; "
    if rests_on_relatives(row):
        alone = f"the {row['n_clusters_without_relatives']} clusters without a relative in train"
        text += f"F1 {row['f1_without_relatives']:.2f} in {alone}; "
    text += f"base rate {_percent(row['base_rate'])}"
    if pd.notna(row["f1_at_reference_rate"]):
        rate = _percent(row["reference_base_rate"])
        text += f"; F1 {row['f1_at_reference_rate']:.2f} where {rate} of residues have it, as in "
        text += "the reference set"
    return text


def _baseline_words(row: pd.Series) -> str:
    """F1 of every baseline, and how far the feature is from the best."""
    [always] = always_on_f1(np.array([row["base_rate"]], np.float64))
    text = f"{_f1s(row, _BASELINES)} ({one_line(str(row['rule']))})" if has(row, "rule") else ""
    text = f"{text or _f1s(row, _BASELINES)}, always on {always:.2f}"
    if has(row, "f1_difference"):
        text += f"; F1 less the best: {_difference_words(row)}"
    return text


def _difference_words(row: pd.Series) -> str:
    """F1 less that of the best baseline, with its interval, which is of these two alone."""
    low, high = row["f1_difference_low"], row["f1_difference_high"]
    text = _signed(row["f1_difference"])
    text += "" if pd.isna(low) else f" [{_signed(low)}, {_signed(high)}]"
    if row["verdict"] == UNDECIDED and high < 0:
        text += ", below 0 only before correction for the number of baselines"
    return text


def _signed(value: float) -> str:
    """Two decimals; more where they would hide the sign."""
    return f"{value:+.2f}" if round(abs(value), 2) or not value else f"{value:+.1g}"


def _others(row: pd.Series, associations: pd.DataFrame) -> str:
    """Further concepts that the feature is called for, the best on valid first."""
    called = associations[(associations["q_value"] <= CALLED_Q).fillna(False)]
    called = called[called["concept"] != row["concept"]]
    pairs = zip(called["concept"], called["f1"], strict=True)
    return listed([f"{one_line(str(concept))} {f1:.2f}" for concept, f1 in pairs], MOST_OTHERS)


def stability_words(row: pd.Series) -> str:
    """Whether other seeds find the feature, beside what chance would find.

    Examples
    --------
    >>> row = {"stability": 0.91, "random_stability": 0.5, "exchanged_stability": 0.2}
    >>> row |= {"stability_cosine": 0.8}
    >>> stability_words(pd.Series(row | {"recurs": 1}))
    'it recurs (correlation 0.91 with its matches in other seeds); by chance 0.50 with random \
directions, 0.20 with exchanged proteins'
    >>> stability_words(pd.Series({"stability": None, "stability_cosine": None}))
    'not known: the SAE has one seed'
    """
    if pd.isna(row["stability"]):
        one_seed = pd.isna(row["stability_cosine"])
        why = "the SAE has one seed" if one_seed else "it is active at no test residue"
        return f"not known: {why}"
    chance = (
        f"by chance {row['random_stability']:.2f} with random directions, "
        f"{row['exchanged_stability']:.2f} with exchanged proteins"
    )
    if doubt := recurrence_words(row):
        return f"{doubt}; {chance}"
    unknown = "not known whether it recurs: active in fewer than 10 test clusters"
    says = unknown if pd.isna(row["recurs"]) else "it recurs"
    return f"{says} (correlation {row['stability']:.2f} with its matches in other seeds); {chance}"


def activity_words(row: pd.Series) -> str:
    """Where it is active, and how strongly.

    Examples
    --------
    >>> row = {"kind": "point", "density": 0.02, "prevalence": 0.5, "segment_length": 3.0}
    >>> row |= {"mean_activation": 1.25, "max_activation": 4.0, "threshold": 0.5}
    >>> activity_words(pd.Series(row))
    'point; active (above 0) at 2 % of test residues, in 50 % of test proteins; there 1.25 on \
average, 4 at most; median segment 3 residues; counted as on above 0.5'
    """
    if not row["density"]:
        return "active at no test residue"
    text = f"{row['kind']}; active (above 0) at {_percent(row['density'])} of test residues, "
    text += f"in {_percent(row['prevalence'])} of test proteins; "
    text += f"there {row['mean_activation']:.3g} on average, {row['max_activation']:.3g} at most"
    text += (
        f"; median segment {row['segment_length']:.3g} residues"
        if has(row, "segment_length")
        else ""
    )
    return f"{text}; counted as on above {row['threshold']:.3g}" if has(row, "threshold") else text


def calibration_lines(calibration: pd.DataFrame, width: int = WIDTH) -> list[str]:
    """Whether the probabilities of concepts hold on test, and what was expected and observed.

    Examples
    --------
    >>> row = {"concept": "SIGNAL", "calibration": "calibrated", "activation_above": 0.5}
    >>> row |= {"test_on": 90, "observed_positives": 60}
    >>> row |= {"expected_positives": 55.25, "expected_low": 40.0, "expected_high": 70.0}
    >>> for line in calibration_lines(pd.DataFrame([row, row])):
    ...     print(line)
      calibration SIGNAL: holds; of 90 test residues with an activation above 0.5,
                  60 have it; expected 55 [40, 70]
    >>> calibration_lines(pd.DataFrame(columns=["concept"]))
    []
    """
    texts = [_calibration(row) for _, row in calibration.drop_duplicates("concept").iterrows()]
    heads = itertools.chain(["calibration"], itertools.repeat(""))
    return [
        line for head, text in zip(heads, texts, strict=False) for line in headed(head, text, width)
    ]


def _calibration(row: pd.Series) -> str:
    expected = f"{row['expected_positives']:.0f}"
    bounds = f"[{row['expected_low']:.0f}, {row['expected_high']:.0f}]"
    return (
        f"{one_line(row['concept'])}: {_CALIBRATION[row['calibration']]}; of "
        f"{count(row['test_on'], 'test residue')} with an activation above "
        f"{row['activation_above']:.3g}, {row['observed_positives']:,} have it; expected "
        f"{expected} {bounds}"
    )


def logo_lines(logo: pd.DataFrame, width: int = WIDTH) -> list[str]:
    """The logo as text: the most certain enriched amino acid at each offset, then all of them.

    Examples
    --------
    >>> logo = pd.DataFrame({"offset": [-1, 0, 1], "n_windows": [11, 12, 12]})
    >>> for line in logo_lines(logo.assign(enriched=["KR", None, "L"])):
    ...     print(line)
      logo        K.L from -1 to +1 of the peak, in 12 homology clusters; enriched
                  (q ≤ 0.05): -1 KR, +1 L
    """
    if logo.empty:
        return headed("logo", NO_LOGO, width)
    first, last = logo["offset"].min(), logo["offset"].max()
    clusters = count(logo["n_windows"].max(), "homology cluster")
    text = f"{consensus(logo)} from {first:+d} to {last:+d} of the peak, in {clusters}; "
    return headed("logo", f"{text}enriched (q ≤ {CALLED_Q}): {enriched_words(logo)}", width)


def headed(head: str, text: str, width: int) -> list[str]:
    """A head and what follows it, in lines that stand below each other."""
    kept = text.replace(" %", "\xa0%")  # on the line of its number
    lines = fitted(kept, f"  {head:<{_INDENT - 2}}", width=width)
    return [line.replace("\xa0", " ") for line in lines]


def _f1s(row: pd.Series, columns: dict[str, str]) -> str:
    """Those that there are, with their names."""
    return ", ".join(f"{name} {row[c]:.2f}" for name, c in columns.items() if has(row, c)) or "none"


def _percent(share: float) -> str:
    """Three significant digits.

    Examples
    --------
    >>> _percent(0.996), _percent(0.00849), _percent(1.0)
    ('99.6 %', '0.849 %', '100 %')
    """
    return f"{100 * share:.3g} %"
