"""Sparse features against dense rows: sums that touch only what is active.

With k features active of n_features, decoding and both weight gradients take 2 N k d_model
multiplications each instead of 2 N n_features d_model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from protsae.sae.sae import Batch


@dataclass(frozen=True)
class Support:
    """Which features may be active on which rows: the places of the non-zeros of a sparse matrix.

    Attributes
    ----------
    rows, features : Tensor
        int64, shape (n_nonzero,); rows ascend.
    n_rows, n_features : int
    """

    rows: Tensor
    features: Tensor
    n_rows: int
    n_features: int

    @cached_property
    def row_offsets(self) -> Tensor:
        """Where each row begins, and the end: shape (n_rows + 1,)."""
        return _offsets(self.rows, self.n_rows)

    @cached_property
    def by_feature(self) -> tuple[Tensor, Tensor]:
        """The order that sorts the non-zeros by feature, and where each feature then begins."""
        return self.features.argsort(stable=True), _offsets(self.features, self.n_features)


Select = Callable[[Tensor], Support]
"""Pre-activations, shape (n_residues, n_features), to the features that may be active."""


def gather_sum(support: Support, values: Tensor, table_FD: Tensor) -> Tensor:
    """sum over the features of each row of value x table[feature], shape (n_rows, d)."""
    return F.embedding_bag(
        support.features,
        table_FD,
        support.row_offsets,
        per_sample_weights=values,
        mode="sum",
        include_last_offset=True,
    )


def scatter_sum(support: Support, values: Tensor, table_ND: Tensor) -> Tensor:
    """sum over the rows of each feature of value x table[row], shape (n_features, d).

    The transpose of ``gather_sum``, also by gathering, so that it is deterministic on any device.
    """
    order, offsets = support.by_feature
    return F.embedding_bag(
        support.rows[order],
        table_ND,
        offsets,
        per_sample_weights=values[order],
        mode="sum",
        include_last_offset=True,
    )


def row_dots(support: Support, table_FD: Tensor, table_ND: Tensor) -> Tensor:
    """table_FD[feature] . table_ND[row] of each non-zero: the gradient of values, (n_nonzero,)."""
    with torch.enable_grad():
        values = table_FD.new_zeros(len(support.features), requires_grad=True)
        rebuilt_ND = gather_sum(support, values, table_FD.detach())
    (dots,) = torch.autograd.grad(rebuilt_ND, values, table_ND)
    return dots


def encode_selected(batch: Batch, encoder_EF: Tensor, select: Select) -> tuple[Support, Tensor]:
    """Pre-activations of the selected features only, float32, shape (n_nonzero,), and where.

    All pre-activations are computed, once and without gradients; the gradient of ``encoder_EF`` is
    the sparse sum of rows of x1.
    """
    with torch.no_grad():
        pre_NF = batch.x1_NE @ encoder_EF.to(batch.x1_NE.dtype)
        support = select(pre_NF)
        values = pre_NF[support.rows, support.features].float()
    return support, _Encoded.apply(values, batch.x1_NE, encoder_EF, support)


def decode_selected(support: Support, values: Tensor, decoder_FD: Tensor) -> Tensor:
    """``gather_sum`` with gradients for values and decoder, float32."""
    return _Decoded.apply(support, values, decoder_FD)


class _Encoded(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, values: Tensor, x1_NE: Tensor, encoder_EF: Tensor, support: Support
    ) -> Tensor:
        ctx.save_for_backward(x1_NE)
        ctx.support = support
        return values.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (x1_NE,) = ctx.saved_tensors
        return None, None, scatter_sum(ctx.support, gradients[0], x1_NE.float()).T, None


class _Decoded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, support: Support, values: Tensor, decoder_FD: Tensor) -> Tensor:
        ctx.save_for_backward(values, decoder_FD)
        ctx.support = support
        return gather_sum(support, values, decoder_FD)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        values, decoder_FD = ctx.saved_tensors
        gradient_ND = gradients[0].contiguous()
        return (
            None,
            row_dots(ctx.support, decoder_FD, gradient_ND),
            scatter_sum(ctx.support, values, gradient_ND),
        )


def _offsets(ascending: Tensor, n: int) -> Tensor:
    return F.pad(torch.bincount(ascending, minlength=n).cumsum(0), (1, 0))
