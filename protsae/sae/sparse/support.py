"""Sparse features against dense rows: sums that touch only what is active.

With k features active of n_features, decoding and both weight gradients take 2 N k d_model
multiplications each instead of 2 N n_features d_model.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from protsae.sae.autoencoder import Batch

BagSum = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Values, table, indices and offsets to the sum over each bag of value x table[index]."""


@dataclass(frozen=True)
class Support:
    """Which features are active on which rows: the places of the non-zeros of a sparse matrix.

    Attributes
    ----------
    rows, features : Tensor
        int64, shape (n_nonzero,); rows ascend, and features within a row.
    n_rows, n_features : int
    """

    rows: Tensor
    features: Tensor
    n_rows: int
    n_features: int

    @classmethod
    def at(cls, flat: Tensor, n_rows: int, n_features: int) -> Self:
        """Of ascending places in the flattened matrix."""
        rows = flat // n_features
        return cls(rows, flat - rows * n_features, n_rows, n_features)

    @cached_property
    def row_offsets(self) -> Tensor:
        """Where each row begins, and the end: shape (n_rows + 1,)."""
        return _offsets(self.rows, self.n_rows)

    @cached_property
    def by_feature(self) -> tuple[Tensor, Tensor]:
        """The order that sorts the non-zeros by feature, and where each feature then begins."""
        # The time of a sort is that of the bits of its keys.
        narrow = self.n_features < 2**15
        features = self.features.to(torch.int16) if narrow else self.features
        if features.is_cuda or not narrow:
            ascending, order = features.sort(stable=True)
            return order, _offsets(ascending, self.n_features)
        # numpy sorts few numbers of 16 bits by radix, too, in an eighth of the time of torch.
        order = torch.from_numpy(features.numpy().argsort(kind="stable"))
        counts_F = torch.bincount(self.features, minlength=self.n_features)
        return order, F.pad(counts_F.cumsum(0), (1, 0))

    @cached_property
    def rows_by_feature(self) -> Tensor:
        """The row of each non-zero, in that order."""
        return self.rows.index_select(0, self.by_feature[0])

    @property
    def fired_F(self) -> Tensor:
        """bool, shape (n_features,): active on at least one row."""
        return self.by_feature[1].diff() > 0

    def fired_with(self, values: Tensor) -> Tensor:
        """The same where some of the values are 0."""
        fired_F = torch.zeros(self.n_features, dtype=torch.bool, device=values.device)
        fired_F[self.features[values.detach() > 0]] = True
        return fired_F


Select = Callable[[Tensor], Support]
"""Pre-activations, shape (n_residues, n_features), to the features that are active: positive."""


def gather_sum(support: Support, values: Tensor, table_FD: Tensor) -> Tensor:
    """sum over the features of each row of value x table[feature], shape (n_rows, d)."""
    return _bag_sum(values, table_FD, support.features, support.row_offsets)


def scatter_sum(support: Support, values: Tensor, table_ND: Tensor) -> Tensor:
    """sum over the rows of each feature of value x table[row], shape (n_features, d).

    The transpose of ``gather_sum``, also by gathering, so that it is deterministic on any device.
    """
    order, offsets = support.by_feature
    return _bag_sum(values.index_select(0, order), table_ND, support.rows_by_feature, offsets)


def spread(per_F: Tensor, support: Support) -> Tensor:
    """per[feature] of each non-zero, shape (n_nonzero,); its gradient sums over rows."""
    return _Spread.apply(per_F, support)


def encode_selected(batch: Batch, encoder_EF: Tensor, select: Select) -> tuple[Support, Tensor]:
    """Active features: where, and their values, float32, shape (n_nonzero,).

    All pre-activations are computed, once and without gradients; the gradient of ``encoder_EF`` is
    the sparse sum of rows of x1.
    """
    with torch.no_grad():
        pre_NF = batch.x1_NE @ encoder_EF.to(batch.x1_NE.dtype)
        support = select(pre_NF)
    return support, values_at(support, pre_NF, encoder_EF, batch)


def values_at(support: Support, pre_NF: Tensor, encoder_EF: Tensor, batch: Batch) -> Tensor:
    """x1 encoder, known as ``pre_NF``, where features are active: float32, shape (n_nonzero,).

    The gradient of ``encoder_EF`` is that of ``encode_selected``.
    """
    flat = support.rows * support.n_features + support.features
    values = pre_NF.detach().flatten().index_select(0, flat).float()
    return _Encoded.apply(values, encoder_EF, batch, support)


