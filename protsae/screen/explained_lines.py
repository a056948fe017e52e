"""What is active in a protein, in words: concepts with probabilities, and what is not named."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from protsae.features.protein_segments import agreement, n_features, trust
from protsae.features.recurrence import recurrence_words
from protsae.one_line import note, one_line
from protsae.run.run_places import feature_name
from protsae.schema.table import records
from protsae.screen.wording import count, fitted, listed

MOST_ABOVE, MOST_CALLED, MOST_PLACES, MOST_NAMED = 8, 4, 4, 6
"""Concepts that are told for a protein, above all baselines or only called; places of each; and
other concepts, by name alone."""

WHAT_IT_SAYS = note(
    "prob. is the probability of the concept at a residue, at the base rate that is named; "
    "F1 is that of the run's test set; features of successive layers are not independent"
)


def protein_lines(
    name: str,
    length: int,
    segments: pd.DataFrame,
    predictions: pd.DataFrame,
    n_on: Mapping[int, int],
) -> list[str]:
    """Which concepts the features that are on in a protein point to, the surest in words.

    Parameters
    ----------
    segments, predictions : DataFrame
        Rows of the protein in these tables.
    n_on : mapping of int to int
        Features that are on, by `trust`.
    """
    segments = _with_predicted(segments, predictions)
    level = pd.Series(trust(segments), index=segments.index)
    above, called = segments[level == 0], segments[level == 1]
    lines = [f"{one_line(name)}: {count(length, 'residue')}"]
    if len(above):
        lines.append("  On, and above all baselines:")
        lines += _concept_lines(above, predictions, MOST_ABOVE)
    else:
        lines.append("  No feature above all baselines is on.")
    if len(called):
        on = count(n_features(called), "feature")
        of = count(called["concept"].nunique(), "concept")
        lines.append(f"  Called (q ≤ 0.05), but not above all baselines: {on}, {of}.")
        lines += _concept_lines(called, predictions, MOST_CALLED)
    return [*lines, *_left_out_lines(n_on)]


def _with_predicted(segments: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Segments, and those predicted by a feature whose own concept is another."""
    own = pd.MultiIndex.from_frame(segments[list(_FEATURE)].drop_duplicates())
    is_own = pd.MultiIndex.from_frame(predictions[list(_FEATURE)]).isin(own)
    others = predictions[~is_own].assign(defined_by_sequence=0)
    return pd.concat([segments, others], ignore_index=True) if len(others) else segments


def _concept_lines(segments: pd.DataFrame, predictions: pd.DataFrame, most: int) -> list[str]:
    """Each concept with the places at which it is predicted, calibrated probabilities first.

    Then the most probable, then by F1.

    Where the feature that predicts it is off, the best of those that are on stands for it.
    """
    # Chosen by F1 on valid, so that the F1 on test that is shown is not flattered.
    best = segments.sort_values("valid_f1", ascending=False, kind="stable")
    rows = records(best.drop_duplicates("concept"))
    probable = _probabilities(predictions)
    own = {row["concept"]: probable.get(_of_feature(row), {}) for row in rows}
    rows.sort(key=lambda row: _likeliness(row, own[row["concept"]]), reverse=True)
    places = segments[["start", "end", *_FEATURE]]
    lines = []
    for row in rows[:most]:
        where = listed(_places(row, places, own[row["concept"]]), MOST_PLACES)
        text = f"{one_line(_named(row))} at {where}; {_score(row, bool(own[row['concept']]))}"
        first, *others = fitted(text, "      ")
        lines += ["    " + first.lstrip(), *others]
    left = [one_line(str(row["concept"])) for row in rows[most:]]
    if left:
        more = f"and {count(len(left), 'more concept')}: {listed(left, MOST_NAMED)}"
        lines += fitted(more, "    ", 2)
    return lines


Row = Mapping[Any, Any]
"""Of a table, by column."""


def _likeliness(row: Row, probable: Mapping[int, "_Probable"]) -> tuple[bool, float, float]:
    """What concepts are ranked by: whether probabilities are calibrated, the highest, and F1."""
    highest = max((place.probability for place in probable.values()), default=-1.0)
    f1 = row["f1"] if row["f1"] == row["f1"] else -math.inf  # NaN differs
    return row["calibration"] == "calibrated" and highest >= 0, highest, f1


def _named(row: Row) -> str:
    """The concept, and what the feature is called, if that is another name."""
    concept, label = str(row["concept"]), row["label"]
    return f"{concept} ({label})" if isinstance(label, str) and label != concept else concept


