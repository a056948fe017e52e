"""A few of the worlds of benchmarks.planted_protein_probes."""

import pandas as pd

from benchmarks.planted_protein_probes import failures, run_worlds


def test_a_planted_world_is_told() -> None:
    [own] = run_worlds("planted", 1).to_dict("records")
    assert own["is_above"]
    assert own["is_ahead"]


def test_what_does_not_hold_is_told() -> None:
    null = pd.DataFrame({"is_apart": [True, False], "is_above": [False, False]})
    planted = pd.DataFrame({"is_above": [True, True], "is_ahead": [True, False]})
    assert failures(null, planted) == [
        "null worlds with one input ahead: 0.500 (at most 0.358)",
        "planted worlds with features ahead: 0.50",
    ]
