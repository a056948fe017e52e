"""Gradients of an output by the activations of a place: at the protein, and on the way to it.

The way begins at a baseline b: the residues' activations are the SAE's b_dec, what it rebuilds from
no feature and no error; <cls> and <eos> stay as they are. It runs straight to the activations x.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from protsae.interventions.attribution.output_pass import OutputPass

RELATIVE_ERROR, ABSOLUTE_ERROR = 0.01, 1e-3
"""Completeness: attributions have to sum to y(x) - y(b) within the larger of this share of it, and
this number, in nats (or units of a probe's logit)."""

FEWEST_STEPS, MOST_STEPS = 8, 256
"""Points of the path: doubled until the sum is complete, or there are this many."""


@dataclass(frozen=True)
class Gradients:
    """What an output is made of to first order, at x and along the way from the baseline.

    Attributes
    ----------
    value, baseline_value : float
        y(x), y(b).
    at_end_RD : ndarray, float64, shape (n_residues, d_model)
        dy/dx at x.
    along_RD : ndarray, float64, shape (n_residues, d_model)
        Mean of dy/dx over the straight line from b to x.
    n_steps : int
        Points whose gradients it is a mean of.
    error : float
        sum along (x - b) - (y(x) - y(b)): by how much the attributions miss completeness.
    """

    value: float
    baseline_value: float
    at_end_RD: np.ndarray
    along_RD: np.ndarray
    n_steps: int
    error: float

    @property
    def is_complete(self) -> bool:
        """Whether |error| is within `RELATIVE_ERROR` or `ABSOLUTE_ERROR`."""
        return abs(self.error) <= tolerance(self.value - self.baseline_value)


def tolerance(difference: float) -> float:
    """The largest error of a sum that is to be y(x) - y(b).

    Examples
    --------
    >>> tolerance(-5.0), tolerance(0.01)
    (0.05, 0.001)
    """
    return max(RELATIVE_ERROR * abs(difference), ABSOLUTE_ERROR)


def path_gradients(
    one: OutputPass, baseline_D: Tensor, tokens_per_batch: int, most_steps: int = MOST_STEPS
) -> Gradients:
    """Gradients at x and along the way from the baseline.

    The mean is by Gauss-Legendre quadrature of the root of the share of the way (`way_points`).

    Parameters
    ----------
    baseline_D : Tensor
        Activations of every residue at the baseline, shape (d_model,).
    tokens_per_batch : int
        Tokens of the copies of the pass that run together, at least one copy.

    References
    ----------
    Sundararajan et al. 2017, arXiv:1703.01365 (integrated gradients).

    Examples
    --------
    y = x^2 with one residue at x = 3 and b = 1: gradient 6 at x, 4 on the way, and 4 x 2 = 9 - 1.

    >>> square = OutputPass(torch.tensor([[3.0]]), torch.tensor([0]), lambda x: x[:, 0, 0] ** 2)
    >>> found = path_gradients(square, torch.tensor([1.0]), tokens_per_batch=5)
    >>> found.at_end_RD.item(), round(found.along_RD.item(), 5), found.n_steps, found.is_complete
    (6.0, 4.0, 8, True)
    """
    start_ND = one.x_ND.clone()
    start_ND[one.rows] = baseline_D.to(one.x_ND)
    with torch.no_grad():
        values = one.value(torch.stack([one.x_ND, start_ND])).double()
    value, baseline_value = values.tolist()
    end = torch.ones(1, dtype=torch.float64)
    at_end_RD = _weighted_gradient(one, start_ND, end, end, tokens_per_batch)
    way_RD = (one.x_ND - start_ND)[one.rows].double().cpu()
    n_steps = min(FEWEST_STEPS, most_steps)
    while True:
        share_S, weight_S = map(torch.from_numpy, way_points(n_steps))
        along_RD = _weighted_gradient(one, start_ND, share_S, weight_S, tokens_per_batch)
        error = float((along_RD * way_RD).sum()) - (value - baseline_value)
        found = Gradients(
            *(value, baseline_value, at_end_RD.numpy(), along_RD.numpy(), n_steps, error)
        )
        if found.is_complete or n_steps >= most_steps:
            return found
        n_steps = min(2 * n_steps, most_steps)


def way_points(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the way from the baseline to x, rising, and their weights, which sum to 1.

    With share = t^2 the mean over shares is the integral of 2 t g(t^2) over t, by Gauss-Legendre
    quadrature: exact for polynomials in the share up to the power n - 1. Points are close together
    near the baseline, where layer norms bend most: at a b_dec of 0 they jump.

    Examples
    --------
    >>> shares, weights = way_points(2)
    >>> shares.round(4).tolist(), weights.round(4).tolist(), round(float(weights @ shares), 9)
    ([0.0447, 0.622], [0.2113, 0.7887], 0.5)
    """
    points, weights = np.polynomial.legendre.leggauss(n)
    root = (points + 1) / 2
    return root**2, root * weights


def _weighted_gradient(
    one: OutputPass,
    start_ND: Tensor,
    share_S: Tensor,
    weight_S: Tensor,
    tokens_per_batch: int,
) -> Tensor:
    """Sum over points of weight times dy/dx of the residues there: float64, on the CPU."""
    n_copies = max(1, tokens_per_batch // len(one.x_ND))
    total_RD = torch.zeros(len(one.rows), one.x_ND.shape[1], dtype=torch.float64)
    for share, weight in zip(share_S.split(n_copies), weight_S.split(n_copies), strict=True):
        along = share.to(one.x_ND)[:, None, None]
        x_END = (start_ND + along * (one.x_ND - start_ND)).requires_grad_()
        with torch.enable_grad():
            (gradient_END,) = torch.autograd.grad(one.value(x_END).sum(), x_END)
        of_rows = gradient_END[:, one.rows].double().cpu()
        total_RD += torch.einsum("e,erd->rd", weight, of_rows)
    return total_RD
