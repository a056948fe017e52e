"""One protocol over all architectures, each fresh and as read back from disk."""

from pathlib import Path

import numpy as np
import pytest
import torch

from protsae.config import TrainSettings
from protsae.io.sae_files import SaeSource, read_sae, write_sae
from protsae.sae.models import ReluSae, Sae, TopkSae, build_sae
from protsae.sae.restore import restore_sae

N, D, F, K = 13, 5, 11, 3
SETTINGS = {
    "relu": TrainSettings(architecture="relu", width=F, seed=7),
    "topk": TrainSettings(architecture="topk", width=F, k=K, seed=7),
}


def random_sae(architecture: str) -> Sae:
    """An SAE whose biases are not 0 and whose encoder is not the decoder's transpose."""
    sae = build_sae(SETTINGS[architecture], D)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in sae.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return sae


def reloaded(sae: Sae, folder: Path) -> Sae:
    k = sae.k if isinstance(sae, TopkSae) else None
    source = SaeSource(sae.architecture, k, "m", "w", 1, "p", "t", 17, {}, {}, "0")
    write_sae(folder, {n: p.detach() for n, p in sae.named_parameters()}, source)
    weights, found = read_sae(folder)
    return restore_sae(found.architecture, found.k, weights)


@pytest.fixture(params=["relu", "topk"])
def architecture(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["fresh", "reloaded"])
def sae(request: pytest.FixtureRequest, architecture: str, tmp_path: Path) -> Sae:
    fresh = random_sae(architecture)
    return fresh if request.param == "fresh" else reloaded(fresh, tmp_path / "sae")


@pytest.fixture
def x_ND() -> torch.Tensor:
    return 2 * torch.randn(N, D, generator=torch.Generator().manual_seed(2))


def numpy_encode(sae: Sae, x_ND: np.ndarray) -> np.ndarray:
    """The formula in float64, with a plain sort for topk."""
    w = {name: value.detach().numpy().astype(np.float64) for name, value in sae.named_parameters()}
    features = np.maximum((x_ND - w["b_dec"]) @ w["W_enc"] + w["b_enc"], 0)
    if sae.architecture == "topk":
        for row in features:
            row[np.argsort(row)[:-K]] = 0
    return features


def test_sizes(sae: Sae, x_ND: torch.Tensor) -> None:
    assert (sae.d_model, sae.n_features) == (D, F)
    assert sae.W_enc.shape == (D, F)
    assert sae.encode(x_ND).shape == (N, F)
    assert sae(x_ND).shape == (N, D)
    assert sae.penalty(sae.encode(x_ND)).shape == (N,)


def test_features_are_not_negative_and_some_are_active(sae: Sae, x_ND: torch.Tensor) -> None:
    f_NF = sae.encode(x_ND)
    assert (f_NF >= 0).all()
    assert 0 < int((f_NF > 0).sum()) < N * F


def test_encode_is_the_formula(sae: Sae, x_ND: torch.Tensor) -> None:
    expected = numpy_encode(sae, x_ND.numpy().astype(np.float64))
    np.testing.assert_allclose(sae.encode(x_ND).detach().numpy(), expected, atol=1e-5)


def test_decode_is_the_formula(sae: Sae, x_ND: torch.Tensor) -> None:
    features = numpy_encode(sae, x_ND.numpy().astype(np.float64))
    expected = features @ sae.W_dec.detach().numpy() + sae.b_dec.detach().numpy()
    rebuilt = sae.decode(torch.from_numpy(features).float())
    np.testing.assert_allclose(rebuilt.detach().numpy(), expected, atol=1e-5)
    assert torch.equal(sae(x_ND), sae.decode(sae.encode(x_ND)))


def test_a_residue_is_encoded_the_same_alone_as_among_others(sae: Sae, x_ND: torch.Tensor) -> None:
    alone = torch.cat([sae.encode(row[None]) for row in x_ND])
    torch.testing.assert_close(alone, sae.encode(x_ND), atol=1e-6, rtol=1e-5)


def test_gradient_reaches_every_weight(architecture: str, x_ND: torch.Tensor) -> None:
    sae = random_sae(architecture)
    f_NF = sae.encode(x_ND)
    ((x_ND - sae.decode(f_NF)).square().sum(1) + sae.penalty(f_NF)).mean().backward()
    active = (f_NF > 0).any(0)
    assert active.any()
    for name, parameter in sae.named_parameters():
        assert parameter.grad is not None, name
        of_feature = {"W_enc": 0, "W_dec": 1}.get(name)
        size = parameter.grad.abs() if of_feature is None else parameter.grad.abs().sum(of_feature)
        expected = torch.ones(D, dtype=torch.bool) if name == "b_dec" else active
        assert torch.equal(size > 0, expected), name


