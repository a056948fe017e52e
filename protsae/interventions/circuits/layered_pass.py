"""One pass of a model over one protein, cut into the stretches between successive places."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from protsae.interventions.edited_predictions import Pass, packed_passes
from protsae.plm.esm2.batch import Packed
from protsae.plm.esm2.forward import FusedEsm2
from protsae.sae.autoencoder import Sae


@dataclass(frozen=True)
class LayeredPass:
    """What a model makes of one protein, place by place: x_1 -> x_2 -> ... -> y.

    At each place all that later ones read goes through x, as through a residual stream, so that
    paths from place to place are all paths there are.

    Attributes
    ----------
    first_ND : Tensor
        Activations of the first place as they are, shape (n_tokens, d_model).
    is_residue : Tensor
        bool, shape (n_tokens,): where features are. Of other tokens all is error.
    steps : tuple of function
        From each place but the last to the next one, for copies: shape (n_copies, n_tokens,
        d_model). Gradients flow.
    output : function
        From the last place to y of each copy, shape (n_copies,). Gradients flow.
    """

    first_ND: Tensor
    is_residue: Tensor
    steps: tuple[Callable[[Tensor], Tensor], ...]
    output: Callable[[Tensor], Tensor]

    @property
    def n_places(self) -> int:
        """Places, from first to last."""
        return len(self.steps) + 1

    def forward(self, place: int, x_END: Tensor) -> Tensor:
        """y, from the activations of any place by its number, from 0."""
        for step in self.steps[place:]:
            x_END = step(x_END)
        return self.output(x_END)


@dataclass(frozen=True)
class Dictionary:
    """Features of a place: what reads them, and what they write.

    Attributes
    ----------
    encode : function
        Activations (n, d_model) to features (n, n_features), with gradients.
    decoder_FD : Tensor
    bias_D : Tensor
    """

    encode: Callable[[Tensor], Tensor]
    decoder_FD: Tensor
    bias_D: Tensor

    def features(self, x_END: Tensor, is_residue: Tensor) -> Tensor:
        """Features of copies of a pass, shape (n_copies, n_tokens, n_features); 0 off residues."""
        f_ENF = self.encode(x_END.flatten(0, -2)).unflatten(0, x_END.shape[:-1])
        return f_ENF * is_residue[:, None]

    def errors(self, x_END: Tensor, f_ENF: Tensor) -> Tensor:
        """What features and bias leave of activations: e = x - f W - b."""
        return x_END - f_ENF @ self.decoder_FD - self.bias_D


def sae_dictionary(sae: Sae) -> Dictionary:
    """The features of an SAE."""
    return Dictionary(sae.encode, sae.W_dec.detach(), sae.b_dec.detach())


@torch.no_grad()
def esm_layered_pass(
    esm2: FusedEsm2,
    layers: Sequence[int],
    one: Pass,
    letters: Tensor,
    is_masked: bool = True,
) -> LayeredPass:
    """A pass of ESM-2 over a window of a protein, from layer to layer of the residual stream.

    Parameters
    ----------
    layers : sequence of int
        Ascending.
    one : Pass
        It predicts one residue.
    letters : Tensor
        Of each of the 33 tokens its weight w in the output y = sum w log p, shape (33,).
    is_masked : bool
        Whether the residue is masked.
    """
    batch, rows = packed_passes([one], is_masked)
    batch, rows = batch.to(esm2.device), rows.to(esm2.device)
    letters = letters.to(esm2.device)
    n_tokens = len(batch.tokens_N)
    first = esm2(batch, stop=layers[0]).final_ND

    def run(x_END: Tensor, start: int, stop: int | None, wanted: Tensor | None) -> Tensor:
        n_copies = len(x_END)
        copies = Packed(batch.tokens_N.repeat(n_copies), batch.lengths * n_copies)
        given = (start, x_END.flatten(0, 1))
        return esm2(copies, start=given, rows=wanted, stop=stop).final_ND.unflatten(
            0, (n_copies, -1)
        )

    def step_from(start: int, stop: int) -> Callable[[Tensor], Tensor]:
        return lambda x_END: run(x_END, start, stop, None)

    def output(x_END: Tensor) -> Tensor:
        at = torch.arange(len(x_END), device=rows.device)[:, None] * n_tokens + rows
        final_END = run(x_END, layers[-1], None, at.flatten())
        return esm2.logits(final_END[:, 0]).log_softmax(-1) @ letters

    steps = tuple(step_from(a, b) for a, b in itertools.pairwise(layers))
    return LayeredPass(first, batch.residues_N, steps, output)
