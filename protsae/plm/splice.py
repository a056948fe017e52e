"""What happens to ESM-2's predictions when a layer's activations are replaced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from protsae.plm.forward import Edit, FusedEsm2
from protsae.plm.masking import choose_masked, mask_batch
from protsae.plm.tokens import batches, tokenise, windows


@dataclass(frozen=True)
class MaskedLoss:
    """Summed cross-entropy of masked residues, by protein.

    Attributes
    ----------
    n_masked : ndarray of int, shape (n_proteins,)
    nats : dict of name to ndarray, shape (n_proteins,)
        sum of -log p(true residue), for the clean model (``clean``) and for each edit.
    kl : dict of name to ndarray, shape (n_proteins,)
        sum of KL(clean || edited) over the whole alphabet, in nats, for each edit.
    """

    n_masked: np.ndarray
    nats: dict[str, np.ndarray]
    kl: dict[str, np.ndarray]


def edit_residues(edit: Edit, residues_N: Tensor) -> Edit:
    """Apply ``edit`` to residues only, as rows (n, d_model); <cls> and <eos> stay."""

    def edited(x_ND: Tensor) -> Tensor:
        out_ND = x_ND.clone()
        out_ND[residues_N] = edit(x_ND[residues_N])
        return out_ND

    return edited


@torch.no_grad()
def masked_loss(
    esm2: FusedEsm2,
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

    Long proteins are cut into windows. ``mask_fraction`` of the standard residues that a window
    keeps become <mask>, at least one, drawn by ``seed``; so each is masked at most once. The blocks
    below ``layer`` run once for the clean model and all edits.

    Parameters
    ----------
    edits : mapping of name to function
        Each takes activations of residues, shape (n, d_model), and returns their replacement.
    """
    pieces = [
        window
        for index, sequence in enumerate(sequences)
        for window in windows(index, len(sequence), context, overlap)
    ]
    rng = np.random.default_rng(seed)
    tokens = [tokenise(sequences[w.protein][w.start : w.stop]) for w in pieces]
    positions = [
        w.keep_start
        - w.start
        + choose_masked(found[w.keep_start - w.start : w.keep_stop - w.start], mask_fraction, rng)
        for w, found in zip(pieces, tokens, strict=True)
    ]
    n_masked = np.zeros(len(sequences), dtype=np.int64)
    nats = {name: np.zeros(len(sequences)) for name in ("clean", *edits)}
    kl = {name: np.zeros(len(sequences)) for name in edits}
    for batch in batches([window.length for window in pieces], tokens_per_batch):
        chosen = [pieces[i] for i in batch]
        at = [positions[i] for i in batch]
        masked = mask_batch([tokens[i] for i in batch], at).to(esm2.device)
        owner = np.repeat([w.protein for w in chosen], [len(found) for found in at])
        n_masked += np.bincount(owner, minlength=len(sequences))
        clean = esm2(masked.batch, layers=(layer,))
        start = (layer, clean.representations[layer])

        def by_protein(values: Tensor, owner: np.ndarray = owner) -> np.ndarray:
            return np.bincount(owner, values.double().cpu().numpy(), minlength=len(sequences))

        clean_logp = esm2.logits(clean.final_ND[masked.rows]).log_softmax(1)
        nats["clean"] += by_protein(F.nll_loss(clean_logp, masked.targets, reduction="none"))
        for name, edit in edits.items():
            on_residues = edit_residues(edit, masked.batch.residues_N)
            final_ND = esm2(masked.batch, edits={layer: on_residues}, start=start).final_ND
            logp = esm2.logits(final_ND[masked.rows]).log_softmax(1)
            nats[name] += by_protein(F.nll_loss(logp, masked.targets, reduction="none"))
            divergence = F.kl_div(logp, clean_logp, reduction="none", log_target=True)
            kl[name] += by_protein(divergence.sum(1))
    return MaskedLoss(n_masked, nats, kl)


def loss_recovered(clean: float, spliced: float, ablated: float) -> float:
    """(ablated - spliced) / (ablated - clean): 1 = nothing lost, 0 = no better than ablation.

    Not clipped; NaN if ablation costs nothing.

    Examples
    --------
    >>> loss_recovered(clean=2.0, spliced=2.25, ablated=3.0)
    0.75
    """
    return (ablated - spliced) / (ablated - clean) if ablated != clean else float("nan")
