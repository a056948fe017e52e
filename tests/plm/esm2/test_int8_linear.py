"""Linear maps in integers: exact sums, and the error of rounding no larger than it must be."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from protsae.plm.esm2.int8_linear import Int8Linear

EXTREME = """
import torch
from protsae.plm.esm2.int8_linear import Int8Linear
signs = torch.randint(0, 2, (2, 37, 514), generator=torch.Generator().manual_seed(0)) * 2.0 - 1
signs[:, 0] = 1
found = Int8Linear(63 * signs[0], torch.zeros(37))(127 * signs[1])
assert torch.equal(found, 127 * 63 * (signs[1] @ signs[0].T)), found
assert found.max() == 127 * 63 * 514
"""


def reference(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> np.ndarray:
    """By the formula of the class, in float64; numpy rounds halves to even, too."""
    x_scale = np.abs(x).max(1, keepdims=True) / 127
    w_scale = np.abs(weight).max(1, keepdims=True) / 63
    p, q = np.round(x / x_scale), np.round(weight / w_scale)
    found: np.ndarray = x_scale * (p @ q.T) * w_scale.T + bias
    return found


def random_map(n_out: int, n_in: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = torch.randn(n_out, n_in + 1, generator=torch.Generator().manual_seed(seed))
    return drawn[:, 1:].contiguous(), drawn[:, 0].contiguous()


@pytest.mark.parametrize("n_rows", [1, 2, 17, 300])
@pytest.mark.parametrize(("n_out", "n_in"), [(1, 1), (5, 11), (64, 130)])
def test_the_formula(n_rows: int, n_out: int, n_in: int) -> None:
    weight, bias = random_map(n_out, n_in)
    x, _ = random_map(n_rows, n_in, seed=1)
    expected = reference(*(tensor.double().numpy() for tensor in (weight, bias, x)))
    found = Int8Linear(weight, bias)(x)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("instructions", ["ALL", "AVX2"])
def test_the_largest_sums_are_exact_with_any_instructions(instructions: str) -> None:
    """AVX2 adds pairs of products in 16 bits, which would overflow at weights of 127."""
    limited = os.environ | {"ONEDNN_MAX_CPU_ISA": instructions}
    subprocess.run([sys.executable, "-c", EXTREME], env=limited, check=True)


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    weight, bias = random_map(19, 23)
    x, _ = random_map(7, 23, seed=1)
    linear = Int8Linear(weight, bias)
    larger = torch.cat([1000 * x, x])
    assert torch.equal(linear(larger)[7:], linear(x))
    assert torch.equal(linear(x[3:4]), linear(x)[3:4])


def test_the_error_is_that_of_rounding() -> None:
    """Half a unit of each factor at most: s_n |w|_1 / 2 + s_o |x|_1 / 2 + s_n s_o n_in / 4."""
    weight, bias = random_map(31, 47)
    x, _ = random_map(29, 47, seed=1)
    error = (Int8Linear(weight, bias)(x) - (x @ weight.T + bias)).abs()
    s_n, s_o = x.abs().amax(1, keepdim=True) / 127, weight.abs().amax(1) / 63
    bound = s_n / 2 * weight.abs().sum(1) + x.abs().sum(1, keepdim=True) / 2 * s_o
    assert (error <= bound + s_n * s_o * 47 / 4 + 1e-5).all()
    assert error.mean() > bound.mean() / 50


def test_zeros_give_the_bias() -> None:
    weight, bias = random_map(3, 5)
    assert torch.equal(Int8Linear(weight, bias)(torch.zeros(2, 5)), bias.expand(2, 3))
    assert torch.equal(Int8Linear(0 * weight, bias)(torch.ones(2, 5)), bias.expand(2, 3))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_so_in_its_row(value: float) -> None:
    weight, bias = random_map(3, 5)
    x = torch.ones(2, 5)
    x[0, 4] = value
    found = Int8Linear(weight, bias)(x)
    assert found[0].isnan().all()
    assert found[1].isfinite().all()
