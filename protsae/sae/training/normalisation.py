"""Centring and scaling of activations, and folding both into trained weights."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from protsae.sae.autoencoder import Sae


@dataclass(frozen=True)
class Normalisation:
    """z = scale (x - mean), with E|z|^2 = d_model on the data it was measured on.

    Attributes
    ----------
    mean : ndarray, dtype=float64, shape=(d_model,)
    scale : float
    n_residues : int
        Rows it was measured on.
    """

    mean: np.ndarray
    scale: float
    n_residues: int


def measure_normalisation(blocks: Iterable[np.ndarray]) -> Normalisation:
    """Mean and scale of rows that come in blocks, shape (n, d_model) each, in one pass.

    scale = sqrt(d_model / E|x - mean|^2); without centring, features die where the mean is large
    against the spread (arXiv:2605.31518). Constant data get scale 1.
    """
    total, squares, n_residues = np.zeros(0), 0.0, 0
    for rows in blocks:
        exact = rows.astype(np.float64)
        total = exact.sum(0) + (total if n_residues else 0)
        squares += float((exact**2).sum())
        n_residues += len(rows)
    mean = total / n_residues
    spread = squares / n_residues - float(mean @ mean)
    scale = float(np.sqrt(len(mean) / spread)) if spread > 1e-12 * squares / n_residues else 1.0
    return Normalisation(mean, scale, n_residues)


@torch.no_grad()
def fold_(sae: Sae, normalisation: Normalisation) -> None:
    """Turn weights trained on z into weights for x, in place; features stay what they were.

    W_enc' = s W_enc, W_dec' = W_dec / s, b_dec' = b_dec / s + mean, b_enc' = b_enc.
    """
    scale = normalisation.scale
    sae.W_enc.mul_(scale)
    sae.W_dec.div_(scale)
    sae.b_dec.div_(scale).add_(torch.from_numpy(normalisation.mean).to(sae.b_dec.dtype))
