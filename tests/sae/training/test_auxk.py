import copy

import pytest
import torch

from protsae.config.sae_settings import TrainSettings
from protsae.sae.architectures import TopkSae, build_sae
from protsae.sae.autoencoder import Batch, Sae
from protsae.sae.training.auxk import NEAREST_PUSH, auxk_loss, push_loss
from protsae.sae.training.step import SaeTraining

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


def test_a_step_adds_its_share_of_the_loss() -> None:
    """For what was dead before the batch, whether it fires on it or not; total and mse do not."""
    settings = TrainSettings(architecture="topk", width=F, k=2, auxk=0.3, dead_after=99)
    training = SaeTraining(build_sae(settings, D), settings)
    dead_F = torch.arange(F) % 2 == 0
    training.idle_F[dead_F] = 99
    alone = copy.deepcopy(training.sae)
    batch = Batch.of(torch.randn(N, D, generator=torch.manual_seed(2)))

    losses = alone.losses(batch, 0.0)
    assert (losses.fired_F & dead_F).any()
    residual_ND = -losses.error_ND.detach()
    (losses.total + 0.3 * auxk_loss(alone, batch, residual_ND, dead_F)).backward()
    alone.constrain_gradient_()
    torch.nn.utils.clip_grad_norm_(alone.parameters(), 1.0)

    found = training.step(batch, 0)
    assert torch.equal(found.total, losses.total)
    for (name, one), two in zip(training.sae.named_parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad, msg=name)


def test_nothing_left_to_explain_is_not_nan() -> None:
    sae = build_sae(TrainSettings(architecture="topk", width=F, k=2), D)
    with torch.no_grad():
        sae.W_enc.zero_()
    dead_F = torch.ones(F, dtype=torch.bool)
    loss = auxk_loss(sae, Batch.of(torch.ones(N, D)), torch.zeros(N, D), dead_F)
    assert loss.item() == 0


@pytest.mark.parametrize("n_residues", [1, 13])
def test_a_residual_that_does_not_vary_leaves_weights_finite(n_residues: int) -> None:
    """Of one residue, or of equal ones: its spread is 0, or what rounding leaves of it."""
    settings = TrainSettings(architecture="topk", width=F, k=2, dead_after=1, steps=99)
    training = SaeTraining(build_sae(settings, D), settings)
    for step in range(5):
        x_ND = 30 * torch.randn(1, D, generator=torch.manual_seed(step)).repeat(n_residues, 1)
        batch = Batch.of(x_ND)
        residual_ND = -training.step(batch, step).losses.error_ND.detach()
        assert training.dead_F.any()
        loss = auxk_loss(training.sae, batch, residual_ND, training.dead_F)
        assert loss.item() < 1e6
        for name, value in training.sae.named_parameters():
            assert value.isfinite().all(), name


def test_of_one_dimension_all_dead_features_are_kept() -> None:
    """d_model / 2 would be none of them."""
    sae = TopkSae(1, 3, k=1)
    with torch.no_grad():
        sae.W_enc.copy_(torch.tensor([[1.0, 2.0, 4.0]]))
        sae.W_dec.fill_(1)
    residual_ND = torch.tensor([[6.0], [-2.0]])
    # Rebuilt by features 1 and 2 as 6 and -6: errors 0 and 4^2; spread 2 * 4^2.
    dead_F = torch.tensor([False, True, True])
    loss = auxk_loss(sae, Batch.of(torch.tensor([[1.0], [-1.0]])), residual_ND, dead_F)
    assert loss.item() == pytest.approx(1 * 16 / 32)


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
        taken = training.step(Batch.of(torch.randn(N, D, generator=generator)), step)
    dead = int(training.dead_F[:6].sum())
    assert dead <= most_dead
    assert dead == 6 or auxk
    assert float(taken.losses.l0) == pytest.approx(2, abs=0.2)


def pushed(architecture: str) -> tuple[Sae, float]:
    """Loss and gradients of two idle features, 3 and -5, -1 and -2 on two residues, with edges of 2
    and 0.5; of a Gated SAE they are 0."""
    sae = build_sae(TrainSettings(architecture=architecture, width=3), 2)
    with torch.no_grad():
        sae.W_enc.copy_(torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
        if architecture == "jumprelu":
            sae.threshold.copy_(torch.tensor([9.0, 2.0, 0.5]))
    edge_F = sae.edges()
    assert edge_F is not None
    idle_F = torch.tensor([False, True, True])
    loss = push_loss(sae, Batch.of(torch.tensor([[3.0, -1.0], [-5.0, -2.0]])), edge_F, idle_F)
    loss.backward()
    return sae, loss.item()


def gradient(sae: Sae, name: str) -> list[float]:
    gradient = sae.get_parameter(name).grad
    assert gradient is not None
    found: list[float] = gradient.tolist()
    return found


def test_the_push_by_hand() -> None:
    """Short of their edges by 0 and 7, and by 1.5 and 2.5, of which the mean over rows counts."""
    sae, loss = pushed("jumprelu")
    assert loss == pytest.approx((7 + 1.5 + 2.5) / 2)
    assert gradient(sae, "b_enc") == [0, -0.5, -1]
    assert gradient(sae, "threshold") == [0, 0.5, 1]


def test_the_nearest_row_alone_pushes_a_gated_feature() -> None:
    """The first feature is over its edge on the first row, the second short of it by 1 there."""
    sae, loss = pushed("gated")
    assert loss == pytest.approx(NEAREST_PUSH * 1)
    assert gradient(sae, "b_enc") == [0, 0, -NEAREST_PUSH]
    row = [3.0, -1.0]
    assert gradient(sae, "W_enc") == [[0, 0, -NEAREST_PUSH * x] for x in row]


@pytest.mark.parametrize("architecture", ["jumprelu", "gated"])
def test_features_below_their_edge_come_back(architecture: str) -> None:
    settings = TrainSettings(
        architecture=architecture, width=F, penalty=0.1, dead_after=20 * N, lr=0.01, steps=400
    )
    training = SaeTraining(build_sae(settings, D), settings)
    with torch.no_grad():
        training.sae.b_enc[:6] = -5
    generator = torch.Generator().manual_seed(3)
    for step in range(400):
        training.step(Batch.of(torch.randn(N, D, generator=generator)), step)
    assert not training.dead_F.any()


def test_a_gated_feature_needs_gate_and_magnitude() -> None:
    """Magnitudes 2 gate - 3, gate / 2 + 1 and gate: above 0 from gates of 1.5, -2 and 0."""
    sae = build_sae(TrainSettings(architecture="gated", width=3), 2)
    with torch.no_grad():
        sae.r_mag.copy_(torch.tensor([2.0, 0.5, 1.0]).log())
        sae.b_mag.copy_(torch.tensor([-3.0, 1.0, 0.0]))
    edge_F = sae.edges()
    assert edge_F is not None
    assert edge_F.tolist() == pytest.approx([1.5, 0, 0])
    gates_NF = torch.tensor([[1.4, -0.1, -0.1], [1.6, 0.1, 0.1]])
    assert (sae.activate(gates_NF) > 0).tolist() == [[False] * 3, [True] * 3]
