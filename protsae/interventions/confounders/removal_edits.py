"""A removal as an edit of the model, residue by residue."""

import torch
from torch import Tensor

from protsae.interventions.confounders.removal_arms import Removal
from protsae.interventions.intervention import Directions, Intervention, feature_directions
from protsae.plm.esm2.places import Place
from protsae.sae.autoencoder import Sae


def removal_edit(removal: Removal, place: Place, sae: Sae) -> Intervention:
    """The intervention that takes at every residue what a removal takes of the mean of residues.

    Parameters
    ----------
    removal : Removal
    place : int or Inside
        Where in the model its activations are from.
    sae : Sae
        Whose features it removes.
    """
    n = len(removal.write_KD)
    if removal.reading is None:
        directions = feature_directions(sae, removal.chosen.tolist())
        return Intervention(place, directions, "ablate", (0.0,) * n)
    mean_D, read_DK, write_KD = (
        torch.from_numpy(array).float().to(sae.W_dec.device)
        for array in (removal.reading.mean_D, removal.reading.read_DK, removal.write_KD)
    )

    def read(x_ND: Tensor) -> Tensor:
        return (x_ND - mean_D) @ read_DK

    return Intervention(place, Directions(read, write_KD), "ablate", (0.0,) * n)
