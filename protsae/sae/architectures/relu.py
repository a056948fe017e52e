"""ReLU features with an L1 penalty that counts how far each feature moves x_hat."""

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from protsae.sae.autoencoder import Batch, Losses, Sae, columns_beside
from protsae.sae.sparse.few import positive, where_few
from protsae.sae.sparse.largest import fired
from protsae.sae.sparse.support import decode_selected, spread, values_at


class ReluSae(Sae):
    """f = max(pre, 0); minimises |x - x_hat|^2 + lambda sum_i f_i |W_dec,i|.

    Weights are free: scaling a decoder row up and its feature down changes nothing.

    References
    ----------
    Conerly et al. 2024, "Update on how we train SAEs", Transformer Circuits, April 2024.
    """

    architecture: ClassVar[str] = "relu"
    initial_decoder_norm: ClassVar[float] = 0.1

    def activate(self, pre_NF: Tensor) -> Tensor:
        """max(pre, 0)."""
        return pre_NF.relu()

    def losses(self, batch: Batch, penalty_weight: float) -> Losses:
        """By sums over the active features where those are few, else by products."""
        encoder_EF = self.encoder(torch.float32)
        pre_NF = batch.x1_NE @ encoder_EF.to(batch.x1_NE.dtype)
        support = where_few(positive(pre_NF), pre_NF.dtype)
        if support is None:
            return self._dense_losses(batch, pre_NF, penalty_weight)
        values = values_at(support, pre_NF, encoder_EF, batch)
        error_ND = decode_selected(support, values, self.W_dec) + (self.b_dec - batch.x_ND)
        norms = spread(self.W_dec.norm(dim=1), support)
        penalty = (values * norms).sum() / len(error_ND)
        return Losses.of(error_ND, values, support.fired_F, penalty, penalty_weight * penalty)

    def _dense_losses(self, batch: Batch, pre_NF: Tensor, penalty_weight: float) -> Losses:
        """The penalty is one more column of the decoder: no pass over features of its own."""
        f_NF = _ReluInPlace.apply(pre_NF)
        zeros = columns_beside(self.d_model) - 1
        norms_FE = F.pad(self.W_dec.norm(dim=1, keepdim=True), (0, zeros))
        decoder_FE = torch.cat([self.W_dec, norms_FE], 1)
        rebuilt_NE = (f_NF @ decoder_FE.to(f_NF.dtype)).float()
        rebuilt_ND, penalty_N1, _ = rebuilt_NE.split([self.d_model, 1, zeros], 1)
        error_ND = rebuilt_ND + (self.b_dec - batch.x_ND)
        penalty = penalty_N1.mean()
        return Losses.of(error_ND, f_NF, fired(f_NF), penalty, penalty_weight * penalty)

    def constrain_gradient_(self) -> None:
        """Weights are free."""

    def constrain_(self) -> None:
        """Weights are free."""


class _ReluInPlace(torch.autograd.Function):
    """max(pre, 0), whose backward pass overwrites the gradient that it is given, too.

    That gradient is the fresh result of a matrix product that nobody else holds; a third array of
    (n_residues, n_features) would cost more in page faults than the arithmetic does.
    """

    @staticmethod
    def forward(ctx: Any, pre_NF: Tensor) -> Tensor:
        f_NF = pre_NF.relu_()
        ctx.mark_dirty(pre_NF)
        ctx.save_for_backward(f_NF)
        return f_NF

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (f_NF,) = ctx.saved_tensors
        gradient_NF = gradients[0]
        return torch.ops.aten.threshold_backward.grad_input(
            gradient_NF, f_NF, 0, grad_input=gradient_NF
        )
