"""How far an encoder is from the best code of its dictionary, and from a random dictionary's."""

import torch
import torch.nn.functional as F
from torch import Tensor

from protsae.sae.autoencoder import Sae
from protsae.sae.sparse_coding.lasso import lambda_for_l0, lasso

SEARCH_TOLERANCE = 1e-3
"""Relative duality gap of the codes whose supports are compared."""
SEARCH_PRECISION = 0.05
"""Relative error of their L0."""
SEARCH_ROUNDS = 4
"""Rounds of working sets at each lambda; the next one starts from there."""


@torch.no_grad()
def best_error(x_ND: Tensor, directions_FD: Tensor, l0: float) -> float | None:
    """Least mean |x - x_hat|^2 found with ``l0`` features per row, on average.

    Supports are those of the non-negative lasso at the lambda with this L0; values are refitted on
    them by least squares, since the lasso's are shrunk. Rows have to be centred as the dictionary
    expects. None where the lasso has no such L0: at d_model or above, or on too few distinct rows.
    """
    directions_FD = F.normalize(directions_FD, dim=1)
    try:
        _, found = lambda_for_l0(
            x_ND,
            directions_FD,
            l0,
            nonnegative=True,
            tolerance=SEARCH_TOLERANCE,
            precision=SEARCH_PRECISION,
            max_rounds=SEARCH_ROUNDS,
        )
    except ValueError:
        return None
    refitted_NF = refit(x_ND, directions_FD, found.codes_NF)
    return float((x_ND - refitted_NF @ directions_FD).square().sum() / len(x_ND))


def refit(x_ND: Tensor, directions_FD: Tensor, codes_NF: Tensor) -> Tensor:
    """Least-squares values on the support of each row's codes, shape (n_rows, n_features).

    Examples
    --------
    >>> codes = refit(torch.tensor([[3.0, 4.0]]), torch.eye(2), torch.tensor([[0.1, 0.0]]))
    >>> codes.round(decimals=4).tolist()
    [[3.0, 0.0]]
    """
    active_NF = codes_NF != 0
    size = max(1, int(active_NF.sum(1).max()))
    used_NS, features_NS = active_NF.long().topk(size, dim=1)
    atoms_NSD = directions_FD.double()[features_NS] * used_NS[:, :, None]
    # Places that a row does not use get the identity; a little of it steadies near-copies.
    gram_NSS = atoms_NSD @ atoms_NSD.transpose(1, 2)
    gram_NSS.diagonal(dim1=1, dim2=2).add_(1e-6 + (1 - used_NS))
    target_NS1 = atoms_NSD @ x_ND.double()[:, :, None]
    values_NS = torch.linalg.solve(gram_NSS, target_NS1).squeeze(2) * used_NS
    return torch.zeros_like(codes_NF).scatter_(1, features_NS, values_NS.to(codes_NF.dtype))


@torch.no_grad()
def objective_excess(sae: Sae, x_ND: Tensor, penalty: float, scale: float) -> float:
    """How much worse than the best codes a ReLU SAE's are, by its own training objective.

    (L(encoder) - L(best)) / L(best) with L = |x - x_hat|^2 + penalty sum_i f_i |W_dec,i|, summed
    over rows, both terms at the scale E|x|^2 = d_model of training.

    Parameters
    ----------
    scale : float
        What activations were multiplied by in training.
    """
    norms_F = sae.W_dec.norm(dim=1)
    f_NF = sae.encode(x_ND)
    encoded = scale**2 * (x_ND - sae.decode(f_NF)).square().sum()
    encoded += penalty * scale * (f_NF @ norms_F).sum()
    # Half of it is what lasso minimises, for unit directions and half the penalty.
    directions_FD = F.normalize(sae.W_dec, dim=1)
    z_ND = scale * (x_ND - sae.b_dec)
    best = lasso(z_ND, directions_FD, penalty / 2, nonnegative=True, tolerance=SEARCH_TOLERANCE)
    least = (z_ND - best.codes_NF @ directions_FD).square().sum() + penalty * best.codes_NF.sum()
    return float((encoded - least) / least)
