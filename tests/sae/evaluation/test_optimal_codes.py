import numpy as np
import pytest
import torch

from protsae.sae.architectures import ReluSae
from protsae.sae.autoencoder import Batch
from protsae.sae.evaluation.decoder_similarity import random_directions
from protsae.sae.evaluation.optimal_codes import best_error, objective_excess, refit
from protsae.sae.training.normalisation import Normalisation, fold_

N, D, F = 29, 13, 31


def planted(active: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of exactly ``active`` directions each, of size 1 to 2."""
    generator = torch.Generator().manual_seed(0)
    directions = random_directions(F, D, 0)
    codes = torch.zeros(N, F)
    which = torch.rand(N, F, generator=generator).topk(active, dim=1).indices
    codes.scatter_(1, which, 1 + torch.rand(N, active, generator=generator))
    return codes @ directions, directions


def test_refit_is_least_squares_on_the_support() -> None:
    x_ND, directions = planted()
    codes = torch.rand(N, F, generator=torch.manual_seed(3)) * (
        torch.rand(N, F, generator=torch.manual_seed(4)) < 0.2
    )
    codes[5] = 0
    found = refit(x_ND, directions, codes)
    assert torch.equal(found != 0, codes != 0)
    for i in range(N):
        used = codes[i] != 0
        if used.any():
            atoms = directions[used].double().numpy()
            wanted = np.linalg.lstsq(atoms.T, x_ND[i].double().numpy(), rcond=None)[0]
            np.testing.assert_allclose(found[i, used].numpy(), wanted, atol=1e-4)


def test_the_right_dictionary_leaves_nothing_and_a_random_one_much() -> None:
    x_ND, directions = planted()
    spread = float(x_ND.square().sum() / N)
    of_right = best_error(x_ND, 3 * directions, l0=2)  # norms do not matter
    of_random = best_error(x_ND, random_directions(F, D, 1), l0=2)
    assert of_right is not None
    assert of_random is not None
    assert of_right < 0.05 * spread
    assert of_random > 0.1 * spread


def test_an_l0_that_the_lasso_does_not_have() -> None:
    x_ND, directions = planted()
    assert best_error(x_ND, directions, l0=D) is None
    assert best_error(x_ND, directions, l0=0) is None


def relu() -> ReluSae:
    sae = ReluSae(D, F)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in sae.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
    return sae


def test_the_excess_is_over_the_training_objective() -> None:
    """Trained on z = 2 (x - 1), folded, and asked about x: the objective is that on z."""
    sae, penalty = relu(), 0.3
    z_ND = torch.randn(N, D, generator=torch.manual_seed(5))
    trained_on = sae.losses(Batch.of(z_ND), penalty).total.item() * N
    x_ND = z_ND / 2 + 1
    fold_(sae, Normalisation(np.ones(D), 2.0, N))
    excess = objective_excess(sae, x_ND, penalty, scale=2.0)
    least = trained_on / (1 + excess)
    assert excess > 0.1
    # No codes do better: neither none at all nor the encoder's, halved.
    nothing = (2 * (x_ND - sae.b_dec)).square().sum().item()
    assert least < min(nothing, trained_on)


def test_an_encoder_that_is_optimal_has_no_excess() -> None:
    """Orthonormal rows: the best codes are max(x - penalty / 2, 0), which this encoder gives."""
    sae = ReluSae(D, D)
    with torch.no_grad():
        sae.W_enc.copy_(torch.eye(D))
        sae.W_dec.copy_(torch.eye(D))
        sae.b_enc.fill_(-0.35)
    x_ND = torch.randn(N, D, generator=torch.manual_seed(6))
    assert objective_excess(sae, x_ND, penalty=0.7, scale=1.0) == pytest.approx(0, abs=1e-3)
