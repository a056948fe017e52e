"""Maps of a layer's features, coloured by what they detect."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from protsae.association.scoring.metrics import CALLED_Q
from protsae.concepts.concept import is_defined_by_sequence
from protsae.report.figures.map_drawing import Group, legend, map_svg
from protsae.report.number_format import decimals

LETTERS = {"AVILMFWY": "series-0", "STNQ": "series-2", "DEHKR": "series-4", "CGP": "series-3"}
"""Amino acids of one colour: hydrophobic, polar, charged, and three that shape the backbone."""

GROUPS = (
    Group("nothing, at q ≤ 0.05", "none", "dot"),
    *(Group(f"an amino acid: {' '.join(some)}", look, "dot") for some, look in LETTERS.items()),
    Group("something else that the sequence defines", "series-5", "square"),
    Group("an annotation", "series-1", "triangle"),
)
"""From below to the top, so that the few annotations are not covered."""

_NONE, _OTHERS, _ANNOTATED = 0, len(LETTERS) + 1, len(LETTERS) + 2


def layer_maps(placed: pd.DataFrame, name: str) -> list[dict[str, Any]]:
    """What the template shows: for each SAE with a map its variant, drawing and legend.

    Parameters
    ----------
    placed : DataFrame
        Rows of the table ``map`` of a layer, with concept, concept_type, q_value, f1, label and
        confidence of the features.
    name : str
        The layer, for the description of the figure.
    """
    maps = []
    for variant, rows in placed.dropna(subset=["x", "y"]).groupby("variant", sort=False):
        points = _points(rows)
        groups = legend(points, GROUPS)
        said = "; ".join(f"{group.words}: {n}" for group, n in groups)
        description = f"Map of the features of {variant}, {name}, by what they detect. {said}"
        drawing = map_svg(points, GROUPS, description)
        maps.append({"variant": variant, "drawing": drawing, "legend": groups})
    return maps


def group_of(row: Mapping[Hashable, Any]) -> int:
    """Number in ``GROUPS`` of what a feature detects with q ≤ 0.05.

    Examples
    --------
    >>> row = {"concept": "residue: W", "concept_type": "residue", "q_value": 0.05}
    >>> GROUPS[group_of(row)].words, GROUPS[group_of({**row, "q_value": 0.06})].words
    ('an amino acid: A V I L M F W Y', 'nothing, at q ≤ 0.05')
    >>> GROUPS[group_of({**row, "concept": "SIGNAL", "concept_type": "SIGNAL"})].words
    'an annotation'
    """
    if not is_called(row):
        return _NONE
    if not is_defined_by_sequence(row["concept_type"]):
        return _ANNOTATED
    if row["concept_type"] == "residue":
        letter = row["concept"].removeprefix("residue: ")
        for number, letters in enumerate(LETTERS, start=1):
            if letter in letters:
                return number
    return _OTHERS


def is_called(row: Mapping[Hashable, Any]) -> bool:
    """Whether a feature detects its concept on test, at a false discovery rate of 5 %."""
    return bool(pd.notna(row["concept"]) and row["q_value"] <= CALLED_Q)


def point_words(row: Mapping[Hashable, Any]) -> str:
    """Number and description of a feature, and what it detects.

    Examples
    --------
    >>> row = {"feature": 7, "label": "C", "confidence": "high", "concept": "DISULFID"}
    >>> point_words({**row, "q_value": 0.01, "f1": 0.384})
    'Feature 7: C (confidence: high); detects DISULFID, F1 0.38'
    >>> point_words({**row, "q_value": 0.3, "f1": 0.384, "label": "unknown"})
    'Feature 7: no description'
    """
    is_known = pd.notna(row["label"]) and row["label"] != "unknown"
    words = f"{row['label']} (confidence: {row['confidence']})" if is_known else "no description"
    detects = f"; detects {row['concept']}, F1 {decimals(row['f1'])}" if is_called(row) else ""
    return f"Feature {row['feature']}: {words}{detects}"


def _points(rows: pd.DataFrame) -> pd.DataFrame:
    """Places, groups and words; features that detect something first, the best of them first."""
    records = rows.to_dict("records")
    points = rows[["x", "y", "f1"]].assign(
        group=[group_of(row) for row in records], words=[point_words(row) for row in records]
    )
    order = points.assign(detects=points["group"] > 0)
    return points.loc[
        order.sort_values(["detects", "f1"], ascending=False, kind="stable").index,
        ["x", "y", "group", "words"],
    ]
