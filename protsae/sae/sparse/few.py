"""Whether so few features are active that sums over them are faster than matrix products."""

import numpy as np
import torch
from torch import Tensor

from protsae.sae.sparse.largest import keys
from protsae.sae.sparse.support import Support

MOST_ACTIVE = {torch.float32: 1 / 8, torch.bfloat16: 1 / 32}
"""Largest share of active features at which sums are used, by the type of the products.

A sum takes time by the active feature, a product by the feature: they are equal at about twice
these shares (benchmarks/sae_training.py).
"""


def where_few(active_NF: Tensor, dtype: torch.dtype) -> Support | None:
    """Where ``active_NF`` is true if that is seldom enough; else None.

    The choice depends only on the weights and the batch, so a resumed run continues exactly as
    before. Always None on CUDA, where products are faster than sums.
    """
    if active_NF.device.type != "cpu":
        return None
    marks_NF = active_NF.numpy()
    if np.count_nonzero(marks_NF) > MOST_ACTIVE[dtype] * marks_NF.size:
        return None
    return Support.at(torch.from_numpy(np.flatnonzero(marks_NF)), *active_NF.shape)


def positive(pre_NF: Tensor) -> Tensor:
    """bool, same shape: pre > 0."""
    if pre_NF.device.type != "cpu":
        return pre_NF.detach() > 0
    return torch.from_numpy(keys(pre_NF.detach()) > 0)


def above(pre_NF: Tensor, edge_F: Tensor) -> Tensor:
    """bool, same shape: pre > edge, one for each feature and in the same type."""
    if pre_NF.device.type != "cpu" or bool((edge_F < 0).any()):
        return pre_NF.detach() > edge_F
    return torch.from_numpy(keys(pre_NF.detach()) > keys(edge_F.abs()))  # -0 becomes 0