_FEATURE = ("layer", "variant", "feature", "concept")


def _of_feature(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _FEATURE)


@dataclass(frozen=True)
class _Probable:
    """Probability of a predicted segment, and the look-alike of its feature if that is near."""

    probability: float
    look_alike: str | None

    def __str__(self) -> str:
        near = f" near its look-alike {self.look_alike}" if self.look_alike else ""
        return f"prob. {self.probability:.2f}{near}"


def _probabilities(predictions: pd.DataFrame) -> dict[tuple[Any, ...], dict[int, _Probable]]:
    """Of the segments that a feature predicts, by their first residue, for each feature."""
    found: dict[tuple[Any, ...], dict[int, _Probable]] = {}
    columns = (*_FEATURE, "start", "probability", "look_alike")
    rows = zip(*(predictions[name].tolist() for name in columns), strict=True)
    for *feature, start, probability, look_alike in rows:
        if pd.notna(probability):
            named = look_alike if isinstance(look_alike, str) else None
            found.setdefault(tuple(feature), {})[start] = _Probable(probability, named)
    return found


def _places(row: Row, segments: pd.DataFrame, probable: Mapping[int, _Probable]) -> list[str]:
    """Where a feature is on, first where most features with its concept agree.

    Each place with its probability, and with how many features of how many layers agree.
    """
    same = segments[segments["concept"].to_numpy() == row["concept"]]
    own = same[np.logical_and.reduce([same[name].to_numpy() == row[name] for name in _FEATURE])]
    places = zip(own["start"].tolist(), own["end"].tolist(), agreement(own, same), strict=True)
    return [
        f"{start}{'' if start == end else f' to {end}'} ("
        f"{f'{probable[start]}, ' if start in probable else ''}"
        f"{count(n_features, 'feature')} in {count(n_layers, 'layer')})"
        for start, end, (n_features, n_layers) in sorted(places, key=_disagreement)
    ]


def _disagreement(place: tuple[int, int, tuple[int, int]]) -> int:
    return -place[2][0]


def _score(row: Row, is_probable: bool) -> str:
    """For which base rate p is, and how well feature and best baseline do on test."""
    has_interval = bool(pd.notna(row["f1_low"]))
    interval = f" [{row['f1_low']:.2f}, {row['f1_high']:.2f}]" if has_interval else ""
    verdict = row["verdict"] if isinstance(row["verdict"], str) else "no verdict"
    baseline = f"{row['best_baseline']} {row['best_baseline_f1']:.2f}"
    against = f", {verdict} ({baseline})" if isinstance(row["best_baseline"], str) else ""
    which = feature_name(row["layer"], row["variant"], row["feature"])
    rate = f"prob. {row['calibration']}, at base rate {row['assumed_base_rate']:.2g}; "
    score = f"{rate if is_probable else ''}F1 {row['f1']:.2f}{interval}{against}; {which}"
    doubt = recurrence_words(row)
    return f"{score}; {doubt}" if doubt else score


def _left_out_lines(n_on: Mapping[int, int]) -> list[str]:
    """Features that are on and not named, by why."""
    why = {
        2: "called for what the sequence defines, such as an amino acid or a motif",
        3: "not called for their concept (q > 0.05)",
        4: "without a concept",
    }
    found = [f"{n_on[number]:,} {text}" for number, text in why.items() if n_on.get(number)]
    return fitted(", ".join(found), "  Not listed: ") if found else []


def said_at_end(folder: str, written: Mapping[str, int], notes: Sequence[str]) -> list[str]:
    """How to read it, what is left out, and what was written where.

    Parameters
    ----------
    written : mapping
        n_proteins, n_segments and n_j, the letters J.
    notes : sequence of str
        Of the page.

    Examples
    --------
    >>> said_at_end("explain", {"n_proteins": 1, "n_segments": 373, "n_j": 0}, [])[-1]
    'wrote explain/: predictions, 373 segments and explain.html, of 1 protein'
    """
    n_j = written["n_j"]
    of_j = [f"{n_j:,} J read as X (ESM-2 has no J)"] if n_j else []
    segments = count(written["n_segments"], "segment")
    proteins = count(written["n_proteins"], "protein")
    return [
        WHAT_IT_SAYS,
        *(note(text) for text in (*notes, *of_j)),
        f"wrote {folder}/: predictions, {segments} and explain.html, of {proteins}",
    ]