def decode_selected(support: Support, values: Tensor, decoder_FD: Tensor) -> Tensor:
    """``gather_sum`` with sparse gradients for values and decoder, float32."""
    rebuilt_ND = gather_sum(support, values, decoder_FD.detach())
    return _Decoded.apply(rebuilt_ND, decoder_FD, values.detach(), support)


class _Encoded(torch.autograd.Function):
    """The values as they are; gradients for the encoder."""

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, encoder_EF: Tensor, batch: Batch, support: Support
    ) -> Tensor:
        ctx.batch, ctx.support = batch, support
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x_ND, x1_NE = ctx.batch.x_ND, ctx.batch.x1_NE
        if x1_NE.is_cuda:
            return None, scatter_sum(ctx.support, gradients[0], x1_NE).T, None, None
        # embedding_bag wants float32, and is slow where rows begin anywhere.
        weights_FD = scatter_sum(ctx.support, gradients[0], x_ND)
        bias_1F = _sum_over_rows(ctx.support, gradients[0])[None]
        zeros_ZF = bias_1F.new_zeros(x1_NE.shape[1] - x_ND.shape[1] - 1, bias_1F.shape[1])
        return None, torch.cat([weights_FD.T, bias_1F, zeros_ZF]), None, None


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, per_F: Tensor, support: Support) -> Tensor:
        ctx.support = support
        return per_F.index_select(0, support.features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return _sum_over_rows(ctx.support, gradients[0]), None


class _Decoded(torch.autograd.Function):
    """What was rebuilt as it is; gradients for the decoder, beside those that autograd knows.

    On the CPU, embedding_bag's own gradient of its table takes three times as long as
    ``scatter_sum``; on CUDA our kernels have none.
    """

    @staticmethod
    def forward(
        ctx: Any, rebuilt_ND: Tensor, decoder_FD: Tensor, values: Tensor, support: Support
    ) -> Tensor:
        ctx.save_for_backward(values)
        ctx.support = support
        return rebuilt_ND.view_as(rebuilt_ND)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (values,) = ctx.saved_tensors
        gradient_ND = gradients[0].contiguous()
        if not ctx.needs_input_grad[1]:  # of a frozen decoder
            return gradient_ND, None, None, None
        return gradient_ND, scatter_sum(ctx.support, values, gradient_ND), None, None


def _sum_over_rows(support: Support, values: Tensor) -> Tensor:
    """Sum of the values of each feature, shape (n_features,)."""
    if values.is_cuda:  # where index_add_ adds in any order
        return scatter_sum(support, values, values.new_ones(support.n_rows, 1)).squeeze(1)
    return values.new_zeros(support.n_features).index_add_(0, support.features, values)


def _bag_sum(values: Tensor, table: Tensor, indices: Tensor, offsets: Tensor) -> Tensor:
    bag_sum = _bag_sum_on(values.device) if values.is_cuda else _embedding_bag
    return bag_sum(values, table, indices, offsets)


@cache
def _bag_sum_on(gpu: torch.device) -> BagSum:
    """Our kernels, if they give 1 x 1 = 1 there; else PyTorch.

    Triton comes with torch for CUDA on Linux, and builds with a C compiler and Python's headers,
    which a machine may lack.
    """
    try:
        from protsae.sae.sparse.triton_kernels import bag_sum

        one, ends = torch.ones(1, 1, device=gpu), torch.arange(2, device=gpu)
        assert bag_sum(one[0], one, ends[:1], ends) == 1
    except ImportError:
        return _embedding_bag
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        warnings.warn(f"sparse sums without Triton, which fails ({reason})", stacklevel=2)
        return _embedding_bag
    return bag_sum


def _embedding_bag(values: Tensor, table: Tensor, indices: Tensor, offsets: Tensor) -> Tensor:
    return F.embedding_bag(
        indices,
        table.to(values.dtype),
        offsets,
        per_sample_weights=values,
        mode="sum",
        include_last_offset=True,
    )


def _offsets(ascending: Tensor, n: int) -> Tensor:
    # Unlike bincount, this leaves the CPU free to go on while a GPU computes.
    starts = torch.arange(n + 1, dtype=ascending.dtype, device=ascending.device)
    return torch.searchsorted(ascending.contiguous(), starts)
