"""Segments of sequence as HTML: residues coloured by activation, concept residues underlined."""

import math
from collections.abc import Collection, Sequence

from markupsafe import Markup, escape

LEVELS = 8
"""Shades of the palette; style.css holds one background and one text colour for each."""

BLOCK = 10
"""Residues between two numbers of the ruler."""


def activation_level(activation: float, strongest: float) -> int:
    """Shade of a residue: 0 if inactive, else ceil(LEVELS * activation / strongest), 1 to LEVELS.

    Parameters
    ----------
    strongest : float
        Activation that gets the last shade; anything above gets it too.

    Examples
    --------
    >>> [activation_level(a, 4.0) for a in (0.0, 0.1, 2.0, 4.0, 9.0)]
    [0, 1, 4, 8, 8]
    """
    if not activation > 0 or not strongest > 0:
        return 0
    return min(LEVELS, max(1, math.ceil(LEVELS * activation / strongest)))


def coloured_residues(
    residues: str,
    start: int,
    activations: Sequence[float],
    strongest: float,
    labelled: Collection[int] = (),
    peak: int | None = None,
) -> Markup:
    """Residues as ``<b>`` elements in blocks that end at multiples of ten, under a ruler.

    A residue's class ``a0`` to ``a8`` is its shade, ``p`` says that it has the concept, ``k`` that
    it is the peak. Its tooltip has letter, position and activation.

    Parameters
    ----------
    residues : str
        The segment.
    start : int
        Position of its first residue, 1-based.
    activations : sequence of float
        One for each residue.
    labelled : collection of int
        1-based positions with the concept.

    Raises
    ------
    ValueError
        If there are not as many activations as residues.

    Examples
    --------
    >>> print(coloured_residues("MK", 9, [0.0, 1.5], 1.5, labelled={10}, peak=10))
    <span class="block"><i>9</i><b class="a0" title="M9">M</b><b class="a8 p k" title="K10 1.5">\
K</b></span>
    """
    if len(residues) != len(activations):
        raise ValueError(f"{len(activations)} activations for {len(residues)} residues")
    html: list[str] = []
    for offset, (letter, activation) in enumerate(zip(residues, activations, strict=True)):
        position = start + offset
        if offset == 0 or position % BLOCK == 1:
            html.append(f'{"</span>" if offset else ""}<span class="block"><i>{position}</i>')
        level = activation_level(activation, strongest)
        classes = (
            f"a{level}{' p' if position in labelled else ''}{' k' if position == peak else ''}"
        )
        amount = f" {activation:.2g}" if level else ""
        shown = escape(letter)
        html.append(f'<b class="{classes}" title="{shown}{position}{amount}">{shown}</b>')
    return Markup("".join([*html, "</span>" if html else ""]))


def shown_ranges(positions: Collection[int]) -> str:
    """Positions as ranges, for a description in words.

    Examples
    --------
    >>> shown_ranges({9, 3, 4, 5})
    '3-5, 9'
    """
    ranges: list[list[int]] = []
    for position in sorted(positions):
        if ranges and position == ranges[-1][1] + 1:
            ranges[-1][1] = position
        else:
            ranges.append([position, position])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
