"""Training: |x - x_hat|^2 + lambda penalty(f), averaged over residues, by Adam."""

from dataclasses import dataclass

import torch
from torch import Tensor

from protsae.config import TrainSettings
from protsae.sae.models import Sae


@dataclass(frozen=True)
class StepStats:
    """What one step measured, on its own batch, before the weights changed.

    Attributes
    ----------
    loss, mse, l1 : float
        Total; |x - x_hat|^2; penalty before lambda. All per residue, in normalised units.
    fvu : float
        sum |x - x_hat|^2 / sum |x - mean|^2.
    l0 : float
        Mean number of active features.
    fired : bool tensor, shape (n_features,)
        Features active on at least one residue.
    """

    loss: float
    mse: float
    l1: float
    fvu: float
    l0: float
    fired: Tensor


def schedule(step: int, settings: TrainSettings) -> tuple[float, float]:
    """Learning rate and lambda at a step (0 is the first).

    Both rise linearly over the ``warmup`` share of steps; the rate falls linearly to 0 over the
    ``decay`` share at the end.

    Examples
    --------
    >>> settings = TrainSettings(architecture="relu", steps=100, lr=1.0, l1=4.0)
    >>> schedule(1, settings), schedule(50, settings), schedule(90, settings)
    ((0.4, 1.6), (1.0, 4.0), (0.5, 4.0))
    """
    warmup = max(1, round(settings.warmup * settings.steps))
    decay = max(1, round(settings.decay * settings.steps))
    rise = min(1.0, (step + 1) / warmup)
    fall = min(1.0, (settings.steps - step) / decay)
    return settings.lr * rise * fall, settings.l1 * rise


def build_optimiser(sae: Sae, settings: TrainSettings) -> torch.optim.Adam:
    """Adam over all weights, fused: one pass over the arrays."""
    return torch.optim.Adam(sae.parameters(), lr=settings.lr, betas=(0.9, 0.999), fused=True)


def train_step(
    sae: Sae, optimiser: torch.optim.Optimizer, x_ND: Tensor, step: int, settings: TrainSettings
) -> StepStats:
    """One step on normalised activations, float32, shape (n_residues, d_model)."""
    rate, l1_weight = schedule(step, settings)
    for group in optimiser.param_groups:
        group["lr"] = rate
    f_NF = sae.encode(x_ND)
    error_N = (x_ND - sae.decode(f_NF)).square().sum(1)
    penalty_N = sae.penalty(f_NF)
    loss = (error_N + l1_weight * penalty_N).mean()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(sae.parameters(), 1.0)
    optimiser.step()
    sae.constrain_()
    with torch.no_grad():
        active_NF = f_NF > 0
        return StepStats(
            loss=float(loss),
            mse=float(error_N.mean()),
            l1=float(penalty_N.mean()),
            fvu=float(error_N.sum() / (x_ND - x_ND.mean(0)).square().sum()),
            l0=float(active_NF.sum() / len(x_ND)),
            fired=active_NF.any(0),
        )
