"""What says whether designs have a concept: homologues by MMseqs2, and what is new in a design."""

import numpy as np
import pandas as pd
import pytest

from protsae.references.window_judge import WindowJudge
from protsae.stages.intervening.design_judges import ConceptJudges, Homologues
from tests.helpers.tiny_esm import random_sequence
from tests.references.test_window_judge import ANYTHING

FIRST, SECOND = random_sequence(97), random_sequence(83)[::-1]


def test_the_concept_must_be_where_the_homologue_is_aligned() -> None:
    """The first train protein has it in its first 20 residues, the second nowhere."""
    labels = [np.arange(97) < 20, np.zeros(83, dtype=bool)]
    homologues = Homologues(["T1", "T2"], [FIRST, SECOND], labels, 1e-3)
    queries = [FIRST[:60], FIRST[40:], SECOND, "ACDEFGHIKLMNPQRSTVWY" * 3]
    assert homologues.best(queries) == [("T1", True), ("T1", False), ("T2", False), (None, False)]


def test_the_best_of_several_counts() -> None:
    """Half of the first is of other letters, so that the whole one is better, though it is last."""
    half = FIRST[:48] + SECOND[:49]
    labels = [np.ones(97, dtype=bool), np.zeros(97, dtype=bool)]
    assert Homologues(["H", "T"], [half, FIRST], labels, 1e-3).best([FIRST]) == [("T", False)]


@pytest.fixture
def judges(monkeypatch: pytest.MonkeyPatch) -> ConceptJudges:
    """On where a letter is W, usual is no W; a homologue for sequences with a K, K first has it."""
    monkeypatch.setattr(
        WindowJudge, "is_on", lambda self, sequence: np.array([c == "W" for c in sequence])
    )
    monkeypatch.setattr(
        Homologues,
        "best",
        lambda self, queries: [("T" if "K" in q else None, q.startswith("K")) for q in queries],
    )
    window = WindowJudge("SIGNAL", ANYTHING, 0.0, 0.5, 1, (np.zeros(4, dtype=bool),))
    return ConceptJudges(window, Homologues([], [], [], 1e-3))


def test_judged_is_what_the_start_has_not(judges: ConceptJudges) -> None:
    rows = pd.DataFrame(
        [
            *(("a", "KWAA", "transmembrane"), ("a", "AAKA", None), ("b", "KWWA", None)),
            *(("masks", "KWAA", None), ("masks", "AAAA", "negative")),
        ],
        columns=["start", "sequence", "judged"],
        index=[5, 6, 7, 8, 9],
    )
    starts = {"a": "AAAA", "b": "KAAW", "masks": "____"}
    found = judges.judged(rows, starts)
    assert found.index.tolist() == [5, 6, 7, 8, 9]
    assert found["judged"].fillna("").tolist() == [
        *("transmembrane; window probe; homologue", "", ""),
        *("window probe; homologue", "negative"),
    ]
    assert found["concept"].tolist() == ["SIGNAL"] * 5
    assert found["window_share"].tolist() == [0.25, 0, 0.5, 0.25, 0]
    assert found["window_has_concept"].tolist() == [1, 0, 1, 1, 0]
    assert found["homologue"].fillna("").tolist() == ["T", "T", "T", "T", ""]
    assert found["homologue_has_concept"].tolist() == [1, 0, 1, 1, 0]


def test_what_the_sequence_defines_has_no_homologues(judges: ConceptJudges) -> None:
    alone = ConceptJudges(judges.window, None).judge(["KWAA", "KKAA"])
    assert alone["homologue"].isna().all()
    assert alone["homologue_has_concept"].isna().all()
    assert alone["window_has_concept"].tolist() == [1, 0]
