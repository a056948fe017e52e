"""What the model predicts at every residue, as it is and with interventions.

By default each residue is masked when it is predicted, as in the model's training: the residues of
a protein are dealt at random into sets of about 15 %, each of which is masked in a pass of its own.
Long proteins go in windows; a residue is predicted in the window that keeps it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from protsae.interventions.intervention import Intervention, first_layer, hooks
from protsae.plm.esm2.batch import Packed
from protsae.plm.esm2.forward import Edit, FusedEsm2
from protsae.plm.esm2.places import layer_of
from protsae.plm.esm2.tokens import N_TOKENS, Window, batches, tokenise, windows
from protsae.plm.masking import mask_batch

MASKED_TOGETHER = 0.15
"""Share of a window's residues that one pass masks."""


@dataclass(frozen=True)
class Pass:
    """A window of a protein, its tokens, and the residues that are predicted, 0-based in it."""

    window: Window
    tokens: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True)
class Predicted:
    """What the model predicts for one protein.

    Attributes
    ----------
    clean, edited : ndarray
        log p of each of ESM-2's 33 tokens, float32, shape (n_residues, 33).
    """

    clean: np.ndarray
    edited: np.ndarray

    @property
    def kl(self) -> np.ndarray:
        """KL(clean || edited) of each residue over all tokens, nats, float64, (n_residues,).

        Examples
        --------
        >>> half, one = np.log([[0.5, 0.5]]), np.log([[0.25, 0.75]])
        >>> Predicted(half, one).kl.round(4).tolist(), Predicted(one, one).kl.tolist()
        ([0.1438], [0.0])
        """
        clean, edited = self.clean.astype(np.float64), self.edited.astype(np.float64)
        divergence: np.ndarray = (np.exp(clean) * (clean - edited)).sum(1)
        return divergence


def mask_sets(n_residues: int, rng: np.random.Generator) -> list[np.ndarray]:
    """All residues dealt at random into sets of `MASKED_TOGETHER`, sorted, about equally large.

    Examples
    --------
    >>> sets = mask_sets(20, np.random.default_rng(0))
    >>> [len(one) for one in sets], np.array_equal(np.sort(np.concatenate(sets)), np.arange(20))
    ([3, 3, 3, 3, 3, 3, 2], True)
    """
    n_sets = min(n_residues, round(1 / MASKED_TOGETHER))
    return [np.sort(one) for one in np.array_split(rng.permutation(n_residues), n_sets)]


def passes(
    sequences: Sequence[str], context: int, overlap: int, is_masked: bool, seed: int
) -> list[Pass]:
    """The passes that predict every residue once; of each protein they depend on it alone.

    Parameters
    ----------
    context, overlap : int
        Residues in a window, and shared by neighbouring windows of a longer protein.
    is_masked : bool
        Whether residues are masked when they are predicted.
    seed : int
        Of the sets that are masked together.
    """
    found = []
    for index, sequence in enumerate(sequences):
        rng = np.random.default_rng(seed)
        tokens = tokenise(sequence)
        for window in windows(index, len(sequence), context, overlap):
            kept = np.arange(window.keep_start, window.keep_stop) - window.start
            sets = mask_sets(len(kept), rng) if is_masked else [np.arange(len(kept))]
            of_window = tokens[window.start : window.stop]
            found += [Pass(window, of_window, kept[one]) for one in sets]
    return found


@torch.no_grad()
def predict(
    esm2: FusedEsm2,
    sequences: Sequence[str],
    interventions: Sequence[Intervention],
    is_masked: bool,
    context: int,
    overlap: int,
    tokens_per_batch: int,
    seed: int = 0,
) -> Iterator[tuple[int, Predicted]]:
    """Predictions for proteins, one after another, with their index.

    Memory is bounded by a batch and one protein. Features are computed anew in each pass, on the
    masked sequence where residues are masked, and on what earlier interventions made of it.

    Parameters
    ----------
    interventions : sequence of Intervention
        At one or several places; all act in the same pass.
    is_masked, context, overlap, seed
        As of `passes`.
    tokens_per_batch : int
        Tokens in a forward pass.
    """
    for index, sequence in enumerate(sequences):
        own = passes([sequence], context, overlap, is_masked, seed)
        clean = np.empty((len(sequence), N_TOKENS), np.float32)
        edited = np.empty_like(clean)
        at = [_edited_residues(one, index, len(sequence)) for one in interventions]
        for batch in batches([len(one.tokens) for one in own], tokens_per_batch):
            chosen = [own[i] for i in batch]
            where = np.concatenate([one.window.start + one.predicted for one in chosen])
            logp = _logp(esm2, chosen, interventions, at, is_masked)
            clean[where], edited[where] = (values.cpu().numpy() for values in logp)
        yield index, Predicted(clean, edited)


