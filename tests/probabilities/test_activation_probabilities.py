import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from protsae.probabilities.activation_probabilities import ActivationProbabilities

CONCEPTS = ["HELIX", "TRANSMEM", "SIGNAL"]
ALONE = {"near_look_alike": False, "look_alike": None, "look_alike_feature": None}


def row(
    feature: int, number: int, above: float, ratio: float, **of_row: object
) -> dict[str, object]:
    return {
        "feature": feature,
        "concept": CONCEPTS[feature],
        "bin": number,
        "activation_above": above,
        "likelihood_ratio": ratio,
        "likelihood_ratio_low": ratio / 2,
        "likelihood_ratio_high": ratio * 2,
        "calibration": "calibrated",
        **ALONE,
        "look_alike_above": np.nan,
        "look_alike_ratio": np.nan,
        "valid_look_alike_rate": np.nan,
        "look_alike_base_rate": np.nan,
        **of_row,
    }


def like_signal(number: int, above: float, ratio: float, is_near: bool) -> dict[str, object]:
    """Of feature 1, whose look-alike is SIGNAL with feature 2, on nine times as often there."""
    return row(
        *(1, number, above, ratio),
        near_look_alike=is_near,
        look_alike="SIGNAL",
        look_alike_feature=2,
        look_alike_above=0.5,
        look_alike_ratio=9.0,
        valid_look_alike_rate=0.0,
        look_alike_base_rate=0.0,
    )


def features() -> pd.DataFrame:
    of_each = {"feature": range(3), "concept": CONCEPTS}
    return pd.DataFrame({**of_each, "reference_base_rate": 0.1, "base_rate": 0.3})


def opened(rates: dict[str, float] | None = None) -> ActivationProbabilities:
    rows = [
        row(0, 1, 1.0, 9.0),
        like_signal(1, 1.0, 9.0, is_near=False),
        like_signal(2, 3.0, 81.0, is_near=False),
        like_signal(1, 1.0, 1.0, is_near=True),
    ]
    return ActivationProbabilities.of(features(), pd.DataFrame(rows), rates or {})


def at(found: ActivationProbabilities, feature: int, activation: float, near: bool) -> list[float]:
    of_one = np.array([feature]), np.array([activation]), np.array([near])
    return [float(value) for value in found.at(*of_one)[:, 0]]


def test_bins_far_from_a_look_alike_and_near_it() -> None:
    """At a base rate of 1 in 10, a likelihood ratio of 9 is a probability of a half."""
    found = opened()
    assert at(found, 0, 2.0, False) == pytest.approx([0.5, 1 / 3, 2 / 3])
    assert at(found, 1, 2.0, False)[0] == pytest.approx(0.5)
    assert at(found, 1, 4.0, False)[0] == pytest.approx(0.9)
    assert at(found, 1, 4.0, True)[0] == pytest.approx(0.1)
    assert np.isnan(at(found, 1, 1.0, True)).all()
    assert np.isnan(at(found, 2, 9.0, False)).all()


def test_a_feature_says_other_things_of_another_concept() -> None:
    """At a base rate of 1 in 10, likelihood ratios of 9 and 81: of HELIX a half, of BINDING 0.9."""
    other = {**row(0, 1, 2.0, 81.0), "concept": "BINDING"}
    absent = {**row(0, 1, 2.0, 5.0), "concept": "TURN"}
    table = pd.DataFrame([row(0, 1, 1.0, 9.0), other, absent])
    pairs = pd.DataFrame({"feature": [0, 1, 0], "concept": ["HELIX", None, "BINDING"]})
    pairs = pairs.assign(reference_base_rate=0.1, base_rate=0.3)
    found = ActivationProbabilities.of(pairs, table, {})
    assert at(found, 0, 3.0, False)[0] == pytest.approx(0.5)
    assert at(found, 2, 3.0, False)[0] == pytest.approx(0.9)
    assert np.isnan(at(found, 2, 1.5, False)).all()
    assert np.isnan(at(found, 1, 3.0, False)).all()
    assert found.claims["calibration"].tolist()[::2] == ["calibrated"] * 2


def test_a_common_look_alike_makes_the_concept_less_likely() -> None:
    """Of residues without TRANSMEM, 0.1125 / 0.9 = 1 in 8 has a SIGNAL: on twice as often."""
    found = opened({"SIGNAL": 0.1125})
    assert found.claims["look_alike_rate"].tolist()[1] == 0.1125
    assert found.claims["look_alike_rate"].isna().tolist() == [True, False, True]
    assert at(found, 1, 2.0, False)[0] == pytest.approx(4.5 / (4.5 + 9))
    assert at(found, 0, 2.0, False)[0] == pytest.approx(0.5)


def test_near_is_within_twenty_residues_in_the_same_protein() -> None:
    codes = np.zeros((60, 3), np.float32)
    codes[25, 2], codes[40, 2] = 0.6, 0.4
    near = opened().near_look_alikes(sparse.csr_array(codes), np.array([30, 30]))
    assert np.flatnonzero(near[:, 0]).tolist() == list(range(5, 30))


def test_the_look_alike_of_a_feature_is_named_where_it_is_near() -> None:
    found, near = opened(), np.array([[False], [True]])
    named = found.beside_look_alike(np.array([1, 1, 0]), np.array([0, 1, 1]), near)
    assert named.tolist() == [None, "SIGNAL", None]


def test_features_of_two_saes_keep_their_own_look_alikes() -> None:
    found = ActivationProbabilities.beside([opened(), opened().take(np.array([1, 0]))])
    assert found.look_alike_of.tolist() == [-1, 0, -1, 1, -1]
    near = np.array([[False, True]])
    named = found.beside_look_alike(np.array([1, 3]), np.array([0, 0]), near)
    assert named.tolist() == [None, "SIGNAL"]
    assert at(found, 3, 4.0, True)[0] == pytest.approx(0.1)
    assert at(found, 4, 2.0, False)[0] == pytest.approx(0.5)
