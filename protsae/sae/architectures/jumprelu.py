"""Features above a learned threshold of their own, with a penalty on their number."""

from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from protsae.config.sae_settings import TrainSettings
from protsae.sae.architectures.relu import dense_losses
from protsae.sae.autoencoder import Batch, Losses, UnitNormSae


class JumpReluSae(UnitNormSae):
    """f = pre where pre > threshold, else 0; minimises |x - x_hat|^2 + lambda L0.

    Thresholds get pseudo-gradients from the features within ``bandwidth`` / 2 of them.

    References
    ----------
    Rajamanoharan et al. 2024, arXiv:2407.14435.
    """

    architecture: ClassVar[str] = "jumprelu"

    def __init__(self, d_model: int, n_features: int, bandwidth: float = 1.0):
        super().__init__(d_model, n_features)
        self.bandwidth = bandwidth
        self.threshold = nn.Parameter(torch.full((n_features,), bandwidth))

    @classmethod
    def build(cls, d_model: int, n_features: int, settings: TrainSettings) -> Self:
        """With ``settings.bandwidth``, where thresholds also begin."""
        return cls(d_model, n_features, settings.bandwidth)

    def activate(self, pre_NF: Tensor) -> Tensor:
        """Pre-activations above the threshold, and 0."""
        return torch.where(pre_NF > self.threshold, pre_NF, 0)

    def losses(self, batch: Batch, penalty_weight: float) -> Losses:
        """Both terms reach the thresholds through ``_Jump``."""
        dtype = batch.x1_NE.dtype
        pre_NF = batch.x1_NE @ self.encoder(dtype)
        f_NF, l0_N = _Jump.apply(pre_NF, self.threshold, self.bandwidth)
        rebuilt_ND = (f_NF @ self.W_dec.to(dtype)).float()
        error_ND = rebuilt_ND + (self.b_dec - batch.x_ND)
        penalty = l0_N.mean()
        return dense_losses(error_ND, penalty, penalty_weight * penalty, f_NF)

    @torch.no_grad()
    def constrain_(self) -> None:
        """Decoder rows of norm 1, thresholds not negative."""
        super().constrain_()
        self.threshold.clamp_min_(0)


class _Jump(torch.autograd.Function):
    """f = pre H(pre - theta) and L0 = sum H(pre - theta), with straight-through gradients.

    With K = 1 within half a bandwidth e of theta, else 0: df/dpre = H, df/dtheta = -theta K / e,
    dH/dtheta = -K / e (eqs. 11 and 12 of the paper).
    """

    @staticmethod
    def forward(
        ctx: Any, pre_NF: Tensor, threshold_F: Tensor, bandwidth: float
    ) -> tuple[Tensor, Tensor]:
        active_NF = pre_NF > threshold_F.to(pre_NF.dtype)
        near_NF = (pre_NF - threshold_F.to(pre_NF.dtype)).abs_() < bandwidth / 2
        ctx.save_for_backward(active_NF, near_NF, threshold_F)
        ctx.bandwidth = bandwidth
        return pre_NF * active_NF, active_NF.sum(1, dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        active_NF, near_NF, threshold_F = ctx.saved_tensors
        by_feature_NF, by_l0_N = gradients
        near_NF = near_NF.to(by_feature_NF.dtype)
        at_threshold_F = (by_feature_NF * near_NF).sum(0, dtype=torch.float32)
        counted_F = (by_l0_N.to(near_NF.dtype) @ near_NF).float()
        by_threshold_F = -(threshold_F * at_threshold_F + counted_F) / ctx.bandwidth
        return by_feature_NF * active_NF, by_threshold_F, None
