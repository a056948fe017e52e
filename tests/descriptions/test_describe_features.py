"""Descriptions of planted worlds, as the benchmark plants them."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.planted_descriptions import PLANTED, describe_world
from protsae.descriptions.rule_words import UNKNOWN
from protsae.descriptions.terms import from_json
from protsae.schema.features.description_table import DESCRIPTIONS


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return describe_world(1)


def test_detectors_are_named_and_the_others_unknown(table: pd.DataFrame) -> None:
    assert table["right"].mean() >= 0.95
    decoys = table[~table["detects"] & (table["planted"] != "rich proteins")]
    assert (decoys["label"] == UNKNOWN).all()


def test_rows_have_the_columns_of_the_table(table: pd.DataFrame) -> None:
    placed = {"model", "layer", "variant"}
    assert set(table.columns) - {"planted", "detects", "right"} == set(DESCRIPTIONS.names) - placed
    assert table["feature"].tolist() == list(range(2 * len(PLANTED)))


def test_unknown_features_have_no_synonyms_and_say_why(table: pd.DataFrame) -> None:
    unknown = table[table["label"] == UNKNOWN]
    assert unknown["synonyms"].isna().all()
    assert (unknown["confidence"] == UNKNOWN).all()
    assert unknown["sentence"].str.startswith(("No rule ", "Active in ")).all()


def test_named_features_pass_what_is_asked(table: pd.DataFrame) -> None:
    named = table[table["label"] != UNKNOWN]
    assert (named["q_value"] <= 0.05).all()
    assert (named["correlation_low"] > 0).all()
    assert named["confidence"].isin(["high", "moderate", "low"]).all()
    for row in named.itertuples():
        assert 1 <= len(from_json(row.rule)) <= 3
    signal = named[named["planted"] == "signal peptide"].iloc[0]
    assert signal["label"] == "Signal peptide"
    assert "leader peptide" in signal["synonyms"]


def test_both_kinds_of_rules_are_scored(table: pd.DataFrame) -> None:
    domain = table[table["planted"] == "domain"].iloc[0]
    assert domain["needs"] == "annotations"
    assert domain["annotations_auroc"] == domain["auroc"]
    assert domain["sequence_auroc"] < domain["annotations_auroc"]
    letter = table[table["planted"] == "residue W"].iloc[0]
    assert letter["needs"] == "sequence"
    assert letter["sequence_rule"] == letter["rule"]


def test_same_world_same_table(table: pd.DataFrame) -> None:
    again = describe_world(1)
    pd.testing.assert_frame_equal(table, again)
    assert not np.isnan(table["auroc"]).all()
