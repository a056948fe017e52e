"""Sparse coding against closed forms, scikit-learn, and the rates that the papers prove."""

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso
from torch import Tensor

from protsae.sae.sparse_coding.lasso import lambda_for_l0, lasso
from protsae.sae.sparse_coding.lasso_problem import SparseCodes, relative_gap, soft_threshold
from protsae.sae.sparse_coding.proximal import fista, ista

N, D, F = 11, 13, 29
PENALTY = 0.7
SOLVERS = [ista, fista, lasso]
Solver = Callable[..., SparseCodes]


def problem(dtype: torch.dtype = torch.float64, n: int = N, f: int = F) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    W_dec = torch.randn(f, D, generator=generator, dtype=torch.float64)
    x_ND = 2 * torch.randn(n, D, generator=generator, dtype=torch.float64)
    return x_ND.to(dtype), (W_dec / W_dec.norm(dim=1, keepdim=True)).to(dtype)


def objective(x_ND: Tensor, W_dec: Tensor, f_NF: Tensor, penalty: float = PENALTY) -> Tensor:
    return (x_ND - f_NF @ W_dec).square().sum(1) / 2 + penalty * f_NF.abs().sum(1)


def by_scikit_learn(
    x_ND: Tensor, W_dec: Tensor, penalty: float = PENALTY, nonnegative: bool = False
) -> Tensor:
    """Lasso divides the squared error by 2 d_model, we by 2."""
    model = Lasso(
        penalty / D, fit_intercept=False, positive=nonnegative, tol=1e-14, max_iter=100_000
    )
    return torch.from_numpy(model.fit(W_dec.T.numpy(), x_ND.T.numpy()).coef_).reshape(
        -1, len(W_dec)
    )


@pytest.mark.parametrize(
    ("z", "t", "expected"),
    [
        pytest.param([3.0, -3.0], 1.0, [2.0, -2.0], id="shrinks towards 0"),
        pytest.param([0.5, -1.0, 1.0], 1.0, [0.0, 0.0, 0.0], id="up to t is 0"),
        pytest.param([3.0, 3.0], torch.tensor([0.0, 2.0]), [3.0, 1.0], id="one t each"),
    ],
)
def test_soft_threshold(z: list[float], t: float | Tensor, expected: list[float]) -> None:
    assert soft_threshold(torch.tensor(z), t).tolist() == expected


