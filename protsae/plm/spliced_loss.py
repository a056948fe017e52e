"""What happens to ESM-2's predictions when a layer's activations are replaced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from protsae.plm.esm2.forward import Edit, FusedEsm2
from protsae.plm.esm2.places import Inside, Place
from protsae.plm.esm2.tokens import N_TOKENS, Window, batches, tokenise, windows
from protsae.plm.masking import choose_masked, mask_batch


@dataclass(frozen=True)
class MaskedLoss:
    """Summed cross-entropy of masked residues, by mask and protein.

    Attributes
    ----------
    tokens : ndarray of int, shape (n_masks, n_proteins, N_TOKENS)
        How many residues of each kind were masked, by token number.
    nats : dict of name to ndarray, shape (n_masks, n_proteins)
        sum of -log p(true residue), for the clean model (``clean``) and for each edit.
    kl : dict of name to ndarray, shape (n_masks, n_proteins)
        sum of KL(clean || edited) over the whole alphabet, in nats, for each edit.
    """

    tokens: np.ndarray
    nats: dict[str, np.ndarray]
    kl: dict[str, np.ndarray]

    @property
    def n_masked(self) -> np.ndarray:
        """Residues masked, int, shape (n_masks, n_proteins)."""
        n_masked: np.ndarray = self.tokens.sum(2)
        return n_masked


@dataclass(frozen=True)
class _MaskedPiece:
    """A window of a protein, its tokens, and which of them one mask hides, 0-based in it."""

    mask: int
    protein: int
    tokens: np.ndarray
    positions: np.ndarray


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
    place: Place,
    edits: Mapping[str, Edit],
    mask_fraction: float,
    n_masks: int,
    context: int,
    overlap: int,
    tokens_per_batch: int,
    seed: int,
) -> MaskedLoss:
    """Cross-entropy on the same masked residues, clean and with each edit of ``place``.

    Long proteins are cut into windows. ``mask_fraction`` of the standard residues that a window
    keeps become <mask>, at least one, drawn by ``seed``; so one mask hides a residue at most once.
    Each protein is masked ``n_masks`` times, every time by a draw of its own. The blocks below
    ``place`` run once for the clean model and all edits.

    Parameters
    ----------
    edits : mapping of name to function
        Each takes activations of residues at ``place``, shape (n, width of the place), and returns
        their replacement.
    """
    # A block that is edited inside runs again for each edit.
    below = place.layer - 1 if isinstance(place, Inside) else place
    pieces = _draw_masks(sequences, mask_fraction, n_masks, context, overlap, seed)
    shape = (n_masks, len(sequences))
    counted = np.zeros((*shape, N_TOKENS), dtype=np.int64)
    nats = {name: np.zeros(shape) for name in ("clean", *edits)}
    kl = {name: np.zeros(shape) for name in edits}
    for batch in batches([len(piece.tokens) for piece in pieces], tokens_per_batch):
        chosen = [pieces[i] for i in batch]
        masked = mask_batch([p.tokens for p in chosen], [p.positions for p in chosen])
        n_masked = [len(piece.positions) for piece in chosen]
        owner = tuple(
            np.repeat(numbers, n_masked)
            for numbers in ([p.mask for p in chosen], [p.protein for p in chosen])
        )
        np.add.at(counted, (*owner, masked.targets.numpy()), 1)
        masked = masked.to(esm2.device)
        clean = esm2(masked.batch, layers=(below,), rows=masked.rows)
        start = (below, clean.representations[below])

        def add(sums: np.ndarray, values: Tensor, owner: tuple[np.ndarray, ...] = owner) -> None:
            np.add.at(sums, owner, values.double().cpu().numpy())

        clean_logp = esm2.logits(clean.final_ND).log_softmax(1)
        add(nats["clean"], F.nll_loss(clean_logp, masked.targets, reduction="none"))
        for name, edit in edits.items():
            on_residues = edit_residues(edit, masked.batch.residues_N)
            edited = esm2(masked.batch, (), {place: on_residues}, start, rows=masked.rows)
            logp = esm2.logits(edited.final_ND).log_softmax(1)
            add(nats[name], F.nll_loss(logp, masked.targets, reduction="none"))
            divergence = F.kl_div(logp, clean_logp, reduction="none", log_target=True)
            add(kl[name], divergence.sum(1))
    return MaskedLoss(counted, nats, kl)


def _draw_masks(
    sequences: Sequence[str],
    mask_fraction: float,
    n_masks: int,
    context: int,
    overlap: int,
    seed: int,
) -> list[_MaskedPiece]:
    """Every window of every protein, ``n_masks`` times, each with positions of its own."""
    rng = np.random.default_rng(seed)
    found = [
        window
        for index, sequence in enumerate(sequences)
        for window in windows(index, len(sequence), context, overlap)
    ]
    tokens = [tokenise(sequences[w.protein][w.start : w.stop]) for w in found]

    def draw(window: Window, of_window: np.ndarray) -> np.ndarray:
        first, last = window.keep_start - window.start, window.keep_stop - window.start
        return first + choose_masked(of_window[first:last], mask_fraction, rng)

    return [
        _MaskedPiece(mask, window.protein, of_window, draw(window, of_window))
        for mask in range(n_masks)
        for window, of_window in zip(found, tokens, strict=True)
    ]
