"""Features above a learned threshold of their own, with a penalty on their number."""

from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from protsae.config.sae_settings import TrainSettings
from protsae.sae.autoencoder import Batch, Losses, UnitNormSae
from protsae.sae.sparse.few import above, where_few
from protsae.sae.sparse.largest import fired
from protsae.sae.sparse.support import decode_selected, spread, values_at


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

    def edges(self) -> Tensor:
        """The thresholds."""
        return self.threshold

    def activate(self, pre_NF: Tensor) -> Tensor:
        """Pre-activations above the threshold, and 0."""
        return torch.where(pre_NF > self.threshold, pre_NF, 0)

    def losses(self, batch: Batch, penalty_weight: float) -> Losses:
        """Both terms reach the thresholds through ``_Jump``.

        By sums over the features that are active or near their threshold where those are few, else
        by products.
        """
        encoder_EF = self.encoder(torch.float32)
        pre_NF = batch.x1_NE @ encoder_EF.to(batch.x1_NE.dtype)
        nearest_F = (self.threshold.detach() - self.bandwidth / 2).to(pre_NF.dtype)
        support = where_few(above(pre_NF, nearest_F), pre_NF.dtype)
        if support is None:
            f, on = _Jump.apply(pre_NF, self.threshold, self.bandwidth)
            rebuilt_ND = (f @ self.W_dec.to(f.dtype)).float()
            fired_F = fired(f)
        else:
            values = values_at(support, pre_NF, encoder_EF, batch)
            f, on = _Jump.apply(values, spread(self.threshold, support), self.bandwidth)
            rebuilt_ND = decode_selected(support, f, self.W_dec)
            fired_F = support.fired_with(f)
        error_ND = rebuilt_ND + (self.b_dec - batch.x_ND)
        penalty = on / len(error_ND)
        return Losses.of(error_ND, f, fired_F, penalty, penalty_weight * penalty)

    @torch.no_grad()
    def constrain_(self) -> None:
        """Decoder rows of norm 1, thresholds not negative."""
        super().constrain_()
        self.threshold.clamp_min_(0)


class _Jump(torch.autograd.Function):
    """f = pre H(pre - theta) and L0 = sum H(pre - theta), with straight-through gradients.

    With K = 1 within half a bandwidth e of theta, else 0: df/dpre = H, df/dtheta = -theta K / e,
    dH/dtheta = -K / e (eqs. 11 and 12 of the paper). ``pre`` is of all features, shape (n_residues,
    n_features), or of some, each with its theta.
    """

    @staticmethod
    def forward(
        ctx: Any, pre: Tensor, threshold: Tensor, bandwidth: float
    ) -> tuple[Tensor, Tensor]:
        active = pre > threshold.to(pre.dtype)
        near = (pre - threshold.to(pre.dtype)).abs_() < bandwidth / 2
        ctx.save_for_backward(active, near, threshold)
        ctx.bandwidth = bandwidth
        return pre * active, active.count_nonzero().float()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        active, near, threshold = ctx.saved_tensors
        by_feature, by_l0 = gradients
        near = near.to(by_feature.dtype)
        at_threshold, counted = by_feature * near, near
        if near.ndim > threshold.ndim:
            at_threshold = at_threshold.sum(0, dtype=torch.float32)
            counted = (counted.new_ones(len(counted)) @ counted).float()
        by_threshold = -(threshold * at_threshold + by_l0 * counted) / ctx.bandwidth
        return by_feature * active, by_threshold, None
