"""One number that a model computes for a protein, as a function of the activations of a place."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from protsae.interventions.edited_predictions import Pass, packed_passes
from protsae.interventions.model_pass import esm_pass
from protsae.plm.esm2.batch import Packed
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.places import Inside, Place
from protsae.plm.esm2.tokens import Window, tokenise


@dataclass(frozen=True)
class OutputPass:
    """An output y of a pass over a window of a protein.

    Attributes
    ----------
    x_ND : Tensor
        Activations of the tokens as they are, float32, shape (n_tokens, d_model).
    rows : Tensor
        Tokens that are residues, int64, shape (n_residues,): all but <cls> and <eos>.
    value : function
        Activations of several copies, shape (n_copies, n_tokens, d_model), to y of each, shape
        (n_copies,). Gradients flow through it.
    """

    x_ND: Tensor
    rows: Tensor
    value: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Reading:
    """A linear reading w x + b of the activations of a place, such as a probe's logit.

    Attributes
    ----------
    place : int or Inside
    weights_D : ndarray, float64, shape (d_model,)
    bias : float
    """

    place: Place
    weights_D: np.ndarray
    bias: float


def predicted_pass(
    esm2: FusedEsm2,
    place: Place,
    sequence: str,
    window: Window,
    site: int,
    letter: str,
    reference: str | None = None,
) -> OutputPass:
    """y = log p(letter) at a masked residue, or log p(letter) - log p(reference).

    Natural logarithms of probabilities over the 33 tokens; the residue alone is masked, as in
    `masked_log_p`.

    Parameters
    ----------
    site : int
        The residue, 0-based in the protein; the window holds it.
    """
    one = Pass(window, tokenise(sequence[window.start : window.stop]), _only(site - window.start))
    of_pass = esm_pass(esm2, place, one)
    tokens = tokenise(letter + (reference or ""))

    def value(x_END: Tensor) -> Tensor:
        logp_EA = of_pass.predict(x_END)[:, 0]
        wanted_E = logp_EA[:, tokens[0]]
        return wanted_E if reference is None else wanted_E - logp_EA[:, tokens[1]]

    return OutputPass(of_pass.x_ND, _residue_rows(window, esm2), value)


@torch.no_grad()
def read_pass(
    esm2: FusedEsm2, place: Place, sequence: str, window: Window, site: int, reading: Reading
) -> OutputPass:
    """y = w x + b of the activations of a residue at another place, nothing masked.

    Parameters
    ----------
    place : int or Inside
        Where y is a function of the activations: not after the place of the reading.
    site : int
        As of `predicted_pass`.
    """
    one = Pass(window, tokenise(sequence[window.start : window.stop]), _only(0))
    batch, _ = packed_passes([one], is_masked=False)
    batch = batch.to(esm2.device)
    below = place.layer - 1 if isinstance(place, Inside) else place
    found = esm2(batch, layers={below, place}).representations
    x_ND, start_ND = found[place], found[below]
    weights_D = torch.from_numpy(reading.weights_D).to(esm2.device)
    # + 1: <cls> stands before the first residue.
    row = site - window.start + 1

    def value(x_END: Tensor) -> Tensor:
        n_copies = len(x_END)
        copies = Packed(batch.tokens_N.repeat(n_copies), batch.lengths * n_copies)
        edits = {place: lambda _: x_END.flatten(0, 1).to(x_ND.dtype)}
        start = (below, start_ND.repeat(n_copies, 1))
        read = esm2(copies, {reading.place}, edits, start).representations[reading.place]
        of_site_ED = read.unflatten(0, (n_copies, -1))[:, row]
        return of_site_ED.double() @ weights_D + reading.bias

    return OutputPass(x_ND.float(), _residue_rows(window, esm2), value)


def _only(residue: int) -> np.ndarray:
    return np.array([residue])


def _residue_rows(window: Window, esm2: FusedEsm2) -> Tensor:
    return torch.arange(1, window.length + 1, device=esm2.device)
