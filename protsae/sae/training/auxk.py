"""Help for idle features: AuxK, to rebuild what the others leave, and a push over their edge."""

import torch
import torch.nn.functional as F
from torch import Tensor

from protsae.sae.autoencoder import Batch, Sae

SIZES = 64
"""Dead features are padded to a multiple of this: for every new size of a product, its library
compiles a kernel and keeps it, which would take more time and memory than the training."""

SPREAD_FLOOR = 1e-3
"""Least spread of the residual that is divided by, as a share of sum |x|^2: where next to nothing
is left to explain, or all rows are equal, the quotient would be arbitrarily large."""

PUSH_ROWS = 512
"""Rows of a batch that say how far idle features are from their edge: no more are needed."""

NEAREST_PUSH = 0.25
"""Weight of a push by the nearest row, beside that of AuxK: at 1, too, no feature stays dead, but
more of those are active that match nothing in planted data."""


def auxk_loss(sae: Sae, batch: Batch, residual_ND: Tensor, dead_F: Tensor) -> Tensor:
    """d_model |r - r_hat|^2 / |r - mean r|^2, summed over the batch: a share of unexplained spread.

    r_hat is decoded from the d_model / 2 dead features with the largest pre-activations in each
    row, positive or not: a ReLU would give no gradient to those that are dead for being negative
    everywhere. Scaled as |x - x_hat|^2 is, at E|x|^2 = d_model.

    References
    ----------
    Gao et al. 2024, arXiv:2406.04093, appendix A.2.
    """
    dead_A, real_A = _padded(dead_F)
    dtype = batch.x1_NE.dtype
    pre_NA = batch.x1_NE @ sae.encoder(torch.float32)[:, dead_A].to(dtype)
    k = sae.d_model // 2 or len(dead_A)
    kept_NA = real_A
    if len(dead_A) > k:
        ranked_NA = pre_NA.detach().masked_fill(~real_A, -torch.inf)
        largest_NK = ranked_NA.topk(k, dim=1, sorted=False).indices
        kept_NA = torch.zeros_like(ranked_NA, dtype=torch.bool).scatter_(1, largest_NK, True)
        kept_NA &= real_A
    pre_NA = pre_NA * kept_NA.to(dtype)
    rebuilt_ND = (pre_NA @ sae.W_dec[dead_A].to(dtype)).float()
    spread = (residual_ND - residual_ND.mean(0)).square().sum()
    least = SPREAD_FLOOR * batch.x_ND.square().sum()
    error = (residual_ND - rebuilt_ND).square().sum()
    tiny = torch.finfo(spread.dtype).tiny
    return sae.d_model * error / torch.maximum(spread, least).clamp_min(tiny)


def push_loss(sae: Sae, batch: Batch, edge_F: Tensor, idle_F: Tensor) -> Tensor:
    """Sum over idle features i of max(edge_i - pre_i, 0), a mean over ``PUSH_ROWS`` of the rows.

    Of a Gated SAE (`Sae.pushed_by_nearest`), ``NEAREST_PUSH`` times the least over these rows.

    Below its edge a feature of a JumpReLU or Gated SAE has no other gradient that leads up: AuxK
    decodes what lies below as well, and is content. A penalty has led it there, which counts its
    activity and not its use, and it stays there for good.

    A mean over rows raises the bias alone, as rows have mean 0. The penalty of a Gated SAE takes
    from the encoder wherever the feature is active. Between the two, features lose their encoder
    and flutter about their edge, active on all rows or on none. The row nearest to the edge, if it
    pushes alone, turns the encoder to itself.

    References
    ----------
    Conerly et al. 2025, "Dictionary learning optimization techniques", Transformer Circuits,
    January 2025: there for all features and rows.
    """
    idle_A, real_A = _padded(idle_F)
    dtype = batch.x1_NE.dtype
    x1_NE = batch.x1_NE[:: -(-len(batch.x1_NE) // PUSH_ROWS)]
    pre_NA = x1_NE @ sae.encoder(torch.float32)[:, idle_A].to(dtype)
    short_NA = (edge_F[idle_A].to(dtype) - pre_NA).relu()
    if sae.pushed_by_nearest:
        return NEAREST_PUSH * (short_NA.amin(0).float() * real_A).sum()
    return (short_NA.mean(0, dtype=torch.float32) * real_A).sum()


def _padded(dead_F: Tensor) -> tuple[Tensor, Tensor]:
    """Indices of dead features and of feature 0 as often as is needed; which of them are real."""
    dead = dead_F.nonzero().squeeze(1)
    padding = -len(dead) % SIZES
    real = torch.ones(len(dead), dtype=torch.bool, device=dead.device)
    return F.pad(dead, (0, padding)), F.pad(real, (0, padding))
