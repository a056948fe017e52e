"""Training one SAE: what its architecture minimises, plus AuxK for dead features, by Adam."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from protsae.config.sae_settings import TrainSettings
from protsae.sae.autoencoder import Batch, Losses, Sae
from protsae.sae.training.adam import Adam
from protsae.sae.training.auxk import auxk_loss, push_loss
from protsae.sae.training.freezing import freeze_, keep_near_

MAX_GRADIENT_NORM = 1.0
IDLE_SHARE = 0.05
"""Share of ``dead_after`` after which a feature is pushed over its edge."""


@dataclass(frozen=True)
class StepStats:
    """What one step measured, on its own batch, before the weights changed.

    Attributes
    ----------
    loss, mse, penalty : float
        Total; |x - x_hat|^2; penalty before its weight. All per residue, in normalised units.
    kl : float
        KL of the model's predictions, nats per residue; NaN unless trained end to end.
    fvu : float
        sum |x - x_hat|^2 / sum |x - mean|^2.
    l0 : float
        Mean number of active features.
    dead_fraction : float
        Share of features not active on any of the last ``dead_after`` residues.
    """

    loss: float
    mse: float
    penalty: float
    kl: float
    fvu: float
    l0: float
    dead_fraction: float


@dataclass(frozen=True)
class Step:
    """What a step minimised, but for AuxK.

    Attributes
    ----------
    losses : Losses
    kl : Tensor or None
        Divergence of the model's predictions, nats per residue; None unless trained end to end.
    total : Tensor
        mse x reconstruction + sparsity + kl x d_model x divergence, detached.
    """

    losses: Losses
    kl: Tensor | None
    total: Tensor


class SaeTraining(nn.Module):
    """An SAE in training: all that a step reads and changes.

    ``state_dict`` and ``optimiser`` are what a checkpoint has to keep.

    Attributes
    ----------
    sae : Sae
    idle_F : Tensor
        int64, shape (n_features,): residues since each feature was last active.
    n_residues : Tensor
        int64, scalar: residues trained on, each as often as it came.
    """

    idle_F: Tensor
    n_residues: Tensor

    def __init__(self, sae: Sae, settings: TrainSettings):
        super().__init__()
        self.sae = sae
        self.settings = settings
        freeze_(sae, settings.freeze)
        # Of the SAE as it was drawn: a resumed training draws the same.
        self._first_FD = F.normalize(sae.W_dec.detach(), dim=1)
        idle_F = torch.zeros(sae.n_features, dtype=torch.int64, device=sae.W_dec.device)
        self.register_buffer("idle_F", idle_F)
        self.register_buffer("n_residues", torch.zeros((), dtype=torch.int64))
        self.optimiser = Adam(weight for weight in sae.parameters() if weight.requires_grad)

    @property
    def dead_F(self) -> Tensor:
        """bool, shape (n_features,): not active for ``dead_after`` residues."""
        return self.idle_F >= self.settings.dead_after

    def step(self, batch: Batch, step: int) -> Step:
        """Take step number ``step`` (0 is the first) on a batch."""
        rate, penalty_weight = schedule(step, self.settings)
        losses = self.sae.losses(batch, penalty_weight)
        total, kl = self._objective(batch, losses)
        taken = Step(losses, kl, total.detach())
        if self.settings.auxk > 0:
            total = total + self.settings.auxk * self._help(batch, losses)
        self.optimiser.zero_grad()
        total.backward()
        self.sae.constrain_gradient_()
        self.optimiser.clip_gradient_(MAX_GRADIENT_NORM)
        self.optimiser.step(rate)
        self.sae.constrain_()
        if self.settings.freeze == "soft":
            keep_near_(self.sae.W_dec, self._first_FD)
        self.idle_F += len(batch.x_ND)
        self.idle_F[losses.fired_F] = 0
        self.n_residues += len(batch.x_ND)
        return taken

    def _objective(self, batch: Batch, losses: Losses) -> tuple[Tensor, Tensor | None]:
        total = losses.sparsity
        if self.settings.mse > 0:
            total = total + self.settings.mse * losses.reconstruction
        if self.settings.kl == 0:
            return total, None
        assert batch.divergence is not None, "end to end: batches come with their divergence"
        kl = batch.divergence(batch.x_ND + losses.error_ND)
        return total + self.settings.kl * self.sae.d_model * kl, kl.detach()

    def _help(self, batch: Batch, losses: Losses) -> Tensor:
        """What dead and idle features learn from."""
        total, dead_F, edge_F = losses.error_ND.new_zeros(()), self.dead_F, self.sae.edges()
        if bool(dead_F.any()):
            total = total + auxk_loss(self.sae, batch, -losses.error_ND.detach(), dead_F)
        idle_F = self.idle_F >= IDLE_SHARE * self.settings.dead_after
        if edge_F is not None and bool(idle_F.any()):
            total = total + push_loss(self.sae, batch, edge_F, idle_F)
        return total

    def measure(self, batch: Batch, taken: Step) -> StepStats:
        """Figures of a step; apart from it, since counting takes longer than some of its parts."""
        losses = taken.losses
        mse = float(losses.mse)
        spread = float((batch.x_ND - batch.x_ND.mean(0)).square().sum()) / len(batch.x_ND)
        return StepStats(
            loss=float(taken.total),
            mse=mse,
            penalty=float(losses.penalty),
            kl=float("nan") if taken.kl is None else float(taken.kl),
            fvu=mse / spread if spread else float("nan"),
            l0=float(losses.l0),
            dead_fraction=float(self.dead_F.float().mean()),
        )


def schedule(step: int, settings: TrainSettings) -> tuple[float, float]:
    """Learning rate and weight of the penalty at a step (0 is the first).

    The rate rises linearly over the ``warmup`` share of steps and falls linearly to 0 over the
    ``decay`` share at the end; the weight rises over the ``penalty_warmup`` share.

    Examples
    --------
    >>> settings = TrainSettings(architecture="relu", steps=100, lr=1.0, penalty=4.0)
    >>> schedule(1, settings), schedule(50, settings), schedule(90, settings)
    ((0.4, 1.6), (1.0, 4.0), (0.5, 4.0))
    """

    def rise(share: float) -> float:
        return min(1.0, (step + 1) / max(1, round(share * settings.steps)))

    decay = max(1, round(settings.decay * settings.steps))
    fall = min(1.0, (settings.steps - step) / decay)
    return (
        settings.lr * rise(settings.warmup) * fall,
        settings.penalty * rise(settings.penalty_warmup),
    )


def weights_bytes(sae: Sae) -> int:
    """Memory that an SAE takes all the time: weights, gradients and two moments, in float32."""
    return 4 * sum(p.numel() * p.element_size() for p in sae.parameters())


def step_bytes(n_features: int, batch: int, dtype: torch.dtype) -> int:
    """Memory that a step takes beside it, at most: nine arrays of (batch, n_features).

    As many as a gated SAE holds at once, with AuxK on when all its features are dead; a ReLU or
    TopK SAE whose features are alive holds two or three.
    """
    return 9 * batch * n_features * dtype.itemsize
