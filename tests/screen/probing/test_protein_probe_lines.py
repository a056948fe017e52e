"""Probes of proteins in words: no claim beyond the interval."""

import numpy as np
import pandas as pd

from protsae.screen.probing.protein_probe_lines import label_lines, score_lines, verdict

COLUMNS = ["inputs", "metric", "value", "low", "high", "ahead", "ahead_low", "ahead_high"]
NONE = (np.nan,) * 3
SCORES = pd.DataFrame(
    [
        ("features", "auroc", 0.9, 0.8, 0.95, *NONE),
        ("features", "f1", 0.7, 0.6, 0.8, *NONE),
        ("embeddings", "auroc", 0.8, 0.7, 0.9, 0.1, 0.02, 0.21),
        ("embeddings", "f1", 0.7, 0.6, 0.8, 0.0, -0.1, 0.1),
        ("homologue", "auroc", 0.95, 0.9, 0.99, -0.05, -0.11, -0.01),
        ("homologue", "f1", 0.8, 0.7, 0.9, -0.1, -0.2, 0.01),
    ],
    columns=COLUMNS,
).assign(
    label="soluble",
    kind="yes/no",
    n_proteins=57,
    n_clusters=41,
    n_unknown=3,
    n_lone=19,
    lone_value=0.75,
    lone_low=np.nan,
    lone_high=np.nan,
)
RANKED = pd.DataFrame(
    {
        "rank": [1, 6],
        "class_name": ["yes", "yes"],
        "feature": [17, 5],
        "pool": ["max", "mean"],
        "coefficient": [-0.4, 0.1],
        "score": [0.2, 0.6],
        "n_folds_agree": [5, 1],
        "feature_label": [None, "Helix"],
        "concept": ["SIGNAL", None],
    }
)


def test_a_label() -> None:
    lines = label_lines("soluble", SCORES, RANKED, {"rare": 2}, 38)
    assert lines == [
        "soluble: yes/no; 57 proteins in 41 homology clusters, 3 unknown; 38 with a homologue in "
        "another fold",
        "  classes in too few homology clusters: rare (2)",
        "  inputs      AUROC              F1                 AUROC of 19 without",
        "  features    0.90 [0.80, 0.95]  0.70 [0.60, 0.80]  0.75",
        "  embeddings  0.80 [0.70, 0.90]  0.70 [0.60, 0.80]  0.75",
        "  homologue   0.95 [0.90, 0.99]  0.80 [0.70, 0.90]  0.75",
        "  AUROC of features: ahead of embeddings by 0.10 [0.02, 0.21]; behind homologue by 0.05 "
        "[0.01, 0.11]",
        "  1. yes: feature 17 (max) -0.40, alone 0.20, in 5 folds: SIGNAL",
    ]


def test_an_interval_over_zero_is_no_difference() -> None:
    assert verdict(SCORES, "f1") == "not told apart from embeddings, homologue"


def test_without_intervals_nothing_is_said() -> None:
    few = SCORES.assign(ahead_low=np.nan, ahead_high=np.nan, low=np.nan, high=np.nan)
    assert verdict(few, "auroc") == "too few homology clusters to compare them with anything"
    assert score_lines(few)[1] == "features    0.90   0.70  0.75"
    undefined = SCORES["inputs"] == "homologue"
    some = SCORES.assign(ahead_low=SCORES["ahead_low"].mask(undefined))
    assert verdict(some, "auroc") == "ahead of embeddings by 0.10 [0.02, 0.21]"


def test_a_number_without_a_name() -> None:
    scores = SCORES[SCORES["metric"] == "auroc"].assign(metric="spearman", kind="number")
    ranked = RANKED.assign(class_name=None, concept=None)
    lines = label_lines("Tm", scores, ranked, {}, 0)
    assert "  1. feature 17 (max) -0.40, alone 0.20, in 5 folds: unknown" in lines
    assert any(line.startswith("  Spearman's rho of features: ahead of emb") for line in lines)
