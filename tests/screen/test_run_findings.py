"""The best feature of each concept, in lines worked out by hand."""

import pandas as pd

from protsae.screen.run_findings import best_lines

ROW = {
    **{"model": "esm2_tiny", "layer": 6, "variant": "relu", "feature": 123, "recurs": 1},
    **{
        "concept": "DISULFID",
        "own_concept": "DISULFID",
        "q_value": 0.01,
        "defined_by_sequence": 0,
        "valid_f1": 0.5,
    },
    **{"f1": 0.56, "f1_low": 0.25, "f1_high": 0.83, "n_clusters": 15},
    **{"best_baseline": "rule", "best_baseline_f1": 0.57},
    **{"f1_without_relatives": 0.3, "n_clusters_without_relatives": 9},
}


def lines(*rows: dict[str, object]) -> list[str]:
    return best_lines(pd.DataFrame([{**ROW, **row} for row in rows]))[1:]


def test_f1_that_relatives_in_train_explain_is_told() -> None:
    best = "  DISULFID  0.56 [0.25, 0.83]  6/relu/123; best baseline: rule, 0.57"
    apart = "            0.05 in the 9 of 15 homology clusters without a relative in train"
    assert lines({}) == [best], "0.3 lies in the interval"
    assert lines({"f1_without_relatives": 0.05}) == [best, apart]
    assert lines({"f1_without_relatives": 0.25}) == [best]
    none_left = {"f1_without_relatives": float("nan"), "n_clusters_without_relatives": 0}
    assert lines(none_left) == [best], "nothing to say of no clusters"


def test_a_feature_that_matches_another_concept_best_is_told() -> None:
    own = {"own_concept": "residue: C", "f1_without_relatives": 0.05}
    assert lines(own)[1:] == [
        "            a better match for residue: C",
        "            0.05 in the 9 of 15 homology clusters without a relative in train",
    ]


def test_the_line_stands_under_its_concept() -> None:
    signal = {
        "concept": "SIGNAL",
        "own_concept": "SIGNAL",
        "layer": 4,
        "variant": "topk",
        "f1": 0.64,
        "recurs": 0,
    }
    assert lines({"f1_without_relatives": 0.05}, signal) == [
        "  SIGNAL    0.64 [0.25, 0.83]  4/topk/123 (does not recur); best baseline: rule, 0.57",
        "  DISULFID  0.56 [0.25, 0.83]  6/relu/123; best baseline: rule, 0.57",
        "            0.05 in the 9 of 15 homology clusters without a relative in train",
    ]
