import copy
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from protsae.config.sae_settings import TrainSettings
from protsae.sae.architectures import ARCHITECTURES, ReluSae, build_sae
from protsae.sae.autoencoder import Batch, Sae, UnitNormSae
from protsae.sae.training.step import (
    SaeTraining,
    schedule,
    step_bytes,
    weights_bytes,
)

N, D, F = 13, 5, 7


@pytest.mark.parametrize(
    ("step", "rate", "penalty"),
    [
        pytest.param(0, 0.1, 0.4, id="first"),
        pytest.param(8, 0.9, 3.6, id="last of warmup but one"),
        pytest.param(9, 1.0, 4.0, id="warm"),
        pytest.param(79, 1.0, 4.0, id="before decay"),
        pytest.param(80, 1.0, 4.0, id="first of decay"),
        pytest.param(81, 0.95, 4.0, id="second of decay"),
        pytest.param(99, 0.05, 4.0, id="last"),
    ],
)
def test_schedule(step: int, rate: float, penalty: float) -> None:
    settings = TrainSettings(
        architecture="relu",
        steps=100,
        lr=1.0,
        penalty=4.0,
        warmup=0.1,
        penalty_warmup=0.1,
        decay=0.2,
    )
    assert schedule(step, settings) == pytest.approx((rate, penalty))


def test_schedule_without_warmup_and_decay() -> None:
    settings = TrainSettings(
        architecture="relu", steps=7, lr=0.5, penalty=4.0, warmup=0, penalty_warmup=0, decay=0
    )
    assert [schedule(step, settings) for step in range(7)] == [(0.5, 4.0)] * 7


def test_the_penalty_has_a_warmup_of_its_own() -> None:
    settings = TrainSettings(
        architecture="relu", steps=10, lr=1.0, penalty=4.0, warmup=0.2, penalty_warmup=0.4, decay=0
    )
    assert [schedule(step, settings) for step in range(5)] == [
        *[(0.5, 1.0), (1.0, 2.0), (1.0, 3.0), (1.0, 4.0), (1.0, 4.0)]
    ]


def random_relu() -> tuple[ReluSae, np.ndarray]:
    rng = np.random.default_rng(5)
    sae = ReluSae(D, F)
    with torch.no_grad():
        for parameter in sae.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(size=parameter.shape)))
    return sae, rng.normal(size=(N, D))


