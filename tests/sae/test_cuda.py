"""Training on a GPU beside training on the CPU."""

import pytest
import torch
from torch import Tensor

from protsae.config.sae_settings import TrainSettings
from protsae.sae.architectures import ARCHITECTURES, build_sae
from protsae.sae.autoencoder import Batch, columns_beside
from protsae.sae.training.step import SaeTraining

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")

N, D, F, K = 131, 37, 211, 7


@pytest.fixture(params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    return request.param


def batch_of(seed: int, device: str, dtype: torch.dtype = torch.float32) -> Batch:
    x_ND = torch.randn(N, D, generator=torch.Generator().manual_seed(seed))
    return Batch.of(x_ND.to(device), dtype)


def new_training(architecture: str, device: str, **changes: object) -> SaeTraining:
    values = {"architecture": architecture, "width": F, "k": K, "bandwidth": 0.7, "steps": 100}
    settings = TrainSettings.model_validate(values | changes)
    return SaeTraining(build_sae(settings, D).to(device), settings)


def state(training: SaeTraining) -> dict[str, Tensor]:
    return {name: value.cpu().clone() for name, value in training.state_dict().items()}


def after_steps(architecture: str, device: str, dtype: torch.dtype, n: int) -> SaeTraining:
    """With dead features from the third step on, so that AuxK has a share."""
    training = new_training(architecture, device, dead_after=2 * N)
    training.idle_F[: F // 2] = 2 * N
    for step in range(n):
        training.step(batch_of(step, device, dtype), step)
    return training


def test_loss_and_gradients_are_those_of_the_cpu(architecture: str) -> None:
    found = []
    for device in ("cpu", "cuda"):
        sae, batch = new_training(architecture, device).sae, batch_of(0, device)
        losses = sae.losses(batch, 1.7)
        losses.total.backward()
        gradients = {name: p.grad for name, p in sae.named_parameters() if p.grad is not None}
        found.append({"loss": losses.total.detach(), "l0": losses.l0, **gradients})
    assert found[0].keys() == found[1].keys()
    for name, wanted in found[0].items():
        scale = float(wanted.abs().max())
        torch.testing.assert_close(found[1][name].cpu(), wanted, atol=1e-5 * scale, rtol=1e-4)


def test_some_steps_are_those_of_the_cpu(architecture: str) -> None:
    here, there = (after_steps(architecture, place, torch.float32, 5) for place in ("cpu", "cuda"))
    figures = []
    for training, device in ((here, "cpu"), (there, "cuda")):
        batch = batch_of(5, device)
        figures.append(training.measure(batch, training.step(batch, 5)))
    for name, wanted in vars(figures[0]).items():
        assert vars(figures[1])[name] == pytest.approx(wanted, rel=1e-3, nan_ok=True), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_same_again_to_the_bit(architecture: str, dtype: torch.dtype) -> None:
    one, two = (state(after_steps(architecture, "cuda", dtype, 5)) for _ in range(2))
    assert one.keys() == two.keys()
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    assert all(value.isfinite().all() for value in one.values())


def test_bfloat16_is_close(architecture: str) -> None:
    """The loss, to a few of bfloat16's 2^-9."""
    sae = new_training(architecture, "cuda").sae
    exact, close = (
        float(sae.losses(batch_of(0, "cuda", dtype), 1.7).total.detach())
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert close == pytest.approx(exact, rel=2e-2)


@pytest.mark.parametrize(("d_model", "more"), [(37, 3), (1280, 8), (7, 1)])
def test_rows_begin_at_multiples_of_16_bytes(d_model: int, more: int) -> None:
    assert columns_beside(d_model) == more
    x1_NE = Batch.of(torch.ones(5, d_model, device="cuda")).x1_NE
    assert x1_NE.shape == (5, d_model + more)
    assert x1_NE[:, : d_model + 1].eq(1).all()
    assert not x1_NE[:, d_model + 1 :].any()
