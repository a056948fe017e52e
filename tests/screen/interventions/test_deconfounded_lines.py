"""What taking out a confounder did, in words, by hand."""

import numpy as np
import pandas as pd

from protsae.screen.interventions.deconfounded_lines import arm_lines, data_lines, verdict_lines


def row(
    arm: str, probe: str, n: int, ahead: tuple[float, float, float], chosen: bool = True
) -> dict:
    values = {"arm": arm, "probe": probe, "n_removed": n, "is_chosen": chosen}
    for name, (value, low, high) in {
        "auroc": (0.8, 0.75, 0.85),
        "worst_cell": (0.5, 0.4, 0.6),
        "confounder_auroc": (0.9, 0.875, 0.925),
        "auroc_gain": (0.05, 0.01, 0.09),
        "features_ahead": ahead,
    }.items():
        values |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return values


TABLE = pd.DataFrame(
    [
        row("none", "kept", 0, (0.05, 0.01, 0.09)),
        row("features", "kept", 2, (0.0, 0.0, 0.0)),
        row("features", "kept", 4, (0.01, 0.0, 0.02), chosen=False),
        row("features at random", "kept", 2, (0.04, 0.01, 0.07)),
        row("coordinates", "kept", 8, (0.02, -0.01, 0.05)),
        row("LEACE", "kept", 1, (-0.03, -0.05, -0.01)),
    ]
)


def test_chosen_rows_stand_in_columns() -> None:
    assert arm_lines(TABLE.iloc[:3]) == [
        "arm       probe  removed  AUROC              worst combination  confounder AUROC",
        "none      kept   0        0.80 [0.75, 0.85]  0.50 [0.40, 0.60]  0.90 [0.88, 0.93]",
        "features  kept   2        0.80 [0.75, 0.85]  0.50 [0.40, 0.60]  0.90 [0.88, 0.93]",
    ]


def test_features_are_set_beside_every_other_way() -> None:
    assert " ".join(" ".join(verdict_lines(TABLE, {"kept": [7, 3]})).split()) == (
        "features, probe kept: without 2 (7, 3) AUROC changes by +0.050 [+0.010, +0.090]; ahead of "
        "features at random; level with coordinates; behind LEACE"
    )


def test_nothing_removed_and_too_few_clusters() -> None:
    assert verdict_lines(TABLE, {"kept": []}) == [
        "features, probe kept: valid chose to remove no feature"
    ]
    few = TABLE.assign(features_ahead_low=np.nan, auroc_gain_low=np.nan)
    assert " ".join(" ".join(verdict_lines(few, {"kept": [7, 3]})).split()) == (
        "features, probe kept: without 2 (7, 3) AUROC changes by +0.050; too few homology clusters "
        "to compare it with the other arms"
    )


def test_what_was_compared() -> None:
    sizes = {"train": 1450, "valid": 45, "test": 41}
    assert data_lines("of taxon 7", "longer than 9 residues", 0.586, sizes, [13, 20, 1, 5]) == [
        "label: proteins of taxon 7",
        "confounder: proteins longer than 9 residues",
        "proteins: 1,450 of train, 45 of valid, 41 of test; in train the two agree in 59%",
        "homology clusters of test: neither 13, confounder alone 20, label alone 1, both 5",
    ]
