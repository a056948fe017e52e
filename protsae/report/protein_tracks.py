"""Tracks along a protein: concepts with probabilities, then features with activations."""

from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd

from protsae.concepts.uniprot.words import concept_words
from protsae.run.run_places import feature_name
from protsae.schema.table import records
from protsae.statistics import ragged

MOST_FEATURES, MOST_OF_CONCEPT = 16, 3
"""Features that get a track, and of these with one concept."""


@dataclass(frozen=True)
class Run:
    """Residues of a track with one value.

    Attributes
    ----------
    start, end : int
        1-based, inclusive.
    height : float
        From 0 to 1.
    low, high : float or None
        Of the interval of the height.
    said : str
        The value, in words.
    """

    start: int
    end: int
    height: float
    low: float | None
    high: float | None
    said: str


@dataclass(frozen=True)
class Track:
    """A concept or a feature along a protein.

    Attributes
    ----------
    name, remark : str
    mark, state : str
        Classes of style.
    runs : list of Run
        By place.
    """

    name: str
    remark: str
    mark: str
    state: str
    runs: list[Run]


def tracks_of(segments: pd.DataFrame, residues: pd.DataFrame) -> list[Track]:
    """Every concept that is predicted, then the surest features, as segments are sorted.

    Parameters
    ----------
    segments, residues : DataFrame
        Rows of the protein in these tables.
    """
    concepts = _concepts(residues)
    concepts.sort(key=lambda track: (track.state == "uncalibrated", -_strongest(track)))
    number = segments.groupby(_FEATURE, sort=False).ngroup()
    first = segments[["concept"]].assign(number=number).drop_duplicates("number")
    rank = first.groupby("concept", sort=False, dropna=False).cumcount()
    shown = first.loc[rank < MOST_OF_CONCEPT, "number"].head(MOST_FEATURES)
    kept = number.isin(shown)
    places: dict[int, list[dict[str, Any]]] = {}
    for which, row in zip(number[kept], records(segments[kept]), strict=True):
        places.setdefault(which, []).append(row)
    return [*concepts, *(_feature(places[which]) for which in shown)]


_FEATURE = ["layer", "variant", "feature"]


def _strongest(track: Track) -> float:
    return max(run.height for run in track.runs)


def _concepts(residues: pd.DataFrame) -> list[Track]:
    """One track each; neighbouring residues of equal probability are one run."""
    position = residues["position"].to_numpy(np.int64)
    probability = np.nan_to_num(residues["probability"].to_numpy(float), nan=-1.0)
    concept = pd.factorize(residues["concept"])[0]
    opens = np.flatnonzero(
        ragged.changes(concept, position - np.arange(len(position)), probability)
    )
    closes = np.append(opens, len(position))[1:] - 1
    found: dict[str, list[tuple[dict[str, Any], int]]] = {}
    for row, end in zip(records(residues.iloc[opens]), position[closes].tolist(), strict=True):
        found.setdefault(row["concept"], []).append((row, end))
    return [_concept(runs) for runs in found.values()]


def _concept(runs: list[tuple[dict[str, Any], int]]) -> Track:
    """Of the first residue of each run, and the position of its last."""
    first, _ = runs[0]
    state = "uncalibrated" if first["calibration"] != "calibrated" else "calibrated"
    rate = first["assumed_base_rate"]
    at_rate = f"base rate {rate:.2g} ({first['base_rate_from']})" if pd.notna(rate) else ""
    remark = ", ".join(filter(None, (state * (state == "uncalibrated"), at_rate)))
    probable = [_probable(row, end) for row, end in runs]
    return Track(_in_words(first["concept"]), remark, "p", state, probable)


def _in_words(concept: str) -> str:
    words = concept_words(concept)
    return words[:1].upper() + words[1:]


def _probable(row: dict[str, Any], end: int) -> Run:
    start, value = row["position"], row["probability"]
    if np.isnan(value):
        return Run(start, end, 0.5, None, None, "on, no probability")
    low, high = row["probability_low"], row["probability_high"]
    near = (
        f", near its look-alike {row['look_alike']}" if isinstance(row["look_alike"], str) else ""
    )
    return Run(start, end, value, low, high, f"{value:.2f} [{low:.2f}, {high:.2f}]{near}")


def _feature(places: list[dict[str, Any]]) -> Track:
    first = places[0]
    runs = [_active(row) for row in sorted(places, key=itemgetter("start"))]
    has_concept = isinstance(first["concept"], str)
    name = _in_words(first["concept"]) if has_concept else "No concept"
    f1 = f"F1 {first['f1']:.2f}" if pd.notna(first["f1"]) else ""
    verdict = first["verdict"] if isinstance(first["verdict"], str) else ""
    if verdict and isinstance(first["best_baseline"], str):
        verdict = f"{verdict} ({first['best_baseline']} {first['best_baseline_f1']:.2f})"
    which = feature_name(first["layer"], first["variant"], first["feature"])
    label = first["label"] if isinstance(first["label"], str) else ""
    remark = ", ".join(filter(None, (which, f1, verdict)))
    return Track(name, f"{remark}; {label}" if label else remark, "f", "", runs)


def _active(row: dict[str, Any]) -> Run:
    share = 1.0 if pd.isna(row["relative_activation"]) else min(1.0, row["relative_activation"])
    said = f"active, {row['activation']:.2g}"
    return Run(row["start"], row["end"], share, None, None, said)
