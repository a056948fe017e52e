import numpy as np
import pandas as pd
import pytest

from protsae.features.error_sites import SILENT, UNANNOTATED
from protsae.features.example_sites import STRENGTHS, STRONGEST
from protsae.inspection.example_lines import FLANK, aligned, example_lines, overlapping

BOLD, PLAIN = "\x1b[1m", "\x1b[0m"


def row(**given: object) -> dict[str, object]:
    """An example of 7 residues; residue 5 is the peak."""
    shown = {
        **{"selection": STRONGEST, "accession": "P00001", "peak": 5, "start": 2, "end": 8},
        **{"activation": 4.0, "annotations": None, "residues": "ACDEFGH"},
        "activations": [0.0, 0.0, 1.0, 4.0, 2.0, 0.0, 0.0],
    }
    return shown | given


def test_lines_by_hand() -> None:
    examples = pd.DataFrame(
        [
            row(annotations="SIGNAL 1-4; HELIX 5-9"),
            row(accession="A0A000", peak=8, activation=0.5, activations=[0.0] * 6 + [0.5]),
            row(selection=SILENT, activation=0.0, activations=[0.0] * 7),
        ]
    )
    assert example_lines(examples, 80) == [
        "Examples, aligned at the residue that is named; upper case: active",
        "  strongest activations",
        f"    P00001 E5 4   {'acDEFgh':>19}{'':12} HELIX 5-9; SIGNAL 1-4",
        f"    A0A000 H8 0.5 {'acdefgH':>16}",
        "  off in test proteins with the concept",
        f"    P00001 E5 0   {'acdefgh':>19}",
    ]


def test_active_residues_are_bold_on_a_terminal() -> None:
    plain, bold = (example_lines(pd.DataFrame([row()]), 80, is_it) for is_it in (False, True))
    assert f"ac{BOLD}DEF{PLAIN}gh" in bold[2]
    assert bold[2].replace(BOLD, "").replace(PLAIN, "") == plain[2]


def test_every_selection_is_said() -> None:
    selections = [STRONGEST, *STRENGTHS, UNANNOTATED, SILENT]
    lines = example_lines(pd.DataFrame([row(selection=name) for name in selections]), 80)
    heads = [line for line in lines if line.startswith("  ") and line[2] != " "]
    assert len(set(heads)) == len(selections) == 6
    assert "  drawn from quantiles 0.9 to 0.99 of its activations" in heads


@pytest.mark.parametrize("width", [80, 97, 131])
def test_no_line_is_wider_than_it_may_be(width: int) -> None:
    rng = np.random.default_rng(0)
    rows = []
    for i in range(53):
        length, flank = int(rng.integers(1, 300)), 40
        peak = int(rng.integers(1, length + 1))
        start, end = max(1, peak - flank), min(length, peak + flank)
        activations = rng.random(end - start + 1) * (rng.random(end - start + 1) < 0.5)
        residues = "".join(rng.choice(list("ACDEFGHIKL"), end - start + 1))
        rows.append(
            row(
                **{"accession": f"A0A{i:07d}", "peak": peak, "start": start, "end": end},
                **{"activations": activations, "residues": residues, "activation": 12.3456},
                annotations="; ".join(f"DOMAIN: of number {n} {start}-{end}" for n in range(9)),
            )
        )
    lines = example_lines(pd.DataFrame(rows), width)
    assert max(map(len, lines)) <= width
    assert max(map(len, lines)) > width - 9
    column = {line.index("DOMAIN") for line in lines[2:]}
    assert len(column) == 1


@pytest.mark.parametrize(
    ("length", "peak", "shown"),
    [
        (1, 0, "a"),
        (40, 0, "a" * (1 + FLANK)),
        (40, 39, "a" * (1 + FLANK)),
        (40, 20, "a" * (1 + 2 * FLANK)),
    ],
)
def test_windows_at_the_ends(length: int, peak: int, shown: str) -> None:
    window = aligned("A" * length, [0.0] * length, peak)
    assert len(window) == 1 + 2 * FLANK
    assert window.strip() == shown
    assert window[FLANK] == "a"


def test_touching_annotations() -> None:
    text = "A 1-4; B 5-5; C: 3; 4 9-12; D 13-13"
    assert overlapping(text, 5, 12, 9) == "C: 3; 4 9-12; B 5-5"


def test_no_examples() -> None:
    none = pd.DataFrame(columns=list(row()))
    assert example_lines(none, 80) == ["Examples: none; it is active nowhere"]
