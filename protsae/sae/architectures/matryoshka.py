"""BatchTopK whose first features rebuild activations on their own, and then with the next ones."""

from dataclasses import replace
from typing import ClassVar, Self

import torch

from protsae.config.sae_settings import TrainSettings
from protsae.sae.architectures.batchtopk import BatchTopkSae
from protsae.sae.autoencoder import Batch, Losses
from protsae.sae.sparse.support import Support, decode_selected


class MatryoshkaSae(BatchTopkSae):
    """Minimises the mean over nested dictionaries m of |x - x_hat_m|^2.

    x_hat_m uses the first ``ends[m]`` features only; the last dictionary is the whole. General
    features are pressed into the small dictionaries instead of being split or absorbed.

    References
    ----------
    Bussmann et al. 2025, arXiv:2503.17547.
    """

    architecture: ClassVar[str] = "matryoshka"

    def __init__(self, d_model: int, n_features: int, k: int = 1, ends: tuple[int, ...] = ()):
        super().__init__(d_model, n_features, k)
        self.ends = ends or (n_features,)

    @classmethod
    def build(cls, d_model: int, n_features: int, settings: TrainSettings) -> Self:
        """With ``settings.k`` and the shares ``settings.nested`` of the features."""
        ends = sorted({max(1, round(share * n_features)) for share in (*settings.nested, 1.0)})
        return cls(d_model, n_features, settings.k, tuple(ends))

    def losses(self, batch: Batch, penalty_weight: float) -> Losses:
        """Each residue is rebuilt in one bag per ring between two dictionaries, summed up inwards.

        Non-zeros ascend by row and feature, so the rings of a row lie one after another.
        """
        support, values = self._encode(batch)
        n_rings = len(self.ends)
        ends = torch.tensor(self.ends, device=values.device)
        ring = torch.bucketize(support.features, ends, right=True)
        rings = Support(
            support.rows * n_rings + ring,
            support.features,
            support.n_rows * n_rings,
            support.n_features,
        )
        parts_NMD = decode_selected(rings, values, self.W_dec).unflatten(0, (-1, n_rings))
        error_NMD = parts_NMD.cumsum(1) + (self.b_dec - batch.x_ND)[:, None]
        nested = error_NMD.square().sum() / len(error_NMD) / n_rings
        losses = Losses.of(error_NMD[:, -1], values, support.fired_F)
        return replace(losses, reconstruction=nested)
