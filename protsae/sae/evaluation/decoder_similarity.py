"""Decoder directions of one SAE beside those of another: neighbours, stability, splitting."""

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 1024
"""Directions compared at a time."""

SPLIT_COSINE = 0.7
"""Cosine from which a feature of a wider dictionary counts as part of one of a narrower one."""


@torch.no_grad()
def nearest(directions_FD: Tensor, others_GD: Tensor) -> tuple[Tensor, Tensor]:
    """Largest cosine of each direction with one of the others, and which one it is.

    Both have shape (n_features,). Rows of zeros have cosine 0 with everything.

    Examples
    --------
    >>> cosine, which = nearest(torch.tensor([[2.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
    >>> round(float(cosine), 6), int(which)
    (0.6, 0)
    """
    others_GD = F.normalize(others_GD, dim=1)
    found = [(F.normalize(b, dim=1) @ others_GD.T).max(1) for b in directions_FD.split(BLOCK)]
    return torch.cat([f.values for f in found]), torch.cat([f.indices for f in found])


@torch.no_grad()
def neighbour_cosine(directions_FD: Tensor) -> Tensor:
    """Largest cosine of each direction with another one of the same dictionary, (n_features,)."""
    unit_FD = F.normalize(directions_FD, dim=1)
    found = []
    for start in range(0, len(unit_FD), BLOCK):
        cosine = unit_FD[start : start + BLOCK] @ unit_FD.T
        cosine.diagonal(start).fill_(-1)
        found.append(cosine.amax(1))
    return torch.cat(found)


def random_directions(n: int, d_model: int, seed: int) -> Tensor:
    """Unit vectors drawn uniformly, float32, shape (n, d_model).

    Drawn in float64, as torch's float32 draws differ in the last bit between instruction sets.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(n, d_model, generator=generator, dtype=torch.float64)
    return F.normalize(drawn, dim=1).float()


def matched_cosine(directions_FD: Tensor, others_GD: Tensor) -> float:
    """Mean over directions of the largest cosine with one of the others."""
    return float(nearest(directions_FD, others_GD)[0].mean())


def split_share(narrow_FD: Tensor, wide_GD: Tensor) -> float:
    """Share of narrow directions that are nearest, and near, to two or more wide ones.

    Near is a cosine of ``SPLIT_COSINE`` or more: the feature has been split by widening.
    """
    cosine, which = nearest(wide_GD, narrow_FD)
    parts = torch.bincount(which[cosine >= SPLIT_COSINE], minlength=len(narrow_FD))
    return float((parts >= 2).float().mean())
