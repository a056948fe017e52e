"""Rank correlations of nodes, held against SciPy, and intervals in a world of equal residues."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from protsae.interventions.attribution.node_agreement import (
    rank_correlation,
    sampled_nodes,
    shares_by_distance,
    size_correlations,
    top_nodes,
)


def test_it_is_spearmans_correlation_with_ties():
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 9, 43).astype(float), rng.normal(size=43)
    found = rank_correlation(x, y, np.arange(43))
    assert found.r == pytest.approx(spearmanr(x, y).statistic)
    assert found.low < found.r < found.high
    assert found.n == 43


def test_nodes_of_few_residues_are_few_however_many_they_are():
    """13 residues with 7 nodes each that all but repeat each other: nearly 13 nodes' interval."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=13)
    y = x + rng.normal(size=13)
    residue = np.repeat(np.arange(13), 7)
    tiny = 1e-9 * rng.normal(size=(2, 91))
    alone = rank_correlation(x, y, np.arange(13))
    many = rank_correlation(np.repeat(x, 7) + tiny[0], np.repeat(y, 7) + tiny[1], residue)
    as_if_apart = rank_correlation(
        np.repeat(x, 7) + tiny[0], np.repeat(y, 7) + tiny[1], np.arange(91)
    )
    width = many.high - many.low
    assert width == pytest.approx(alone.high - alone.low, rel=0.15)
    assert width > 1.8 * (as_if_apart.high - as_if_apart.low)


def test_fewer_than_ten_residues_have_no_interval_and_no_nodes_no_correlation():
    few = rank_correlation(np.arange(20.0), np.arange(20.0), np.arange(20) // 3)
    assert few.r == pytest.approx(1)
    assert np.isnan([few.low, few.high]).all()
    none = rank_correlation(np.empty(0), np.empty(0), np.empty(0, int))
    assert none.n == 0
    assert np.isnan(none.r)


def test_sizes_are_held_against_the_size_of_the_effect():
    effect = np.array([-5.0, 1.0, 0.1, -2.0])
    sizes = {"same": np.array([7.0, 2, 1, 3]), "other": np.array([1.0, 3, 4, 2])}
    found = size_correlations(effect, sizes, np.arange(4))
    assert found == {"same": pytest.approx(1), "other": pytest.approx(-1)}


def test_the_sample_is_drawn_evenly_and_each_node_once():
    counts = np.zeros(100)
    for seed in range(400):
        sample = sampled_nodes(100, 20, seed)
        assert len(set(sample)) == 20
        counts[sample] += 1
    # 80 expected of each, with a standard deviation of 8.
    assert counts.min() > 48
    assert counts.max() < 112


def test_top_nodes_are_the_largest_by_size_first_ones_first():
    assert top_nodes(np.array([1.0, -7, 3, 7, 3]), 4).tolist() == [1, 3, 2, 4]


def test_shares_are_of_the_site_near_elsewhere_and_errors():
    attribution, distance = np.array([3.0, -1.0, 2.0, 1.0]), np.array([0, 8, -9, 1])
    assert shares_by_distance(attribution, distance, np.array([-2.0, 1.0])) == (0.3, 0.2, 0.2, 0.3)
    assert np.isnan(shares_by_distance(np.zeros(2), np.zeros(2), np.zeros(1))).all()
