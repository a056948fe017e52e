"""Intervals of correlations, in samples of clusters whose members are alike."""

import numpy as np
import pytest

from protsae.statistics.cluster_correlation import correlation


def test_the_interval_of_the_correlation_holds_the_truth() -> None:
    """Of 1,000 samples of 30 clusters whose members are alike, 95 %; by chance ± 2 or so."""
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(1000):
        common = rng.normal(size=(30, 1, 2)) @ np.linalg.cholesky([[1, 0.6], [0.6, 1]]).T
        x, y = np.moveaxis(common + 0.5 * rng.normal(size=(30, 5, 2)), -1, 0)
        moments = [np.full(30, 5.0), x.sum(1), y.sum(1), (x**2).sum(1), (y**2).sum(1)]
        _, low, high = correlation(np.stack([*moments, (x * y).sum(1)], axis=1))
        held += low <= 0.6 / 1.25 <= high
    assert 920 <= held <= 970


def moments(x: list[float], y: list[float], n_clusters: int) -> np.ndarray:
    """Of clusters that all have these items."""
    a, b = np.array(x), np.array(y)
    sums = [len(a), a.sum(), b.sum(), (a * a).sum(), (b * b).sum(), (a * b).sum()]
    return np.tile(np.array(sums, dtype=float), (n_clusters, 1))


@pytest.mark.parametrize(("y", "r"), [([0.0, 2.0], 1.0), ([2.0, 0.0], -1.0)])
def test_on_a_line_the_interval_is_a_point(y: list[float], r: float) -> None:
    found = correlation(moments([0.0, 1.0], y, 10))
    assert [float(value) for value in found] == pytest.approx([r] * 3, abs=1e-11)


def test_clusters_without_items_do_not_count() -> None:
    """x = 0, 1, 1, 0 and y = 0, 1, 2, 1 have r = 1 / sqrt 2; nine clusters are too few."""
    some = moments([0.0, 1, 1, 0], [0.0, 1, 2, 1], 10)
    for n, told in ((10, True), (9, False)):
        r, low, high = correlation(np.concatenate([some[:n], np.zeros((5, 6))]))
        assert float(r) == pytest.approx(0.5**0.5)
        assert (~np.isnan([low, high])).tolist() == [told] * 2


@pytest.mark.parametrize(("x", "y"), [([0.1] * 3, [0.0, 1, 2]), ([0.0, 1, 2], [0.1] * 3)])
def test_a_constant_correlates_with_nothing(x: list[float], y: list[float]) -> None:
    assert np.isnan(correlation(moments(x, y, 10))).all()


def test_the_jackknife_by_hand() -> None:
    """Nine clusters with r = 1 / sqrt 2 and one with the opposite: z of all but one, n = 10."""
    up, down = (moments([0.0, 1, 1, 0], y, 9) for y in ([0.0, 1, 2, 1], [2.0, 1, 0, 1]))
    every = np.concatenate([up, down[:1]])
    z = np.array([np.arctanh(correlation(np.delete(every, i, axis=0))[0]) for i in range(10)])
    error = np.sqrt(0.9 * ((z - z.mean()) ** 2).sum())
    r, low, high = (np.arctanh(value) for value in correlation(every))
    half = 2.2621572 * error  # Student's t, 9 degrees of freedom
    assert [float(low), float(high)] == pytest.approx([float(r) - half, float(r) + half])


def test_clusters_that_hardly_vary_give_no_freedom() -> None:
    """Nine clusters with y = -2, 0, 0, 2 and one three times as far: (9 + 9)^2 / (9 + 81) = 3.6."""
    near, far = (moments([-1.0, -1, 1, 1], [-a, 0, 0, a], 9) for a in (2.0, 6.0))
    every = np.concatenate([near, far[:1]])
    z = np.array([np.arctanh(correlation(np.delete(every, i, axis=0))[0]) for i in range(10)])
    error = np.sqrt(0.9 * ((z - z.mean()) ** 2).sum())
    r, _, high = (np.arctanh(value) for value in correlation(every))
    assert float(high - r) == pytest.approx(3.4781824 * error)  # Student's t, 2.6 of freedom
