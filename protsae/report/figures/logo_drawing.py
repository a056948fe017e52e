"""Sequence logos as SVG: letters are outlines of logomaker, kept once on the page and stretched."""

import math

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.path import Path as Outline

from protsae.inspection.logo_letters import enriched_letters, enriched_words, letter_heights
from protsae.proteins.alphabet import STANDARD

COLUMN, HEIGHT = 17, 84
"""Pixels of an offset and of the axis of bits."""

LEFT, TOP, RIGHT, BELOW = 30, 6, 8, 30
"""Pixels around that, for numbers and names of the axes."""

LEAST_HEIGHT = 1.0
"""Pixels below which a letter is left out, as nobody could read it."""

UNIT = 100
"""Side of the box that an outline fills."""


def letter_outlines() -> Markup:
    """An element without size that holds the outline of each amino acid, for `logo_svg` to use.

    Letters are drawn by logomaker, whose rule keeps narrow ones such as I from being stretched.

    References
    ----------
    Tareen & Kinney 2020, doi:10.1093/bioinformatics/btz921
    """
    import logomaker
    from matplotlib.figure import Figure

    alphabet = pd.DataFrame(np.eye(len(STANDARD)), columns=list(STANDARD))
    axes = Figure().subplots()
    drawn = logomaker.Logo(alphabet, ax=axes, font_name="DejaVu Sans", font_weight="bold", width=1)
    paths = "".join(
        f'<path id="aa-{glyph.c}" d="{_svg_path(glyph.patch.get_path(), glyph.p - 0.5)}"/>'
        for glyph in drawn.glyph_list
        if glyph.patch is not None
    )
    return Markup(f'<svg class="outlines" aria-hidden="true"><defs>{paths}</defs></svg>')


def _svg_path(outline: Outline, left: float) -> str:
    """An outline with y up in a box of side 1, as a path with y down in one of side `UNIT`.

    Examples
    --------
    >>> square = [(2, 0), (3, 0), (3, 1), (2, 0)]
    >>> codes = [Outline.MOVETO, Outline.LINETO, Outline.LINETO, Outline.CLOSEPOLY]
    >>> _svg_path(Outline(square, codes), 2.0)
    'M0 100L100 100L100 0Z'
    """
    names = {Outline.MOVETO: "M", Outline.LINETO: "L", Outline.CURVE3: "Q", Outline.CURVE4: "C"}
    text = ""
    for points, code in outline.iter_segments(simplify=False):
        if code == Outline.CLOSEPOLY:
            text += "Z"
            continue
        pairs = np.reshape(points, (-1, 2))
        x, y = (pairs[:, 0] - left) * UNIT, (1 - pairs[:, 1]) * UNIT
        places = zip(np.round(x).astype(int), np.round(y).astype(int), strict=True)
        text += names[code] + " ".join(f"{a} {b}" for a, b in places)
    return text


def logo_svg(logo: pd.DataFrame) -> Markup:
    """The logo of a feature: at each offset a stack of letters, as high as the information there.

    Letters are as high as their frequency times the information, the highest on top; those that
    are enriched (q <= 0.05) have the class ``e``. The axis goes to at least 1 bit, so that noise is
    not blown up. The page must hold `letter_outlines`.

    Parameters
    ----------
    logo : DataFrame
        Rows of a feature in the logos table.

    Returns
    -------
    Markup
        An ``<svg>`` element; empty if the feature has no logo.
    """
    if logo.empty:
        return Markup("")
    heights, enriched = letter_heights(logo), enriched_letters(logo)
    most = top_of_axis(float(heights.sum(axis=1).max()))
    letters = []
    for number, (offset, row) in enumerate(heights.iterrows()):
        for letter, floor, ceiling in stacked(row):
            height = (ceiling - floor) / most * HEIGHT
            if height < LEAST_HEIGHT:
                continue
            x, y = LEFT + COLUMN * number, TOP + HEIGHT * (1 - ceiling / most)
            mark = ' class="e"' if letter in enriched.get(int(str(offset)), "") else ""
            scale = f"{_short((COLUMN - 1) / UNIT)} 0 0 {_short(height / UNIT)}"
            place = f"{x} {_short(y)}"
            letters.append(f'<use href="#aa-{letter}"{mark} transform="matrix({scale} {place})"/>')
    width = LEFT + COLUMN * len(heights) + RIGHT
    words = f"Sequence logo; enriched amino acids by offset from the peak: {enriched_words(logo)}"
    return Markup(
        f'<svg class="logo" role="img" aria-label="{words}" width="{width}" '
        f'height="{TOP + HEIGHT + BELOW}">{_axes(logo["offset"].tolist(), most)}'
        f"{''.join(letters)}</svg>"
    )


def stacked(heights: pd.Series) -> list[tuple[str, float, float]]:
    """Letters with where each begins and ends, the lowest first; none without height.

    Examples
    --------
    >>> stacked(pd.Series({"A": 0.5, "C": 0.0, "D": 0.25}))
    [('D', 0.0, 0.25), ('A', 0.25, 0.75)]
    """
    own = heights[heights > 0].sort_values(kind="stable")
    ceilings = own.cumsum()
    return list(zip(own.index, (ceilings - own).tolist(), ceilings.tolist(), strict=True))


def top_of_axis(information: float) -> float:
    """Bits at the top: the next half above the highest stack, at least 1.

    Examples
    --------
    >>> top_of_axis(0.3), top_of_axis(1.5), top_of_axis(2.1)
    (1.0, 1.5, 2.5)
    """
    return max(1.0, math.ceil(2 * information) / 2)


def _axes(offsets: list[int], most: float) -> str:
    """Bits on the left, offsets below: lines, numbers and names."""
    base, right = TOP + HEIGHT, LEFT + COLUMN * len(offsets)
    lines = f'<path d="M{LEFT - 2} {TOP}V{base}H{right}"/>'
    bits = "".join(
        f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{value:g}</text>'
        for value, y in ((most, TOP), (0, base))
    )
    middle = TOP + HEIGHT // 2
    name = f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">bits</text>'
    numbers = "".join(
        f'<text x="{LEFT + COLUMN * i + COLUMN // 2}" y="{base + 12}" text-anchor="middle">'
        f"{_signed(offset)}</text>"
        for i, offset in enumerate(offsets)
        if offset % 5 == 0
    )
    below = (
        f'<text x="{(LEFT + right) // 2}" y="{base + 26}" text-anchor="middle">'
        "residues from the peak</text>"
    )
    return lines + bits + name + numbers + below


def _signed(offset: int) -> str:
    return f"{offset:+d}" if offset else "0"


def _short(number: float) -> str:
    """Without digits that make no difference to the eye.

    Examples
    --------
    >>> _short(0.16), _short(0.02049), _short(31.0)
    ('.16', '.02', '31')
    """
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return text.removeprefix("0") if text.startswith("0.") else text
