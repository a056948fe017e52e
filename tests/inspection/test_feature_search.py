"""Features by words: which are found, in which order, and how they are listed."""

import numpy as np
import pandas as pd
import pytest

from protsae.inspection.feature_search import (
    ASKED,
    MOST_CALLED,
    MOST_OTHERS,
    concept_lines,
    found_features,
    search_lines,
)

COLUMNS = [
    *("model", "freeze", "layer", "variant", "feature", "concept", "label", "q_value", "valid_f1"),
    *("f1", "f1_low", "f1_high", "verdict", "best_baseline", "best_baseline_f1"),
]
SURE = (0.6, 0.5, 0.7, "undecided", "rule", 0.75)
NO_VERDICT = (0.25, np.nan, np.nan, None, None, np.nan)
LEFT_OUT = pd.Series({"SIGNAL": None, "ZN_FING": "fewer than 10 residues", "HELIX": None})


def features() -> pd.DataFrame:
    rows = [
        ("esm", "none", 3, "topk", 1, "SIGNAL", "L near the start", 0.2, 0.9, *NO_VERDICT),
        ("esm", "none", 3, "topk", 2, "SIGNAL", "R at 20", 0.01, 0.4, *SURE),
        ("esm", "none", 6, "relu", 3, "SIGNAL", None, 0.05, 0.5, *SURE),
        ("esm", "none", 6, "relu", 4, "residue: L", "Signal peptide", 0.01, 0.8, *NO_VERDICT),
        ("esm", "none", 6, "relu", 5, None, "unknown", np.nan, np.nan, *NO_VERDICT),
        ("esm", "none", 6, "relu", 6, "PEPTIDE", "Peptide in a designal", 0.01, 0.7, *NO_VERDICT),
        ("esm", "decoder", 6, "frozen", 7, "SIGNAL", "Signal peptide", 0.01, 0.9, *SURE),
        ("esm-permuted", "none", 3, "topk", 8, "SIGNAL", None, 0.01, 0.9, *SURE),
        ("esm", "none", 6, "relu", 9, "BINDING: Zn(2+)", "C", 0.3, 0.1, *NO_VERDICT),
    ]
    found = pd.DataFrame(rows, columns=COLUMNS)
    is_defined = (found["concept"] == "residue: L").astype(int)
    return found.assign(defined_by_sequence=is_defined, n_clusters=4)


def associations() -> pd.DataFrame:
    """Pairs of features above with concepts that are not their best ones, but for the first."""
    rows = [
        ("esm", 3, "topk", 2, "SIGNAL", 0.01, 0.4, *SURE[:3]),
        ("esm", 6, "relu", 4, "TURN", 0.05, 0.1, *SURE[:3]),
        ("esm", 6, "relu", 5, "TURN", 0.06, 0.9, *SURE[:3]),
        ("esm", 3, "topk", 2, "TURN", 0.01, 0.2, *SURE[:3]),
        ("esm", 3, "topk", 2, "TURN: Beta", 0.01, 0.15, *SURE[:3]),
        ("esm", 3, "coordinates", 2, "TURN", 0.01, 0.9, *SURE[:3]),
        ("esm-permuted", 3, "topk", 8, "TURN", 0.01, 0.9, *SURE[:3]),
    ]
    columns = ["model", "layer", "variant", "feature", "concept", "q_value", "valid_f1"]
    table = pd.DataFrame(rows, columns=[*columns, "f1", "f1_low", "f1_high"])
    return table.assign(defined_by_sequence=0, n_clusters=12)


def numbers(words: str) -> list[int]:
    return found_features(features(), associations(), "esm", words)["feature"].tolist()


def lines(words: str, table: pd.DataFrame | None = None) -> list[str]:
    table = features() if table is None else table
    return search_lines(table, associations(), LEFT_OUT, "esm", words, 120)


def test_called_first_then_the_concept_then_the_label_each_by_valid_f1() -> None:
    assert numbers("signal peptide") == [3, 2, 1, 4]
    found = found_features(features(), associations(), "esm", "signal")
    assert found["is_called"].tolist() == [True, True, False, False]
    assert found["asked_concept"].fillna("").tolist() == ["SIGNAL"] * 3 + [""]
    asked = [f"asked_{name}" for name in ASKED]
    assert set(found.columns) == {*features().columns, "is_called", *asked}


def test_features_called_for_a_concept_that_is_not_their_best() -> None:
    """By the pair with the highest F1 on valid; neither other detectors nor pairs not called."""
    found = found_features(features(), associations(), "esm", "turn").set_index("feature")
    assert found.index.tolist() == [2, 4]
    assert found["concept"].tolist() == ["SIGNAL", "residue: L"]
    assert found["asked_concept"].tolist() == ["TURN", "TURN"]
    assert found["asked_valid_f1"].tolist() == [0.2, 0.1]
    assert found["is_called"].all()
    assert lines("turn") == [
        "2 features of esm with 'turn' in a concept or the label; 2 called (q ≤ 0.05) for such a "
        "concept; the best on valid",
        "first, F1 on test:",
        "  3/topk/2       TURN F1 0.60 [0.50, 0.70], called; best concept SIGNAL (F1 0.60); "
        "R at 20",
        "  6/relu/4       TURN F1 0.60 [0.50, 0.70], called; best concept residue: L (F1 0.25); "
        "Signal peptide",
        "All about one of them: protsae show 3/topk/2",
    ]


