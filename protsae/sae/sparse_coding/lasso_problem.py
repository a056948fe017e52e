"""The lasso of activations under a fixed dictionary, row by row, and how good codes of it are.

min_f P(f) = 1/2 |x - f W|^2 + lambda |f|_1, with f >= 0 if asked for. An answer is good when its
duality gap says so: with r = x - f W, c = W r and s = min(1, lambda / max|c|), the point s r is
feasible for the dual, and P minus the dual's value there is

    gap = 1/2 (1 - s)^2 |r|^2 + sum_j (lambda |f_j| - s c_j f_j) >= P(f) - min P.

No term is negative, so that nothing cancels (max c instead of max|c| where f >= 0).

References
----------
Ndiaye, Fercoq, Gramfort, Salmon (2017), JMLR 18(128): the gap.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from protsae.sae.sparse.support import Support, gather_sum


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
    return z - clip_at(z, torch.as_tensor(t, dtype=z.dtype, device=z.device), False)


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
    problem = LassoProblem.of(x_ND, W_dec, penalty, nonnegative).double()
    progress = Unsolved(problem, codes_NF)
    progress.drop_solved(math.inf)
    return progress.gap_N


class Point(NamedTuple):
    """What codes leave: gap and P, both absolute, |r|^2, and r W^T."""

    gap_N1: Tensor
    objective_N1: Tensor
    square_N1: Tensor
    correlation_NF: Tensor


@dataclass(frozen=True)
class LassoProblem:
    x_ND: Tensor
    W_dec: Tensor
    penalty_N1: Tensor
    nonnegative: bool

    @classmethod
    def of(
        cls, x_ND: Tensor, W_dec: Tensor, penalty: float | Tensor, nonnegative: bool
    ) -> "LassoProblem":
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

    def part(self, rows: Tensor | slice) -> "LassoProblem":
        return replace(self, x_ND=self.x_ND[rows], penalty_N1=self.penalty_N1[rows])

    def double(self) -> "LassoProblem":
        x_ND, W_dec, penalty_N1 = self.x_ND.double(), self.W_dec.double(), self.penalty_N1.double()
        return LassoProblem(x_ND, W_dec, penalty_N1, self.nonnegative)

    def clip(self, z: Tensor, t: Tensor) -> Tensor:
        """What the proximal map takes off."""
        return clip_at(z, t, self.nonnegative)

    def point(self, f_NF: Tensor) -> Point:
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
        return Point(gap_N1, objective_N1, square_N1, c_NF)

    def dual_scale(self, correlation: Tensor) -> Tensor:
        """s of the module's docstring, shape (n, 1)."""
        largest = (correlation if self.nonnegative else correlation.abs()).amax(1, keepdim=True)
        return self.penalty_N1 / torch.maximum(self.penalty_N1, largest)

    def set_gap(self, f_BA: Tensor, correlation_BA: Tensor, square_B1: Tensor) -> Tensor:
        """Gap of the lasso on a working set."""
        s_B1 = self.dual_scale(correlation_BA)
        slack_BA = self.penalty_N1 * f_BA.abs() - s_B1 * correlation_BA * f_BA
        return (1 - s_B1).square() * square_B1 / 2 + slack_BA.sum(1, keepdim=True)


class Unsolved:
    """Codes of all rows, and the part of the problem that is not solved."""

    def __init__(self, problem: LassoProblem, start_NF: Tensor | None):
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

    def drop_solved(self, tolerance: float) -> tuple[Tensor, Point]:
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
        return left, Point(*(value[left] for value in point))


def clip_at(z: Tensor, t: Tensor, nonnegative: bool) -> Tensor:
    below = torch.minimum(z, t)
    return below if nonnegative else torch.maximum(below, -t)
