"""Planted worlds: what tells the label is ahead of what does not; no input tells a null label."""

import numpy as np
import pandas as pd
import pytest

from protsae.errors import UserError
from protsae.protein_probes.compared_probes import ProteinProbes, probe_proteins

N = 160
CLUSTER = np.repeat(np.arange(N // 2), 2)


def world(seed: int) -> tuple[np.random.Generator, np.ndarray, dict[str, np.ndarray]]:
    """Column 5 of the features is the label with noise; embeddings know nothing."""
    rng = np.random.default_rng(seed)
    label = np.repeat(rng.random(N // 2) < 0.4, 2)
    features = rng.normal(size=(N, 11))
    features[:, 5] += 2 * label
    return rng, label, {"features": features, "embeddings": rng.normal(size=(N, 7))}


def row(found: ProteinProbes, inputs: str, metric: str) -> pd.Series:
    rows = found.scores[(found.scores["inputs"] == inputs) & (found.scores["metric"] == metric)]
    return rows.iloc[0]


def test_features_that_carry_the_label_are_ahead() -> None:
    _, label, inputs = world(0)
    found = probe_proteins(inputs, label, CLUSTER, n_resamplings=300)
    own, other = row(found, "features", "auroc"), row(found, "embeddings", "auroc")
    # Two normal distributions 2 deviations apart: AUROC Phi(2 / sqrt 2) = 0.921.
    assert own["low"] < 0.921 < own["high"]
    assert other["ahead_low"] > 0
    assert other["low"] < 0.5 < other["high"]
    assert other["ahead"] == pytest.approx(own["value"] - other["value"])
    assert np.isnan(own["ahead"])
    base = row(found, "base_rate", "auroc")
    assert (base["value"], base["low"], base["high"]) == (0.5, 0.5, 0.5)
    first = found.ranked.iloc[0]
    assert (first["column"], first["rank"], first["n_folds_agree"]) == (5, 1, 5)
    assert first["score_low"] < 0.921 < first["score_high"]


def test_numbers_and_classes() -> None:
    rng, label, inputs = world(1)
    values = inputs["features"][:, 5] + 0.5 * rng.normal(size=N)
    number = probe_proteins(inputs, values, CLUSTER, n_resamplings=99)
    assert number.scores["metric"].unique().tolist() == ["spearman", "r2"]
    assert row(number, "embeddings", "r2")["ahead_low"] > 0
    assert number.ranked["column"].iloc[0] == 5
    assert row(number, "base_rate", "r2")["value"] == pytest.approx(0)
    third = np.where(inputs["features"][:, 3] > 0, "c", np.where(label, "b", "a"))
    classes = probe_proteins(inputs, third, CLUSTER, n_resamplings=99)
    assert row(classes, "embeddings", "f1")["ahead_low"] > 0
    tops = classes.ranked[classes.ranked["rank"] == 1].set_index("class_name")["column"]
    assert tops.loc["c"] == 3
    assert classes.held_out["features"].scores.shape == (N, 3)


def test_a_label_that_nothing_tells() -> None:
    """In 20 worlds: neither of two inputs that know nothing is ahead, in all but 5 % and 2 SE."""
    rng = np.random.default_rng(0)
    ahead = above = 0
    for _ in range(20):
        label = np.repeat(rng.random(40) < 0.5, 2)
        inputs = {"features": rng.normal(size=(80, 3)), "embeddings": rng.normal(size=(80, 3))}
        settings = {"n_folds": 3, "n_inner": 2, "n_resamplings": 200}
        found = probe_proteins(inputs, label, np.repeat(np.arange(40), 2), **settings)
        above += row(found, "features", "auroc")["low"] > 0.5
        other = row(found, "embeddings", "auroc")
        ahead += other["ahead_low"] > 0 or other["ahead_high"] < 0
    assert ahead <= 20 * (0.05 + 2 * np.sqrt(0.05 * 0.95 / 20))
    assert above <= 2


def test_relatives_do_not_leak() -> None:
    """A label of clusters, and features by which clusters are known: folds of proteins would tell
    the label, those of clusters do not."""
    rng = np.random.default_rng(2)
    label = np.repeat(rng.random(60) < 0.5, 3)
    inputs = {"features": np.repeat(rng.normal(size=(60, 60)), 3, axis=0)}
    settings = {"n_folds": 3, "n_inner": 2, "n_resamplings": 20}
    honest, leaking = (
        row(probe_proteins(inputs, label, cluster, **settings), "features", "auroc")
        for cluster in (np.repeat(np.arange(60), 3), np.arange(180))
    )
    assert leaking["value"] > 0.9
    assert honest["low"] < 0.5 < honest["high"]


def test_homologues_and_those_without() -> None:
    """The first 60 proteins are aligned with one that has their label, in another cluster."""
    _, label, inputs = world(3)
    pairs = [
        (i, next(j for j in range(N - 1, 60, -1) if label[j] == label[i] and j % 60 != i))
        for i in range(60)
    ]
    found = probe_proteins(inputs, label, CLUSTER, np.array(pairs), n_resamplings=50)
    assert 30 < found.n_with_homologue <= 60
    own = row(found, "homologue", "auroc")
    assert own["value"] > 0.55
    assert own["lone_value"] == 0.5
    assert row(found, "features", "auroc")["lone_value"] > 0.85


def test_unknown_proteins_take_no_part() -> None:
    _, label, inputs = world(4)
    column = [None if i % 5 == 0 else bool(each) for i, each in enumerate(label)]
    found = probe_proteins(inputs, column, CLUSTER, n_resamplings=20)
    assert found.rows.tolist() == [i for i in range(N) if i % 5]
    rows = {name: x[found.rows] for name, x in inputs.items()}
    same = probe_proteins(rows, label[found.rows], CLUSTER[found.rows], n_resamplings=20)
    pd.testing.assert_frame_equal(found.scores, same.scores)


def test_the_same_again() -> None:
    _, label, inputs = world(5)
    one, two = (probe_proteins(inputs, label, CLUSTER, n_resamplings=20) for _ in range(2))
    pd.testing.assert_frame_equal(one.scores, two.scores)
    pd.testing.assert_frame_equal(one.ranked, two.ranked)
    other = probe_proteins(inputs, label, CLUSTER, n_resamplings=20, seed=1)
    assert not np.array_equal(other.fold, one.fold)


def test_sizes_that_differ() -> None:
    with pytest.raises(UserError, match="embeddings: 3 proteins, and 160 labels"):
        probe_proteins({"embeddings": np.ones((3, 2))}, world(0)[1], CLUSTER)
