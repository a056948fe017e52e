"""Tables of a run by hand: order of rows, references, counts."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from protsae.association.pairs.scored_pairs import Examined
from protsae.association.run_tables import (
    concatenate,
    detector_rows,
    is_above,
    is_above_references,
    least_significant,
    reference_counts,
    summarise,
)
from protsae.association.verdicts import ABOVE, UNDECIDED


def test_pairs_of_a_feature_come_by_falling_valid_f1_then_by_concept() -> None:
    rows = [("m", 0.2, "B"), ("m", 0.9, "C"), ("m", 0.2, "A"), ("onehot", 0.1, "Z")]
    table = pd.DataFrame(rows, columns=["model", "valid_f1", "concept"])
    found = concatenate([table.assign(layer=1, variant="topk", feature=0)])
    assert found["concept"].tolist() == ["Z", "C", "A", "B"]


def verdict_rows() -> pd.DataFrame:
    """Above; above at what the sequence defines; undecided; above, but not above references."""
    return pd.DataFrame(
        {
            "model": "m",
            "layer": 1,
            "variant": "topk",
            "verdict": [ABOVE, ABOVE, UNDECIDED, ABOVE, None],
            "defined_by_sequence": pd.array([0, 1, 0, 0, pd.NA], dtype="Int64"),
            "f1": [0.6, 0.5, 0.9, 0.4, np.nan],
            "f1_low": [0.5, 0.5, 0.9, 0.5, np.nan],
            "base_rate": [0.1, 0.4, 0.9, 0.1, np.nan],
            "q_value": [0.05, 0.01, 0.051, 0.04, np.nan],
            "window_f1": [0.4, 0.1, 0.1, 0.5, np.nan],
            "homology_f1": [0.3, np.nan, 0.1, 0.2, np.nan],
            "stability_cosine": 0.5,
            "recurs": pd.array([1, 1, 0, pd.NA, pd.NA], dtype="Int64"),
            "confidence": ["high", "low", "unknown", "unknown", "high"],
        }
    )


def test_above_baselines_and_above_references() -> None:
    rows = verdict_rows()
    assert is_above(rows).tolist() == [True, False, False, True, False]
    assert is_above_references(rows).tolist() == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("window", "homology", "counts", "is_above_all"),
    [
        pytest.param(0.4, 0.3, (2, 2), True, id="both-below"),
        pytest.param(0.4, 0.5, (2, 1), False, id="one-equal"),
        pytest.param(0.4, np.nan, (1, 1), True, id="one-missing"),
        pytest.param(0.6, np.nan, (1, 0), False, id="one-missing-one-above"),
        pytest.param(np.nan, np.nan, (0, 0), False, id="none"),
    ],
)
def test_a_missing_reference_is_not_exceeded(
    window: float, homology: float, counts: tuple[int, int], is_above_all: bool
) -> None:
    rows = verdict_rows().iloc[:1].assign(window_f1=window, homology_f1=homology)
    assert reference_counts(rows).iloc[0].tolist() == [*counts]
    assert is_above_references(rows).tolist() == [is_above_all]


def test_without_an_interval_nothing_is_known_of_references() -> None:
    rows = verdict_rows().iloc[:1].assign(f1_low=np.nan)
    counts = reference_counts(rows).iloc[0]
    assert counts["n_references"] == 2
    assert pd.isna(counts["n_references_below"])
    assert is_above_references(rows).tolist() == [False]


def test_counts_of_an_sae() -> None:
    """Captured are F1 of at least 0.5 above being always on, 0.18, 0.57, 0.95 and 0.18."""
    found = summarise([{"model": "m", "layer": 1, "variant": "topk", "l0": 16.0}], verdict_rows())
    counts = found.iloc[0].to_dict()
    assert counts == {
        **{"model": "m", "layer": 1, "variant": "topk", "l0": 16.0},
        "features_with_concept": 1,
        "features_significant": 3,
        "features_above_baselines": 2,
        "features_above_references": 1,
        "features_defined_by_sequence": 1,
        "features_recurring": 2,
        "features_not_recurring": 1,
        "features_described": 3,
        "features_of_high_confidence": 2,
    }


@pytest.mark.parametrize(("recurs", "counts"), [(1, (5, 0)), (0, (0, 5))])
def test_all_features_recur_or_none(recurs: int, counts: tuple[int, int]) -> None:
    rows = verdict_rows().assign(recurs=recurs)
    found = summarise([{"model": "m", "layer": 1, "variant": "topk"}], rows).iloc[0]
    assert (found["features_recurring"], found["features_not_recurring"]) == counts


def test_a_frozen_sae_has_no_descriptions() -> None:
    rows = verdict_rows().assign(confidence=None)
    found = summarise([{"model": "m", "layer": 1, "variant": "topk"}], rows).iloc[0]
    assert pd.isna(found["features_described"])
    assert pd.isna(found["features_of_high_confidence"])


def test_pairs_without_a_test_count_for_nothing() -> None:
    """Feature 3 has its least p-value, 1e-4, twice for its two tested pairs; 5 has no test."""
    pairs = pd.DataFrame(
        {
            "feature": [3, 3, 3, 5],
            "p_value": [0.9, 1e-4, np.nan, np.nan],
            "q_value": [0.9, 2e-4] * 2,
        }
    )
    assert least_significant(pairs, "feature") == 1


def test_a_q_value_at_the_limit_is_called() -> None:
    pairs = pd.DataFrame({"feature": [3, 5], "p_value": [1e-4, 0.9], "q_value": [0.05, 0.9]})
    assert least_significant(pairs, "feature") == 1
    assert least_significant(pairs.assign(q_value=[0.051, 0.9]), "feature") == 0


def examined(q_values: list[float]) -> Examined:
    """Of four detectors. The best for SIGNAL on valid does not reach it on test; residues of one
    kind are defined by the sequence."""
    rows = [
        (0, "HELIX", "HELIX", 0.3, 0.6, 1e-5),
        (0, "SIGNAL", "SIGNAL", 0.6, 0.7, 1e-6),
        (1, "SIGNAL", "SIGNAL", 0.8, 0.2, 0.9),
        (2, "residue: C", "residue", 0.9, 0.9, 1e-9),
    ]
    columns = ["feature", "concept", "concept_type", "valid_f1", "f1", "p_value"]
    pairs = pd.DataFrame(rows, columns=columns).assign(base_rate=0.1, q_value=q_values)
    sample = sparse.csc_array((5, 4))
    return Examined(pairs, np.arange(201), np.arange(101), sample, pd.DataFrame())


def test_what_a_set_of_detectors_finds() -> None:
    """Intervals from 2.5 to 97.5 % of the resamplings."""
    found = detector_rows(examined([0.05, 0.01, 0.9, 0.001])).iloc[0].to_dict()
    assert found == {
        "n_detectors": 4,
        "n_significant": 1,
        "n_significant_low": 1,
        "n_capturing": 2,
        "n_capturing_low": 2.5,
        "n_capturing_high": 97.5,
        "concepts_significant": 2,
        "concepts_significant_low": 2,
        "concepts_captured": 2,
        "concepts_captured_low": 5,
        "concepts_captured_high": 195,
        "concepts_per_detector": 2,
    }


def test_where_nothing_is_significant_no_detector_has_concepts() -> None:
    found = detector_rows(examined([0.9] * 4)).iloc[0]
    assert found["n_significant"] == found["concepts_per_detector"] == 0


def test_concepts_per_significant_detector() -> None:
    """Two of feature 0, one of 1; that of 2 is defined by the sequence."""
    found = detector_rows(examined([0.05, 0.01, 0.01, 0.001])).iloc[0]
    assert found["concepts_per_detector"] == 1.5


def test_the_least_p_value_of_a_detector_is_that_of_simes() -> None:
    """Of three pairs with 0.02, 0.03 and 0.03 it is 3 / 3 of 0.03, no significance with another."""
    pairs = pd.DataFrame({"feature": [3] * 3, "p_value": [0.02, 0.03, 0.03], "q_value": 0.03})
    assert least_significant(pairs, "feature") == 1
    assert least_significant(pairs.assign(p_value=[0.02, 0.06, 0.06]), "feature") == 0
