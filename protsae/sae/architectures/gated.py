"""One path decides which features are active, another how strongly."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from protsae.sae.architectures.relu import dense_losses
from protsae.sae.autoencoder import Batch, Losses, UnitNormSae


class GatedSae(UnitNormSae):
    """f = [gate > 0] max(magnitude, 0), where with p = (x - b_dec) W_enc

    gate = p + b_enc, magnitude = exp(r_mag) p + b_mag. Minimises |x - x_hat|^2 + lambda sum_i
    max(gate_i, 0) + |x - max(gate, 0) W_dec - b_dec|^2, the last with decoder weights held fixed:
    so the penalty shrinks only the gate, not the magnitudes.

    References
    ----------
    Rajamanoharan et al. 2024, arXiv:2404.16014.
    """

    architecture: ClassVar[str] = "gated"

    def __init__(self, d_model: int, n_features: int):
        super().__init__(d_model, n_features)
        self.r_mag = nn.Parameter(torch.zeros(n_features))
        self.b_mag = nn.Parameter(torch.zeros(n_features))

    def activate(self, pre_NF: Tensor) -> Tensor:
        """[pre > 0] max(exp(r_mag) (pre - b_enc) + b_mag, 0); ``pre`` is the gate."""
        scale_F = self.r_mag.exp()
        shift_F = self.b_mag - self.b_enc * scale_F
        magnitude_NF = pre_NF * scale_F.to(pre_NF.dtype) + shift_F.to(pre_NF.dtype)
        return magnitude_NF.relu() * (pre_NF > 0)

    def losses(self, batch: Batch, penalty_weight: float) -> Losses:
        """The three terms."""
        dtype = batch.x1_NE.dtype
        gate_NF = batch.x1_NE @ self.encoder(dtype)
        f_NF, open_NF = self.activate(gate_NF), gate_NF.relu()
        offset_ND = self.b_dec - batch.x_ND
        error_ND = (f_NF @ self.W_dec.to(dtype)).float() + offset_ND
        by_gate_ND = (open_NF @ self.W_dec.detach().to(dtype)).float()
        gate_error = (by_gate_ND + offset_ND.detach()).square().sum()
        penalty = open_NF.sum(1, dtype=torch.float32).mean()
        sparsity = penalty_weight * penalty + gate_error / len(error_ND)
        return dense_losses(error_ND, penalty, sparsity, f_NF)
