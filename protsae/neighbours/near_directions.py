"""Features whose decoder directions are most alike."""

import torch
from torch import Tensor
from torch.nn import functional

from protsae.neighbours.coactivation import Nearest

COSINES = 20_000_000
"""Cosines held at a time, 4 bytes each: memory, not results."""
RANDOM_QUERIES = 256
"""Random directions whose neighbours among as many random ones as there are features are sought."""


@torch.no_grad()
def nearest_directions(directions_FD: Tensor, count: int, may_F: Tensor) -> Nearest:
    """The features with the largest cosine of their decoder vectors with each one's.

    Parameters
    ----------
    directions_FD : Tensor, shape (n_features, d_model)
    count : int
        Neighbours of each.
    may_F : Tensor of bool, shape (n_features,)
        Features that have neighbours and can be some.

    Examples
    --------
    >>> found = nearest_directions(
    ...     torch.tensor([[2.0, 0.0], [3.0, 4.0], [0.0, 1.0]]), 1, torch.ones(3, dtype=torch.bool)
    ... )
    >>> found.which.ravel().tolist(), found.value.ravel().round(3).tolist()
    ([1, 2, 1], [0.6, 0.8, 0.8])
    """
    found = Nearest.none(len(directions_FD), count)
    kept = may_F.nonzero().ravel()
    unit_GD = functional.normalize(directions_FD[kept].float(), dim=1)
    near = min(count, len(kept) - 1)
    if near < 1:
        return found
    step = max(1, COSINES // len(kept))
    for first in range(0, len(kept), step):
        cosine = unit_GD[first : first + step] @ unit_GD.T
        cosine.diagonal(first).fill_(-2)
        value, which = cosine.topk(near, dim=1)
        rows = kept[first : first + step].numpy()
        found.which[rows, :near] = kept[which].numpy()
        found.value[rows, :near] = value.numpy()
    return found


@torch.no_grad()
def random_cosines(directions_FD: Tensor, count: int, seed: int) -> list[float]:
    """What the first, second, ... nearest of as many random directions has: mean cosines.

    The random directions are normal with the second moment of the given ones (as unit vectors):
    where all directions of an SAE share a few dimensions, any two of them are near.

    Parameters
    ----------
    directions_FD : Tensor, shape (n_features, d_model)
        Decoder vectors of the features that are active.
    count : int
        Neighbours; NaN where there are not so many.
    seed : int

    Examples
    --------
    In a plane within three dimensions, as in a plane:

    >>> angles = torch.linspace(0, 6.283, 1000)
    >>> plane = torch.stack([angles.cos(), angles.sin(), torch.zeros(1000)], dim=1)
    >>> [round(cosine, 2) for cosine in random_cosines(plane, 1, seed=0)]
    [1.0]
    """
    n_features = len(directions_FD)
    unit_FD = functional.normalize(directions_FD.double(), dim=1)
    values, axes = torch.linalg.eigh(unit_FD.T @ unit_FD / max(1, n_features))
    root_DD = axes * values.clamp(min=0).sqrt() @ axes.T
    generator = torch.Generator().manual_seed(seed)

    def drawn(n: int) -> Tensor:
        normal = torch.randn(n, len(root_DD), generator=generator, dtype=torch.float64)
        return functional.normalize(normal @ root_DD, dim=1).float()

    others, queries = drawn(n_features), drawn(RANDOM_QUERIES)
    near = min(count, n_features)
    found = (queries @ others.T).topk(near, dim=1).values.double().mean(0).tolist()
    return [*found, *[float("nan")] * (count - near)]