def packed_passes(chosen: Sequence[Pass], is_masked: bool) -> tuple[Packed, Tensor]:
    """Passes one after another as tokens, and the token rows of the residues they predict."""
    tokens = [one.tokens for one in chosen]
    masked = mask_batch(tokens, [one.predicted for one in chosen])
    if is_masked:
        return masked.batch, masked.rows
    tokens_N = masked.batch.tokens_N.clone()
    tokens_N[masked.rows] = masked.targets
    return Packed(tokens_N, masked.batch.lengths), masked.rows


def _edited_residues(one: Intervention, protein: int, length: int) -> Tensor:
    if one.is_edited is None:
        return torch.ones(length, dtype=torch.bool)
    return one.is_edited[protein]


def _logp(
    esm2: FusedEsm2,
    chosen: Sequence[Pass],
    interventions: Sequence[Intervention],
    is_edited: Sequence[Tensor],
    is_masked: bool,
) -> tuple[Tensor, Tensor]:
    """log p of the residues that some passes predict, clean and edited, shape (n, 33)."""
    batch, rows = packed_passes(chosen, is_masked)
    batch, rows = batch.to(esm2.device), rows.to(esm2.device)
    at = [token_rows(batch, chosen, [residues] * len(chosen)) for residues in is_edited]
    below = first_layer(interventions)
    # The last block runs on the predicted rows alone, in both passes or in none: a product of other
    # rows rounds otherwise, and an edit that changes nothing would seem to change something.
    edits_last = any(layer_of(one.place) == esm2.n_layers for one in interventions)
    wanted = None if edits_last else rows
    clean = esm2(batch, layers=(below,), rows=wanted)
    start = (below, clean.representations[below])
    edited = esm2(batch, (), hooks(interventions, at), start, rows=wanted)
    finals = (found.final_ND[rows] if edits_last else found.final_ND for found in (clean, edited))
    clean_logp, edited_logp = (esm2.logits(final_ND).log_softmax(1) for final_ND in finals)
    return clean_logp, edited_logp


def token_rows(batch: Packed, chosen: Sequence[Pass], is_edited: Sequence[Tensor]) -> Tensor:
    """The residues that an intervention changes as tokens of a batch; <cls> and <eos> stay.

    Parameters
    ----------
    is_edited : sequence of Tensor
        Of the whole protein of each pass.
    """
    rows_N = torch.zeros(len(batch.tokens_N), dtype=torch.bool)
    residues_N = batch.residues_N.cpu()
    rows_N[residues_N] = torch.cat(
        [
            residues[one.window.start : one.window.stop]
            for one, residues in zip(chosen, is_edited, strict=True)
        ]
    )
    return rows_N.to(batch.tokens_N.device)


@torch.no_grad()
def changed_residues(
    esm2: FusedEsm2,
    sequence: str,
    interventions: Sequence[Intervention],
    context: int,
    overlap: int,
    tokens_per_batch: int,
) -> np.ndarray:
    """Residues whose activations an intervention changes when none is masked: bool, (n_residues,).

    Parameters are those of `predict`.
    """
    own = passes([sequence], context, overlap, is_masked=False, seed=0)
    at = [_edited_residues(one, 0, len(sequence)) for one in interventions]
    found = np.zeros(len(sequence), dtype=bool)
    for batch in batches([len(one.tokens) for one in own], tokens_per_batch):
        chosen = [own[i] for i in batch]
        packed, rows = packed_passes(chosen, is_masked=False)
        packed = packed.to(esm2.device)
        edits = hooks(
            interventions, [token_rows(packed, chosen, [residues] * len(chosen)) for residues in at]
        )
        changed_N = torch.zeros(len(packed.tokens_N), dtype=torch.bool, device=esm2.device)

        def noted(edit: Edit, changed_N: Tensor = changed_N) -> Edit:
            def change(x_ND: Tensor) -> Tensor:
                edited_ND = edit(x_ND)
                changed_N.logical_or_((edited_ND != x_ND).any(1))
                return edited_ND

            return change

        esm2(packed, edits={place: noted(edit) for place, edit in edits.items()})
        where = np.concatenate([one.window.start + one.predicted for one in chosen])
        found[where] = changed_N.cpu()[rows].numpy()
    return found
