"""Which residues are masked, and what they were."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from protsae.plm.esm2.batch import Packed, pack
from protsae.plm.esm2.tokens import MASK, STANDARD_TOKENS
from protsae.statistics import ragged


def choose_masked(tokens: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Positions to predict, 0-based, sorted: a ``fraction`` of the standard residues.

    round(fraction x their number), at least one where there is one. Letters such as X are no
    answer to predict.

    Examples
    --------
    >>> choose_masked(np.array([24, 5, 24]), 0.15, np.random.default_rng(0)).tolist()
    [1]
    """
    standard = np.flatnonzero(np.isin(tokens, STANDARD_TOKENS))
    n_masked = min(len(standard), max(1, round(fraction * len(standard))))
    return np.sort(rng.choice(standard, n_masked, replace=False))


def corrupt(tokens: np.ndarray, positions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Training noise: of the chosen positions 80 % become <mask>, 10 % a random residue, 10 % stay.

    References
    ----------
    Devlin et al. 2019, arXiv:1810.04805; Lin et al. 2023, Science 379:1123.
    """
    noisy = tokens.copy()
    kind = rng.random(len(positions))
    noisy[positions[kind < 0.8]] = MASK
    random = positions[(kind >= 0.8) & (kind < 0.9)]
    noisy[random] = rng.choice(STANDARD_TOKENS, len(random))
    return noisy


@dataclass(frozen=True)
class MaskedBatch:
    """A batch with masked residues, where they are, and what they were.

    Attributes
    ----------
    batch : Packed
    rows : int64, shape (n_masked,)
        Token rows of the masked residues, sequence after sequence.
    targets : int64, shape (n_masked,)
        Their true tokens.
    """

    batch: Packed
    rows: Tensor
    targets: Tensor

    def to(self, device: torch.device) -> "MaskedBatch":
        """The same on another device."""
        return MaskedBatch(self.batch.to(device), self.rows.to(device), self.targets.to(device))


def mask_batch(originals: Sequence[np.ndarray], positions: Sequence[np.ndarray]) -> MaskedBatch:
    """Pack sequences of token numbers with the residues at ``positions`` (0-based) masked.

    Examples
    --------
    >>> masked = mask_batch([np.array([4, 5]), np.array([6])], [np.array([1]), np.array([0])])
    >>> masked.batch.tokens_N.tolist(), masked.rows.tolist(), masked.targets.tolist()
    ([0, 4, 32, 2, 0, 32, 2], [2, 5], [5, 6])
    """
    batch = pack(originals)
    starts = ragged.starts(np.asarray(batch.lengths))
    # + 1: <cls> stands before the first residue.
    rows = torch.from_numpy(
        np.concatenate([start + 1 + at for start, at in zip(starts, positions, strict=True)])
    )
    targets = batch.tokens_N[rows]
    batch.tokens_N[rows] = MASK
    return MaskedBatch(batch, rows, targets)
