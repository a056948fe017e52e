"""One protocol over all architectures, each fresh and as read back from disk."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from protsae.config.sae_settings import TrainSettings
from protsae.detectors.encoding import encoder, sparse_encoder
from protsae.io.saes.sae_files import SaeSource, read_sae, write_sae
from protsae.sae.architectures import (
    ARCHITECTURES,
    BatchTopkSae,
    JumpReluSae,
    MatryoshkaSae,
    ReluSae,
    TopkSae,
    build_sae,
    restore_sae,
)
from protsae.sae.autoencoder import Batch, Sae, UnitNormSae
from protsae.sae.sparse import few

N, D, F, K = 13, 5, 11, 3
NESTED = (0.3, 0.6, 1.0)  # of 11 features: the first 3, the first 7, all
ENDS = (3, 7, 11)
PENALTY = 1.7
BANDWIDTH = 0.7


def settings_of(architecture: str, **changes: object) -> TrainSettings:
    values = {"architecture": architecture, "width": F, "k": K, "nested": NESTED, "seed": 7}
    values["bandwidth"] = BANDWIDTH
    return TrainSettings.model_validate(values | changes)


def random_sae(architecture: str) -> Sae:
    """An SAE whose biases are not 0 and whose encoder is not the decoder's transpose."""
    sae = build_sae(settings_of(architecture), D)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in sae.state_dict().values():
            value.add_(0.3 * torch.randn(value.shape, generator=generator))
        if hasattr(sae, "threshold"):
            sae.threshold.abs_()
    sae.constrain_()
    return sae


def reloaded(sae: Sae, folder: Path) -> Sae:
    k = getattr(sae, "k", None)
    source = SaeSource(sae.architecture, k, "m", "w", 1, "p", "t", 17, {}, {}, "0")
    write_sae(folder, sae.state_dict(), source)
    weights, found = read_sae(folder)
    return restore_sae(found.architecture, found.k, weights)


@pytest.fixture(params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["fresh", "reloaded"])
def sae(request: pytest.FixtureRequest, architecture: str, tmp_path: Path) -> Sae:
    fresh = random_sae(architecture)
    return fresh if request.param == "fresh" else reloaded(fresh, tmp_path / "sae")


