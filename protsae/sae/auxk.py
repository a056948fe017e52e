"""AuxK: dead features learn to rebuild what the live ones leave."""

import torch
from torch import Tensor

from protsae.sae.sae import Batch, Sae


def auxk_loss(sae: Sae, batch: Batch, residual_ND: Tensor, dead_F: Tensor) -> Tensor:
    """d_model |r - r_hat|^2 / |r - mean r|^2, summed over the batch: a share of unexplained spread.

    r_hat is decoded from the d_model / 2 dead features with the largest pre-activations in each
    row, positive or not: a ReLU would give no gradient to those that are dead for being negative
    everywhere. Scaled as |x - x_hat|^2 is, at E|x|^2 = d_model.

    References
    ----------
    Gao et al. 2024, arXiv:2406.04093, appendix A.2.
    """
    dead = dead_F.nonzero().squeeze(1)
    dtype = batch.x1_NE.dtype
    pre_NA = batch.x1_NE @ sae.encoder(torch.float32)[:, dead].to(dtype)
    k = sae.d_model // 2
    if len(dead) > k > 0:
        kept = pre_NA.detach().topk(k, dim=1, sorted=False).indices
        pre_NA = pre_NA * torch.zeros_like(pre_NA).scatter_(1, kept, 1)
    rebuilt_ND = (pre_NA @ sae.W_dec[dead].to(dtype)).float()
    spread = (residual_ND - residual_ND.mean(0)).square().sum()
    error = (residual_ND - rebuilt_ND).square().sum()
    tiny = torch.finfo(spread.dtype).tiny
    return sae.d_model * error / spread.clamp_min(tiny)
