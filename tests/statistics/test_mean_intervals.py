"""Intervals of means."""

import numpy as np

from protsae.statistics.mean_intervals import mean_interval, positive_mean_interval


def test_the_interval_of_a_mean_of_heavy_tailed_numbers():
    rng = np.random.default_rng(0)
    held = {mean_interval: 0, positive_mean_interval: 0}
    for values in rng.exponential(size=(1000, 16)) ** 2:
        for interval in held:
            low, high = interval(values)
            held[interval] += low <= 2.0 <= high
    assert held[positive_mean_interval] > held[mean_interval] + 40
    assert held[positive_mean_interval] > 840
