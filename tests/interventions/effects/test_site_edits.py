"""Edits of a site do not depend on what runs beside them."""

import numpy as np

from protsae.interventions.edited_predictions import passes
from protsae.interventions.effects.site_edits import edited_logp
from protsae.interventions.model_pass import esm_pass
from protsae.plm.esm2.forward import FusedEsm2
from tests.helpers.tiny_esm import build_esm, random_sequence


def test_what_runs_together_changes_nothing():
    esm2 = FusedEsm2(build_esm().requires_grad_(False))
    [first, *_] = passes([random_sequence(29)], 1022, 256, True, seed=0)
    one = esm_pass(esm2, 2, first)
    delta = np.random.default_rng(2).normal(size=(7, one.x_ND.shape[1]))
    together, alone = (edited_logp(one, [0, 1, 2, 0, 1, 2, 0], delta, n) for n in (10_000, 1))
    np.testing.assert_allclose(together, alone, atol=2e-5)
    [clean] = edited_logp(one, [0], 0 * delta[:1], 1)
    direct = one.predict(one.x_ND[None])[0].numpy()
    np.testing.assert_allclose(clean, direct, atol=2e-5)
