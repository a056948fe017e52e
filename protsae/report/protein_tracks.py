"""Tracks along a protein: concepts with probabilities, then features with activations."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from protsae.concepts.uniprot.words import concept_words
from protsae.run.run_places import feature_name
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
    concepts = [_concept(own) for _, own in residues.groupby("concept", sort=False)]
    concepts.sort(key=lambda track: (track.state == "uncalibrated", -_strongest(track)))
    number = segments.groupby(_FEATURE, sort=False).ngroup()
    first = segments[["concept"]].assign(number=number).drop_duplicates("number")
    rank = first.groupby("concept", sort=False, dropna=False).cumcount()
    shown = first.loc[rank < MOST_OF_CONCEPT, "number"].head(MOST_FEATURES)
    return [*concepts, *(_feature(segments[number == which]) for which in shown)]


_FEATURE = ["layer", "variant", "feature"]


def _strongest(track: Track) -> float:
    return max(run.height for run in track.runs)


def _concept(residues: pd.DataFrame) -> Track:
    """Neighbouring residues of equal probability are one run."""
    first = residues.iloc[0]
    position = residues["position"].to_numpy(np.int64)
    bounds = residues[["probability", "probability_low", "probability_high"]].to_numpy(float)
    new = ragged.changes(position - np.arange(len(position)), np.nan_to_num(bounds[:, 0], nan=-1.0))
    opens = np.flatnonzero(new)
    closes = np.append(opens, len(position))[1:] - 1
    runs = [
        _probable(int(position[i]), int(position[j]), *bounds[i].tolist())
        for i, j in zip(opens, closes, strict=True)
    ]
    state = "uncalibrated" if first["calibration"] != "calibrated" else "calibrated"
    rate = first["assumed_base_rate"]
    at_rate = f"base rate {rate:.2g} ({first['base_rate_from']})" if pd.notna(rate) else ""
    remark = ", ".join(filter(None, (state * (state == "uncalibrated"), at_rate)))
    return Track(_in_words(first["concept"]), remark, "p", state, runs)


def _in_words(concept: str) -> str:
    words = concept_words(concept)
    return words[:1].upper() + words[1:]


def _probable(start: int, end: int, value: float, low: float, high: float) -> Run:
    if np.isnan(value):
        return Run(start, end, 0.5, None, None, "on, no probability")
    return Run(start, end, value, low, high, f"{value:.2f} [{low:.2f}, {high:.2f}]")


def _feature(segments: pd.DataFrame) -> Track:
    first, rows = segments.iloc[0], segments.sort_values("start")
    runs = [
        Run(start, end, min(1.0, share), None, None, f"active, {activation:.2g}")
        for start, end, share, activation in zip(
            rows["start"].tolist(),
            rows["end"].tolist(),
            rows["relative_activation"].fillna(1.0).tolist(),
            rows["activation"].tolist(),
            strict=True,
        )
    ]
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
