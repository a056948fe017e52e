"""The study of steering: what its tables say of designs made by hand."""

import itertools

import numpy as np
import pandas as pd
import pytest

from protsae.concepts.sequence.design_scores import pairwise_identity
from protsae.stages.intervening.steering_arms import ARMS
from studies.steering.measure import diversity, row_of


def table(judge: str, won: dict[str, dict[str, list[float]]]) -> pd.DataFrame:
    """Two designs of each start and arm that a judge says succeed or not; other arms fail."""
    rows = [
        {"start": start, "arm": arm, "design": i + 1, f"by {judge}": value}
        for start, by_arm in won.items()
        for arm in ARMS
        for i, value in enumerate(by_arm.get(arm, [0.0, 0.0]))
    ]
    return pd.DataFrame(rows).assign(concept="SIGNAL", rule="signal peptide")


def test_a_start_that_has_the_concept_does_not_count() -> None:
    nothing = {arm: [np.nan, np.nan] for arm in ARMS}
    won = {
        "a": {"steered": [1.0, 1.0], "none": [1.0, 0.0]},
        "b": {"steered": [1.0, 0.0]},
        "c": nothing,
    }
    row = row_of(table("window probe", won), "window probe")
    assert row["starts"] == 2
    assert str(row["steered"]).startswith("75% (")
    assert str(row["none"]).startswith("25% (")
    assert row["less none"] == "+0.50 (+0.50 to +0.50)"
    assert str(row["less coordinate"]).startswith("+0.75 (")
    assert row["judge"] == "window probe"


def test_without_starts_nothing_is_said() -> None:
    row = row_of(table("homologue", {"c": {arm: [np.nan, np.nan] for arm in ARMS}}), "homologue")
    assert row["starts"] == 0
    assert {row[arm] for arm in ARMS} == {"-"}


def test_identity_of_one_start_and_of_different_starts() -> None:
    rng = np.random.default_rng(0)
    sequences = {start: ["".join(rng.choice(list("AC"), 11)) for _ in range(3)] for start in "abcd"}
    rows = [
        {"start": start, "arm": "steered", "sequence": one, "design": i + 1}
        for start, own in sequences.items()
        for i, one in enumerate(own)
    ]
    designs = pd.DataFrame(rows).assign(concept="SIGNAL")
    designs["pairwise_identity"] = [n for own in sequences.values() for n in pairwise_identity(own)]
    same: dict[bool, list[float]] = {True: [], False: []}
    for one, other in itertools.combinations(rows, 2):
        pair = zip(str(one["sequence"]), str(other["sequence"]), strict=True)
        same[one["start"] == other["start"]].append(float(np.mean([a == b for a, b in pair])))
    said = str(diversity(designs)["steered"])
    within, _, apart = said.replace(" (", ", ").split(", ")
    assert float(within.strip("%")) == pytest.approx(100 * np.mean(same[True]), abs=0.5)
    assert float(apart.strip("%")) == pytest.approx(100 * np.mean(same[False]), abs=0.5)
