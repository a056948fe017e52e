"""The best sparse code of activations under a fixed dictionary: the lasso, row by row.

min_f P(f) = 1/2 |x - f W|^2 + lambda |f|_1, with f >= 0 if asked for. ``ista`` and ``fista`` are
the plain methods; ``lasso`` runs FISTA on small working sets and is what to use. An answer is good
when its duality gap says so: with r = x - f W, c = W r and s = min(1, lambda / max|c|), the point
s r is feasible for the dual, and P minus the dual's value there is

    gap = 1/2 (1 - s)^2 |r|^2 + sum_j (lambda |f_j| - s c_j f_j) >= P(f) - min P.

No term is negative, so that nothing cancels (max c instead of max|c| where f >= 0).

Steps are 1 / L with L >= the largest eigenvalue of W W^T: L = |M^k|_F^(1/k), M the Gram matrix of
the smaller side and k a power of 2. A power iteration gives a lower bound; this is an upper bound
for every k, at most n^(1/2k) too large for M of n rows, and takes log2(k) products.

References
----------
Beck, Teboulle (2009), doi:10.1137/080716542: ISTA, FISTA and their rates.
O'Donoghue, Candes (2015), doi:10.1007/s10208-013-9150-3: the gradient scheme of restart.
Ndiaye, Fercoq, Gramfort, Salmon (2017), JMLR 18(128): the gap; Massias, Gramfort, Salmon (2018),
ICML: working sets.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from protsae.sae.sparse.support import Support, gather_sum

CHECK = 10
"""Iterations between two looks at the gap."""
INNER_ITERATIONS = 500
"""Most iterations on one working set."""
INNER_SHRINK = 0.03
"""What a working set is to leave of the gap; more precision would be lost on the wrong features."""
SMALLEST_SET = 32
"""Features in the first working set of a row."""
SET_GROWTH = 1.3
"""Size of a later working set over the number of non-zeros: larger sets need fewer rounds."""
BLOCK_NUMBERS = 2**21
"""Most numbers of one tensor of a block of working sets: what stays in a processor's cache."""


@dataclass(frozen=True)
class SparseCodes:
    """Codes and how far from the best they can be.

    Attributes
    ----------
    codes_NF : Tensor
        Type of the activations, shape (n, n_features).
    gap_N : Tensor
        float64, shape (n,): duality gap over P(f), so that (1 - gap) P(f) <= min P. In float64
        arithmetic where it is near the tolerance or below, whatever the type of the codes.
    iterations : int
        Of ``ista`` and ``fista``; for ``lasso``, the number of times that sets were chosen.
    objective : Tensor or None
        float64, shape (iterations + 1,): P summed over rows, the first at the start.
    """

    codes_NF: Tensor
    gap_N: Tensor
    iterations: int
    objective: Tensor | None = None

    @property
    def l0(self) -> float:
        """Mean number of non-zeros per row."""
        return float(torch.count_nonzero(self.codes_NF)) / max(len(self.codes_NF), 1)


def soft_threshold(z: Tensor, t: Tensor | float) -> Tensor:
    """sign(z) max(|z| - t, 0), the proximal map of t |.|_1; same shape as z.

    Examples
    --------
    >>> soft_threshold(torch.tensor([3.0, -2.0, 0.5]), 1.0).tolist()
    [2.0, -1.0, 0.0]
    """
    return z - _clip(z, torch.as_tensor(t, dtype=z.dtype, device=z.device), False)


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
    problem = _Problem.of(x_ND, W_dec, penalty, nonnegative)
    return _descend(problem, _Rule(False, False), tolerance, max_iterations, start_NF, trace)


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
    problem = _Problem.of(x_ND, W_dec, penalty, nonnegative)
    return _descend(problem, _Rule(True, restart), tolerance, max_iterations, start_NF, trace)


@torch.no_grad()
def lasso(
    x_ND: Tensor,
    W_dec: Tensor,
    penalty: float | Tensor,
    *,
    nonnegative: bool = False,
    tolerance: float = 1e-6,
    max_rounds: int = 50,
    start_NF: Tensor | None = None,
) -> SparseCodes:
    """FISTA on a working set of each row: its non-zeros and the features most correlated with r.

    A set is little larger than the row's support: a step costs the square of that instead of
    2 n_features d_model, and its Gram matrix is far better conditioned than the whole. The gap is
    always that of the whole dictionary. Parameters and errors are those of ``fista``.

    Examples
    --------
    >>> lasso(torch.tensor([[3.0, -0.5]]), torch.eye(2), 1.0).codes_NF.tolist()
    [[2.0, 0.0]]
    """
    problem = _Problem.of(x_ND, W_dec, penalty, nonnegative)
    progress = _Progress(problem, start_NF)
    for round_number in range(max_rounds + 1):
        _, point = progress.drop_solved(tolerance)
        if not len(progress.rows) or round_number == max_rounds:
            break
        _improve(progress.problem, progress.f_NF, point, tolerance)
    return SparseCodes(progress.codes_NF, progress.gap_N, round_number)