def numpy_gradients(
    sae: ReluSae, x: np.ndarray, penalty: float
) -> tuple[float, dict[str, np.ndarray]]:
    """Loss and its gradients, derived by hand, in float64."""
    w = {name: value.detach().numpy().astype(np.float64) for name, value in sae.named_parameters()}
    pre = (x - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
    f = np.maximum(pre, 0)
    residual = f @ w["W_dec"] + w["b_dec"] - x
    norms = np.linalg.norm(w["W_dec"], axis=1)
    loss = ((residual**2).sum(1) + penalty * f @ norms).mean()
    d_pre = (2 * residual @ w["W_dec"].T + penalty * norms) * (pre > 0) / len(x)
    d_norm = penalty * f.mean(0)
    return loss, {
        "W_enc": (x - w["b_dec"]).T @ d_pre,
        "b_enc": d_pre.sum(0),
        "W_dec": 2 * f.T @ residual / len(x) + (d_norm / norms)[:, None] * w["W_dec"],
        "b_dec": 2 * residual.sum(0) / len(x) - d_pre.sum(0) @ w["W_enc"].T,
    }


RELU = TrainSettings(
    architecture="relu", width=F, lr=0.01, penalty=1.7, steps=10, warmup=0, penalty_warmup=0
)
"""No warm-up and steps enough: the full rate and weight hold from the first step."""


def test_relu_steps_by_hand() -> None:
    """Gradients clipped to norm 1, then Adam, in float64."""
    sae, x = random_relu()
    moments = {name: (0.0, 0.0) for name, _ in sae.named_parameters()}
    training, batch = SaeTraining(sae, RELU), Batch.of(torch.from_numpy(x).float())
    for step in range(1, 6):
        expected = {
            name: value.detach().numpy().astype(np.float64)
            for name, value in sae.named_parameters()
        }
        loss, gradients = numpy_gradients(sae, x, penalty=1.7)
        total = np.sqrt(sum((g**2).sum() for g in gradients.values()))
        assert total > 1  # so that clipping to norm 1 is part of what is tested
        for name, gradient in gradients.items():
            clipped = gradient / total
            first, second = moments[name]
            first, second = 0.9 * first + 0.1 * clipped, 0.999 * second + 0.001 * clipped**2
            moments[name] = first, second
            first, second = first / (1 - 0.9**step), second / (1 - 0.999**step)
            expected[name] -= 0.01 * first / (np.sqrt(second) + 1e-8)
        losses = training.step(batch, step - 1)
        assert losses.total.item() == pytest.approx(loss, rel=1e-5)
        for name, value in sae.named_parameters():
            np.testing.assert_allclose(value.detach().numpy(), expected[name], atol=1e-5)


def test_stats_are_of_the_batch_before_the_step() -> None:
    sae, x = random_relu()
    w = {name: value.detach().numpy().copy() for name, value in sae.named_parameters()}
    f = np.maximum((x - w["b_dec"]) @ w["W_enc"] + w["b_enc"], 0)
    error = ((x - f @ w["W_dec"] - w["b_dec"]) ** 2).sum()
    training, batch = SaeTraining(sae, RELU), Batch.of(torch.from_numpy(x).float())
    stats = training.measure(batch, training.step(batch, 0))
    assert stats.mse == pytest.approx(error / N, rel=1e-5)
    assert stats.penalty == pytest.approx((f @ np.linalg.norm(w["W_dec"], axis=1)).mean(), rel=1e-5)
    assert stats.loss == pytest.approx(stats.mse + 1.7 * stats.penalty, rel=1e-5)
    assert stats.fvu == pytest.approx(error / ((x - x.mean(0)) ** 2).sum(), rel=1e-5)
    assert stats.l0 == pytest.approx((f > 0).sum() / N)
    assert stats.dead_fraction == 0


@pytest.mark.parametrize(("mse", "kl"), [(1.0, 0.5), (0.0, 2.0), (3.0, 0.0)])
def test_objective_by_hand(mse: float, kl: float) -> None:
    """mse |x - x_hat|^2 + penalty + kl d_model divergence; here that of x_hat is 0.1 sum x_hat."""
    settings = RELU.model_copy(update={"mse": mse, "kl": kl})
    sae, x = random_relu()
    reference, x_ND = copy.deepcopy(sae), torch.from_numpy(x).float()
    rebuilt_ND = reference(x_ND)
    squared = (rebuilt_ND - x_ND).square().sum() / N
    norms_F = reference.W_dec.norm(dim=1)
    penalty = (reference.encode(x_ND) * norms_F).sum() / N
    total = mse * squared + 1.7 * penalty + kl * D * 0.1 * rebuilt_ND.sum()
    total.backward()
    torch.nn.utils.clip_grad_norm_(reference.parameters(), 1.0)

    training = SaeTraining(sae, settings)
    batch = Batch.of(x_ND, divergence=lambda rebuilt_ND: 0.1 * rebuilt_ND.sum())
    taken = training.step(batch, 0)
    assert taken.total.item() == pytest.approx(total.item(), rel=1e-5)
    for (name, one), two in zip(sae.named_parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad, msg=name)
    stats = training.measure(batch, taken)
    assert stats.loss == pytest.approx(total.item(), rel=1e-5)
    divergence = 0.1 * rebuilt_ND.sum().item() if kl else np.nan
    assert stats.kl == pytest.approx(divergence, rel=1e-4, nan_ok=True)


def test_residues_are_counted() -> None:
    training = SaeTraining(random_relu()[0], RELU)
    for n_residues in (N, 2, 5):
        training.step(Batch.of(torch.ones(n_residues, D)), 0)
    assert int(training.n_residues) == N + 2 + 5


def test_idle_features_by_hand() -> None:
    """Feature 1 is never on, feature 0 on the positive batch alone; 2 residues each."""
    settings = TrainSettings(architecture="relu", width=2, auxk=0, dead_after=4, lr=1e-9)
    sae = ReluSae(1, 2)
    with torch.no_grad():
        sae.W_enc.copy_(torch.tensor([[1.0, 0.0]]))
        sae.W_dec.fill_(1)
    training = SaeTraining(sae, settings)
    seen = []
    for value in (1.0, -1.0, -1.0, 1.0):
        training.step(Batch.of(torch.full((2, 1), value)), 0)
        seen.append((training.idle_F.tolist(), training.dead_F.tolist()))
    assert seen == [
        ([0, 2], [False, False]),
        ([2, 4], [False, True]),
        ([4, 6], [True, True]),
        ([0, 8], [False, True]),
    ]


@pytest.mark.parametrize(
    "architecture", [name for name, kind in ARCHITECTURES.items() if issubclass(kind, UnitNormSae)]
)
def test_decoder_rows_have_norm_one_after_every_step(architecture: str) -> None:
    settings = TrainSettings(architecture=architecture, width=F, k=2, lr=0.5, steps=100)
    training = SaeTraining(build_sae(settings, D), settings)
    for step in range(7):
        before = training.sae.W_dec.detach().clone()
        training.step(Batch.of(torch.randn(N, D, generator=torch.manual_seed(step))), 30 + step)
        assert not torch.allclose(training.sae.W_dec, before, atol=1e-2)
        norms = training.sae.W_dec.norm(dim=1)
        torch.testing.assert_close(norms, torch.ones(F), atol=1e-6, rtol=0)


def planted(n_residues: int, rng: np.random.Generator, dictionary: np.ndarray) -> np.ndarray:
    """Sums of two or three random directions with random positive weights, mean square d_model."""
    n_directions, d_model = dictionary.shape
    on = rng.random((n_residues, n_directions)) < 2.5 / n_directions
    x = (on * rng.uniform(0.5, 1.5, on.shape)) @ dictionary
    return np.asarray(x * np.sqrt(d_model / (x**2).sum(1).mean()), dtype=np.float32)


def recovered(sae: Sae, dictionary: np.ndarray) -> float:
    """Mean over planted directions of the largest cosine with a decoder row."""
    rows = sae.W_dec.detach().numpy()
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return float((dictionary @ rows.T).max(1).mean())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_planted_dictionary_is_found(architecture: str, dtype: torch.dtype) -> None:
    rng = np.random.default_rng(11)
    dictionary = rng.normal(size=(23, 17))
    dictionary /= np.linalg.norm(dictionary, axis=1, keepdims=True)
    # A small nested dictionary would press several of so few directions into one feature.
    settings = TrainSettings(
        architecture=architecture,
        width=31,
        k=3,
        penalty=3.0 if architecture == "gated" else 1.0,
        nested=(0.8, 1.0),
        lr=0.01,
        steps=400,
    )
    training = SaeTraining(build_sae(settings, 17), settings)
    untrained = recovered(training.sae, dictionary)
    for step in range(settings.steps):
        batch = Batch.of(torch.from_numpy(planted(211, rng, dictionary)), dtype)
        taken = training.step(batch, step)
    assert untrained < 0.6
    assert recovered(training.sae, dictionary) > 0.9
    assert training.measure(batch, taken).fvu < 0.3


def test_memory_is_that_of_weights_gradients_and_moments() -> None:
    settings = TrainSettings(architecture="topk", width=101, k=3)
    training = SaeTraining(build_sae(settings, 53), settings)
    training.step(Batch.of(torch.randn(N, 53, generator=torch.manual_seed(0))), 0)
    tensors = [*training.sae.parameters(), *(p.grad for p in training.sae.parameters())]
    for state in training.optimiser.state.values():
        tensors += [state["exp_avg"], state["exp_avg_sq"]]
    held = sum(t.numel() * t.element_size() for t in tensors)
    assert weights_bytes(training.sae) == held
    assert step_bytes(101, N, torch.bfloat16) == 9 * N * 101 * 2


class LiveBytes(TorchDispatchMode):
    """Largest sum of the sizes of all tensors that are made while it is on and not freed yet."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.sizes: dict[int, int] = {}

    def __torch_dispatch__(
        self, function: Callable[..., Any], _: object, args: Any = (), kwargs: Any = None
    ) -> Any:
        found = function(*args, **(kwargs or {}))
        for tensor in found if isinstance(found, tuple | list) else [found]:
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                if storage._cdata not in self.sizes:
                    self.sizes[storage._cdata] = storage.nbytes()
                    self.now += storage.nbytes()
                    weakref.finalize(storage, self.free, storage._cdata)
        self.peak = max(self.peak, self.now)
        return found

    def free(self, key: int) -> None:
        self.now -= self.sizes.pop(key)


@pytest.mark.parametrize("dead", [False, True], ids=["alive", "dead"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_step_takes_no_more_memory_than_is_asked_for(
    architecture: str, dtype: torch.dtype, dead: bool
) -> None:
    """Within a tenth, with all features alive or all dead; n_features is far above d_model."""
    n, width = 1009, 499
    settings = TrainSettings(
        architecture=architecture, width=width, k=3, steps=9, dead_after=1 if dead else 10**9
    )
    training = SaeTraining(build_sae(settings, D), settings)
    batch = Batch.of(torch.randn(n, D, generator=torch.manual_seed(0)), dtype)
    training.step(batch, 0)
    training.idle_F += 1
    with LiveBytes() as live:
        training.step(batch, 1)
    assert live.peak > 0
    assert live.peak < 1.1 * step_bytes(width, n, dtype)


def test_a_batch_that_does_not_vary_is_measured() -> None:
    """There is no spread to explain: of one residue, of constant activations."""
    settings = TrainSettings(architecture="topk", width=F, k=2)
    training = SaeTraining(build_sae(settings, D), settings)
    for x_ND in (torch.ones(1, D), torch.zeros(N, D)):
        batch = Batch.of(x_ND)
        stats = training.measure(batch, training.step(batch, 0))
        assert stats.mse == pytest.approx(float(x_ND.square().sum(1).mean()), abs=D)
