"""Features by words: which are found, in which order, and how they are listed."""

import numpy as np
import pandas as pd

from protsae.inspection.feature_search import MOST_SHOWN, found_features, search_lines

COLUMNS = [
    *("model", "freeze", "layer", "variant", "feature", "concept", "label", "q_value", "valid_f1"),
    *("f1", "f1_low", "f1_high", "verdict", "best_baseline", "best_baseline_f1"),
]
SURE = (0.6, 0.5, 0.7, "undecided", "rule", 0.75)
NO_VERDICT = (0.25, np.nan, np.nan, None, None, np.nan)


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
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def numbers(words: str) -> list[int]:
    return found_features(features(), "esm", words)["feature"].tolist()


def test_called_first_then_the_concept_then_the_label_each_by_valid_f1() -> None:
    assert numbers("signal peptide") == [3, 2, 1, 4]
    assert found_features(features(), "esm", "signal").columns.tolist() == COLUMNS


def test_words_begin_words_in_any_case_and_synonyms_count() -> None:
    assert numbers("PEPT") == [6, 3, 2, 1, 4]
    assert numbers("leader") == [3, 2, 1]
    assert numbers("ignal") == numbers("signal nowhere") == []
    assert numbers("20") == [2]
    assert numbers("(") == []


def test_lines() -> None:
    found = found_features(features(), "esm", "signal")
    assert search_lines(found, "esm", "signal", 120) == [
        "4 features of esm with 'signal' in the concept or the label, the best on the validation "
        "set first:",
        "  6/relu/3       SIGNAL F1 0.60 [0.50, 0.70], called, undecided (rule 0.75); no label",
        "  3/topk/2       SIGNAL F1 0.60 [0.50, 0.70], called, undecided (rule 0.75); R at 20",
        "  3/topk/1       SIGNAL F1 0.25, not called; L near the start",
        "  6/relu/4       residue: L F1 0.25, called; Signal peptide",
        "All about one of them: protsae show 6/relu/3",
    ]


def test_many_are_counted_and_none_says_where_to_look() -> None:
    many = pd.concat([features()] * 7, ignore_index=True)
    lines = search_lines(found_features(many, "esm", "signal"), "esm", "signal", 100)
    assert len(lines) == MOST_SHOWN + 3
    assert lines[-2] == "  and 8 more"
    none = found_features(many, "esm", "zinc")
    assert search_lines(none, "esm", "zinc\n", 200) == [
        "no feature of esm with 'zinc' in the concept or the label. Concepts that features have: "
        "the column concept of features.tsv."
    ]
