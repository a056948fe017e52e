"""ISTA and FISTA: proximal gradient steps for the lasso, plain and accelerated.

Steps are 1 / L with L >= the largest eigenvalue of W W^T: L = |M^k|_F^(1/k), M the Gram matrix of
the smaller side and k a power of 2. A power iteration gives a lower bound; this is an upper bound
for every k, at most n^(1/2k) too large for M of n rows, and takes log2(k) products.

References
----------
Beck, Teboulle (2009), doi:10.1137/080716542: ISTA, FISTA and their rates.
O'Donoghue, Candes (2015), doi:10.1007/s10208-013-9150-3: the gradient scheme of restart.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from protsae.sae.sparse_coding.lasso_problem import LassoProblem, SparseCodes, Unsolved

CHECK = 10
"""Iterations between two looks at the gap."""


@torch.no_grad()
def ista(
    x_ND: Tensor,
    W_dec: Tensor,
    penalty: float | Tensor,
    *,
    nonnegative: bool = False,
    tolerance: float = 1e-6,
    max_iterations: int = 5000,
    start_NF: Tensor | None = None,
    trace: bool = False,
) -> SparseCodes:
    """Proximal gradient: f <- soft_threshold(f + (x - f W) W^T / L, lambda / L).

    After k iterations P(f) - min P <= L |f_0 - f*|^2 / 2k. Parameters are those of ``fista``.
    """
    problem = LassoProblem.of(x_ND, W_dec, penalty, nonnegative)
    return _descend(problem, Rule(False, False), tolerance, max_iterations, start_NF, trace)


@torch.no_grad()
def fista(
    x_ND: Tensor,
    W_dec: Tensor,
    penalty: float | Tensor,
    *,
    nonnegative: bool = False,
    restart: bool = True,
    tolerance: float = 1e-6,
    max_iterations: int = 5000,
    start_NF: Tensor | None = None,
    trace: bool = False,
) -> SparseCodes:
    """Proximal gradient from a point ahead: P(f) - min P <= 2 L |f_0 - f*|^2 / (k + 1)^2.

    Rows leave the computation when their gap is below the tolerance.

    Parameters
    ----------
    x_ND : Tensor
        Activations less the decoder's bias, float32 or float64, shape (n, d_model).
    W_dec : Tensor
        Dictionary, same type, shape (n_features, d_model).
    penalty : float or Tensor
        lambda > 0, one or one per row, shape (n,).
    nonnegative : bool
        Whether f >= 0.
    restart : bool
        Drop a row's momentum when it points uphill. The rate above is that without.
    tolerance : float
        Duality gap over P(f) at which a row is done.
    max_iterations : int
    start_NF : Tensor, optional
        Codes to start from; 0 without.
    trace : bool
        Whether to return P at each iteration; slower.

    Raises
    ------
    ValueError
        If a shape or type does not fit, or a penalty is not positive.

    Examples
    --------
    Where rows of W are orthonormal, the answer is soft_threshold(x W^T, lambda):

    >>> found = fista(torch.tensor([[3.0, -0.5]]), torch.eye(2), 1.0)
    >>> found.codes_NF.tolist(), found.gap_N.tolist()
    ([[2.0, 0.0]], [0.0])
    """
    problem = LassoProblem.of(x_ND, W_dec, penalty, nonnegative)
    return _descend(problem, Rule(True, restart), tolerance, max_iterations, start_NF, trace)


class Rule(NamedTuple):
    accelerate: bool
    restart: bool


class Momentum(NamedTuple):
    """Where the next step starts, less the code; and t of FISTA, 1 without momentum."""

    ahead: Tensor
    t_N1: Tensor


def _descend(
    problem: LassoProblem,
    rule: Rule,
    tolerance: float,
    max_iterations: int,
    start_NF: Tensor | None,
    trace: bool,
) -> SparseCodes:
    progress = Unsolved(problem, start_NF)
    W_dec = problem.W_dec
    small = W_dec.T @ W_dec if W_dec.shape[0] > W_dec.shape[1] else W_dec @ W_dec.T
    step = 1 / largest_eigenvalue(small, squarings=8)
    momentum = rest(progress.f_NF)
    iteration, every, sums = 0, 1 if trace else CHECK, []
    while True:
        left, point = progress.drop_solved(tolerance)
        sums.append(progress.objective_N.sum())
        if not len(progress.rows) or iteration == max_iterations:
            break
        momentum = Momentum(*(value[left] for value in momentum))
        n = min(every, max_iterations - iteration)
        # Two thin products, 4 n d_model n_features, beat one with the Gram matrix,
        # 2 n n_features^2, as soon as n_features > 2 d_model.
        progress.f_NF, momentum = advance(
            progress.problem,
            progress.f_NF,
            momentum,
            point.correlation_NF,
            lambda u: (u @ W_dec) @ W_dec.T,
            step,
            rule,
            n,
        )
        iteration += n
    objective = torch.stack(sums) if trace else None
    return SparseCodes(progress.codes_NF, progress.gap_N, iteration, objective)


def advance(
    problem: LassoProblem,
    f: Tensor,
    momentum: Momentum,
    correlation: Tensor,
    gram: Callable[[Tensor], Tensor],
    step: Tensor,
    rule: Rule,
    n_iterations: int,
) -> tuple[Tensor, Momentum]:
    """Iterations of (F)ISTA from codes f with r W^T = correlation.

    All is reckoned as the difference from f: then rounding is relative to how far the codes still
    move and not to their size, without which float32 stalls at gaps of some 1e-6.
    """
    threshold = step * problem.penalty_N1
    moved, (ahead, t_N1) = torch.zeros_like(f), momentum
    clipped = total = f
    for _ in range(n_iterations):
        z = ahead + step * (correlation - gram(ahead))
        total = f + z
        clipped = problem.clip(total, threshold)
        new = z - clipped
        change = new - moved
        if rule.restart:
            uphill_N1 = ((ahead - new) * change).sum(1, keepdim=True) > 0
            t_N1 = t_N1.masked_fill(uphill_N1, 1)
        if rule.accelerate:
            before_N1, t_N1 = t_N1, (1 + (1 + 4 * t_N1.square()).sqrt()) / 2
            ahead = new + (before_N1 - 1) / t_N1 * change
        else:
            ahead = new
        moved = new
    reached = torch.where(total == clipped, 0, f + moved)
    return reached, Momentum(ahead - (reached - f), t_N1)


def rest(f: Tensor) -> Momentum:
    return Momentum(torch.zeros_like(f), f.new_ones(len(f), 1))


def largest_eigenvalue(gram: Tensor, squarings: int) -> Tensor:
    """Upper bound for positive semidefinite matrices, shape (..., n, n): |M^k|_F^(1/k)."""
    tiny = torch.finfo(gram.dtype).tiny
    power, exponent = gram, 1
    logarithm = gram.new_zeros(gram.shape[:-2])
    for squaring in range(squarings + 1):
        if squaring:
            power, exponent = power @ power, 2 * exponent
        norm = torch.linalg.matrix_norm(power).clamp_min(tiny)
        logarithm = logarithm + norm.log() / exponent
        power = power / norm[..., None, None]
    return logarithm.exp().clamp_min(tiny) * (1 + 1e-4)  # for rounding