def test_constraint_after_a_step(architecture: str, x_ND: torch.Tensor) -> None:
    sae = random_sae(architecture)
    before = sae.W_dec.detach().clone()
    sae.constrain_()
    if architecture == "relu":
        assert torch.equal(sae.W_dec, before)
    else:
        norms = sae.W_dec.norm(dim=1)
        torch.testing.assert_close(norms, torch.ones(F), atol=1e-6, rtol=0)
        # The direction stays.
        cosine = torch.nn.functional.cosine_similarity(sae.W_dec, before, dim=1)
        torch.testing.assert_close(cosine, torch.ones(F), atol=1e-6, rtol=0)


def test_reading_back_gives_the_same_bits(
    architecture: str, tmp_path: Path, x_ND: torch.Tensor
) -> None:
    sae = random_sae(architecture)
    again = reloaded(sae, tmp_path / "sae")
    assert type(again) is type(sae)
    assert not again.training
    for (name, one), (_, two) in zip(sae.named_parameters(), again.named_parameters(), strict=True):
        assert torch.equal(one, two), name
        assert not two.requires_grad
    assert torch.equal(sae.encode(x_ND), again.encode(x_ND))


def test_same_seed_same_weights(architecture: str) -> None:
    one, two = (build_sae(SETTINGS[architecture], D) for _ in range(2))
    other = build_sae(SETTINGS[architecture].model_copy(update={"seed": 8}), D)
    assert torch.equal(one.W_dec, two.W_dec)
    assert not torch.equal(one.W_dec, other.W_dec)


def test_initial_weights(architecture: str) -> None:
    sae = build_sae(SETTINGS[architecture], D)
    norm = {"relu": 0.1, "topk": 1.0}[architecture]
    torch.testing.assert_close(sae.W_dec.norm(dim=1), torch.full((F,), norm))
    assert torch.equal(sae.W_enc, sae.W_dec.T)
    assert not sae.b_enc.any()
    assert not sae.b_dec.any()


def test_relu_penalty_by_hand() -> None:
    sae = ReluSae(2, 3)
    with torch.no_grad():
        sae.W_dec.copy_(torch.tensor([[3.0, 4.0], [0.0, 2.0], [0.0, 0.0]]))
    f_NF = torch.tensor([[1.0, 0.0, 7.0], [0.5, 3.0, 0.0]])
    # Norms 5, 2, 0: 1*5 = 5 and 0.5*5 + 3*2 = 8.5.
    assert sae.penalty(f_NF).tolist() == [5.0, 8.5]


def test_relu_penalty_does_not_see_a_change_of_scale(x_ND: torch.Tensor) -> None:
    sae = random_sae("relu")
    before, rebuilt = sae.penalty(sae.encode(x_ND)), sae(x_ND)
    with torch.no_grad():
        sae.W_dec.mul_(4)
        sae.W_enc.div_(4)
        sae.b_enc.div_(4)
    torch.testing.assert_close(sae.penalty(sae.encode(x_ND)), before)
    torch.testing.assert_close(sae(x_ND), rebuilt)


def test_topk_has_no_penalty(x_ND: torch.Tensor) -> None:
    sae = random_sae("topk")
    assert sae.penalty(sae.encode(x_ND)).tolist() == [0.0] * N


@pytest.mark.parametrize(
    ("pre", "kept"),
    [
        pytest.param([5, 4, 3, 2, 1], [5, 4, 3, 0, 0], id="more positive than k"),
        pytest.param([-1, 4, -3, -2, 1], [0, 4, 0, 0, 1], id="fewer positive than k"),
        pytest.param([-1, -4, -3, -2, -1], [0, 0, 0, 0, 0], id="none positive"),
    ],
)
def test_topk_by_hand(pre: list[float], kept: list[float]) -> None:
    sae = TopkSae(2, 5, k=3)
    assert sae.activate(torch.tensor([pre], dtype=torch.float32)).tolist() == [kept]


def test_topk_keeps_k_of_equals() -> None:
    active = TopkSae(2, 5, k=3).activate(torch.ones(1, 5)) > 0
    assert int(active.sum()) == 3


def test_topk_with_k_of_all_features_is_relu(x_ND: torch.Tensor) -> None:
    pre = x_ND - 0.5
    assert torch.equal(TopkSae(3, D, k=D).activate(pre), pre.relu())


def test_expansion_gives_the_width() -> None:
    assert build_sae(TrainSettings(architecture="relu", expansion=2.2), D).n_features == 11
    assert build_sae(TrainSettings(architecture="relu", expansion=8, width=7), D).n_features == 7


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param(
            TrainSettings(architecture="topk", width=11, k=12),
            "k = 12 exceeds the 11 features; lower k or raise width",
            id="k",
        ),
        pytest.param(
            TrainSettings(architecture="relu", expansion=0.05),
            "expansion = 0.05 gives no features at d_model = 5; raise it",
            id="no features",
        ),
    ],
)
def test_impossible_sizes(settings: TrainSettings, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        build_sae(settings, D)
