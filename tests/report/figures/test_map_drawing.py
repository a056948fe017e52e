"""Maps as SVG: where points are, what they say, and that wide SAEs stay small."""

import re

import numpy as np
import pandas as pd

from protsae.report.figures.map_drawing import (
    MARGIN,
    MOST_NAMED,
    SHAPES,
    Group,
    map_shapes,
    map_svg,
)

GROUPS = (Group("none", "none", "dot"), Group("sites", "series-1", "triangle"))


def points(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["x", "y", "group", "words"])


def test_points_lie_upwards_and_groups_above_each_other() -> None:
    """2 wide and 5 high: 500 pixels in 520, so 200 in 220."""
    shown = points((0.0, 0.0, 1, "a & b"), (2.0, 5.0, 0, "c"), (1.0, 1.0, 1, "d"))
    assert map_svg(shown, GROUPS, 'said "so"') == (
        '<svg class="map" role="img" aria-label="said &#34;so&#34;" width="220" height="520" '
        'viewBox="0 0 220 520">'
        '<g class="none"><use href="#map-dot" x="210" y="10"><title>c</title></use></g>'
        '<g class="series-1"><use href="#map-triangle" x="10" y="510"><title>a &amp; b</title>'
        '</use><use href="#map-triangle" x="110" y="410"><title>d</title></use></g></svg>'
    )


def test_no_group_without_points_and_no_point_without_place() -> None:
    shown = points((0.0, 0.0, 0, "a"), (np.nan, np.nan, 1, "nowhere"), (3.0, 0.0, 0, "b"))
    svg = map_svg(shown, GROUPS, "x")
    assert svg.count("<use") == 2
    assert "series-1" not in svg
    assert f'height="{2 * MARGIN}"' in svg


def test_an_empty_map() -> None:
    assert map_svg(points(), GROUPS, "x").endswith('viewBox="0 0 20 20"></svg>')


def test_points_beyond_the_first_are_bare_dots() -> None:
    """10,000 features on a grid of 100 by 100; the last ones at one place count once."""
    side = np.arange(100)
    x, y = (part.ravel().astype(float) for part in np.meshgrid(side, side))
    wide = pd.DataFrame({"x": x, "y": y, "group": 0, "words": "w" * 50})
    wide.loc[[9998, 9999], ["x", "y"]] = 50.5
    svg = map_svg(wide, GROUPS, "x")
    assert svg.count("<title>") == MOST_NAMED
    (bare,) = re.findall(r'<path class="bare" d="([^"]+)"/>', svg)
    assert bare.count("M") == 10_000 - MOST_NAMED - 1
    assert len(bare) < 10 * 10_000
    again = re.findall(r"M(\d+) (\d+)h0", bare)
    # The first row of the grid is named, the last is bare: the highest y has the lowest number.
    assert min(int(y) for _, y in again) == MARGIN


def test_every_shape_can_be_used() -> None:
    assert re.findall(r'id="map-([^"]+)"', map_shapes()) == list(SHAPES)
    assert {group.shape for group in GROUPS} <= SHAPES.keys()
