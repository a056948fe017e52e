import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from protsae.features.protein_segments import (
    agreement,
    by_trust,
    is_called,
    only,
    protein_segments,
    trust,
)

FEATURES = pd.DataFrame(
    {
        "layer": 6,
        "variant": "topk",
        "feature": [0, 1, 2],
        "concept": ["SIGNAL", None, "HELIX"],
        "threshold": [1.0, np.nan, 0.0],
        "max_activation": [4.0, 2.0, 0.0],
    }
)


def test_segments_worked_by_hand() -> None:
    """Feature 0 is on above 1; 1 has no concept, so any activity counts; 2 is idle on test."""
    codes = np.array(
        [[2.0, 0.5, 0], [1, 0, 0], [3, 0, 1], [6, 0.25, 1], [0, 0.25, 0]], dtype=np.float32
    )
    found = protein_segments(sparse.csr_array(codes), FEATURES, ["concept"])
    names = ["feature", "start", "end", "peak", "activation", "relative_activation", "threshold"]
    expected = [
        (0, 1, 1, 1, 2.0, 0.5, 1.0),
        (0, 3, 4, 4, 6.0, 1.5, 1.0),
        (1, 1, 1, 1, 0.5, 0.25, 0.0),
        (1, 4, 5, 4, 0.25, 0.125, 0.0),
        (2, 3, 4, 3, 1.0, np.nan, 0.0),
    ]
    pd.testing.assert_frame_equal(
        found[names], pd.DataFrame(expected, columns=names), check_dtype=False
    )
    assert found["concept"].fillna("none").tolist()[::2] == ["SIGNAL", "none", "HELIX"]


def test_a_protein_in_which_nothing_is_on() -> None:
    found = protein_segments(sparse.csr_array((4, 3), dtype=np.float32), FEATURES, ["concept"])
    assert len(found) == 0
    assert {"start", "end", "peak", "activation", "concept"} <= set(found)


RANKED = pd.DataFrame(
    [
        # verdict, q_value, defined_by_sequence, concept, f1, layer, start
        (None, None, None, None, None, 3, 1),
        (None, 0.2, 0, "HELIX", 0.9, 3, 1),
        ("undecided", 0.05, 1, "residue: C", 1.0, 3, 1),
        ("below", 0.01, 0, "TURN", 0.3, 6, 1),
        ("undecided", 0.01, 0, "TURN", 0.3, 3, 7),
        ("undecided", 0.01, 0, "TURN", 0.3, 3, 2),
        ("undecided", 0.01, 0, "SIGNAL", 0.6, 6, 1),
        ("above", 0.01, 0, "TURN", 0.2, 6, 1),
    ],
    columns=["verdict", "q_value", "defined_by_sequence", "concept", "f1", "layer", "start"],
).assign(variant="topk", feature=4)


def test_the_surest_come_first() -> None:
    assert trust(RANKED).tolist() == [4, 3, 2, 1, 1, 1, 1, 0]
    shuffled = RANKED.sample(frac=1, random_state=0).reset_index(drop=True)
    expected = RANKED.iloc[[7, 6, 5, 4, 3, 2, 1, 0]].reset_index(drop=True)
    pd.testing.assert_frame_equal(by_trust(shuffled), expected)


def test_a_pair_is_called_up_to_a_q_value_of_5_percent() -> None:
    assert is_called(RANKED).tolist() == [False, False, *[True] * 6]


@pytest.mark.parametrize(("level", "n"), [("concept", 7), ("called", 6), ("above", 1)])
def test_segments_are_limited(level: str, n: int) -> None:
    assert len(only(RANKED, level)) == n


def test_features_that_share_a_residue_agree() -> None:
    rows = [(2, 5, 3, 1), (5, 5, 6, 1), (6, 9, 6, 2), (1, 1, 6, 3), (3, 4, 3, 1)]
    others = pd.DataFrame(rows, columns=["start", "end", "layer", "feature"]).assign(variant="a")
    # 2 to 5: itself and (5, 5); (3, 4) is of the same feature. 6 to 9: itself alone.
    assert agreement(others.iloc[[0, 2]], others) == [(2, 2), (1, 1)]
