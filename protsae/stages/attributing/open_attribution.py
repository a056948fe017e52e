"""Open the model and the SAEs of some layers of a run, to attribute outputs to their features."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from protsae import __version__
from protsae.config.settings import Config
from protsae.detectors.encoding import encoder
from protsae.plm.embedding import token_budget
from protsae.plm.esm2.forward import FusedEsm2
from protsae.run.layout import model_name
from protsae.stages.attributing.opened_attribution import (
    AttributedSae,
    ConceptProbe,
    OpenedAttribution,
)
from protsae.stages.inputs.models_of_activations import load_run_model
from protsae.stages.intervening.opened_edits import OpenedSae

_KEPT_FOR_BACKWARD = 20
"""Numbers of d_model that a block keeps for each token until gradients are taken, about."""


def open_attribution(
    results: Path,
    config: Config,
    stored: Mapping[int, OpenedSae],
    variant: str,
    features: pd.DataFrame,
    is_every_layer: bool,
    fit_probe: Callable[[int, str], ConceptProbe],
    model: str | None = None,
    threads: int = 1,
) -> OpenedAttribution:
    """Open the model that some SAEs are of.

    Parameters
    ----------
    results : Path
        Folder of the run.
    config : Config
        Its settings.
    stored : mapping of int to OpenedSae
        By layer of its model; one or more, all of this ``variant``.
    features : DataFrame
        The feature table of the run.
    is_every_layer, fit_probe
        As of `OpenedAttribution`.
    model : str, optional
        Path or name of the ESM-2, if it is no longer where the settings say.
    threads : int
        CPU threads of a matrix product.

    Raises
    ------
    UserError
        If the model is missing, or is not the one that the SAEs are of.
    """
    name, source = model_name(config), next(iter(stored.values())).source
    esm = load_run_model(model, config, results, source)
    torch.set_num_threads(threads)
    esm2 = FusedEsm2(esm.model.requires_grad_(False))
    own = features[(features["model"] == name) & (features["variant"] == variant)]
    saes = {
        layer: AttributedSae(
            encoder(one.sae),
            one.sae.W_dec.detach().numpy(),
            one.sae.b_dec.detach(),
            _labels(own[own["layer"] == layer]),
        )
        for layer, one in sorted(stored.items())
    }
    made_from = {
        "model": name,
        "weights_sha256": source.weights_sha256,
        "protein_set_sha256": source.protein_set_sha256,
        "saes": {f"{layer}/{variant}": one.sha256 for layer, one in sorted(stored.items())},
        "code_version": __version__,
    }
    stated = json.loads(source.settings)
    budget = token_budget(esm.model, _KEPT_FOR_BACKWARD * esm2.n_layers, torch.float32)
    return OpenedAttribution(
        *(esm2, variant, saes, is_every_layer, int(stated["context"]), int(stated["overlap"])),
        *(budget, made_from, fit_probe),
    )


def _labels(rows: pd.DataFrame) -> np.ndarray:
    """Labels of the features of an SAE in their order."""
    return rows.sort_values("feature")["label"].to_numpy(object)
