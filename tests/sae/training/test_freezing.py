"""What is frozen keeps every bit; what is soft stays in its cone; everything else learns."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from protsae.config.sae_settings import TrainSettings
from protsae.sae.architectures import ARCHITECTURES, build_sae
from protsae.sae.autoencoder import Batch, UnitNormSae
from protsae.sae.sparse import few
from protsae.sae.training.freezing import SOFT_COSINE, keep_near_
from protsae.sae.training.step import SaeTraining

N, D, F, K = 23, 5, 11, 3
FROZEN = {"decoder": "W_dec", "encoder": "W_enc"}


def settings_of(architecture: str, freeze: str, **changes: object) -> TrainSettings:
    """Features are dead after two batches, so that AuxK and the push take part."""
    values = {"architecture": architecture, "freeze": freeze, "width": F, "k": K, "steps": 29}
    return TrainSettings.model_validate(values | {"dead_after": 2 * N, "lr": 0.01} | changes)


def trained(settings: TrainSettings, dtype: torch.dtype = torch.float32) -> SaeTraining:
    """After all steps; end to end, the divergence grows with the error of the first column."""
    training = SaeTraining(build_sae(settings, D), settings)
    generator = torch.Generator().manual_seed(3)
    for step in range(settings.steps):
        x_ND = torch.randn(N, D, generator=generator)

        def divergence(rebuilt_ND: Tensor, x_ND: Tensor = x_ND) -> Tensor:
            return (rebuilt_ND - x_ND)[:, 0].square().mean()

        training.step(Batch.of(x_ND, dtype, divergence), step)
    return training


@pytest.fixture(params=[0.0, 1.0], ids=["by products", "by sums"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few, "MOST_ACTIVE", dict.fromkeys(few.MOST_ACTIVE, request.param))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("kl", [0.0, 2.0])
@pytest.mark.parametrize("freeze", FROZEN)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_is_frozen_keeps_every_bit_and_the_rest_learns(
    architecture: str, freeze: str, kl: float, dtype: torch.dtype
) -> None:
    settings = settings_of(architecture, freeze, kl=kl)
    first = build_sae(settings, D).state_dict()
    after = trained(settings, dtype).sae.state_dict()
    same = {name for name, value in after.items() if torch.equal(value, first[name])}
    assert same == {FROZEN[freeze]}


@pytest.mark.parametrize("freeze", FROZEN)
def test_adam_has_no_moments_of_what_is_frozen(freeze: str) -> None:
    training = trained(settings_of("topk", freeze))
    assert len(training.optimiser.state_dict()["state"]) == len(list(training.sae.parameters())) - 1


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_soft_decoder_reaches_the_edge_of_its_cone_and_not_beyond(architecture: str) -> None:
    settings = settings_of(architecture, "soft", lr=0.05, steps=97)
    first_FD = build_sae(settings, D).W_dec
    after = trained(settings).sae
    cosine_F = cosine_similarity(after.W_dec, first_FD)
    assert cosine_F.min() > SOFT_COSINE - 1e-6
    assert (cosine_F < SOFT_COSINE + 1e-6).any()
    free = trained(settings.model_copy(update={"freeze": "none"})).sae
    assert cosine_similarity(free.W_dec, first_FD).min() < SOFT_COSINE - 0.05
    if isinstance(after, UnitNormSae):
        assert after.W_dec.norm(dim=1).tolist() == pytest.approx([1.0] * F)


def test_a_row_that_is_near_enough_keeps_every_bit() -> None:
    """Cosines with (1, 0) are 1, 0.96 and 0; the last row is turned to 0.8, on its side."""
    rows = torch.tensor([[2.0, 0.0], [0.96, 0.28], [0.0, -5.0]])
    before = rows.clone()
    keep_near_(rows, torch.tensor([[1.0, 0.0]]).expand(3, 2))
    assert torch.equal(rows[:2], before[:2])
    assert rows[2].tolist() == pytest.approx([4.0, -3.0])


def test_one_step_of_a_frozen_decoder_by_hand() -> None:
    """The encoder moves as beside a decoder that learns: by Adam's first step, lr x its sign."""
    moved = {}
    for freeze in ("none", "decoder"):
        settings = settings_of("relu", freeze, warmup=0, decay=0, steps=1, lr=0.01, auxk=0)
        first = build_sae(settings, D).W_enc.detach().clone()
        moved[freeze] = trained(settings).sae.W_enc.detach() - first
    assert torch.allclose(moved["none"], moved["decoder"], atol=1e-6)
    assert moved["decoder"].abs().max().item() == pytest.approx(0.01, rel=1e-3)
