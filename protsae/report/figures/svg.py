"""Figures as inline SVG: same data, same bytes; colours follow the page's light or dark theme."""

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe & Ito's colour-blind-safe palette; on the page each is a CSS variable, so that a dark theme
# can lighten it. The others are stand-ins for variables, too: text, grid, remarks, background.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKERS = ("o", "s", "^", "D", "v", "P")
SHADES = ("#0a0b01", "#0a0b02", "#0a0b03", "#0a0b04")
"""One hue from pale to dark, shades 2, 4, 6 and 8 of the page's palette."""
INK, RULE, GREY, PAGE = "#010203", "#040506", "#070809", "#0a0b05"
_THEME = {
    **{colour: f"var(--series-{i})" for i, colour in enumerate(SERIES)},
    **{shade: f"var(--a{2 * i})" for i, shade in enumerate(SHADES, start=1)},
    INK: "currentColor",
    RULE: "var(--rule)",
    GREY: "var(--quiet)",
    PAGE: "var(--page)",
}
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "protsae",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": RULE,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def svg(
    name: str,
    description: str,
    inches: tuple[float, float],
    panels: tuple[int, int],
    draw: Callable[[Sequence[Axes]], None],
) -> Markup:
    """Draw and return one ``<svg>`` element with ids of its own and the page's colours.

    Parameters
    ----------
    name : str
        Unique on the page; prefix of the element ids.
    description : str
        For those who do not see the figure.
    inches : tuple of float
        Width and height.
    panels : tuple of int
        Rows and columns.
    draw : function
        Gets the panels, row by row.
    """
    buffer = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=inches)
        draw(list(figure.subplots(*panels, squeeze=False).flat))
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href=", "href=")
    text = re.sub(r'(\bid="|"#|url\(#)', rf"\g<1>{name}-", text)
    text = text.replace("'DejaVu Sans'", "system-ui, sans-serif")
    for colour, variable in _THEME.items():
        text = text.replace(colour, variable)
    # Letters of 12 px shrink with the page to 0.8 of that, then the figure scrolls.
    described = (
        f'role="img" aria-label="{escape(description)}" style="min-width:{0.8 * inches[0]:g}in"'
    )
    return Markup(text.replace("<svg ", f"<svg {described} ", 1).strip())
