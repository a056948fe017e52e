"""One path decides which features are active, another how strongly."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from protsae.sae.autoencoder import Batch, Losses, UnitNormSae
from protsae.sae.sparse.few import positive, where_few
from protsae.sae.sparse.largest import fired
from protsae.sae.sparse.support import decode_selected, gather_sum, spread, values_at


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
    pushed_by_nearest: ClassVar[bool] = True

    def __init__(self, d_model: int, n_features: int):
        super().__init__(d_model, n_features)
        self.r_mag = nn.Parameter(torch.zeros(n_features))
        self.b_mag = nn.Parameter(torch.zeros(n_features))

    def edges(self) -> Tensor:
        """0 for the gate, and what brings the magnitude to 0, whichever is larger."""
        scale_F, shift_F = self._magnitude()
        return (-shift_F / scale_F).relu()

    def activate(self, pre_NF: Tensor) -> Tensor:
        """[pre > 0] max(exp(r_mag) (pre - b_enc) + b_mag, 0); ``pre`` is the gate."""
        scale_F, shift_F = self._magnitude()
        magnitude_NF = pre_NF * scale_F.to(pre_NF.dtype) + shift_F.to(pre_NF.dtype)
        return magnitude_NF.relu() * (pre_NF > 0)

    def losses(self, batch: Batch, penalty_weight: float) -> Losses:
        """The three terms, by sums over open gates where those are few, else by products."""
        encoder_EF = self.encoder(torch.float32)
        gate_NF = batch.x1_NE @ encoder_EF.to(batch.x1_NE.dtype)
        offset_ND = self.b_dec - batch.x_ND
        support = where_few(positive(gate_NF), gate_NF.dtype)
        if support is None:
            f, open_ = self.activate(gate_NF), gate_NF.relu()
            decoder_FD = self.W_dec.to(gate_NF.dtype)
            rebuilt_ND = (f @ decoder_FD).float()
            by_gate_ND = (open_ @ decoder_FD.detach()).float()
            fired_F = fired(f)
        else:
            open_ = values_at(support, gate_NF, encoder_EF, batch)
            scale_F, shift_F = self._magnitude()
            f = (open_ * spread(scale_F, support) + spread(shift_F, support)).relu()
            rebuilt_ND = decode_selected(support, f, self.W_dec)
            by_gate_ND = gather_sum(support, open_, self.W_dec.detach())
            fired_F = support.fired_with(f)
        gate_error = (by_gate_ND + offset_ND.detach()).square().sum()
        penalty = open_.sum(dtype=torch.float32) / len(offset_ND)
        sparsity = penalty_weight * penalty + gate_error / len(offset_ND)
        return Losses.of(rebuilt_ND + offset_ND, f, fired_F, penalty, sparsity)

    def _magnitude(self) -> tuple[Tensor, Tensor]:
        """What magnitudes are of gates: times the first, plus the second."""
        scale_F = self.r_mag.exp()
        return scale_F, self.b_mag - self.b_enc * scale_F