def lambda_for_l0(
    x_ND: Tensor,
    W_dec: Tensor,
    l0: float,
    *,
    nonnegative: bool = False,
    tolerance: float = 1e-6,
    precision: float = 0.01,
    max_rounds: int = 50,
) -> tuple[float, SparseCodes]:
    """The lambda whose best codes have so many non-zeros a row on average, and these codes.

    Halves lambda from where all codes are 0 until there are too many non-zeros, then narrows the
    bracket; each solution starts from the last.

    Parameters
    ----------
    l0 : float
        Mean number of non-zeros, above 0 and below d_model.
    precision : float
        Relative error of the mean that is accepted.
    max_rounds : int
        Of ``lasso`` at each lambda; near-copies among the features make the last ones slow.

    Raises
    ------
    ValueError
        If l0 is out of range or no lambda comes near it, and as ``fista`` does.
    """
    if not 0 < l0 < x_ND.shape[1]:
        raise ValueError(f"l0 is {l0}; expected above 0 and below d_model = {x_ND.shape[1]}")
    correlation_NF = x_ND @ W_dec.T
    high = float((correlation_NF if nonnegative else correlation_NF.abs()).max())
    low, at_low, at_high = 0.0, 0.0, 0.0
    penalty, start_NF = high / 2, None
    for _ in range(60):
        found = lasso(
            x_ND,
            W_dec,
            penalty,
            nonnegative=nonnegative,
            tolerance=tolerance,
            max_rounds=max_rounds,
            start_NF=start_NF,
        )
        if abs(found.l0 - l0) <= precision * l0:
            return penalty, found
        start_NF = found.codes_NF
        if found.l0 > l0:
            low, at_low = penalty, found.l0
        else:
            high, at_high = penalty, found.l0
        # Linear in log lambda between the two, but well inside, so that either end moves.
        share = (at_low - l0) / (at_low - at_high) if low else 0.0
        penalty = low * (high / low) ** min(max(share, 0.1), 0.9) if low else high / 2
    raise ValueError(f"no lambda gives an L0 within {precision:.0%} of {l0}; last was {found.l0}")


def relative_gap(
    x_ND: Tensor,
    W_dec: Tensor,
    codes_NF: Tensor,
    penalty: float | Tensor,
    *,
    nonnegative: bool = False,
) -> Tensor:
    """Duality gap of any codes over their objective, in float64: shape (n,).

    Examples
    --------
    Of f = 0 for x = 2 and lambda = 1, where P = 2 and min P = 1.5:

    >>> one = torch.ones(1, 1)
    >>> relative_gap(2 * one, one, 0 * one, 1.0).tolist()
    [0.25]
    """
    problem = _Problem.of(x_ND, W_dec, penalty, nonnegative).double()
    progress = _Progress(problem, codes_NF)
    progress.drop_solved(math.inf)
    return progress.gap_N


class _Rule(NamedTuple):
    accelerate: bool
    restart: bool


class _Momentum(NamedTuple):
    """Where the next step starts, less the code; and t of FISTA, 1 without momentum."""

    ahead: Tensor
    t_N1: Tensor


class _Point(NamedTuple):
    """What codes leave: gap and P, both absolute, |r|^2, and r W^T."""

    gap_N1: Tensor
    objective_N1: Tensor
    square_N1: Tensor
    correlation_NF: Tensor


