"""An SAE of another program beside the activations that it is said to belong to."""

from pathlib import Path

from torch import Tensor

from protsae import __version__
from protsae.errors import UserError
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.saes.sae_files import SaeSource
from protsae.io.saes.sae_identity import UNKNOWN
from protsae.sae.architectures import restore_sae
from protsae.sae.evaluation.sanity_check import trial_problem


def adopted_source(
    folder: str | Path,
    architecture: str,
    k: int | None,
    weights: dict[str, Tensor],
    cache: LayerCache,
) -> SaeSource:
    """What protsae states of an SAE of another program, once it has been tried.

    Which weights and proteins the SAE was trained on, no such program says: those of the
    activations are stated, and an unknown training set.

    Parameters
    ----------
    folder : str or Path
        Where the SAE comes from, for errors.
    architecture, k, weights
        From `read_foreign_sae`.
    cache : LayerCache
        Activations of the layer that it is said to be trained on.

    Raises
    ------
    UserError
        If the width of the layer is another, or the SAE fails on made-up residues
        (`trial_problem`).
    """
    source = cache.source
    d_model = weights["W_dec"].shape[1]
    if d_model != cache.d_model:
        raise UserError(
            f"{folder}: an SAE of {d_model} inputs; expected {cache.d_model}, the width of layer "
            f"{cache.layer} of {source.model}; give the activations that it was trained on"
        )
    problem = trial_problem(restore_sae(architecture, k, weights))
    if problem:
        raise UserError(
            f"{folder}: {problem}; expected an SAE that computes; look whether its files are "
            "those that it was trained into"
        )
    return SaeSource(
        architecture=architecture,
        k=k,
        model=source.model,
        weights_sha256=source.weights_sha256,
        layer=cache.layer,
        protein_set_sha256=source.protein_set_sha256,
        train_set_sha256=UNKNOWN,
        n_residues=0,
        normalisation={},
        settings={},
        code_version=__version__,
    )
