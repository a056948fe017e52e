"""Features of two layers that write the same direction, as far as the two dictionaries say."""

import torch
from torch import Tensor


@torch.no_grad()
def matching_features(
    before_FD: Tensor, after_FD: Tensor, before: list[int], after: list[int]
) -> list[tuple[int, int, float]]:
    """Pairs of which each is the other's nearest by the cosine of decoder rows, of all features.

    Parameters
    ----------
    before_FD, after_FD : Tensor
        Decoders, shape (n_features, d_model), of layers of one residual stream.
    before, after : list of int
        The features to look for pairs among.

    Returns
    -------
    list of (int, int, float)
        Feature before, feature after, cosine; above 0.

    Examples
    --------
    >>> first, second = torch.eye(3), torch.tensor([[0.0, 3.0, 4.0], [0.0, 1.0, 0.0]])
    >>> matching_features(first, second, [0, 1, 2], [0, 1])
    [(1, 1, 1.0), (2, 0, 0.800000011920929)]
    """
    unit_before, unit_after = (
        w_FD / w_FD.norm(dim=1, keepdim=True).clamp(min=1e-12) for w_FD in (before_FD, after_FD)
    )
    if not before or not after:
        return []
    cosine, nearest = (unit_before[before] @ unit_after.T).max(1)
    back = dict(zip(after, (unit_after[after] @ unit_before.T).argmax(1).tolist(), strict=True))
    return [
        (feature, other, value)
        for feature, other, value in zip(before, nearest.tolist(), cosine.tolist(), strict=True)
        if value > 0 and back.get(other) == feature
    ]
