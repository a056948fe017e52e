"""Logos as SVG, beside what logomaker draws of the same heights."""

import re
import xml.etree.ElementTree as ElementTree

import logomaker
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from protsae.inspection.logo_letters import letter_heights
from protsae.proteins.alphabet import STANDARD
from protsae.report.figures.logo_drawing import (
    COLUMN,
    HEIGHT,
    LEAST_HEIGHT,
    LEFT,
    TOP,
    UNIT,
    letter_outlines,
    logo_svg,
    stacked,
    top_of_axis,
)

PLACED = re.compile(
    r'<use href="#aa-(.)"( class="e")? transform="matrix\((\S+) 0 0 (\S+) (\S+) (\S+)\)"/>'
)


def random_logo(n_offsets: int = 21, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "offset": np.arange(n_offsets) - n_offsets // 2,
            "information": 3 * rng.random(n_offsets),
            "frequencies": list(rng.dirichlet(np.full(20, 0.3), n_offsets)),
            "enriched": None,
            "n_windows": 13,
        }
    )


def test_letters_are_where_logomaker_puts_them() -> None:
    heights = letter_heights(random_logo(7)).reset_index(drop=True)
    drawn = logomaker.Logo(heights, ax=Figure().subplots())
    expected = {
        (glyph.p, glyph.c): (glyph.floor, glyph.ceiling)
        for glyph in drawn.glyph_list
        if glyph.ceiling > glyph.floor
    }
    found = {
        (offset, letter): bounds
        for offset, row in heights.iterrows()
        for letter, *bounds in stacked(row)
    }
    assert found.keys() == expected.keys()
    for key, bounds in found.items():
        assert bounds == pytest.approx(expected[key])


def test_letters_fill_their_places() -> None:
    """Of the drawing: from the floor of the axis without gaps, but for letters too low to see."""
    logo = random_logo()
    heights = letter_heights(logo)
    top = top_of_axis(heights.sum(axis=1).max())
    placed = PLACED.findall(logo_svg(logo))
    pixels = heights / top * HEIGHT
    assert len(placed) == (pixels >= LEAST_HEIGHT).to_numpy().sum()
    for letter, _, scale_x, scale_y, x, y in placed:
        offset = heights.index[(int(x) - LEFT) // COLUMN]
        assert float(scale_x) * UNIT == pytest.approx(COLUMN - 1)
        assert float(scale_y) * UNIT == pytest.approx(pixels.loc[offset, letter], abs=0.51)
        above = pixels.loc[offset][pixels.loc[offset] <= pixels.loc[offset, letter]].sum()
        assert float(y) == pytest.approx(TOP + HEIGHT - above, abs=0.01)


def test_enriched_letters_are_marked() -> None:
    logo = random_logo(3).assign(enriched=[None, "DE", None], information=2.0)
    logo["frequencies"] = [[0.0, 0.0, 0.5, 0.25, *[0.0] * 15, 0.25]] * 3
    placed = PLACED.findall(logo_svg(logo))
    marked = {(letter, int(x)) for letter, mark, *_, x, _ in placed if mark}
    assert marked == {("D", LEFT + COLUMN), ("E", LEFT + COLUMN)}
    assert len(placed) == 9
    label = 'aria-label="Sequence logo; enriched amino acids by offset from the peak: 0 DE"'
    assert label in logo_svg(logo)


def test_axes() -> None:
    root = ElementTree.fromstring(logo_svg(random_logo().assign(information=0.1)))
    texts = [element.text for element in root.iter("text")]
    expected = ["1", "0", "bits", "-10", "-5", "0", "+5", "+10", "residues from the peak"]
    assert texts == expected
    width = float(root.get("width") or 0)
    for text in root.iter("text"):
        x = float(text.get("x") or 0)
        assert x + 6 * len(text.text or "") / 2 * (text.get("text-anchor") == "middle") < width


def test_every_amino_acid_has_one_outline_within_its_box() -> None:
    root = ElementTree.fromstring(letter_outlines())
    paths = {path.get("id"): path.get("d") or "" for path in root.iter("path")}
    assert paths.keys() == {f"aa-{letter}" for letter in STANDARD}
    for letter, path in paths.items():
        numbers = [int(n) for n in re.findall(r"-?\d+", path)]
        assert (min(numbers), max(numbers)) == (0, UNIT), letter
        heights = numbers[1::2]
        assert (min(heights), max(heights)) == (0, UNIT), letter
    # Narrow letters stay narrow.
    width = {
        letter: np.ptp([*map(int, re.findall(r"\d+", paths[f"aa-{letter}"]))][::2])
        for letter in "IW"
    }
    assert width["I"] < width["W"] / 2


def test_small_and_the_same_every_time() -> None:
    assert len(letter_outlines()) < 4_000
    assert len(logo_svg(random_logo())) < 15_000
    assert logo_svg(random_logo()) == logo_svg(random_logo())
    assert letter_outlines() == letter_outlines()


def test_no_logo() -> None:
    assert logo_svg(random_logo().head(0)) == ""
