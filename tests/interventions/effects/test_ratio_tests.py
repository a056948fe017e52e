"""Sites at which the ratio is above 1."""

import numpy as np

from protsae.interventions.effects.ratio_tests import above_one_p, many_large_p


def test_a_mean_above_one_and_many_large_sites():
    rng = np.random.default_rng(3)
    null = 128 * rng.beta(0.5, 63.5, size=(2000, 32))
    assert np.mean([above_one_p(row) <= 0.05 for row in null]) < 0.06
    assert np.mean([many_large_p(row, 128) <= 0.05 for row in null]) < 0.06
    assert above_one_p(np.full(32, 3.0)) == 0.0
    assert above_one_p(3 * null[0]) < 0.05
