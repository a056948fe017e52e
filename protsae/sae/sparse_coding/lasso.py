"""The best sparse codes of activations: FISTA on small working sets of features.

References
----------
Massias, Gramfort, Salmon (2018), ICML: working sets.
"""

import math

import torch
from torch import Tensor

from protsae.sae.sparse_coding.lasso_problem import LassoProblem, Point, SparseCodes, Unsolved
from protsae.sae.sparse_coding.proximal import CHECK, Rule, advance, largest_eigenvalue, rest

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
    problem = LassoProblem.of(x_ND, W_dec, penalty, nonnegative)
    progress = Unsolved(problem, start_NF)
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


def _improve(problem: LassoProblem, f_NF: Tensor, point: Point, tolerance: float) -> None:
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
    problem: LassoProblem,
    f_BA: Tensor,
    correlation_BA: Tensor,
    square_B1: Tensor,
    gram_BAA: Tensor,
    target_B1: Tensor,
) -> Tensor:
    """FISTA on features whose Gram matrix is known, from codes whose correlations are."""

    def gram(u_BA: Tensor) -> Tensor:
        return (u_BA[:, None] @ gram_BAA)[:, 0]

    step_B1 = 1 / largest_eigenvalue(gram_BAA, squarings=2)[:, None]
    momentum = rest(f_BA)
    for _ in range(INNER_ITERATIONS // CHECK):
        new_BA, momentum = advance(
            problem, f_BA, momentum, correlation_BA, gram, step_B1, Rule(True, True), CHECK
        )
        moved_BA = new_BA - f_BA
        before_BA, correlation_BA = correlation_BA, correlation_BA - gram(moved_BA)
        square_B1 = square_B1 - (moved_BA * (before_BA + correlation_BA)).sum(1, keepdim=True)
        f_BA = new_BA
        if (problem.set_gap(f_BA, correlation_BA, square_B1) <= target_B1).all():
            break
    return f_BA
