"""What happens to ESM-2's predictions when a layer's activations are replaced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from esm.model.esm2 import ESM2
from torch import Tensor

from protsae.plm.forward import Edit, forward
from protsae.plm.masking import choose_masked, cross_entropy, target_tensor
from protsae.plm.tokens import MASK, batches, pad, tokenise, windows


@dataclass(frozen=True)
class MaskedLoss:
    """Summed cross-entropy of masked residues, by protein.

    Attributes
    ----------
    n_masked : ndarray of int, shape (n_proteins,)
    nats : dict of name to ndarray, shape (n_proteins,)
        sum of -log p(true residue), for the clean model (``clean``) and for each edit.
    """

    n_masked: np.ndarray
    nats: dict[str, np.ndarray]


def edit_residues(edit: Edit, lengths: Sequence[int]) -> Edit:
    """Apply ``edit`` to residues only, as rows (n, d_model); <cls>, <eos> and <pad> stay."""

    def edited(x_BTD: Tensor) -> Tensor:
        is_residue_BT = torch.zeros(x_BTD.shape[:2], dtype=torch.bool, device=x_BTD.device)
        for row, length in enumerate(lengths):
            is_residue_BT[row, 1 : length + 1] = True
        out_BTD = x_BTD.clone()
        out_BTD[is_residue_BT] = edit(x_BTD[is_residue_BT])
        return out_BTD

    return edited


@torch.no_grad()
def masked_loss(
    model: ESM2,
    sequences: Sequence[str],
    layer: int,
    edits: Mapping[str, Edit],
    mask_fraction: float,
    context: int,
    overlap: int,
    tokens_per_batch: int,
    seed: int,
) -> MaskedLoss:
    """Cross-entropy on the same masked residues, clean and with each edit of ``layer``.

    Long proteins are cut into windows. ``mask_fraction`` of the residues that a window keeps become
    <mask>, at least one, drawn by ``seed``; so each residue is masked at most once.

    Parameters
    ----------
    edits : mapping of name to function
        Each takes activations of residues, shape (n, d_model), and returns their replacement.
    """
    device = model.embed_tokens.weight.device
    pieces = [
        window
        for index, sequence in enumerate(sequences)
        for window in windows(index, len(sequence), context, overlap)
    ]
    rng = np.random.default_rng(seed)
    masked = [
        w.keep_start - w.start + choose_masked(w.keep_stop - w.keep_start, mask_fraction, rng)
        for w in pieces
    ]
    n_masked = np.zeros(len(sequences), dtype=np.int64)
    nats = {name: np.zeros(len(sequences)) for name in ("clean", *edits)}
    for batch in batches([window.length for window in pieces], tokens_per_batch):
        chosen = [pieces[i] for i in batch]
        at = [masked[i] for i in batch]
        originals = [tokenise(sequences[w.protein][w.start : w.stop]) for w in chosen]
        tokens_BT = pad([_mask(t, positions) for t, positions in zip(originals, at, strict=True)])
        targets_BT = target_tensor(tokens_BT, at, originals).to(device)
        owner = np.repeat([w.protein for w in chosen], [len(positions) for positions in at])
        n_masked += np.bincount(owner, minlength=len(sequences))
        lengths = [w.length for w in chosen]
        for name in nats:
            sites = {layer: edit_residues(edits[name], lengths)} if name in edits else {}
            logits = forward(model, tokens_BT.to(device), edits=sites, logits=True).logits
            assert logits is not None
            loss = cross_entropy(logits, targets_BT).double().cpu().numpy()
            nats[name] += np.bincount(owner, weights=loss, minlength=len(sequences))
    return MaskedLoss(n_masked, nats)


def loss_recovered(clean: float, spliced: float, ablated: float) -> float:
    """(ablated - spliced) / (ablated - clean): 1 = nothing lost, 0 = no better than ablation.

    Not clipped; NaN if ablation costs nothing.

    Examples
    --------
    >>> loss_recovered(clean=2.0, spliced=2.25, ablated=3.0)
    0.75
    """
    return (ablated - spliced) / (ablated - clean) if ablated != clean else float("nan")


def _mask(tokens: np.ndarray, positions: np.ndarray) -> np.ndarray:
    masked = tokens.copy()
    masked[positions] = MASK
    return masked
