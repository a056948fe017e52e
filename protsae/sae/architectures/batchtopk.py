"""The n k largest pre-activations of a batch of n residues: k per residue on average."""

from typing import ClassVar, Self

import torch
from torch import Tensor

from protsae.config.sae_settings import TrainSettings
from protsae.sae.architectures.topk import validate_k
from protsae.sae.autoencoder import Batch, Losses, UnitNormSae
from protsae.sae.sparse.largest import largest_of_all
from protsae.sae.sparse.support import Support, decode_selected, encode_selected

THRESHOLD_RATE = 0.01
"""Share of each batch in the running mean of the smallest active feature."""


class BatchTopkSae(UnitNormSae):
    """In training f keeps the n k largest of max(pre, 0) of the batch; minimises |x - x_hat|^2.

    Encoding does not depend on the batch: f = pre where pre > threshold, else 0, with the running
    mean over training batches of the smallest feature kept.

    References
    ----------
    Bussmann et al. 2024, arXiv:2412.06410.
    """

    architecture: ClassVar[str] = "batchtopk"
    threshold: Tensor

    def __init__(self, d_model: int, n_features: int, k: int = 1):
        super().__init__(d_model, n_features)
        validate_k(k, n_features)
        self.k = k
        self.register_buffer("threshold", torch.zeros(n_features))

    @classmethod
    def build(cls, d_model: int, n_features: int, settings: TrainSettings) -> Self:
        """With ``settings.k``."""
        return cls(d_model, n_features, settings.k)

    def activate(self, pre_NF: Tensor) -> Tensor:
        """Pre-activations above the threshold, and 0."""
        return torch.where(pre_NF > self.threshold, pre_NF, 0)

    def losses(self, batch: Batch, penalty_weight: float) -> Losses:
        """Sparsity is set by k: there is no penalty."""
        support, values = self._encode(batch)
        rebuilt_ND = decode_selected(support, values, self.W_dec)
        return Losses.of(rebuilt_ND + (self.b_dec - batch.x_ND), values, support.fired_F)

    def _encode(self, batch: Batch) -> tuple[Support, Tensor]:
        support, values = encode_selected(batch, self.encoder(torch.float32), self._select)
        if len(values):
            self._follow(values.detach().min())
        return support, values

    def _select(self, pre_NF: Tensor) -> Support:
        # All but a few lie far below the running threshold, and need not be ranked.
        return largest_of_all(pre_NF, len(pre_NF) * self.k, hint=0.5 * float(self.threshold[0]))

    @torch.no_grad()
    def _follow(self, smallest: Tensor) -> None:
        rate = THRESHOLD_RATE if self.threshold[0] > 0 else 1.0
        self.threshold.lerp_(smallest.expand_as(self.threshold), rate)
