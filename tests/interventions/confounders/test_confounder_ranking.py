"""Which columns go with the confounder, apart from the label."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from protsae.interventions.confounders.confounder_ranking import alike_features, confounder_scores


def test_the_score_is_the_lesser_of_two_aurocs() -> None:
    rng = np.random.default_rng(0)
    label, confounder = rng.random((2, 97)) < 0.5
    columns = rng.integers(0, 5, (97, 11)) + confounder[:, None]
    found = confounder_scores(columns, label, confounder)
    sides = [
        [2 * roc_auc_score(confounder[label == y], c[label == y]) - 1 for y in (False, True)]
        for c in columns.T
    ]
    expected = [min(abs(a), abs(b)) if a * b > 0 else 0 for a, b in sides]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_feature_of_the_label_has_no_score_however_confounded() -> None:
    """Label and confounder agree in 9 of 10; the feature is the label, and so tells both."""
    label = np.repeat([False, True], 10)
    confounder = np.where(np.arange(20) % 10 == 0, ~label, label)
    assert roc_auc_score(confounder, label) == pytest.approx(0.9)
    assert confounder_scores(label[:, None] * 1.0, label, confounder).tolist() == [0]


def test_a_feature_that_the_confounder_silences_counts_as_much() -> None:
    label = np.array([False, False, True, True])
    confounder = np.array([False, True, False, True])
    assert confounder_scores(1.0 - confounder[:, None], label, confounder).tolist() == [1]


def test_random_features_are_active_as_often_and_none_is_drawn_twice() -> None:
    rate = np.array([0.9, 0.1, 0.88, 0.12, 0.5, 0.0])
    for seed in range(7):
        own = alike_features(rate, np.array([0, 1]), np.random.default_rng(seed), n_nearest=1)
        assert own.tolist() == [2, 3]
    every = alike_features(rate, np.array([0, 1]), np.random.default_rng(0), n_nearest=5)
    assert len(set(every.tolist())) == 2
    assert not set(every.tolist()) & {0, 1, 5}


def test_fewer_are_drawn_where_no_more_are_left() -> None:
    rate, rng = np.array([0.5, 0.5, 0.4]), np.random.default_rng(0)
    assert alike_features(rate, np.array([0, 1]), rng).tolist() == [2]
