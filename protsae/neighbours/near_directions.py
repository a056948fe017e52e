"""Features whose decoder directions are most alike."""

import torch
from torch import Tensor
from torch.nn import functional

from protsae.neighbours.coactivation import Nearest
from protsae.sae.evaluation.decoder_similarity import random_directions

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
def random_cosines(n_features: int, d_model: int, count: int, seed: int) -> list[float]:
    """What the first, second, ... nearest of as many random directions has: mean cosines.

    NaN where there are not so many.

    Examples
    --------
    >>> [round(cosine, 2) for cosine in random_cosines(1000, 64, 2, seed=0)]
    [0.4, 0.36]
    """
    others = random_directions(n_features, d_model, seed)
    queries = random_directions(RANDOM_QUERIES, d_model, seed + 1)
    near = min(count, n_features)
    found = (queries @ others.T).topk(near, dim=1).values.double().mean(0).tolist()
    return [*found, *[float("nan")] * (count - near)]
