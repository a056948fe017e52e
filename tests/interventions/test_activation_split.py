"""The split of activations: parts sum to the whole, the same for arrays and tensors."""

import numpy as np
import torch

from protsae.interventions.activation_split import along_decoder, error_effects, error_part

RNG = np.random.default_rng(0)
X, F, G = RNG.normal(size=(7, 3)), RNG.random((7, 11)), RNG.normal(size=(7, 3))
DECODER, BIAS = RNG.normal(size=(11, 3)), RNG.normal(size=3)


def test_parts_sum_to_the_whole_and_effects_to_the_gradient_along_it() -> None:
    error = error_part(X, F, DECODER, BIAS)
    rebuilt = np.einsum("nf,fd->nd", F, DECODER) + BIAS + error
    np.testing.assert_allclose(rebuilt, X, atol=1e-12)
    total = (F * along_decoder(G, DECODER)).sum(1) + error_effects(error, G)
    np.testing.assert_allclose(total, ((X - BIAS) * G).sum(1), atol=1e-12)


def test_tensors_are_split_as_arrays_are() -> None:
    tensors = [torch.from_numpy(one) for one in (X, F, DECODER, BIAS)]
    error = error_part(*tensors)
    np.testing.assert_allclose(error, error_part(X, F, DECODER, BIAS), atol=1e-12)
    gradient = torch.from_numpy(G)
    along = along_decoder(gradient, tensors[2])
    np.testing.assert_allclose(along, along_decoder(G, DECODER), atol=1e-12)
    effects = error_effects(error, gradient)
    np.testing.assert_allclose(effects, error_effects(error.numpy(), G), atol=1e-12)