@dataclass(frozen=True)
class _Problem:
    x_ND: Tensor
    W_dec: Tensor
    penalty_N1: Tensor
    nonnegative: bool

    @classmethod
    def of(
        cls, x_ND: Tensor, W_dec: Tensor, penalty: float | Tensor, nonnegative: bool
    ) -> "_Problem":
        if x_ND.ndim != 2 or W_dec.ndim != 2 or x_ND.shape[1] != W_dec.shape[1]:
            shapes = f"{tuple(x_ND.shape)} and {tuple(W_dec.shape)}"
            raise ValueError(f"x and W_dec have shapes {shapes}; expected (n, d) and (features, d)")
        if x_ND.dtype != W_dec.dtype or x_ND.dtype not in (torch.float32, torch.float64):
            types = f"{x_ND.dtype} and {W_dec.dtype}"
            raise ValueError(f"x and W_dec are {types}; expected both float32 or both float64")
        penalty_N = torch.as_tensor(penalty, dtype=x_ND.dtype, device=x_ND.device)
        if penalty_N.ndim and penalty_N.shape != x_ND.shape[:1]:
            shape = tuple(penalty_N.shape)
            raise ValueError(f"penalty has shape {shape}; expected () or ({len(x_ND)},)")
        if not (penalty_N > 0).all():
            raise ValueError(f"penalty is {float(penalty_N.min())}; expected above 0")
        return cls(x_ND, W_dec, penalty_N.expand(len(x_ND))[:, None], nonnegative)

    def part(self, rows: Tensor | slice) -> "_Problem":
        return replace(self, x_ND=self.x_ND[rows], penalty_N1=self.penalty_N1[rows])

    def double(self) -> "_Problem":
        x_ND, W_dec, penalty_N1 = self.x_ND.double(), self.W_dec.double(), self.penalty_N1.double()
        return _Problem(x_ND, W_dec, penalty_N1, self.nonnegative)

    def clip(self, z: Tensor, t: Tensor) -> Tensor:
        """What the proximal map takes off."""
        return _clip(z, t, self.nonnegative)

    def point(self, f_NF: Tensor) -> _Point:
        at = f_NF.nonzero(as_tuple=True)
        rows, values = at[0], f_NF[at]
        r_ND = self.x_ND - gather_sum(Support(at[0], at[1], *f_NF.shape), values, self.W_dec)
        c_NF = r_ND @ self.W_dec.T
        square_N1, s_N1 = r_ND.square().sum(1, keepdim=True), self.dual_scale(c_NF)
        sizes = self.penalty_N1[rows, 0] * values.abs()
        zeros_N = square_N1.new_zeros(len(f_NF))
        slack_N = zeros_N.index_add(0, rows, sizes - s_N1[rows, 0] * c_NF[at] * values)
        objective_N1 = square_N1 / 2 + zeros_N.index_add(0, rows, sizes)[:, None]
        gap_N1 = (1 - s_N1).square() * square_N1 / 2 + slack_N[:, None]
        return _Point(gap_N1, objective_N1, square_N1, c_NF)

    def dual_scale(self, correlation: Tensor) -> Tensor:
        """s of the module's docstring, shape (n, 1)."""
        largest = (correlation if self.nonnegative else correlation.abs()).amax(1, keepdim=True)
        return self.penalty_N1 / torch.maximum(self.penalty_N1, largest)

    def set_gap(self, f_BA: Tensor, correlation_BA: Tensor, square_B1: Tensor) -> Tensor:
        """Gap of the lasso on a working set."""
        s_B1 = self.dual_scale(correlation_BA)
        slack_BA = self.penalty_N1 * f_BA.abs() - s_B1 * correlation_BA * f_BA
        return (1 - s_B1).square() * square_B1 / 2 + slack_BA.sum(1, keepdim=True)


class _Progress:
    """Codes of all rows, and the part of the problem that is not solved."""

    def __init__(self, problem: _Problem, start_NF: Tensor | None):
        x_ND, W_dec = problem.x_ND, problem.W_dec
        shape = (len(x_ND), len(W_dec))
        if start_NF is not None and start_NF.shape != shape:
            raise ValueError(f"start has shape {tuple(start_NF.shape)}; expected {shape}")
        self.problem = problem
        self.f_NF = x_ND.new_zeros(shape) if start_NF is None else start_NF.to(x_ND, copy=True)
        if problem.nonnegative:
            self.f_NF.clamp_(min=0)
        self.rows = torch.arange(len(x_ND), device=x_ND.device)
        self.codes_NF = torch.empty_like(self.f_NF)
        self.gap_N = x_ND.new_empty(len(x_ND), dtype=torch.float64)
        self.objective_N = torch.empty_like(self.gap_N)

    def drop_solved(self, tolerance: float) -> tuple[Tensor, _Point]:
        """Note codes and gaps, leave the unsolved rows; which these were, and their points.

        In float32 the gap is off by some 1e-7 of P: what looks solved is looked at in float64.
        """
        point = self.problem.point(self.f_NF)
        near = (point.gap_N1 <= 2 * tolerance * point.objective_N1)[:, 0]
        if self.f_NF.dtype == torch.float32 and near.any():
            exact = self.problem.part(near).double().point(self.f_NF[near].double())
            for rough, better in zip(point, exact, strict=True):
                rough[near] = better.to(rough)
        gap_N = (point.gap_N1 / point.objective_N1.clamp_min(1e-30))[:, 0]
        self.codes_NF[self.rows] = self.f_NF
        self.gap_N[self.rows] = gap_N.double()
        self.objective_N[self.rows] = point.objective_N1[:, 0].double()
        left = gap_N > tolerance
        self.problem, self.f_NF = self.problem.part(left), self.f_NF[left]
        self.rows = self.rows[left]
        return left, _Point(*(value[left] for value in point))


