"""The map of an SAE's features as SVG: small, and each point says what its feature is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from protsae.report.number_format import count

MOST_WIDTH, MOST_HEIGHT, MARGIN = 720, 520, 10
"""Pixels of the drawing, which a map fills in one direction, and of its empty edge."""

MOST_NAMED = 1000
"""Points of a map that say what they are; the rest of a wide SAE are dots of a few bytes."""

SHAPES = {
    "dot": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0Z",
    "square": "M-5-5H5V5H-5Z",
    "triangle": "M0-8L7 5H-7Z",
}
"""Outlines around a point, in pixels."""


@dataclass(frozen=True)
class Group:
    """Features that are drawn alike.

    Attributes
    ----------
    words : str
        What they have in common, for the legend.
    look : str
        Classes of style.css, which give the colour.
    shape : str
        One of ``SHAPES``.
    """

    words: str
    look: str
    shape: str


def map_shapes() -> Markup:
    """An element without size that holds ``SHAPES``, for maps and legends to use."""
    paths = "".join(f'<path id="map-{name}" d="{path}"/>' for name, path in SHAPES.items())
    return Markup(f'<svg class="outlines" aria-hidden="true"><defs>{paths}</defs></svg>')


def map_svg(points: pd.DataFrame, groups: Sequence[Group], description: str) -> Markup:
    """Draw features at their places, the groups one above the other, the first below.

    The page must hold `map_shapes`.

    Parameters
    ----------
    points : DataFrame
        Columns x, y (upwards; rows without are left out), group (number in ``groups``) and words
        (what the feature is). The first ``MOST_NAMED`` rows say their words.
    groups : sequence of Group
    description : str
        For those who do not see the figure.

    Returns
    -------
    Markup
        An ``<svg>`` element.
    """
    placed = points.dropna(subset=["x", "y"]).reset_index(drop=True)
    xy, width, height = fitted(placed[["x", "y"]].to_numpy(np.float64))
    parts = []
    for number, group in enumerate(groups):
        rows = np.flatnonzero(placed["group"].to_numpy() == number)
        bare, named = rows[rows >= MOST_NAMED], rows[rows < MOST_NAMED]
        drawn = _bare(xy[bare]) if len(bare) else ""
        drawn += "".join(
            f'<use href="#map-{group.shape}" x="{x}" y="{y}"><title>{escape(words)}</title></use>'
            for (x, y), words in zip(xy[named].tolist(), placed["words"][named], strict=True)
        )
        if drawn:
            parts.append(f'<g class="{group.look}">{drawn}</g>')
    return Markup(
        f'<svg class="map" role="img" aria-label="{escape(description)}" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">{"".join(parts)}</svg>'
    )


def legend(points: pd.DataFrame, groups: Sequence[Group]) -> list[tuple[Group, str]]:
    """Groups that have points on the map, with how many.

    Examples
    --------
    >>> points = pd.DataFrame({"x": [0.5, 1.5, None], "y": [1.0, 2.0, None], "group": [0, 0, 1]})
    >>> groups = [Group("none", "quiet", "dot"), Group("sites", "series-0", "square")]
    >>> [(group.words, n) for group, n in legend(points, groups)]
    [('none', '2')]
    """
    sizes = points.dropna(subset=["x", "y"])["group"].value_counts()
    return [
        (group, count(int(sizes[number]))) for number, group in enumerate(groups) if number in sizes
    ]


def fitted(xy: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Whole pixels, y downwards, on one scale in both directions; width and height of the drawing.

    Examples
    --------
    >>> places, width, height = fitted(np.array([[0.0, 0.0], [2.0, 1.0]]))
    >>> places.tolist(), width, height
    ([[10, 360], [710, 10]], 720, 370)
    """
    if not len(xy):
        return np.zeros((0, 2), np.int64), 2 * MARGIN, 2 * MARGIN
    low = xy.min(0)
    size = np.maximum(xy.max(0) - low, 1e-12)
    scale = ((np.array([MOST_WIDTH, MOST_HEIGHT]) - 2 * MARGIN) / size).min()
    width, height = np.rint(size * scale).astype(np.int64).tolist()
    x = MARGIN + (xy[:, 0] - low[0]) * scale
    y = MARGIN + height - (xy[:, 1] - low[1]) * scale
    places = np.rint(np.column_stack([x, y])).astype(np.int64)
    return places, width + 2 * MARGIN, height + 2 * MARGIN


def _bare(xy: np.ndarray) -> str:
    """Dots without words: lines of no length with round ends, one for all at a place."""
    places = np.unique(xy, axis=0).tolist()
    return f'<path class="bare" d="{"".join(f"M{x} {y}h0" for x, y in places)}"/>'
