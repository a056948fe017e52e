"""Whether SAEs rebuild what a model computes as well as when they were packed."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from protsae.errors import UserError
from protsae.sae.autoencoder import Sae
from protsae.stages.explaining.explainer import Explainer

LARGEST_DIFFERENCE = 0.05
"""Between the FVU of re-saved weights and of those that were packed: half precision moves it by far
less, another layer or model by far more."""


def fvu_of(
    explainer: Explainer, saes: Mapping[tuple[int, str], Sae], sequences: Sequence[str]
) -> dict[tuple[int, str], float]:
    """Fraction of variance unexplained of each SAE on some proteins, as one set of residues."""
    rows: dict[int, list[np.ndarray]] = {}
    for sequence in sequences:
        for layer, found in explainer.layer_activations(sequence).items():
            rows.setdefault(layer, []).append(found)
    together = {layer: np.concatenate(parts).astype(np.float64) for layer, parts in rows.items()}
    return {key: _fvu(sae, together[key[0]]) for key, sae in saes.items()}


def _fvu(sae: Sae, rows: np.ndarray) -> float:
    exact = sae.in_float64()
    with torch.no_grad():
        given = torch.from_numpy(rows)
        rebuilt = exact.decode(exact.encode(given))
        error = ((given - rebuilt) ** 2).sum()
        return float(error / ((given - given.mean(0)) ** 2).sum())


def validate_fvu(
    model: str,
    found: Mapping[tuple[int, str], float],
    expected: Mapping[tuple[int, str], float],
) -> None:
    """Raise UserError if any SAE rebuilds activations much worse, or better, than it did."""
    for key, value in found.items():
        # Not a number, where a model gives none, is refused as well.
        if not abs(value - expected[key]) <= LARGEST_DIFFERENCE:
            raise UserError(
                f"{model}: not the model, layer or scale of the atlas: SAE {key[1]} of layer "
                f"{key[0]} leaves {value:.3g} of the variance unexplained (FVU); expected "
                f"{expected[key]:.3g}; name its model with --model"
            )
