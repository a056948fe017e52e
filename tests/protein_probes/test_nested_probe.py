"""Nothing of a fold reaches the probe that scores it."""

import numpy as np
import pytest

from protsae.errors import UserError
from protsae.protein_probes.cluster_folds import cluster_folds
from protsae.protein_probes.nested_probe import best_threshold, held_out_probe
from protsae.protein_probes.target import Target, read_target

RNG = np.random.default_rng(5)
N = 90
CLUSTER = np.repeat(np.arange(N // 3), 3)
LABEL = np.repeat(RNG.random(N // 3) < 0.5, 3)
X = RNG.normal(size=(N, 13)) + LABEL[:, None] * ([1.0] + [0] * 12)


@pytest.mark.parametrize("column", [LABEL, RNG.normal(size=N), RNG.choice([*"abc"], N)])
def test_folds_share_no_cluster_and_are_about_equal(column: np.ndarray) -> None:
    fold = cluster_folds(read_target("a", column.tolist()), CLUSTER, 5, 0)
    assert all(len(set(fold[one == CLUSTER])) == 1 for one in range(N // 3))
    assert sorted(set(fold)) == [0, 1, 2, 3, 4]
    assert np.bincount(fold).max() <= 24


def test_folds_share_the_label() -> None:
    fold = cluster_folds(read_target("a", LABEL.tolist()), CLUSTER, 5, 0)
    shares = [LABEL[fold == one].mean() for one in range(5)]
    assert max(shares) - min(shares) < 0.3


def test_more_folds_than_clusters() -> None:
    with pytest.raises(UserError, match="label a: 4 proteins in 2 homology clusters for 5 folds"):
        cluster_folds(read_target("a", [0, 0, 1, 1]), np.array([0, 0, 1, 1]), 5, 0)


@pytest.mark.parametrize("kind", ["yes/no", "classes", "number"])
def test_scores_of_a_fold_do_not_hang_on_its_labels(kind: str) -> None:
    """Labels of one fold are exchanged: its scores and decisions stay, those of others change."""
    if kind == "number":
        target = read_target("a", (X[:, 0] + RNG.normal(size=N)).tolist())
    else:
        names = ("no", "yes") if kind == "yes/no" else ("a", "b", "c")
        values = LABEL * 1.0 if kind == "yes/no" else LABEL * 1.0 + (X[:, 1] > 0.5)
        target = Target("a", kind, names, values)  # type: ignore[arg-type]
    fold = cluster_folds(target, CLUSTER, 5, 0)
    before = held_out_probe(X, target, CLUSTER, fold, 4, 0)
    values = target.values.copy()
    values[fold == 2] = values[fold == 2][::-1].max() - values[fold == 2] + values.min()
    after = held_out_probe(X, Target("a", target.kind, target.classes, values), CLUSTER, fold, 4, 0)
    own = fold == 2
    np.testing.assert_array_equal(before.scores[own], after.scores[own])
    np.testing.assert_array_equal(before.decided[own], after.decided[own])
    assert not np.array_equal(before.scores[~own], after.scores[~own])
    assert len(before.penalties) == len(before.fits) == 5


@pytest.mark.parametrize(
    ("score", "label", "threshold"),
    [
        ([1, 2, 3], [0, 0, 1], 3),
        ([1, 2, 3], [1, 1, 1], 1),
        ([2, 2, 1], [1, 0, 0], 2),  # equal scores fall on one side: 2/3 from 2, 1/2 from 1
        ([3, 2, 1], [1, 0, 1], 1),  # 2/3 from 3, 1/2 from 2, 4/5 from 1
    ],
)
def test_threshold_of_the_highest_f1(score: list, label: list, threshold: float) -> None:
    assert best_threshold(np.array(score, float), np.array(label, bool)) == threshold
