"""Which residues are masked, and the cross-entropy of predicting them."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from protsae.plm.tokens import MASK, STANDARD_TOKENS


def choose_masked(n_residues: int, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Positions to predict: round(fraction x n_residues) of them, at least one, 0-based sorted.

    Examples
    --------
    >>> len(choose_masked(20, 0.15, np.random.default_rng(0)))
    3
    """
    n_masked = max(1, round(fraction * n_residues))
    return np.sort(rng.choice(n_residues, n_masked, replace=False))


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


def cross_entropy(logits_BTV: Tensor, targets_BT: Tensor) -> Tensor:
    """-log p(target) in nats of each target, shape (n_targets,); targets below 0 are left out."""
    chosen = targets_BT >= 0
    return F.cross_entropy(logits_BTV[chosen].float(), targets_BT[chosen], reduction="none")


def target_tensor(
    tokens_BT: Tensor, positions: list[np.ndarray], originals: list[np.ndarray]
) -> Tensor:
    """Targets beside a padded batch: the original token at each chosen residue, -1 elsewhere.

    ``positions`` count residues from 0; <cls> shifts them by one column.
    """
    targets_BT = torch.full_like(tokens_BT, -1)
    for row, (at, tokens) in enumerate(zip(positions, originals, strict=True)):
        targets_BT[row, torch.from_numpy(at) + 1] = torch.from_numpy(tokens[at])
    return targets_BT
