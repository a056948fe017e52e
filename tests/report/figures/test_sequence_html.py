"""Residues as HTML: shades, positions, marks, and a palette that can be read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protsae.report.figures.sequence_html import (
    LEVELS,
    activation_level,
    coloured_residues,
    shown_ranges,
)
from protsae.report.page import HERE


@pytest.mark.parametrize(
    ("activation", "strongest", "level"),
    [
        pytest.param(0.0, 8.0, 0, id="inactive"),
        pytest.param(1e-9, 8.0, 1, id="barely"),
        pytest.param(1.0, 8.0, 1, id="first-eighth"),
        pytest.param(1.01, 8.0, 2, id="above-first-eighth"),
        pytest.param(8.0, 8.0, 8, id="strongest"),
        pytest.param(11.0, 8.0, 8, id="beyond"),
        pytest.param(float("nan"), 8.0, 0, id="nan"),
        pytest.param(3.0, 0.0, 0, id="nothing-fires"),
    ],
)
def test_activation_level(activation: float, strongest: float, level: int) -> None:
    assert activation_level(activation, strongest) == level


def test_blocks_end_at_multiples_of_ten_and_start_with_their_position() -> None:
    html = coloured_residues("ACDEFGHIKLMNPQ", 8, [0.0] * 14, 1.0)
    blocks = re.findall(r'<span class="block"><i>(\d+)</i>(.*?)</span>', html)
    letters = [(start, "".join(re.findall(r">(\w)</b>", inside))) for start, inside in blocks]
    assert letters == [("8", "ACD"), ("11", "EFGHIKLMNP"), ("21", "Q")]


def test_each_residue_tells_its_position_shade_and_marks() -> None:
    html = coloured_residues("MKC", 1, [0.0, 2.0, 1.0], 4.0, labelled={1, 3}, peak=2)
    assert re.findall(r'<b class="([^"]*)" title="([^"]*)">(.)</b>', html) == [
        ("a0 p", "M1", "M"),
        ("a4 k", "K2 2", "K"),
        ("a2 p", "C3 1", "C"),
    ]


def test_nothing_is_nothing() -> None:
    assert coloured_residues("", 1, [], 1.0) == ""


def test_residues_are_escaped() -> None:
    assert "<C" not in coloured_residues("<C", 1, [0.0, 0.0], 1.0)


def test_activations_must_match_residues() -> None:
    with pytest.raises(ValueError, match="2 activations for 3 residues"):
        coloured_residues("MKC", 1, [0.0, 1.0], 1.0)


@given(st.sets(st.integers(1, 40)))
def test_ranges_name_each_position_once(positions: set[int]) -> None:
    named: list[int] = []
    for part in filter(None, shown_ranges(positions).split(", ")):
        first, _, last = part.partition("-")
        named += range(int(first), int(last or first) + 1)
    assert named == sorted(positions)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_on_every_shade_has_contrast(theme: str) -> None:
    """WCAG 2.2 AA asks 4.5 of text."""
    shades = _palette(theme)
    for level in range(LEVELS + 1):
        contrast = _contrast(shades[f"a{level}"], shades[f"t{level}"])
        assert contrast >= 4.5, (theme, level, contrast)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "quiet", "link", "good", "warn"])
def test_text_on_the_page_has_contrast(theme: str, name: str) -> None:
    palette = _palette(theme)
    assert min(_contrast(palette[name], palette[on]) for on in ("page", "panel")) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_shades_go_one_way(theme: str) -> None:
    palette = _palette(theme)
    shades = [_luminance(palette[f"a{level}"]) for level in range(LEVELS + 1)]
    assert shades == sorted(shades, reverse=theme == "light")


def _palette(theme: str) -> dict[str, str]:
    """CSS variables of the light or the dark theme."""
    css = (HERE / "style.css").read_text()
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    part = light if theme == "light" else dark.split("* {")[0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part))


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)
