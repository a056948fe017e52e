"""ESM-2 and its SAEs as a pass cut at layers of the residual stream."""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from protsae.interventions.circuits.layered_pass import Dictionary, LayeredPass
from protsae.interventions.edited_predictions import Pass, packed_passes
from protsae.plm.esm2.batch import Packed
from protsae.plm.esm2.forward import FusedEsm2
from protsae.sae.autoencoder import Sae


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