@pytest.mark.parametrize("solve", SOLVERS)
def test_orthonormal_dictionary_has_a_closed_form(solve: Solver) -> None:
    x_ND, _ = problem()
    rotation = torch.linalg.qr(problem(n=D)[0])[0][:7]
    expected = soft_threshold(x_ND @ rotation.T, PENALTY)
    found = solve(x_ND, rotation, PENALTY, tolerance=1e-11).codes_NF
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    nonnegative = solve(x_ND, rotation, PENALTY, tolerance=1e-11, nonnegative=True).codes_NF
    torch.testing.assert_close(nonnegative, expected.clamp(min=0), rtol=0, atol=1e-5)


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize("solve", SOLVERS)
def test_against_scikit_learn(solve: Solver, nonnegative: bool) -> None:
    x_ND, W_dec = problem()
    found = solve(x_ND, W_dec, PENALTY, nonnegative=nonnegative, tolerance=1e-13)
    expected = by_scikit_learn(x_ND, W_dec, nonnegative=nonnegative)
    torch.testing.assert_close(found.codes_NF, expected, rtol=0, atol=1e-5)
    assert nonnegative == bool((found.codes_NF >= 0).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("solve", SOLVERS)
def test_gap_bounds_what_is_missing(solve: Solver, dtype: torch.dtype) -> None:
    x_ND, W_dec = problem(dtype)
    found = solve(x_ND, W_dec, PENALTY)
    assert found.codes_NF.dtype == dtype
    assert found.gap_N.dtype == torch.float64
    assert (found.gap_N <= 1e-6).all()
    exact_x, exact_W = x_ND.double(), W_dec.double()
    best_N = objective(exact_x, exact_W, by_scikit_learn(exact_x, exact_W))
    value_N = objective(exact_x, exact_W, found.codes_NF.double())
    assert (value_N - best_N <= found.gap_N * value_N + 1e-12).all()
    again = relative_gap(x_ND, W_dec, found.codes_NF, PENALTY)
    torch.testing.assert_close(found.gap_N, again, rtol=0, atol=1e-10)


@pytest.mark.parametrize("nonnegative", [False, True])
def test_gap_bounds_what_is_missing_anywhere(nonnegative: bool) -> None:
    x_ND, W_dec = problem()
    best_N = objective(x_ND, W_dec, by_scikit_learn(x_ND, W_dec, nonnegative=nonnegative))
    generator = torch.Generator().manual_seed(1)
    for size in (0.0, 0.01, 1.0, 100.0):
        codes = size * torch.rand(N, F, generator=generator, dtype=torch.float64)
        value_N = objective(x_ND, W_dec, codes)
        gap_N = relative_gap(x_ND, W_dec, codes, PENALTY, nonnegative=nonnegative) * value_N
        assert (gap_N >= value_N - best_N - 1e-12).all()


def test_relative_gap_by_hand() -> None:
    # r = x = 2, c = 2, s = 1/2: gap = (1/2)^2 4 / 2 = 1/2, P = 2. At f = 1: r = c = 1, gap 0.
    one = torch.ones(1, 1)
    assert relative_gap(2 * one, one, 0 * one, 1.0).tolist() == [0.25]
    assert relative_gap(2 * one, one, one, 1.0).tolist() == [0.0]


def test_rates() -> None:
    x_ND, W_dec = problem()
    best = by_scikit_learn(x_ND, W_dec)
    lowest = float(objective(x_ND, W_dec, best).sum())
    # The bounds hold for L of our steps, which is at most 1.1 times the largest eigenvalue.
    steepest = 1.1 * float(torch.linalg.eigvalsh(W_dec @ W_dec.T)[-1])
    distance = float(best.square().sum())
    k = np.arange(1, 151)
    settings = {"tolerance": 0.0, "max_iterations": 150, "trace": True}
    slow = ista(x_ND, W_dec, PENALTY, **settings)
    fast = fista(x_ND, W_dec, PENALTY, restart=False, **settings)
    restarted = fista(x_ND, W_dec, PENALTY, **settings)
    missing = {}
    for name, found in {"slow": slow, "fast": fast, "restarted": restarted}.items():
        assert found.objective is not None
        assert found.objective.shape == (151,)
        assert float(found.objective[0]) == pytest.approx(float(x_ND.square().sum() / 2))
        missing[name] = found.objective[1:].numpy() - lowest
    assert (missing["slow"] <= steepest * distance / (2 * k)).all()
    assert (np.diff(missing["slow"]) <= 1e-12).all()
    assert (missing["fast"] <= 2 * steepest * distance / (k + 1) ** 2).all()
    assert missing["fast"][49] < missing["slow"][49] / 10
    assert missing["restarted"][149] < missing["fast"][149] / 10


@pytest.mark.parametrize("solve", SOLVERS)
def test_codes_are_0_from_the_largest_correlation_on(solve: Solver) -> None:
    x_ND, W_dec = problem()
    largest = (x_ND @ W_dec.T).abs().amax(1)
    found = solve(x_ND, W_dec, largest * 1.001)
    assert torch.count_nonzero(found.codes_NF) == 0
    assert found.gap_N.tolist() == [0.0] * N
    assert found.iterations == 0
    assert (solve(x_ND, W_dec, largest * 0.9).codes_NF != 0).any(1).all()


@pytest.mark.parametrize("solve", SOLVERS)
def test_nothing_codes_for_nothing(solve: Solver) -> None:
    x_ND, W_dec = problem()
    for x, W in ((0 * x_ND, W_dec), (x_ND, 0 * W_dec), (x_ND[:0], W_dec)):
        found = solve(x, W, PENALTY)
        assert found.codes_NF.shape == (len(x), F)
        assert found.l0 == 0
        assert found.gap_N.tolist() == [0.0] * len(x)


@pytest.mark.parametrize("solve", SOLVERS)
def test_a_row_does_not_depend_on_the_others(solve: Solver) -> None:
    x_ND, W_dec = problem()
    penalty_N = torch.linspace(0.7, 2.3, N, dtype=torch.float64)
    together = solve(x_ND, W_dec, penalty_N, tolerance=1e-9)
    for row in range(N):
        one = slice(row, row + 1)
        alone = solve(x_ND[one], W_dec, float(penalty_N[row]), tolerance=1e-9).codes_NF
        torch.testing.assert_close(together.codes_NF[one], alone, rtol=0, atol=1e-3)


def test_working_sets_of_all_sizes() -> None:
    """More features than the first set holds, and rows whose supports differ widely."""
    x_ND, W_dec = problem(n=17, f=211)
    penalty_N = torch.logspace(-1.5, 0.5, 17, dtype=torch.float64)
    found = lasso(x_ND, W_dec, penalty_N, tolerance=1e-9)
    assert (found.gap_N <= 1e-9).all()
    for row in (0, 8, 16):
        penalty = float(penalty_N[row])
        expected = by_scikit_learn(x_ND[[row]], W_dec, penalty)
        value = float(objective(x_ND[[row]], W_dec, found.codes_NF[[row]], penalty))
        assert value == pytest.approx(float(objective(x_ND[[row]], W_dec, expected, penalty)))


@pytest.mark.parametrize("solve", SOLVERS)
def test_warm_start(solve: Solver) -> None:
    x_ND, W_dec = problem()
    first = solve(x_ND, W_dec, PENALTY)
    before = first.codes_NF.clone()
    again = solve(x_ND, W_dec, PENALTY, start_NF=first.codes_NF)
    assert again.iterations == 0
    assert torch.equal(again.codes_NF, before)
    near = solve(x_ND, W_dec, 1.01 * PENALTY, start_NF=first.codes_NF)
    assert near.iterations <= solve(x_ND, W_dec, 1.01 * PENALTY).iterations
    assert torch.equal(first.codes_NF, before)


def test_limits_are_kept_and_the_gap_says_so() -> None:
    x_ND, W_dec = problem()
    assert fista(x_ND, W_dec, PENALTY, max_iterations=0).codes_NF.count_nonzero() == 0
    found = fista(x_ND, W_dec, PENALTY, max_iterations=13)
    assert found.iterations == 13
    assert (found.gap_N > 1e-6).any()


@pytest.mark.parametrize("nonnegative", [False, True])
def test_lambda_for_l0(nonnegative: bool) -> None:
    x_ND, W_dec = problem(n=101)
    penalty, found = lambda_for_l0(x_ND, W_dec, 4, nonnegative=nonnegative, precision=0.02)
    assert found.l0 == pytest.approx(4, rel=0.02)
    same = lasso(x_ND, W_dec, penalty, nonnegative=nonnegative)
    assert same.l0 == pytest.approx(found.l0, rel=0.01)


ROWS, WEIGHTS = torch.zeros(3, 5), torch.zeros(7, 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            (ROWS, WEIGHTS.T, 1.0),
            "x and W_dec have shapes (3, 5) and (5, 7); expected (n, d) and (features, d)",
            id="shapes",
        ),
        pytest.param(
            (ROWS, WEIGHTS.double(), 1.0),
            "x and W_dec are torch.float32 and torch.float64; expected both float32 or both "
            "float64",
            id="types",
        ),
        pytest.param((ROWS, WEIGHTS, -1.0), "penalty is -1.0; expected above 0", id="negative"),
        pytest.param((ROWS, WEIGHTS, 0.0), "penalty is 0.0; expected above 0", id="zero"),
        pytest.param(
            (ROWS, WEIGHTS, torch.ones(7)),
            "penalty has shape (7,); expected () or (3,)",
            id="penalties",
        ),
    ],
)
@pytest.mark.parametrize("solve", SOLVERS)
def test_arguments_that_do_not_fit(
    solve: Solver, arguments: tuple[Tensor, Tensor, float | Tensor], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        solve(*arguments)


def test_start_of_another_shape() -> None:
    message = re.escape("start has shape (3, 5); expected (3, 7)")
    with pytest.raises(ValueError, match=f"^{message}$"):
        fista(ROWS, WEIGHTS, 1.0, start_NF=ROWS)


@pytest.mark.parametrize("l0", [0, 5])
def test_l0_out_of_range(l0: int) -> None:
    message = f"l0 is {l0}; expected above 0 and below d_model = 5"
    with pytest.raises(ValueError, match=f"^{message}$"):
        lambda_for_l0(ROWS, WEIGHTS, l0)