def _descend(
    problem: _Problem,
    rule: _Rule,
    tolerance: float,
    max_iterations: int,
    start_NF: Tensor | None,
    trace: bool,
) -> SparseCodes:
    progress = _Progress(problem, start_NF)
    W_dec = problem.W_dec
    small = W_dec.T @ W_dec if W_dec.shape[0] > W_dec.shape[1] else W_dec @ W_dec.T
    step = 1 / _largest_eigenvalue(small, squarings=8)
    momentum = _rest(progress.f_NF)
    iteration, every, sums = 0, 1 if trace else CHECK, []
    while True:
        left, point = progress.drop_solved(tolerance)
        sums.append(progress.objective_N.sum())
        if not len(progress.rows) or iteration == max_iterations:
            break
        momentum = _Momentum(*(value[left] for value in momentum))
        n = min(every, max_iterations - iteration)
        # Two thin products, 4 n d_model n_features, beat one with the Gram matrix,
        # 2 n n_features^2, as soon as n_features > 2 d_model.
        progress.f_NF, momentum = _advance(
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


def _improve(problem: _Problem, f_NF: Tensor, point: _Point, tolerance: float) -> None:
    """Bring each row, in place, to a share of its gap by a lasso on its working set."""
    W_dec = problem.W_dec
    target_N1 = torch.maximum(INNER_SHRINK * point.gap_N1, tolerance / 2 * point.objective_N1)
    sizes, order = torch.count_nonzero(f_NF, 1).sort(descending=True)
    first = 0
    while first < len(order):
        # Rows of like support share a block, whose sets are as large as the first one's.
        size = min(max(math.ceil(SET_GROWTH * int(sizes[first])), SMALLEST_SET), len(W_dec))
        n_rows = max(1, BLOCK_NUMBERS // (size * max(size, W_dec.shape[1])))
        rows = order[first : first + n_rows]
        block, f_BF, c_BF = problem.part(rows), f_NF[rows], point.correlation_NF[rows]
        score_BF = c_BF if problem.nonnegative else c_BF.abs()
        score_BF = score_BF.masked_fill(f_BF != 0, torch.inf)
        chosen_BA = score_BF.topk(size, sorted=False).indices
        atoms_BAD = W_dec[chosen_BA]
        f_BA = _solve_set(
            block,
            f_BF.gather(1, chosen_BA),
            c_BF.gather(1, chosen_BA),
            point.square_N1[rows],
            atoms_BAD @ atoms_BAD.mT,
            target_N1[rows],
        )
        f_NF[rows] = f_BF.scatter(1, chosen_BA, f_BA)
        first += n_rows


def _solve_set(
    problem: _Problem,
    f_BA: Tensor,
    correlation_BA: Tensor,
    square_B1: Tensor,
    gram_BAA: Tensor,
    target_B1: Tensor,
) -> Tensor:
    """FISTA on features whose Gram matrix is known, from codes whose correlations are."""

    def gram(u_BA: Tensor) -> Tensor:
        return (u_BA[:, None] @ gram_BAA)[:, 0]

    step_B1 = 1 / _largest_eigenvalue(gram_BAA, squarings=2)[:, None]
    momentum = _rest(f_BA)
    for _ in range(INNER_ITERATIONS // CHECK):
        new_BA, momentum = _advance(
            problem, f_BA, momentum, correlation_BA, gram, step_B1, _Rule(True, True), CHECK
        )
        moved_BA = new_BA - f_BA
        before_BA, correlation_BA = correlation_BA, correlation_BA - gram(moved_BA)
        square_B1 = square_B1 - (moved_BA * (before_BA + correlation_BA)).sum(1, keepdim=True)
        f_BA = new_BA
        if (problem.set_gap(f_BA, correlation_BA, square_B1) <= target_B1).all():
            break
    return f_BA


def _advance(
    problem: _Problem,
    f: Tensor,
    momentum: _Momentum,
    correlation: Tensor,
    gram: Callable[[Tensor], Tensor],
    step: Tensor,
    rule: _Rule,
    n_iterations: int,
) -> tuple[Tensor, _Momentum]:
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
    return reached, _Momentum(ahead - (reached - f), t_N1)


def _rest(f: Tensor) -> _Momentum:
    return _Momentum(torch.zeros_like(f), f.new_ones(len(f), 1))


def _clip(z: Tensor, t: Tensor, nonnegative: bool) -> Tensor:
    below = torch.minimum(z, t)
    return below if nonnegative else torch.maximum(below, -t)


def _largest_eigenvalue(gram: Tensor, squarings: int) -> Tensor:
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
