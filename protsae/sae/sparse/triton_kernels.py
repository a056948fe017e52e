"""Weighted sums of the rows of a table, one per bag, as kernels for CUDA.

They compute what ``torch.nn.functional.embedding_bag`` does. Each number is summed by one program
in a fixed order, without atomics, so that runs repeat to the bit. Shapes: B bags, M members of all
bags together, R rows of the table, D columns.

References
----------
Tillet et al. 2019, Triton: an intermediate language and compiler for tiled neural network
computations, https://doi.org/10.1145/3315508.3329973.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

MEMBERS, COLUMNS = 4, 128
"""Size of the tile of the table that a program holds at a time: of 45 sizes measured on an H100
(benchmarks/sae_training.py), among the fastest for sums over rows and over features alike."""

DOT_MEMBERS, DOT_COLUMNS = 16, 64
"""The same for the gradient."""

WARPS = 2


def bag_sum(values: Tensor, table_RD: Tensor, indices: Tensor, offsets: Tensor) -> Tensor:
    """out[b] = sum over j from offsets[b] to offsets[b + 1] of values[j] x table[indices[j]].

    Parameters
    ----------
    values : Tensor
        float32 or float64, in which sums are taken; shape (M,). It alone gets a gradient.
    table_RD : Tensor
        Any floating type, shape (R, D).
    indices, offsets : Tensor
        int64, shapes (M,) and (B + 1,); the offsets ascend from 0 to M.

    Returns
    -------
    Tensor
        In the type of ``values``, shape (B, D); 0 for a bag without members.
    """
    arguments = (values, table_RD, indices, offsets)
    return _BagSum.apply(*(argument.contiguous() for argument in arguments))


def bag_dot(gradient_BD: Tensor, table_RD: Tensor, bags: Tensor, indices: Tensor) -> Tensor:
    """out[j] = sum over d of gradient[bags[j], d] x table[indices[j], d].

    The gradient of ``bag_sum`` for its values.

    Parameters
    ----------
    gradient_BD : Tensor
        float32 or float64, in which sums are taken; shape (B, D).
    table_RD : Tensor
        Any floating type, shape (R, D).
    bags, indices : Tensor
        int64, shape (M,): the bag of each member, and its row of the table.

    Returns
    -------
    Tensor
        In the type of ``gradient_BD``, shape (M,).
    """
    n_members, d = len(indices), table_RD.shape[1]
    products = gradient_BD.new_empty(n_members)
    grid = (triton.cdiv(n_members, DOT_MEMBERS),)
    with torch.cuda.device_of(table_RD):  # Triton launches on the current device
        _bag_dot[grid](
            gradient_BD.contiguous(),
            table_RD.contiguous(),
            bags.contiguous(),
            indices.contiguous(),
            products,
            n_members,
            d,
            DOT_MEMBERS,
            _columns(d, DOT_COLUMNS),
            num_warps=WARPS,
            enable_fp_fusion=True,
        )
    return products


class _BagSum(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, values: Tensor, table_RD: Tensor, indices: Tensor, offsets: Tensor
    ) -> Tensor:
        ctx.save_for_backward(table_RD, indices, offsets)
        n_bags, d = len(offsets) - 1, table_RD.shape[1]
        sums_BD = values.new_empty(n_bags, d)
        # Bags vary fastest: programs side by side can share a strip of the table in cache.
        columns = _columns(d, COLUMNS)
        grid = (n_bags, triton.cdiv(d, columns))
        with torch.cuda.device_of(table_RD):
            _bag_sum[grid](
                values,
                table_RD,
                indices,
                offsets,
                sums_BD,
                d,
                MEMBERS,
                columns,
                num_warps=WARPS,
                enable_fp_fusion=True,
            )
        return sums_BD

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        assert not ctx.needs_input_grad[1], "a table has no gradient here: see decode_selected"
        table_RD, indices, offsets = ctx.saved_tensors
        bags = torch.arange(len(offsets) - 1, device=offsets.device).repeat_interleave(
            offsets.diff(), output_size=len(indices)
        )
        return bag_dot(gradients[0], table_RD, bags, indices), None, None, None


def _columns(d: int, most: int) -> int:
    """Of the tile: a power of two."""
    return min(most, triton.next_power_of_2(d))


# Rows and bags are int64, so that row x D is too: it may exceed 2^31. Products and sums are fused,
# said aloud because Triton's default is changing.


@triton.jit
def _bag_sum(
    values: tl.tensor,
    table: tl.tensor,
    indices: tl.tensor,
    offsets: tl.tensor,
    sums: tl.tensor,
    d: tl.tensor,
    MEMBERS: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    bag = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    begin, end = tl.load(offsets + bag), tl.load(offsets + bag + 1)
    # One partial sum per place in the tile, joined once at the end, not once per step.
    total = tl.zeros((MEMBERS, COLUMNS), sums.dtype.element_ty)
    for start in range(begin, end, MEMBERS):
        member = start + tl.arange(0, MEMBERS)
        value = tl.load(values + member, member < end, 0.0)
        row = tl.load(indices + member, member < end, 0)
        there = (member < end)[:, None] & (column < d)[None, :]
        part = tl.load(table + row[:, None] * d + column[None, :], there, 0.0)
        total += value[:, None] * part.to(total.dtype)
    tl.store(sums + bag * d + column, tl.sum(total, 0), column < d)


@triton.jit
def _bag_dot(
    gradient: tl.tensor,
    table: tl.tensor,
    bags: tl.tensor,
    indices: tl.tensor,
    products: tl.tensor,
    n_members: tl.tensor,
    d: tl.tensor,
    MEMBERS: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    member = tl.program_id(0).to(tl.int64) * MEMBERS + tl.arange(0, MEMBERS)
    bag = tl.load(bags + member, member < n_members, 0)
    row = tl.load(indices + member, member < n_members, 0)
    total = tl.zeros((MEMBERS, COLUMNS), products.dtype.element_ty)
    for start in range(0, d, COLUMNS):
        column = start + tl.arange(0, COLUMNS)
        there = (member < n_members)[:, None] & (column < d)[None, :]
        one = tl.load(gradient + bag[:, None] * d + column[None, :], there, 0.0)
        two = tl.load(table + row[:, None] * d + column[None, :], there, 0.0)
        total += one * two.to(total.dtype)
    tl.store(products + member, tl.sum(total, 1), member < n_members)
