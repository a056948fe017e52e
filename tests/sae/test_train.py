import numpy as np
import pytest
import torch

from protsae.config import TrainSettings
from protsae.sae.models import ReluSae, Sae, TopkSae, build_sae
from protsae.sae.train import build_optimiser, schedule, train_step

N, D, F = 13, 5, 7


@pytest.mark.parametrize(
    ("step", "rate", "l1"),
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
def test_schedule(step: int, rate: float, l1: float) -> None:
    settings = TrainSettings(architecture="relu", steps=100, lr=1.0, l1=4.0, warmup=0.1, decay=0.2)
    assert schedule(step, settings) == pytest.approx((rate, l1))


def test_schedule_without_warmup_and_decay() -> None:
    settings = TrainSettings(architecture="relu", steps=7, lr=0.5, l1=4.0, warmup=0, decay=0)
    assert [schedule(step, settings) for step in range(7)] == [(0.5, 4.0)] * 7


def random_relu() -> tuple[ReluSae, np.ndarray]:
    rng = np.random.default_rng(5)
    sae = ReluSae(D, F)
    with torch.no_grad():
        for parameter in sae.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(size=parameter.shape)))
    return sae, rng.normal(size=(N, D))


def numpy_gradients(sae: ReluSae, x: np.ndarray, l1: float) -> tuple[float, dict[str, np.ndarray]]:
    """Loss and its gradients, derived by hand, in float64."""
    w = {name: value.detach().numpy().astype(np.float64) for name, value in sae.named_parameters()}
    pre = (x - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
    f = np.maximum(pre, 0)
    residual = f @ w["W_dec"] + w["b_dec"] - x
    norms = np.linalg.norm(w["W_dec"], axis=1)
    loss = ((residual**2).sum(1) + l1 * f @ norms).mean()
    d_pre = (2 * residual @ w["W_dec"].T + l1 * norms) * (pre > 0) / len(x)
    d_norm = l1 * f.mean(0)
    return loss, {
        "W_enc": (x - w["b_dec"]).T @ d_pre,
        "b_enc": d_pre.sum(0),
        "W_dec": 2 * f.T @ residual / len(x) + (d_norm / norms)[:, None] * w["W_dec"],
        "b_dec": 2 * residual.sum(0) / len(x) - d_pre.sum(0) @ w["W_enc"].T,
    }


def test_first_relu_step_by_hand() -> None:
    sae, x = random_relu()
    # No warmup and steps enough: the full rate and lambda hold from the first step.
    settings = TrainSettings(architecture="relu", width=F, lr=0.01, l1=1.7, steps=10, warmup=0)
    before = {name: value.detach().numpy().copy() for name, value in sae.named_parameters()}
    loss, gradients = numpy_gradients(sae, x, l1=1.7)
    total = np.sqrt(sum((g**2).sum() for g in gradients.values()))
    assert total > 1  # so that clipping to norm 1 is part of what is tested

    stats = train_step(
        sae, build_optimiser(sae, settings), torch.from_numpy(x).float(), 0, settings
    )
    assert stats.loss == pytest.approx(loss, rel=1e-5)
    for name, value in sae.named_parameters():
        # Adam's first step: m = (1 - b1) g and v = (1 - b2) g^2, corrected to g and g^2.
        gradient = gradients[name] / total
        expected = before[name] - 0.01 * gradient / (np.abs(gradient) + 1e-8)
        np.testing.assert_allclose(value.detach().numpy(), expected, atol=1e-5)


def test_stats_are_of_the_batch_before_the_step() -> None:
    sae, x = random_relu()
    settings = TrainSettings(architecture="relu", width=F, l1=2.0, steps=10, warmup=0)
    w = {name: value.detach().numpy().copy() for name, value in sae.named_parameters()}
    f = np.maximum((x - w["b_dec"]) @ w["W_enc"] + w["b_enc"], 0)
    error = ((x - f @ w["W_dec"] - w["b_dec"]) ** 2).sum()
    stats = train_step(
        sae, build_optimiser(sae, settings), torch.from_numpy(x).float(), 0, settings
    )
    assert stats.mse == pytest.approx(error / N, rel=1e-5)
    assert stats.l1 == pytest.approx((f @ np.linalg.norm(w["W_dec"], axis=1)).mean(), rel=1e-5)
    assert stats.loss == pytest.approx(stats.mse + 2.0 * stats.l1, rel=1e-5)
    assert stats.fvu == pytest.approx(error / ((x - x.mean(0)) ** 2).sum(), rel=1e-5)
    assert stats.l0 == pytest.approx((f > 0).sum() / N)
    assert stats.fired.tolist() == (f > 0).any(0).tolist()


def test_topk_rows_have_norm_one_after_a_step() -> None:
    settings = TrainSettings(architecture="topk", width=F, k=2, lr=0.5)
    sae = build_sae(settings, D)
    x_ND = torch.randn(N, D, generator=torch.manual_seed(0))
    before = sae.W_dec.detach().clone()
    train_step(sae, build_optimiser(sae, settings), x_ND, 50, settings)
    assert not torch.allclose(sae.W_dec, before, atol=1e-2)
    torch.testing.assert_close(sae.W_dec.norm(dim=1), torch.ones(F), atol=1e-6, rtol=0)


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


@pytest.mark.parametrize(
    "settings",
    [
        TrainSettings(architecture="relu", width=31, l1=1.0, lr=0.01, steps=400),
        TrainSettings(architecture="topk", width=31, k=3, lr=0.01, steps=400),
    ],
    ids=lambda settings: settings.architecture,
)
def test_a_planted_dictionary_is_found(settings: TrainSettings) -> None:
    rng = np.random.default_rng(11)
    dictionary = rng.normal(size=(23, 17))
    dictionary /= np.linalg.norm(dictionary, axis=1, keepdims=True)
    sae = build_sae(settings, 17)
    untrained = recovered(sae, dictionary)
    optimiser = build_optimiser(sae, settings)
    for step in range(settings.steps):
        x_ND = torch.from_numpy(planted(211, rng, dictionary))
        stats = train_step(sae, optimiser, x_ND, step, settings)
    assert untrained < 0.6
    assert recovered(sae, dictionary) > 0.9
    assert stats.fvu < 0.25
    assert isinstance(sae, TopkSae) == (settings.architecture == "topk")
