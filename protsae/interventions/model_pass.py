"""One pass of a model over a masked protein, to be run again with other activations."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from protsae.interventions.edited_predictions import Pass, packed_passes
from protsae.plm.esm2.batch import Packed
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.places import Inside, Place, layer_of


@dataclass(frozen=True)
class ModelPass:
    """What a pass predicts, as a function of the activations of one place.

    Attributes
    ----------
    x_ND : Tensor
        Activations of the tokens as they are, float32, shape (n_tokens, d_model).
    rows : Tensor
        Tokens of the residues that are predicted, int64, shape (n_predicted,).
    true : Tensor
        What they are, as columns of the predictions, int64, shape (n_predicted,).
    predict : function
        Activations of several copies, shape (n_copies, n_tokens, d_model), to log p, shape
        (n_copies, n_predicted, n_letters). Gradients flow through it.
    """

    x_ND: Tensor
    rows: Tensor
    true: Tensor
    predict: Callable[[Tensor], Tensor]


@torch.no_grad()
def esm_pass(esm2: FusedEsm2, place: Place, one: Pass, is_masked: bool = True) -> ModelPass:
    """A pass of ESM-2 over a window of a protein.

    The blocks below ``place`` run once, here; ``predict`` runs those from there on.
    """
    batch, rows = packed_passes([one], is_masked)
    batch, rows = batch.to(esm2.device), rows.to(esm2.device)
    below = place.layer - 1 if isinstance(place, Inside) else place
    found = esm2(batch, layers={below, place}, stop=layer_of(place))
    x_ND, start_ND = found.representations[place], found.representations[below]
    true = torch.from_numpy(one.tokens[one.predicted]).to(esm2.device)
    n_tokens = len(batch.tokens_N)

    def predict(x_END: Tensor) -> Tensor:
        n_copies = len(x_END)
        copies = Packed(batch.tokens_N.repeat(n_copies), batch.lengths * n_copies)
        first_rows = torch.arange(n_copies, device=rows.device) * n_tokens
        all_rows = (first_rows[:, None] + rows).flatten()
        # What the place gives is replaced as a whole; the blocks below it do not matter.
        edits = {place: lambda _: x_END.flatten(0, 1).to(x_ND.dtype)}
        start = (below, start_ND.repeat(n_copies, 1))
        final_ND = esm2(copies, (), edits, start, rows=all_rows).final_ND
        return esm2.logits(final_ND).log_softmax(-1).unflatten(0, (n_copies, -1))

    return ModelPass(x_ND.float(), rows, true, predict)