@pytest.fixture(params=[0.0, 1.0], ids=["by products", "by sums"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training computes with all features, or with the active ones, however many they are."""
    shares = dict.fromkeys(few.MOST_ACTIVE, request.param)
    monkeypatch.setattr(few, "MOST_ACTIVE", shares)


@pytest.fixture
def x_ND() -> Tensor:
    return 2 * torch.randn(N, D, generator=torch.Generator().manual_seed(2))


def numpy_encode(sae: Sae, x_ND: np.ndarray) -> np.ndarray:
    """The formula in float64, with a plain sort for topk."""
    w = {
        name: value.detach().numpy().astype(np.float64) for name, value in sae.state_dict().items()
    }
    pre = (x_ND - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
    if "threshold" in w:
        return np.where(pre > w["threshold"], pre, 0)
    if sae.architecture == "gated":
        magnitude = np.exp(w["r_mag"]) * ((x_ND - w["b_dec"]) @ w["W_enc"]) + w["b_mag"]
        return np.where(pre > 0, np.maximum(magnitude, 0), 0)
    features = np.maximum(pre, 0)
    if sae.architecture == "topk":
        for row in features:
            row[np.argsort(row)[:-K]] = 0
    return features


def test_sizes(sae: Sae, x_ND: Tensor) -> None:
    assert (sae.d_model, sae.n_features) == (D, F)
    assert sae.W_enc.shape == (D, F)
    assert sae.encode(x_ND).shape == (N, F)
    assert sae(x_ND).shape == (N, D)


def test_features_are_not_negative_and_some_are_active(sae: Sae, x_ND: Tensor) -> None:
    f_NF = sae.encode(x_ND)
    assert f_NF.dtype == torch.float32
    assert (f_NF >= 0).all()
    assert 0 < int((f_NF > 0).sum()) < N * F


def test_encode_is_the_formula(sae: Sae, x_ND: Tensor) -> None:
    expected = numpy_encode(sae, x_ND.numpy().astype(np.float64))
    np.testing.assert_allclose(sae.encode(x_ND).detach().numpy(), expected, atol=1e-5)


def test_decode_is_the_formula(sae: Sae, x_ND: Tensor) -> None:
    features = numpy_encode(sae, x_ND.numpy().astype(np.float64))
    expected = features @ sae.W_dec.detach().numpy() + sae.b_dec.detach().numpy()
    rebuilt = sae.decode(torch.from_numpy(features).float())
    np.testing.assert_allclose(rebuilt.detach().numpy(), expected, atol=1e-5)
    assert torch.equal(sae(x_ND), sae.decode(sae.encode(x_ND)))


def test_a_residue_is_encoded_the_same_alone_as_among_others(sae: Sae, x_ND: Tensor) -> None:
    alone = torch.cat([sae.encode(row[None]) for row in x_ND])
    torch.testing.assert_close(alone, sae.encode(x_ND), atol=1e-6, rtol=1e-5)


def test_sparse_codes_are_the_dense_ones_without_zeros(sae: Sae, x_ND: Tensor) -> None:
    rows = torch.cat([x_ND, torch.zeros(2, D), x_ND[:1]]).numpy()
    codes, dense = sparse_encoder(sae)(rows), encoder(sae)(rows)
    assert codes.dtype == np.float32
    assert codes.nnz == np.count_nonzero(dense) > 0
    assert codes.has_canonical_format
    np.testing.assert_array_equal(codes.toarray(), dense)


def test_what_float32_rounds_to_0_is_not_stored() -> None:
    sae = TopkSae(d_model=2, n_features=3, k=2)
    sae.W_enc.data.copy_(torch.tensor([[1e-30, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    codes = sparse_encoder(sae)(np.array([[1e-30, 2], [4, 1], [-1, 5]], np.float32))
    assert codes.indptr.tolist() == [0, 1, 3, 3]
    assert codes.indices.tolist() == [1, 0, 1]
    assert codes.data.tolist() == [np.float32(1e-30), np.float32(4e-30), 4.0]


def test_reading_back_gives_the_same_bits(architecture: str, tmp_path: Path, x_ND: Tensor) -> None:
    sae = random_sae(architecture)
    again = reloaded(sae, tmp_path / "sae")
    assert type(again) is type(sae)
    assert not again.training
    assert sae.state_dict().keys() == again.state_dict().keys()
    for name, value in sae.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert not any(parameter.requires_grad for parameter in again.parameters())
    assert torch.equal(sae.encode(x_ND), again.encode(x_ND))


def test_same_seed_same_weights(architecture: str) -> None:
    one, two = (build_sae(settings_of(architecture), D) for _ in range(2))
    other = build_sae(settings_of(architecture, seed=8), D)
    assert torch.equal(one.W_dec, two.W_dec)
    assert not torch.equal(one.W_dec, other.W_dec)


def test_initial_weights(architecture: str) -> None:
    sae = build_sae(settings_of(architecture), D)
    norm = 0.1 if architecture == "relu" else 1.0
    torch.testing.assert_close(sae.W_dec.norm(dim=1), torch.full((F,), norm))
    assert torch.equal(sae.W_enc, sae.W_dec.T)
    start = {"threshold": BANDWIDTH if architecture == "jumprelu" else 0.0}
    for name, value in sae.state_dict().items():
        if not name.startswith("W_"):
            assert torch.equal(value, torch.full_like(value, start.get(name, 0.0))), name


# What training minimises, in float64 and with dense arrays, from the formulas of the papers.
Weights = dict[str, Tensor]


def pre_activations(w: Weights, x_ND: Tensor) -> Tensor:
    return (x_ND - w["b_dec"]) @ w["W_enc"] + w["b_enc"]


def squared_error(w: Weights, x_ND: Tensor, f_NF: Tensor) -> Tensor:
    return (x_ND - f_NF @ w["W_dec"] - w["b_dec"]).square().sum(1).mean()


def relu_loss(w: Weights, x_ND: Tensor) -> Tensor:
    f_NF = pre_activations(w, x_ND).relu()
    return squared_error(w, x_ND, f_NF) + PENALTY * (f_NF @ w["W_dec"].norm(dim=1)).mean()


def topk_loss(w: Weights, x_ND: Tensor) -> Tensor:
    pre_NF = pre_activations(w, x_ND).relu()
    edge_N1 = pre_NF.topk(K, dim=1).values[:, -1:]
    return squared_error(w, x_ND, pre_NF * (pre_NF >= edge_N1))


def batch_topk(w: Weights, x_ND: Tensor) -> Tensor:
    pre_NF = pre_activations(w, x_ND).relu()
    return pre_NF * (pre_NF >= pre_NF.flatten().topk(N * K).values[-1])


def batchtopk_loss(w: Weights, x_ND: Tensor) -> Tensor:
    return squared_error(w, x_ND, batch_topk(w, x_ND))


def matryoshka_loss(w: Weights, x_ND: Tensor) -> Tensor:
    f_NF = batch_topk(w, x_ND)
    nested = [f_NF * (torch.arange(F) < end) for end in ENDS]
    return torch.stack([squared_error(w, x_ND, part) for part in nested]).mean()


def jumprelu_loss(w: Weights, x_ND: Tensor) -> Tensor:
    """The true loss, and a term of value 0 whose gradient is the thresholds' pseudo-gradient."""
    pre_NF, theta = pre_activations(w, x_ND), w["threshold"]
    on_NF = (pre_NF > theta).double()
    loss = squared_error(w, x_ND, pre_NF * on_NF) + PENALTY * on_NF.sum(1).mean()
    near_NF = ((pre_NF - theta).abs() < BANDWIDTH / 2).double()
    error_ND = pre_NF * on_NF @ w["W_dec"] + w["b_dec"] - x_ND
    by_feature_NF = 2 / N * error_ND @ w["W_dec"].T
    by_theta_F = -(near_NF * (theta * by_feature_NF + PENALTY / N)).sum(0) / BANDWIDTH
    return loss + (by_theta_F.detach() * (theta - theta.detach())).sum()


def gated_loss(w: Weights, x_ND: Tensor) -> Tensor:
    gate_NF = pre_activations(w, x_ND)
    projected_NF = (x_ND - w["b_dec"]) @ w["W_enc"]
    magnitude_NF = (w["r_mag"].exp() * projected_NF + w["b_mag"]).relu()
    frozen = {name: value.detach() for name, value in w.items()}
    open_NF = gate_NF.relu()
    return (
        squared_error(w, x_ND, magnitude_NF * (gate_NF > 0))
        + PENALTY * open_NF.sum(1).mean()
        + squared_error(frozen, x_ND, open_NF)
    )


REFERENCES: dict[str, Callable[[Weights, Tensor], Tensor]] = {
    "relu": relu_loss,
    "topk": topk_loss,
    "batchtopk": batchtopk_loss,
    "jumprelu": jumprelu_loss,
    "gated": gated_loss,
    "matryoshka": matryoshka_loss,
}


@pytest.mark.usefixtures("way")
def test_loss_and_all_gradients_are_those_of_the_formula(architecture: str, x_ND: Tensor) -> None:
    sae = random_sae(architecture)
    w = {name: p.detach().double().requires_grad_() for name, p in sae.named_parameters()}
    expected = REFERENCES[architecture](w, x_ND.double())
    # Of gated, W_dec reaches the loss only through the magnitudes: all weights have a gradient.
    gradients = torch.autograd.grad(expected, list(w.values()))

    losses = sae.losses(Batch.of(x_ND), PENALTY)
    losses.total.backward()
    assert losses.total.item() == pytest.approx(expected.item(), rel=1e-5)
    for (name, parameter), gradient in zip(sae.named_parameters(), gradients, strict=True):
        assert parameter.grad is not None, name
        assert gradient.any(), name
        torch.testing.assert_close(
            parameter.grad.double(),
            gradient,
            atol=1e-5,
            rtol=1e-5,
            msg=lambda m, n=name: f"{n} {m}",
        )


@pytest.mark.usefixtures("way")
def test_products_in_bfloat16_are_close(architecture: str, x_ND: Tensor) -> None:
    """Up to where a rounded pre-activation falls on the other side of an edge."""
    exact, rounded = random_sae(architecture), random_sae(architecture)
    wide_ND = x_ND.repeat(7, 1) + 0.1 * torch.randn(7 * N, D, generator=torch.manual_seed(5))
    first = exact.losses(Batch.of(wide_ND), PENALTY)
    second = rounded.losses(Batch.of(wide_ND, torch.bfloat16), PENALTY)
    assert second.total.item() == pytest.approx(first.total.item(), rel=0.02)
    first.total.backward()
    second.total.backward()
    for name in ("W_enc", "W_dec"):
        one, two = (s.get_parameter(name).grad.flatten() for s in (exact, rounded))
        assert float(torch.nn.functional.cosine_similarity(one, two, dim=0)) > 0.98, name


@pytest.mark.usefixtures("way")
def test_what_a_step_measures(architecture: str, x_ND: Tensor) -> None:
    sae = random_sae(architecture)
    losses = sae.losses(Batch.of(x_ND), PENALTY)
    if architecture in ("relu", "topk", "jumprelu", "gated"):  # others choose over the batch
        f_NF = sae.encode(x_ND).detach()
        torch.testing.assert_close(losses.error_ND, sae.decode(f_NF) - x_ND)
        assert float(losses.l0) == pytest.approx(float((f_NF > 0).sum()) / N)
        assert torch.equal(losses.fired_F, (f_NF > 0).any(0))
    else:
        assert float(losses.l0) == K
        assert 0 < int(losses.fired_F.sum()) <= F
    error_ND = losses.error_ND.detach()
    assert float(losses.mse) == pytest.approx(float(error_ND.square().sum(1).mean()))
    for tensor in (losses.mse, losses.penalty, losses.codes, losses.fired_F):
        assert not tensor.requires_grad


@pytest.mark.usefixtures("way")
def test_the_error_alone_trains_encoder_and_decoder(architecture: str, x_ND: Tensor) -> None:
    """As it has to end to end, where the error of x_hat is all that the model downstream sees."""
    sae = random_sae(architecture)
    weights_ND = torch.randn(N, D, generator=torch.manual_seed(7))
    losses = sae.losses(Batch.of(x_ND), PENALTY)
    (losses.error_ND * weights_ND).sum().backward()
    for name in ("W_enc", "W_dec", "b_dec"):
        gradient = sae.get_parameter(name).grad
        assert gradient is not None, name
        assert gradient.abs().max() > 0, name
    if architecture in ("relu", "topk", "jumprelu", "gated"):  # others choose over the batch
        expected_FD = sae.encode(x_ND).detach().T @ weights_ND
        torch.testing.assert_close(sae.W_dec.grad, expected_FD, atol=1e-4, rtol=1e-4)


def test_the_gradient_keeps_decoder_norms(architecture: str, x_ND: Tensor) -> None:
    sae = random_sae(architecture)
    sae.losses(Batch.of(x_ND), PENALTY).total.backward()
    assert sae.W_dec.grad is not None
    before = sae.W_dec.grad.clone()
    sae.constrain_gradient_()
    along = (sae.W_dec.grad * sae.W_dec).sum(1)
    if isinstance(sae, UnitNormSae):
        assert (before * sae.W_dec).sum(1).abs().max() > 0.01
        torch.testing.assert_close(along, torch.zeros(F), atol=1e-5, rtol=0)
    else:
        assert torch.equal(sae.W_dec.grad, before)


def test_constraint_after_a_step(architecture: str) -> None:
    sae = random_sae(architecture)
    with torch.no_grad():
        sae.W_dec.mul_(torch.linspace(0.5, 3, F)[:, None])
    before = sae.W_dec.detach().clone()
    sae.constrain_()
    if isinstance(sae, UnitNormSae):
        torch.testing.assert_close(sae.W_dec.norm(dim=1), torch.ones(F), atol=1e-6, rtol=0)
        cosine = torch.nn.functional.cosine_similarity(sae.W_dec, before, dim=1)
        torch.testing.assert_close(cosine, torch.ones(F), atol=1e-6, rtol=0)
    else:
        assert torch.equal(sae.W_dec, before)


@pytest.mark.usefixtures("way")
def test_relu_penalty_by_hand() -> None:
    """One residue (1, 0); features 1 and 3 of sizes 2 and 3, rows of norms 5 and 2."""
    sae = ReluSae(2, 3)
    with torch.no_grad():
        sae.b_enc.copy_(torch.tensor([2.0, -4.0, 3.0]))
        sae.W_dec.copy_(torch.tensor([[3.0, 4.0], [9.0, 9.0], [0.0, 2.0]]))
    losses = sae.losses(Batch.of(torch.tensor([[1.0, 0.0]])), 0.5)
    # Penalty 2*5 + 3*2 = 16; x_hat = (6, 14), so the error is 5^2 + 14^2 = 221.
    assert float(losses.penalty) == 16
    assert float(losses.mse) == 221
    assert losses.total.item() == 221 + 0.5 * 16
    assert losses.fired_F.tolist() == [True, False, True]


def test_relu_loss_does_not_see_a_change_of_scale(x_ND: Tensor) -> None:
    sae = random_sae("relu")
    before = sae.losses(Batch.of(x_ND), PENALTY)
    with torch.no_grad():
        sae.W_dec.mul_(4)
        sae.W_enc.div_(4)
        sae.b_enc.div_(4)
    after = sae.losses(Batch.of(x_ND), PENALTY)
    torch.testing.assert_close(after.total, before.total)
    torch.testing.assert_close(after.error_ND, before.error_ND, atol=1e-5, rtol=1e-5)


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


def test_topk_with_k_of_all_features_is_relu(x_ND: Tensor) -> None:
    pre = x_ND - 0.5
    assert torch.equal(TopkSae(3, D, k=D).activate(pre), pre.relu())


def identity(sae: Sae) -> Sae:
    """Feature i is coordinate i, written back as it is."""
    with torch.no_grad():
        sae.W_enc.copy_(torch.eye(D))
        sae.W_dec.copy_(torch.eye(D))
    return sae


def test_batchtopk_by_hand() -> None:
    """2 residues, k = 2: the four largest of both, three of them in the first."""
    sae = identity(BatchTopkSae(D, D, k=2))
    x_ND = torch.tensor([[9.0, 8.0, 7.0, 1.0, 0.0], [6.0, 2.0, -5.0, 0.0, 0.0]])
    losses = sae.losses(Batch.of(x_ND), 0.0)
    assert sorted(losses.codes.tolist()) == [6, 7, 8, 9]
    # 1 of the first residue and 2 and -5 of the second are lost.
    assert losses.total.item() == (1 + 4 + 25) / 2
    assert sae.threshold.tolist() == [6.0] * D  # the first batch sets it
    sae.losses(Batch.of(x_ND / 2), 0.0)
    # Then 1 % of the smallest feature kept, 3, comes in.
    assert sae.threshold.tolist() == pytest.approx([0.99 * 6 + 0.01 * 3] * D)


def test_batchtopk_with_fewer_positive_than_wanted() -> None:
    sae = identity(BatchTopkSae(D, D, k=4))
    x_ND = torch.tensor([[3.0, 2.0, -1.0, -1.0, -1.0], [1.0, -1.0, -1.0, -1.0, -1.0]])
    assert sorted(sae.losses(Batch.of(x_ND), 0.0).codes.tolist()) == [1, 2, 3]


def test_batchtopk_of_a_batch_without_any() -> None:
    sae = identity(BatchTopkSae(D, D, k=2))
    losses = sae.losses(Batch.of(-torch.ones(3, D)), 0.0)
    assert len(losses.codes) == 0
    assert losses.total.item() == D
    assert not sae.threshold.any()
    losses.total.backward()
    assert sae.W_enc.grad is not None
    assert not sae.W_enc.grad.any()


@pytest.mark.parametrize("threshold", [0.1, 3.0, 1e6])
@pytest.mark.parametrize("architecture", ["batchtopk", "matryoshka"])
def test_where_the_threshold_stands_does_not_matter_in_training(
    architecture: str, threshold: float, x_ND: Tensor
) -> None:
    """It is only a guess of what to rank."""
    one, two = random_sae(architecture), random_sae(architecture)
    with torch.no_grad():
        one.threshold.zero_()
        two.threshold.fill_(threshold)
    first, second = (sae.losses(Batch.of(x_ND), 0.0) for sae in (one, two))
    assert torch.equal(first.codes, second.codes)
    assert torch.equal(first.total, second.total)
    first.total.backward()
    second.total.backward()
    assert torch.equal(one.W_dec.grad, two.W_dec.grad)


@pytest.mark.parametrize(
    "sae", [BatchTopkSae(D, D, k=2), JumpReluSae(D, D)], ids=lambda s: s.architecture
)
def test_a_feature_at_its_threshold_is_off(sae: Sae) -> None:
    identity(sae)
    with torch.no_grad():
        sae.threshold.fill_(2)
    x_ND = torch.tensor([[1.5, 2.0, 2.5, -3.0, 0.0]])
    assert sae.encode(x_ND).tolist() == [[0, 0, 2.5, 0, 0]]
    if isinstance(sae, JumpReluSae):
        assert float(sae.losses(Batch.of(x_ND), 1.0).penalty) == 1


@pytest.mark.parametrize(
    ("nested", "ends"),
    [
        pytest.param((0.5, 1.0), (6, 11), id="rounded to even"),
        pytest.param((0.3,), (3, 11), id="the whole comes last"),
        pytest.param((0.6, 0.3, 1.0), (3, 7, 11), id="in any order"),
        pytest.param((0.01, 0.02), (1, 11), id="one feature at least, each size once"),
        pytest.param((1.0,), (11,), id="one dictionary"),
    ],
)
def test_sizes_of_nested_dictionaries(nested: tuple[float, ...], ends: tuple[int, ...]) -> None:
    sae = build_sae(settings_of("matryoshka", nested=nested), D)
    assert isinstance(sae, MatryoshkaSae)
    assert sae.ends == ends


def test_matryoshka_by_hand() -> None:
    """Dictionaries of the first coordinate, the first three, and all five."""
    sae = identity(MatryoshkaSae(D, D, k=5, ends=(1, 3, 5)))
    x_ND = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]])
    losses = sae.losses(Batch.of(x_ND), 0.0)
    # Left by each: 4 + 9 + 16 + 25, then 16 + 25, then nothing.
    assert losses.total.item() == pytest.approx((54 + 41 + 0) / 3)
    assert not losses.error_ND.any()


