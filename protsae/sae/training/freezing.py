"""SAEs in which a part does not learn: controls for what the training of the others has added.

As in the sanity checks of Korznikov et al. 2026, arXiv:2602.14111.

decoder
    W_dec stays as it was drawn: random directions. The encoder and all biases learn.
encoder
    W_enc stays as it was drawn. The decoder and all biases and thresholds learn: they say how often
    a feature is active, and no longer what it reads.
soft
    Everything learns, but each decoder row keeps a cosine of at least ``SOFT_COSINE`` with the
    direction that it was drawn with.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from protsae.config.sae_settings import Freeze
from protsae.sae.autoencoder import Sae

SOFT_COSINE = 0.8
"""Least cosine of a decoder row with its first direction, of a soft-frozen decoder."""


def freeze_(sae: Sae, freeze: Freeze) -> None:
    """Take the gradient from the matrix that does not learn; no step changes a bit of it."""
    sae.W_dec.requires_grad_(freeze != "decoder")
    sae.W_enc.requires_grad_(freeze != "encoder")


@torch.no_grad()
def keep_near_(rows_FD: Tensor, first_FD: Tensor) -> None:
    """Turn rows, in place, until each has a cosine of ``SOFT_COSINE`` with its first direction.

    Rows that are near enough stay as they are. The others become |w| (c u + sqrt(1 - c^2) v), with
    c = ``SOFT_COSINE``, u the first direction and v the unit vector of what w has beside it: the
    nearest direction that is allowed. Lengths stay.

    Parameters
    ----------
    rows_FD, first_FD : Tensor
        float32, shape (n_features, d_model); ``first_FD`` of norm 1.

    Examples
    --------
    >>> rows = torch.tensor([[3.0, 4.0], [4.0, 3.0]])
    >>> keep_near_(rows, torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    >>> rows
    tensor([[4., 3.],
            [4., 3.]])
    """
    norm_F1 = rows_FD.norm(dim=1, keepdim=True)
    along_F1 = (rows_FD * first_FD).sum(1, keepdim=True)
    beside_FD = F.normalize(rows_FD - along_F1 * first_FD, dim=1)
    edge_FD = norm_F1 * (SOFT_COSINE * first_FD + (1 - SOFT_COSINE**2) ** 0.5 * beside_FD)
    too_far_F1 = along_F1 < SOFT_COSINE * norm_F1
    rows_FD.copy_(torch.where(too_far_F1, edge_FD, rows_FD))
