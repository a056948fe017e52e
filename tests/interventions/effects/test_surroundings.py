"""How activations vary, without a few directions that hold most of it."""

import numpy as np
import pytest

from protsae.interventions.effects.surroundings import capped


def test_variances_are_cut_to_a_tenth():
    rng = np.random.default_rng(2)
    for n in (21, 53):
        variances = rng.exponential(size=n) ** 3
        found = capped(variances)
        assert found.max() == pytest.approx(min(variances.max(), 0.1 * found.sum()))
        is_cut = found < variances
        np.testing.assert_array_equal(found[~is_cut], variances[~is_cut])
        np.testing.assert_allclose(found[is_cut], found.max())
    assert capped(np.empty(0)).tolist() == []
