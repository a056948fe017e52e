"""Which features recur, by hand."""

import numpy as np
import pandas as pd
import pytest

from protsae.features.recurrence import by_recurrence, feature_stability, with_stability

SAE = {"model": "m", "layer": 1, "variant": "topk"}


def matches(**columns: list[list[float]]) -> pd.DataFrame:
    """Rows of two other seeds; a list of values for each of them. What is not given is harmless."""
    n = len(next(iter(columns.values()))[0])
    quiet = {"correlation": 0.9, "random_correlation": 0.3, "exchanged_correlation": 0.1}
    quiet |= {"cosine": 0.8, "random_cosine": 0.2, "variance_share": 0.01, "active_clusters": 10}
    parts = []
    for place, seed in enumerate((1, 2)):
        part = pd.DataFrame({**SAE, **quiet, "seed": seed, "feature": range(n)}, index=range(n))
        parts.append(part.assign(**{name: values[place] for name, values in columns.items()}))
    return pd.concat(parts, ignore_index=True)


def recurs(rows: pd.DataFrame) -> list[int | None]:
    found = feature_stability(rows).sort_values("feature")["recurs"]
    return [None if pd.isna(value) else int(value) for value in found]


def test_stability_is_the_mean_over_seeds() -> None:
    rows = matches(correlation=[[0.9, 0.4], [0.7, 0.2]], cosine=[[0.5, 0.1], [0.7, 0.3]])
    found = feature_stability(rows)
    assert found["stability"].tolist() == pytest.approx([0.8, 0.3])
    assert found["stability_cosine"].tolist() == pytest.approx([0.6, 0.2])


def test_every_seed_has_to_find_it_with_half_of_its_variance() -> None:
    rows = matches(correlation=[[0.99, 0.99, 0.71, 0.70], [0.99, 0.70, 0.71, 0.99]])
    assert recurs(rows) == [1, 0, 1, 0]


@pytest.mark.parametrize("null", ["random_correlation", "exchanged_correlation"])
def test_what_the_null_has_as_well_does_not_recur(null: str) -> None:
    """Even if it has it once: the last of 41 features, too few to widen the margin."""
    rows = matches(**{null: [[0.95, *[0.3] * 40], [0.95, *[0.3] * 39, 0.95]]})
    assert recurs(rows) == [0, *[1] * 39, 0]


def test_the_margin_is_what_two_draws_of_the_null_differ_in() -> None:
    """21 features, of which one has draws far apart: the 95 % quantile is what the others have.

    artanh 0.9 - artanh 0.8 = 0.374. With draws that differ by more, 0.9 is not enough above 0.8.
    """
    close, far = np.tanh(np.arctanh(0.8) - 0.3), np.tanh(np.arctanh(0.8) - 0.4)
    for low, expected in ((close, 1), (far, 0)):
        rows = matches(random_correlation=[[0.8] * 21, [0.0, *[low] * 20]])
        assert recurs(rows)[1:] == [expected] * 20


def test_in_few_clusters_it_is_not_known() -> None:
    rows = matches(active_clusters=[[9, 10, 9], [9, 10, 9]], correlation=[[1, 1, 0.1]] * 2)
    assert recurs(rows) == [None, 1, None]


def test_a_feature_that_is_never_active_has_no_stability() -> None:
    nan = float("nan")
    columns = ("correlation", "random_correlation", "exchanged_correlation")
    rows = matches(
        **{name: [[nan, 0.9], [nan, 0.9]] for name in columns}, active_clusters=[[0, 10]] * 2
    )
    found = feature_stability(rows)
    assert np.isnan(found["stability"][0])
    assert recurs(rows) == [None, 0]


def test_each_sae_has_a_margin_of_its_own() -> None:
    calm = matches(random_correlation=[[0.8], [0.8]])
    wild = matches(random_correlation=[[0.8], [0.0]]).assign(layer=2)
    both = feature_stability(pd.concat([calm, wild], ignore_index=True))
    assert both.set_index("layer")["recurs"].to_dict() == {1: 1, 2: 0}


def feature_rows() -> pd.DataFrame:
    table = pd.DataFrame({**SAE, "feature": [0, 1, 2]}, index=range(3))
    return table.assign(
        q_value=[0.01, 0.01, 0.5],
        defined_by_sequence=pd.array([0, 1, 0], dtype="Int64"),
        verdict=["above", "above", None],
        f1=[0.6, 0.9, 0.2],
    )


def test_features_keep_their_order_and_those_of_one_seed_stay_empty() -> None:
    others = feature_rows().assign(variant="relu")
    features = pd.concat([others, feature_rows().iloc[::-1]], ignore_index=True)
    found = with_stability(features, matches(correlation=[[0.9, 0.8, 0.1]] * 2))
    assert found["feature"].tolist() == [0, 1, 2, 2, 1, 0]
    assert found["stability"].tolist() == pytest.approx([*[np.nan] * 3, 0.1, 0.8, 0.9], nan_ok=True)
    assert found["recurs"].isna().tolist() == [True] * 3 + [False] * 3
    alone = with_stability(others, pd.DataFrame())
    assert alone["stability"].isna().all()
    assert alone["recurs"].isna().all()


def test_scores_by_recurrence() -> None:
    rows = matches(correlation=[[0.9, 0.8, 0.1]] * 2, variance_share=[[0.5, 0.25, 0.125]] * 2)
    found = by_recurrence(with_stability(feature_rows(), rows)).drop(columns=list(SAE))
    assert found.set_index("recurs").to_dict("index") == {
        1: {"n_features": 2, "n_called": 1, "n_above": 1, "f1": 0.6, "variance_share": 0.75},
        0: {
            "n_features": 1,
            "n_called": 0,
            "n_above": 0,
            "f1": pytest.approx(np.nan, nan_ok=True),
            "variance_share": 0.125,
        },
    }
