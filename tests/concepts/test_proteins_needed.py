"""How many proteins it would take, and what is said of it, by hand."""

import math

import pandas as pd
import pytest

from protsae.concepts.frequency import LeftOut
from protsae.concepts.proteins_needed import annotated_residues, outlook_lines, proteins_needed
from protsae.proteins.split_names import SPLITS


def occurrence(clusters: tuple[int, int, int], residues: tuple[int, int, int]) -> pd.DataFrame:
    counts = {f"{s}_clusters": n for s, n in zip(SPLITS, clusters, strict=True)}
    counts |= {f"{s}_residues": n for s, n in zip(SPLITS, residues, strict=True)}
    return pd.DataFrame([{"concept": "P", **counts}])


@pytest.mark.parametrize(
    ("clusters", "residues", "needed"),
    [
        pytest.param((5, 3, 3), (50, 10, 10), 0, id="enough"),
        # 10 of 211 proteins: valid lacks 1 cluster and gets a tenth of 10 / 211 per protein.
        pytest.param((5, 2, 3), (50, 10, 10), 220, id="a cluster in valid"),
        # Test lacks 3 clusters and gets 0.3 * 7 / 211 per protein: 301.4.
        pytest.param((4, 3, 0), (50, 10, 10), 310, id="clusters in test"),
        # Test lacks 7 residues and gets 0.3 * 23 / 211 per protein: 214.06.
        pytest.param((5, 3, 3), (10, 10, 3), 220, id="residues in test"),
        pytest.param((0, 0, 0), (0, 0, 0), math.inf, id="none"),
    ],
)
def test_proteins_needed(
    clusters: tuple[int, int, int], residues: tuple[int, int, int], needed: float
) -> None:
    found = proteins_needed(occurrence(clusters, residues), 211, (0.1, 0.3), 10, 3)
    assert found == {"P": needed}


def test_lines_by_reason() -> None:
    few = "fewer than 3 homology clusters in valid or test"
    reasons = {f"P{i}": LeftOut(few, f"{i} in valid, 0 in test") for i in range(7)}
    reasons["CHAIN"] = LeftOut("covers nearly the whole protein")
    needed = {f"P{i}": 1700.0 - 100 * i for i in range(6)} | {"P6": math.inf}
    assert outlook_lines(1234, reasons, needed) == [
        "1,234 of 1,242 concepts will be scored",
        f"  not 7: {few}",
        "    it would take about 1,200 more proteins like these for P5, 1,300 for P4, "
        "1,400 for P3, 1,500 for P2, 1,600 for P1",
        "  not 1: covers nearly the whole protein",
    ]


def test_residues_of_each_protein() -> None:
    """Two bonds have two ends each; a stretch that is not certain counts nowhere."""
    proteins = pd.DataFrame({"accession": ["P1", "P2"], "length": [11, 7]})
    rows = [
        ("P1", "DISULFID", "", 2, 9, True),
        ("P1", "DISULFID", "", 3, 5, True),
        ("P2", "SIGNAL", "", 1, 5, True),
        ("P1", "SIGNAL", "", 1, 4, False),
    ]
    columns = ["accession", "type", "description", "start", "end", "certain"]
    found = annotated_residues(pd.DataFrame(rows, columns=columns), proteins).toarray()
    assert sorted(found.T.tolist()) == [[0, 5], [4, 0]]
