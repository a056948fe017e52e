"""ReLU features with an L1 penalty that counts how far each feature moves x_hat."""

from typing import ClassVar

import torch
from torch import Tensor

from protsae.sae.sae import Batch, Losses, Sae


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
        """The penalty is one more column of the decoder: no pass over features of its own."""
        f_NF = (batch.x1_NE @ self.encoder(batch.x1_NE.dtype)).relu_()
        decoder_FE = torch.cat([self.W_dec, self.W_dec.norm(dim=1, keepdim=True)], 1)
        rebuilt_NE = (f_NF @ decoder_FE.to(f_NF.dtype)).float()
        residual_ND = batch.x_ND - self.b_dec - rebuilt_NE[:, :-1]
        penalty = rebuilt_NE[:, -1].mean()
        error = residual_ND.square().sum() / len(residual_ND)
        features = f_NF.detach()
        return Losses(
            total=error + penalty_weight * penalty,
            residual_ND=residual_ND.detach(),
            penalty=penalty.detach(),
            codes=features,
            fired_F=features.amax(0) > 0,
        )

    def constrain_gradient_(self) -> None:
        """Weights are free."""

    def constrain_(self) -> None:
        """Weights are free."""