def test_the_best_on_valid_comes_first_whatever_else_it_matches() -> None:
    pair = associations().iloc[[1]].assign(concept="SIGNAL", valid_f1=0.99)
    found = found_features(features(), pair, "esm", "signal")
    assert found["feature"].tolist() == [4, 3, 2, 1]
    assert found["concept"].tolist()[:2] == ["residue: L", "SIGNAL"]


def test_a_best_concept_that_is_not_called_gives_way_to_one_that_is() -> None:
    pair = associations().iloc[:1].assign(feature=1, concept="SIGNAL: Tat")
    found = found_features(features(), pair, "esm", "signal").set_index("feature")
    assert found["asked_concept"].fillna("").to_dict() == {
        **{3: "SIGNAL", 2: "SIGNAL", 1: "SIGNAL: Tat", 4: ""}
    }


def test_a_concept_of_that_very_name_goes_before_all() -> None:
    assert numbers("peptide") == [6, 3, 2, 1, 4]
    assert numbers("pept") == [6, 3, 2, 1, 4]
    assert numbers("signal") == [3, 2, 1, 4]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("SIGNAL-peptides", [3, 2, 1, 4]),
        ("'leader'", [3, 2, 1]),
        ("zinc", [9]),
        ("Zn2+", [9]),
        ("binding zn", [9]),
        ("leucine", [4]),
        ("residue L", [4]),
        ("C", [9]),
        ("20", [2]),
        ("ignal", []),
        ("signal nowhere", []),
        ("(", []),
    ],
)
def test_words_begin_words(words: str, found: list[int]) -> None:
    """In any case, whatever stands between them; synonyms and plurals count, letters are whole."""
    assert numbers(words) == found


def test_lines() -> None:
    assert lines("signal") == [
        "4 features of esm with 'signal' in a concept or the label; 2 called (q ≤ 0.05) for such "
        "a concept; the best on valid",
        "first, F1 on test:",
        "  6/relu/3       SIGNAL F1 0.60 [0.50, 0.70], called, undecided (rule 0.75); no label",
        "  3/topk/2       SIGNAL F1 0.60 [0.50, 0.70], called, undecided (rule 0.75); R at 20",
        "not called for it, or by their label alone:",
        "  3/topk/1       SIGNAL F1 0.25 (in 4 test clusters), not called; L near the start",
        "  6/relu/4       residue: L F1 0.25 (in 4 test clusters), called, but the sequence "
        "defines it; Signal peptide",
        "All about one of them: protsae show 6/relu/3",
    ]
    assert lines("zinc") == [
        "1 feature of esm with 'zinc' in a concept or the label; none called (q ≤ 0.05) for such "
        "a concept; the first of them:",
        "  6/relu/9       BINDING: Zn(2+) F1 0.25 (in 4 test clusters), not called; C",
        "All about one of them: protsae show 6/relu/9",
    ]


def test_many_are_counted() -> None:
    many = pd.concat([features()] * 11, ignore_index=True)
    shown = lines("signal", many.assign(feature=range(len(many))))
    assert sum(" F1 0.60 " in line for line in shown) == MOST_CALLED == 20
    more = [line for line in shown if "more" in line]
    assert more == [f"  and {n} more (run.find in Python has all)" for n in (2, 22 - MOST_OTHERS)]


def test_nothing_found_says_why() -> None:
    head = "no feature of esm with {!r} in a concept or the label"
    last = "Concepts that features are called for: protsae show"
    assert lines("zinc finger\n") == [
        head.format("zinc finger"),
        "  ZN_FING: not scored: fewer than 10 residues",
        last,
    ]
    assert lines("helix") == [
        head.format("helix"),
        "  HELIX: scored, but no feature is called for it",
        last,
    ]
    assert lines("signl peptid") == [
        head.format("signl peptid"),
        "  did you mean: signal peptide?",
        last,
    ]


def test_concepts_that_there_are() -> None:
    assert concept_lines(features(), associations(), "esm", 120) == [
        "Concepts that features of esm are called for (q ≤ 0.05):",
        "  PEPTIDE: 1 feature; best on valid: 6/relu/6, F1 0.25 (in 4 test clusters), called",
        "  SIGNAL: 2 features; best on valid: 6/relu/3, F1 0.60 [0.50, 0.70], called, undecided "
        "(rule 0.75)",
        "  TURN: 2 features, with another best concept; best on valid: 3/topk/2, F1 0.60 "
        "[0.50, 0.70], called",
        "  TURN: Beta: 1 feature, with another best concept; best on valid: 3/topk/2, F1 0.60 "
        "[0.50, 0.70], called",
        "  and for concepts that the sequence defines, features of each: residue: L 1",
        "Features of one of them: protsae show WORDS, such as signal peptide",
    ]
