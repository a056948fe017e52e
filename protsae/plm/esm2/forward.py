"""ESM-2's forward pass over fair-esm's weights: every layer at once, editable at any layer.

fair-esm writes attention out by hand and pads; here all linear maps run over the tokens of a batch
one after another, attention within each sequence, and q, k and v come from one product. fair-esm's
own forward is the reference in the tests.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from esm.model.esm2 import ESM2
from torch import Tensor

from protsae.plm.esm2.batch import Batch
from protsae.plm.esm2.int8_linear import Int8Linear
from protsae.plm.esm2.places import Inside, Place, layer_of
from protsae.plm.esm2.tokens import PAD

Edit = Callable[[Tensor], Tensor]
Keep = Callable[[Place, Tensor], Tensor]

TRAINED_MASK_SHARE = 0.15 * 0.8
"""Share of tokens that are <mask> in ESM-2's training: 15 % chosen, 80 % of them masked."""


@dataclass(frozen=True)
class ForwardOutput:
    """Activations by place and those of the last layer, shape (n_tokens, d_model), float32."""

    representations: dict[Place, Tensor]
    final_ND: Tensor


@dataclass(frozen=True, eq=False)  # torch.compile takes hashes, which tensors should not enter
class _Linear:
    """x -> x W^T + b, computed and returned in the precision of W."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x_ND: Tensor) -> Tensor:
        return F.linear(x_ND.to(self.weight.dtype), self.weight, self.bias)


@dataclass(frozen=True, eq=False)
class _Block:
    attention_norm: torch.nn.Module
    qkv: _Linear | Int8Linear
    out: _Linear | Int8Linear
    norm: torch.nn.Module
    up: _Linear | Int8Linear
    down: _Linear | Int8Linear


class FusedEsm2:
    """An ESM-2 prepared for its fast forward pass.

    Linear maps run in ``dtype``; the residual stream, layer norms and logits stay in the model's
    type, float32. The weights follow the model's (in float32 without copies, but for q, k and v),
    and gradients flow back to it.

    Parameters
    ----------
    model : ESM2
        float32, or float64 where ``dtype`` is.
    dtype : torch.dtype
        float32, bfloat16, float16, float64 or, on the CPU and without gradients, int8
        (`Int8Linear`): all but the linear maps is in float32 then.

    References
    ----------
    Lin et al. 2023, Science 379:1123 (ESM-2); Su et al. 2021, arXiv:2104.09864 (rotary positions);
    Dao et al. 2022, arXiv:2205.14135 (fused attention).
    """

    def __init__(self, model: ESM2, dtype: torch.dtype = torch.float32):
        self.model = model
        self.dtype = torch.float32 if dtype == torch.int8 else dtype
        self._linear_type = Int8Linear if dtype == torch.int8 else _Linear
        self.n_layers = int(model.num_layers)
        self.d_model = int(model.embed_dim)
        self.d_hidden = int(model.layers[0].fc1.out_features)
        self.n_heads = int(model.attention_heads)
        self.blocks = [self._fused(block) for block in model.layers]

    @property
    def device(self) -> torch.device:
        """Where the weights live."""
        return self.model.embed_tokens.weight.device

    def __call__(
        self,
        batch: Batch,
        layers: Collection[Place] = (),
        edits: Mapping[Place, Edit] | None = None,
        start: tuple[int, Tensor] | None = None,
        keep: Keep = lambda place, x_ND: x_ND,
        rows: Tensor | None = None,
        stop: int | None = None,
    ) -> ForwardOutput:
        """Run a batch; the numbers are fair-esm's ``representations``.

        Parameters
        ----------
        batch : Packed or Rows
            On the model's device.
        layers : collection of int or Inside
            fair-esm's numbers: 0 = embedding (with token-dropout scaling), i = residual stream
            after block i, ``n_layers`` = after the final layer norm. Or places inside of blocks,
            whose activations are of the precision of the linear maps (``mlp_in``: float32).
        edits : mapping of int or Inside to function, optional
            ``edits[i]`` replaces the activations of that place, shape (n_tokens, `width`), by what
            it returns, before anything later sees them.
        start : (layer, tensor), optional
            Activations of a layer from an earlier pass over the batch, shape (n_tokens, d_model):
            the blocks below need not run again. ``edits`` of that layer are applied to them.
        keep : function, optional
            Called with each of ``layers`` and its activations as soon as they are there; what it
            returns is kept (some rows, another precision), so the rest need not stay in memory.
        rows : tensor of int64, shape (n,), optional
            Tokens that ``final_ND`` is wanted of, in its order: from its queries on the last block
            runs on them alone.
        stop : int, optional
            The last block that runs; ``final_ND`` is then the layer of that number.
        """
        edits = edits or {}
        representations: dict[Place, Tensor] = {}

        def at(place: Place, x_ND: Tensor) -> Tensor:
            if place in edits:
                x_ND = edits[place](x_ND)
            if place in layers:
                representations[place] = keep(place, x_ND)
            return x_ND

        first, x_ND = (0, self._embed(batch)) if start is None else start
        x_ND = at(first, x_ND)
        last = self.n_layers if stop is None else stop
        # What is kept or edited of the last layer is all of it.
        early = rows is not None and last not in map(layer_of, (first, *layers, *edits))
        cos_N1K, sin_N1K = self._rotation(batch)
        for layer, block in enumerate(self.blocks[first:last], start=first + 1):
            qkv_NCHK = block.qkv(block.attention_norm(x_ND)).unflatten(-1, (3, self.n_heads, -1))
            q_NHK, k_NHK = (_rotate(qkv_NCHK[:, i], cos_N1K, sin_N1K) for i in (0, 1))
            wanted = rows if early and layer == last else None
            mixed_NHK = batch.attend(q_NHK, k_NHK, qkv_NCHK[:, 2], wanted)
            x_ND = x_ND if wanted is None else x_ND[wanted]
            x_ND = x_ND + at(Inside(layer, "attention"), block.out(mixed_NHK.flatten(1)))
            read_ND = at(Inside(layer, "mlp_in"), block.norm(x_ND))
            hidden_NF = at(Inside(layer, "mlp_hidden"), F.gelu(block.up(read_ND)))
            x_ND = x_ND + at(Inside(layer, "mlp_out"), block.down(hidden_NF))
            if layer == self.n_layers:
                x_ND = self.model.emb_layer_norm_after(x_ND)
            x_ND = at(layer, x_ND)
        if rows is not None and not early:
            x_ND = x_ND[rows]
        return ForwardOutput(representations, x_ND)

    def width(self, place: Place) -> int:
        """Activations of a token at a place: d_model, or as many as an MLP has neurons."""
        is_hidden = isinstance(place, Inside) and place.site == "mlp_hidden"
        return self.d_hidden if is_hidden else self.d_model

    def logits(self, final_ND: Tensor) -> Tensor:
        """Masked-token logits of rows of the last layer, float32, shape (n, 33)."""
        head = self.model.lm_head
        # In float32: little work, and in bfloat16 oneDNN would prepare and keep a kernel for every
        # number of rows, gigabytes in a training run.
        hidden_ND = head.layer_norm(F.gelu(head.dense(final_ND)))
        return F.linear(hidden_ND, head.weight, head.bias)

    def _linear(self, *modules: Any) -> _Linear | Int8Linear:
        """One linear map of several beside each other."""
        weight, bias = (
            torch.cat([getattr(module, name) for module in modules])
            if len(modules) > 1
            else getattr(modules[0], name)
            for name in ("weight", "bias")
        )
        return self._linear_type(weight.to(self.dtype), bias.to(self.dtype))

    def _fused(self, block: Any) -> _Block:
        attention = block.self_attn
        return _Block(
            attention_norm=block.self_attn_layer_norm,
            qkv=self._linear(attention.q_proj, attention.k_proj, attention.v_proj),
            out=self._linear(attention.out_proj),
            norm=block.final_layer_norm,
            up=self._linear(block.fc1),
            down=self._linear(block.fc2),
        )

    def _embed(self, batch: Batch) -> Tensor:
        tokens_N = batch.tokens_N
        x_ND = self.model.embed_scale * self.model.embed_tokens(tokens_N)
        if self.model.token_dropout:
            x_ND = x_ND.masked_fill(tokens_N.eq(self.model.mask_idx)[:, None], 0.0)
            kept_N = (1 - TRAINED_MASK_SHARE) / (1 - batch.masked_share_N)
            x_ND = x_ND * kept_N[:, None]
        return x_ND.masked_fill(tokens_N.eq(PAD)[:, None], 0.0)

    def _rotation(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Cosine and signed sine for each token, shape (n_tokens, 1, d_head)."""
        # Made anew for each batch, which costs next to nothing: a table that is kept would have to
        # be shared by streams that do not wait for each other.
        positions_N = batch.positions_N
        tables = self._rotary_tables(batch.longest)
        cos_N1K, sin_N1K = (table[positions_N][:, None] for table in tables)
        return cos_N1K, sin_N1K

    def _rotary_tables(self, n_positions: int) -> tuple[Tensor, Tensor]:
        exact = torch.promote_types(self.dtype, torch.float32)
        inv_freq = self.model.layers[0].self_attn.rot_emb.inv_freq.to(exact)
        position_T = torch.arange(n_positions, device=inv_freq.device).type_as(inv_freq)
        angle_TK = torch.outer(position_T, inv_freq)
        cos_TK, sin_TK = angle_TK.cos(), angle_TK.sin()
        tables = torch.cat((cos_TK, cos_TK), -1), torch.cat((-sin_TK, sin_TK), -1)
        return tables[0].to(self.dtype), tables[1].to(self.dtype)


def _rotate(x_NHK: Tensor, cos_N1K: Tensor, sin_N1K: Tensor) -> Tensor:
    first, second = x_NHK.chunk(2, dim=-1)
    return torch.addcmul(x_NHK * cos_N1K, torch.cat((second, first), dim=-1), sin_N1K)
