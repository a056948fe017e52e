"""ESM-2's forward pass over fair-esm's weights: every layer at once, editable at any layer.

fair-esm writes attention out by hand; here it is torch's fused scaled-dot-product attention and the
rotary tables are made once per pass. fair-esm's own forward is the reference in the tests.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from esm.model.esm2 import ESM2
from torch import Tensor

Edit = Callable[[Tensor], Tensor]

TRAINED_MASK_SHARE = 0.15 * 0.8
"""Share of tokens that are <mask> in ESM-2's training: 15 % chosen, 80 % of them masked."""


@dataclass(frozen=True)
class ForwardOutput:
    """Activations by layer, shape (n_sequences, n_tokens, d_model), and logits if asked for."""

    representations: dict[int, Tensor]
    logits: Tensor | None


def forward(
    model: ESM2,
    tokens_BT: Tensor,
    layers: Collection[int] = (),
    edits: Mapping[int, Edit] | None = None,
    logits: bool = False,
) -> ForwardOutput:
    """Run ESM-2 on a padded batch; the numbers are fair-esm's ``representations`` and ``logits``.

    Parameters
    ----------
    tokens_BT : int64, shape (n_sequences, n_tokens)
        <cls> sequence <eos>, padded with ``model.padding_idx``.
    layers : collection of int
        fair-esm's numbers: 0 = embedding (with token-dropout scaling), i = residual stream after
        block i, ``model.num_layers`` = after the final layer norm.
    edits : mapping of layer to function, optional
        ``edits[i]`` replaces the activations of layer i, shape (n_sequences, n_tokens, d_model),
        by what it returns, before anything later sees them.
    logits : bool
        Also compute masked-token logits, shape (n_sequences, n_tokens, 33).

    Returns
    -------
    ForwardOutput

    References
    ----------
    Lin et al. 2023, Science 379:1123 (ESM-2); Su et al. 2021, arXiv:2104.09864 (rotary positions).
    """
    edits = edits or {}
    last = model.num_layers
    representations: dict[int, Tensor] = {}

    def site(layer: int, x_BTD: Tensor) -> Tensor:
        if layer in edits:
            x_BTD = edits[layer](x_BTD)
        if layer in layers:
            representations[layer] = x_BTD
        return x_BTD

    padding_BT = tokens_BT.eq(model.padding_idx)
    # True = may be attended to, broadcast over heads and queries; no mask at all is the fast case.
    keys_B11T = None if not padding_BT.any() else ~padding_BT[:, None, None, :]
    cos_TK, sin_TK = _rotary_tables(model, tokens_BT.shape[1])

    x_BTD = site(0, _embed(model, tokens_BT, padding_BT))
    for index, block in enumerate(model.layers):
        h_BTD = block.self_attn_layer_norm(x_BTD)
        x_BTD = x_BTD + _attention(block.self_attn, h_BTD, keys_B11T, cos_TK, sin_TK)
        x_BTD = x_BTD + block.fc2(F.gelu(block.fc1(block.final_layer_norm(x_BTD))))
        if index + 1 < last:
            x_BTD = site(index + 1, x_BTD)
    x_BTD = site(last, model.emb_layer_norm_after(x_BTD))
    return ForwardOutput(representations, model.lm_head(x_BTD) if logits else None)


def _embed(model: ESM2, tokens_BT: Tensor, padding_BT: Tensor) -> Tensor:
    x_BTD = model.embed_scale * model.embed_tokens(tokens_BT)
    if model.token_dropout:
        masked_BT = tokens_BT.eq(model.mask_idx)
        share_B = masked_BT.sum(-1).to(x_BTD.dtype) / (~padding_BT).sum(-1)
        x_BTD = x_BTD.masked_fill(masked_BT[..., None], 0.0)
        x_BTD = x_BTD * ((1 - TRAINED_MASK_SHARE) / (1 - share_B))[:, None, None]
    return x_BTD.masked_fill(padding_BT[..., None], 0.0)


def _rotary_tables(model: ESM2, n_tokens: int) -> tuple[Tensor, Tensor]:
    inv_freq = model.layers[0].self_attn.rot_emb.inv_freq
    position_T = torch.arange(n_tokens, device=inv_freq.device).type_as(inv_freq)
    angle_TK = torch.outer(position_T, inv_freq).repeat(1, 2)
    return angle_TK.cos(), angle_TK.sin()


def _rotate(x_BHTK: Tensor, cos_TK: Tensor, sin_TK: Tensor) -> Tensor:
    first, second = x_BHTK.chunk(2, dim=-1)
    return x_BHTK * cos_TK + torch.cat((-second, first), dim=-1) * sin_TK


def _attention(
    attention: torch.nn.Module,
    x_BTD: Tensor,
    keys_B11T: Tensor | None,
    cos_TK: Tensor,
    sin_TK: Tensor,
) -> Tensor:
    n_heads: int = attention.num_heads  # type: ignore[assignment]

    def heads(projection: torch.nn.Module) -> Tensor:  # (B, T, D) -> (B, H, T, K)
        return projection(x_BTD).unflatten(-1, (n_heads, -1)).transpose(1, 2)

    q_BHTK = _rotate(heads(attention.q_proj), cos_TK, sin_TK)  # type: ignore[arg-type]
    k_BHTK = _rotate(heads(attention.k_proj), cos_TK, sin_TK)  # type: ignore[arg-type]
    v_BHTK = heads(attention.v_proj)  # type: ignore[arg-type]
    mixed_BHTK = F.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, attn_mask=keys_B11T)
    out: Tensor = attention.out_proj(mixed_BHTK.transpose(1, 2).flatten(2))  # type: ignore[operator]
    return out
