"""Intervals of correlations, in samples of clusters whose members are alike."""

import numpy as np

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
