import pytest
import torch

from protsae.config import TrainSettings
from protsae.sae.architectures import TopkSae, build_sae
from protsae.sae.auxk import auxk_loss
from protsae.sae.sae import Batch
from protsae.sae.train import SaeTraining

N, D, F = 13, 5, 11


def test_by_hand() -> None:
    """Two dead features, the unit vectors; d_model / 2 = 1 of them is kept in each row."""
    sae = TopkSae(2, 3, k=1)
    with torch.no_grad():
        sae.W_enc.copy_(torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
        sae.W_dec.copy_(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    x_ND = torch.tensor([[3.0, 1.0], [-5.0, -2.0]])
    residual_ND = torch.tensor([[4.0, 0.0], [0.0, 0.0]])
    dead_F = torch.tensor([False, True, True])
    # Kept: 3 e1 and -2 e2 (the larger of -5 and -2); errors 1 and 4; spread 2 * 2^2 = 8.
    loss = auxk_loss(sae, Batch.of(x_ND), residual_ND, dead_F)
    assert loss.item() == pytest.approx(2 * (1 + 4) / 8)


def test_gradients_reach_dead_features_alone() -> None:
    sae = build_sae(TrainSettings(architecture="topk", width=F, k=2), D)
    x_ND = torch.randn(N, D, generator=torch.manual_seed(0))
    dead_F = torch.zeros(F, dtype=torch.bool)
    dead_F[[2, 3, 5, 7]] = True
    auxk_loss(
        sae, Batch.of(x_ND), torch.randn(N, D, generator=torch.manual_seed(1)), dead_F
    ).backward()
    assert sae.W_enc.grad is not None
    assert sae.W_dec.grad is not None
    assert sae.b_enc.grad is not None
    assert torch.equal(sae.W_enc.grad.any(0), dead_F)
    assert torch.equal(sae.W_dec.grad.any(1), dead_F)
    assert torch.equal(sae.b_enc.grad != 0, dead_F)


def test_nothing_left_to_explain_is_not_nan() -> None:
    sae = build_sae(TrainSettings(architecture="topk", width=F, k=2), D)
    with torch.no_grad():
        sae.W_enc.zero_()
    dead_F = torch.ones(F, dtype=torch.bool)
    loss = auxk_loss(sae, Batch.of(torch.ones(N, D)), torch.zeros(N, D), dead_F)
    assert loss.item() == 0


@pytest.mark.parametrize(("auxk", "most_dead"), [(0.0, 6), (1 / 32, 2)], ids=["without", "with"])
def test_features_negative_everywhere_come_back(auxk: float, most_dead: int) -> None:
    settings = TrainSettings(
        architecture="topk", width=F, k=2, auxk=auxk, dead_after=3 * N, lr=0.01, steps=400
    )
    training = SaeTraining(build_sae(settings, D), settings)
    with torch.no_grad():
        training.sae.b_enc[:6] = -9
    generator = torch.Generator().manual_seed(3)
    for step in range(400):
        losses = training.step(Batch.of(torch.randn(N, D, generator=generator)), step)
    dead = int(training.dead_F[:6].sum())
    assert dead <= most_dead
    assert dead == 6 or auxk
    assert float(losses.l0) == pytest.approx(2, abs=0.2)