def test_matryoshka_with_one_dictionary_is_batchtopk(x_ND: Tensor) -> None:
    one = MatryoshkaSae(D, F, K, (F,)).init_weights(3)
    two = BatchTopkSae(D, F, K).init_weights(3)
    for sae in (one, two):
        sae.losses(Batch.of(x_ND), 0.0).total.backward()
    for (name, a), (_, b) in zip(one.named_parameters(), two.named_parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, msg=name)


@pytest.mark.usefixtures("way")
def test_jumprelu_by_hand() -> None:
    """Thresholds 2: 1 is off, 2.25 and 5 are on; 2.25 lies within half a bandwidth."""
    sae = identity(JumpReluSae(D, D, bandwidth=1.0))
    with torch.no_grad():
        sae.threshold.fill_(2)
    losses = sae.losses(Batch.of(torch.tensor([[1.0, 2.25, 5.0, 0.0, 0.0]])), 3.0)
    assert float(losses.penalty) == 2
    assert losses.total.item() == 1 + 3 * 2
    losses.total.backward()
    assert sae.threshold.grad is not None
    # The error is 0 where features are on, so only the penalty pushes, by -3 / bandwidth.
    assert sae.threshold.grad.tolist() == [0, -3, 0, 0, 0]


def test_jumprelu_thresholds_do_not_fall_below_0() -> None:
    sae = JumpReluSae(D, F)
    with torch.no_grad():
        sae.W_dec.fill_(1)
        sae.threshold.fill_(-0.5)
    sae.constrain_()
    assert sae.threshold.tolist() == [0.0] * F


def test_expansion_gives_the_width() -> None:
    assert build_sae(TrainSettings(architecture="relu", expansion=2.2), D).n_features == 11
    assert build_sae(TrainSettings(architecture="relu", expansion=1.5), D).n_features == 8
    assert build_sae(TrainSettings(architecture="relu", expansion=8, width=7), D).n_features == 7


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        *(
            pytest.param(
                TrainSettings(architecture=name, width=11, k=12),
                "k = 12 exceeds the 11 features; lower k or raise width",
                id=f"k of {name}",
            )
            for name in ("topk", "batchtopk", "matryoshka")
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
