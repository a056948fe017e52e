"""Attention within sequences of unequal length that lie one after another, without padding.

Which kernel is used where was decided by measurement (docs/benchmarks.md): torch's fused kernel in
float32; on CPUs with bfloat16 instructions the plain products, which use them fully; on CUDA in
half precision the variable-length flash kernel, one call for all sequences, where it runs.
"""

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_SCORES = 2**21
"""Scores of a sequence held at once by the plain products: what fits a core's cache share."""


def attend_packed(
    q_NHK: Tensor,
    k_NHK: Tensor,
    v_NHK: Tensor,
    lengths: Sequence[int],
    rows: Tensor | None = None,
) -> Tensor:
    """softmax(q k^T / sqrt(K)) v within each of the sequences that make up the n_tokens rows.

    Parameters
    ----------
    q_NHK, k_NHK, v_NHK : tensor, shape (n_tokens, n_heads, d_head)
    lengths : sequence of int
        Rows of each sequence, in order; they add up to n_tokens.
    rows : tensor of int64, shape (n,), optional
        The queries that are wanted, in any order; all if not given. Where 15 % are, as of masked
        residues, the CPU takes a sixth of the time.

    Returns
    -------
    tensor, shape (n_tokens, n_heads, d_head), or (n, n_heads, d_head)
    """
    if _has_flash(q_NHK):
        mixed_NHK = _flash(q_NHK, k_NHK, v_NHK, lengths)
        return mixed_NHK if rows is None else mixed_NHK[rows]
    if rows is None:
        return _attend_runs(q_NHK, k_NHK, v_NHK, lengths, lengths)
    ends = torch.tensor([*itertools.accumulate(lengths)], device=rows.device)
    sequence, order = torch.bucketize(rows, ends, right=True).sort(stable=True)
    asked = torch.bincount(sequence, minlength=len(lengths)).tolist()
    mixed_NHK = _attend_runs(q_NHK[rows[order]], k_NHK, v_NHK, asked, lengths)
    return torch.empty_like(mixed_NHK).index_copy(0, order, mixed_NHK)


def _attend_runs(
    q_NHK: Tensor, k_NHK: Tensor, v_NHK: Tensor, asked: Sequence[int], lengths: Sequence[int]
) -> Tensor:
    """The queries of each sequence, ``asked`` of them, over its ``lengths`` keys."""
    found, first, start = [], 0, 0
    for (n_queries, length), run in itertools.groupby(zip(asked, lengths, strict=True)):
        n_sequences = len(list(run))
        last, stop = first + n_sequences * n_queries, start + n_sequences * length
        if n_queries:
            q = q_NHK[first:last].unflatten(0, (n_sequences, n_queries))
            k, v = (x[start:stop].unflatten(0, (n_sequences, length)) for x in (k_NHK, v_NHK))
            found.append(attend(q, k, v).flatten(0, 1))
        first, start = last, stop
    return torch.cat(found) if found else q_NHK


def attend(
    q_BTHK: Tensor, k_BTHK: Tensor, v_BTHK: Tensor, bias_B1QT: Tensor | None = None
) -> Tensor:
    """softmax(q k^T / sqrt(K) + bias) v, of the shape of q: (n_rows, n_tokens, n_heads, d_head).

    ``bias_B1QT`` is 0 where a query may see a key and -inf elsewhere. There may be fewer queries
    than keys.
    """
    q_BHTK, k_BHTK, v_BHTK = (x.transpose(1, 2) for x in (q_BTHK, k_BTHK, v_BTHK))
    if q_BTHK.is_cpu and q_BTHK.dtype != torch.float32:
        mixed_BHTK = _plain(q_BHTK, k_BHTK, v_BHTK, bias_B1QT)
    else:
        mixed_BHTK = F.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, attn_mask=bias_B1QT)
    return mixed_BHTK.transpose(1, 2)


def _plain(q_BHTK: Tensor, k_BHTK: Tensor, v_BHTK: Tensor, bias_B1QT: Tensor | None) -> Tensor:
    n_rows, n_heads, n_tokens, width = k_BHTK.shape
    q_BHTK = q_BHTK * width**-0.5
    if bias_B1QT is not None:
        # One shape and few heads: training. In place, so that the backward pass is the identity.
        return torch.softmax((q_BHTK @ k_BHTK.mT).add_(bias_B1QT), -1) @ v_BHTK
    step = max(16, MAX_SCORES // (n_rows * n_heads * n_tokens))
    blocks = q_BHTK.split(step, dim=2)
    return torch.cat([torch.softmax(block @ k_BHTK.mT, -1) @ v_BHTK for block in blocks], dim=2)


def _has_flash(q_NHK: Tensor) -> bool:
    """In half precision, on GPUs since Ampere, for heads of a multiple of 8 columns (all ESM-2)."""
    if not q_NHK.is_cuda or q_NHK.dtype not in (torch.float16, torch.bfloat16):
        return False
    return q_NHK.shape[-1] % 8 == 0 and torch.cuda.get_device_capability(q_NHK.device) >= (8, 0)


def _flash(q_NHK: Tensor, k_NHK: Tensor, v_NHK: Tensor, lengths: Sequence[int]) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    ends = torch.tensor([0, *itertools.accumulate(lengths)], dtype=torch.int32)
    ends = ends.to(q_NHK.device, non_blocking=True)
    longest = max(lengths)
    found = varlen_attn(q_NHK, k_NHK, v_NHK, ends, ends, longest, longest)
    assert isinstance(found, Tensor)  # a pair only where the log-sum-exp is asked for
    return found
