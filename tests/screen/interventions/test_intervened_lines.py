"""What interventions changed, in words, by hand."""

import numpy as np
import pandas as pd

from protsae.screen.interventions.intervened_lines import intervened_lines, near_residues


def table(n: int, edited: list[int], kl: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "position": range(1, n + 1),
            "residue": "A",
            "edited": [i in edited for i in range(n)],
            "probability": 0.5,
            "edited_probability": 0.25,
            "kl": kl,
            "best": "A",
            "edited_best": "L",
            "gained": ["L", *["C"] * (n - 1)],
            "gain": [0.125, *[0.004] * (n - 1)],
            "lost": "A",
            "loss": [0.25, *[0.125] * (n - 1)],
        }
    )


def test_places_and_amino_acids() -> None:
    rows = table(13, [0, 1], [0.5, 0.25, *[0.0] * 7, 0.125, *[0.0] * 3])
    change = np.zeros((13, 2))
    change[:2] = [[-0.25, 0.2], [-0.25, 0.1]]
    assert intervened_lines("P1", rows, change, "AL", True) == [
        "P1: 13 residues, each residue masked when it is predicted",
        "  Edited: 2 residues, 1 to 2",
        "  KL of predictions: 0.38 on average (0.75 in all) at edited residues; 0.016 on average "
        "(0.12 in",
        "                     all) within 8 residues of one; 0 on average (0 in all) elsewhere",
        "  Changed most: A1 (KL 0.5, p(A) 0.50 to 0.25, best A, now L, L +0.12), A2 (KL 0.25, p(A) "
        "0.50 to",
        "                0.25, best A, now L), A10 (KL 0.12, p(A) 0.50 to 0.25, best A, now L)",
        "  Mean probability at edited residues gained: L +0.150; lost: A -0.250",
    ]


def test_nothing_is_edited() -> None:
    assert intervened_lines("P1", table(3, [], [0.0] * 3), np.zeros((3, 2)), "AL", False) == [
        "P1: 3 residues, nothing masked",
        "  Edited: no residue; the edits change no activation when nothing is masked.",
    ]


def test_letters_of_a_residue_whose_probability_is_not_known() -> None:
    rows = table(1, [0], [0.5]).assign(residue="X", probability=np.nan, lost="C", loss=0.0312)
    said = intervened_lines("P1", rows, np.array([[-0.25, 0.2]]), "AL", False)
    assert "  Changed most: X1 (KL 0.5, best A, now L, C -0.03, L +0.12)" in said


def test_near_stops_at_the_ends() -> None:
    edited = np.array([True, *[False] * 10])
    assert near_residues(edited, 8).nonzero()[0].tolist() == [*range(9)]
    assert near_residues(np.array([True]), 8).tolist() == [True]
