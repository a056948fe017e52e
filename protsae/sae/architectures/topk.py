"""The k largest pre-activations of each residue."""

from typing import ClassVar, Self

import torch
from torch import Tensor

from protsae.config.sae_settings import TrainSettings
from protsae.sae.autoencoder import Batch, Losses, UnitNormSae
from protsae.sae.sparse.largest import largest_in_rows
from protsae.sae.sparse.support import decode_selected, encode_selected


class TopkSae(UnitNormSae):
    """f keeps the k largest of max(pre, 0) in each row; minimises |x - x_hat|^2.

    References
    ----------
    Gao et al. 2024, arXiv:2406.04093.
    """

    architecture: ClassVar[str] = "topk"

    def __init__(self, d_model: int, n_features: int, k: int):
        super().__init__(d_model, n_features)
        validate_k(k, n_features)
        self.k = k

    @classmethod
    def build(cls, d_model: int, n_features: int, settings: TrainSettings) -> Self:
        """With ``settings.k``."""
        return cls(d_model, n_features, settings.k)

    def activate(self, pre_NF: Tensor) -> Tensor:
        """Keep the k largest of max(pre, 0) in each row."""
        kept_NF = torch.zeros_like(pre_NF)
        kept_NF[self.selected(pre_NF)] = 1
        return pre_NF * kept_NF

    def selected(self, pre_NF: Tensor) -> tuple[Tensor, Tensor]:
        """The k largest of each row, if positive."""
        support = largest_in_rows(pre_NF.detach(), self.k)
        return support.rows, support.features

    def losses(self, batch: Batch, penalty_weight: float) -> Losses:
        """Sparsity is set by k: there is no penalty."""
        support, values = encode_selected(
            batch, self.encoder(torch.float32), lambda pre_NF: largest_in_rows(pre_NF, self.k)
        )
        rebuilt_ND = decode_selected(support, values, self.W_dec)
        return Losses.of(rebuilt_ND + (self.b_dec - batch.x_ND), values, support.fired_F)


def validate_k(k: int, n_features: int) -> None:
    """Raise ValueError if k features cannot be active."""
    if k > n_features:
        raise ValueError(f"k = {k} exceeds the {n_features} features; lower k or raise width")
