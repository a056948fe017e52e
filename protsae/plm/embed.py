"""Every layer's activations of many proteins, windowed and batched, special tokens dropped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from esm.model.esm2 import ESM2

from protsae.plm.forward import forward
from protsae.plm.tokens import batches, pad, tokenise, windows


@dataclass(frozen=True)
class Piece:
    """Activations of a stretch of one protein.

    Attributes
    ----------
    protein : int
        Index into the sequences.
    start : int
        0-based position of the first residue.
    rows : dict of layer to ndarray
        float32, shape (n_residues, d_model).
    """

    protein: int
    start: int
    rows: dict[int, np.ndarray]


@torch.no_grad()
def embed(
    model: ESM2,
    sequences: Sequence[str],
    layers: Sequence[int],
    context: int = 1022,
    overlap: int = 256,
    tokens_per_batch: int = 4096,
) -> Iterator[Piece]:
    """Yield every residue's activations exactly once, all layers from one forward pass.

    Proteins longer than ``context`` go through in overlapping windows; the pieces come in order of
    window length, longest first, not in order of the sequences.

    Parameters
    ----------
    sequences : sequence of str
        Letters A-Z; J is read as X.
    layers : sequence of int
        fair-esm's ``repr_layers``.
    context, overlap : int
        Residues in a window, and shared by neighbouring windows.
    tokens_per_batch : int
        Padded tokens in a forward pass.
    """
    pieces = [
        window
        for index, sequence in enumerate(sequences)
        for window in windows(index, len(sequence), context, overlap)
    ]
    for batch in batches([window.length for window in pieces], tokens_per_batch):
        chosen = [pieces[i] for i in batch]
        tokens_BT = pad([tokenise(sequences[w.protein][w.start : w.stop]) for w in chosen])
        out = forward(model, tokens_BT.to(model.embed_tokens.weight.device), layers)
        found = {layer: x_BTD.float().cpu().numpy() for layer, x_BTD in out.representations.items()}
        for row, window in enumerate(chosen):
            # + 1: <cls> stands before the first residue.
            keep = slice(window.keep_start - window.start + 1, window.keep_stop - window.start + 1)
            yield Piece(
                window.protein,
                window.keep_start,
                {layer: x_BTD[row, keep] for layer, x_BTD in found.items()},
            )
