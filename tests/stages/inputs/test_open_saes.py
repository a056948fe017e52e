"""SAEs on arrays: the same bits however a sum is ordered, as processors order it differently."""

import numpy as np
import pytest
import torch

from protsae.config.sae_settings import TrainSettings
from protsae.detectors.encoding import encoder
from protsae.sae.architectures import build_sae


@pytest.mark.parametrize("architecture", ["relu", "topk", "batchtopk", "jumprelu", "gated"])
def test_features_do_not_depend_on_the_order_of_a_sum(architecture: str) -> None:
    """With the entries of x in another order, float32 rounds otherwise and float64 does not."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(211, 97)).astype(np.float32)
    settings = TrainSettings(architecture=architecture, k=7, width=307)
    sae = build_sae(settings, 97)
    order = rng.permutation(97)
    other = build_sae(settings, 97)
    other.load_state_dict(sae.state_dict())
    with torch.no_grad():
        other.W_enc.copy_(sae.W_enc[order])
        other.b_dec.copy_(sae.b_dec[order])
        in_float32 = [
            sae.encode(torch.from_numpy(rows)).numpy(),
            other.encode(torch.from_numpy(rows[:, order])).numpy(),
        ]
    found = encoder(sae)(rows)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, encoder(other)(rows[:, order]))
    np.testing.assert_allclose(found, in_float32[0], rtol=1e-5, atol=1e-5)
    assert np.count_nonzero(found) > 1000
    assert (in_float32[0] != in_float32[1]).mean() > 0.01, "or the test would show nothing"
