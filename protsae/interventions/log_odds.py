"""What the model predicts at single residues, and the log-odds of variants there."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from protsae.plm.esm2.batch import pack
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.tokens import STANDARD_TOKENS, Window, batches, tokenise, windows
from protsae.plm.masking import mask_batch
from protsae.proteins.alphabet import STANDARD
from protsae.proteins.substitutions import Mutant


def window_of(position: int, length: int, context: int, overlap: int) -> Window:
    """The window from which a residue (0-based) of a protein is kept.

    Examples
    --------
    >>> window_of(5, 10, 6, 2).start
    4
    """
    found = windows(0, length, context, overlap)
    return next(one for one in found if one.keep_start <= position < one.keep_stop)


@torch.no_grad()
def masked_log_p(
    esm2: FusedEsm2,
    sequence: str,
    positions: Sequence[int],
    context: int,
    overlap: int,
    tokens_per_batch: int,
) -> Iterator[tuple[list[int], np.ndarray]]:
    """log p of the 20 amino acids at residues, each masked alone in a pass of its own.

    A residue of a protein longer than the context is predicted in the window that keeps it.

    Parameters
    ----------
    positions : sequence of int
        0-based.
    context, overlap : int
        Residues in a window, and shared by neighbouring windows of a longer protein.
    tokens_per_batch : int
        Tokens in a forward pass, which bound the memory.

    Yields
    ------
    positions : list of int
        Those of a batch.
    log_p : float64, shape (n, 20)
        Natural logarithm of the probability over all 33 tokens, in the order ACDEFGHIKLMNPQRSTVWY.
    """
    chosen = [window_of(position, len(sequence), context, overlap) for position in positions]
    tokens = tokenise(sequence)
    for batch in batches([window.length for window in chosen], tokens_per_batch):
        masked = mask_batch(
            [tokens[chosen[i].start : chosen[i].stop] for i in batch],
            [np.array([positions[i] - chosen[i].start]) for i in batch],
        ).to(esm2.device)
        final_ND = esm2(masked.batch, rows=masked.rows).final_ND
        yield [positions[i] for i in batch], _standard_log_p(esm2, final_ND)


@torch.no_grad()
def wild_type_log_p(esm2: FusedEsm2, sequence: str, context: int, overlap: int) -> np.ndarray:
    """log p of the 20 amino acids at all residues, none masked: one pass a window.

    Returns
    -------
    ndarray, dtype=float64, shape=(n_residues, 20)
        As `masked_log_p`.
    """
    parts = []
    for window in windows(0, len(sequence), context, overlap):
        batch = pack([tokenise(sequence[window.start : window.stop])]).to(esm2.device)
        # + 1: <cls> stands before the first residue.
        kept = np.arange(window.keep_start, window.keep_stop) - window.start + 1
        rows = torch.from_numpy(kept).to(esm2.device)
        parts.append(_standard_log_p(esm2, esm2(batch, rows=rows).final_ND))
    return np.concatenate(parts)


def _standard_log_p(esm2: FusedEsm2, final_ND: torch.Tensor) -> np.ndarray:
    log_p: np.ndarray = esm2.logits(final_ND).double().log_softmax(1).cpu().numpy()
    return log_p[:, STANDARD_TOKENS]


def log_odds(mutants: Sequence[Mutant], log_p: Mapping[int, np.ndarray]) -> np.ndarray:
    """Sum over the residues replaced of log p(new residue) - log p(residue that is there).

    With `masked_log_p` these are masked marginals, with `wild_type_log_p` wild-type marginals. For
    several substitutions the sum takes them as independent.

    Parameters
    ----------
    log_p : mapping of int to ndarray
        By 0-based position, shape (20,).

    Returns
    -------
    ndarray, dtype=float64, shape=(n_mutants,)
        In nats; below 0 where the model expects the new residue less.

    References
    ----------
    Meier et al. 2021, NeurIPS 34:29287.

    Examples
    --------
    >>> from protsae.proteins.substitutions import parse_mutant
    >>> log_p = {0: np.log(np.arange(1, 21)), 1: np.zeros(20)}
    >>> mutants = [parse_mutant(text) for text in ("C1A", "A1C:K2R")]
    >>> log_odds(mutants, log_p).round(3).tolist()
    [-0.693, 0.693]
    """
    return np.array(
        [
            sum(
                log_p[one.position - 1][STANDARD.index(one.residue)]
                - log_p[one.position - 1][STANDARD.index(one.reference)]
                for one in mutant.substitutions
            )
            for mutant in mutants
        ],
        dtype=np.float64,
    )
