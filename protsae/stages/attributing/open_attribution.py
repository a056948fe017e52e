"""Open the model and the SAEs of some layers of a run, to attribute outputs to their features."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from protsae.config.settings import Config
from protsae.detectors.encoding import encoder
from protsae.stages.attributing.opened_attribution import (
    AttributedSae,
    ConceptProbe,
    OpenedAttribution,
)
from protsae.stages.intervening.open_model import open_model
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
    digests = {f"{layer}/{variant}": one.sha256 for layer, one in sorted(stored.items())}
    source = next(iter(stored.values())).source
    of_saes = open_model(results, config, source, digests, model, threads)
    own = features[
        (features["model"] == of_saes.made_from["model"]) & (features["variant"] == variant)
    ]
    saes = {
        layer: AttributedSae(
            encoder(one.sae),
            one.sae.W_dec.detach().numpy(),
            one.sae.b_dec.detach(),
            _labels(own[own["layer"] == layer]),
        )
        for layer, one in sorted(stored.items())
    }
    budget = of_saes.tokens_per_batch(_KEPT_FOR_BACKWARD * of_saes.esm2.n_layers)
    return OpenedAttribution(
        *(of_saes.esm2, variant, saes, is_every_layer, of_saes.context, of_saes.overlap),
        *(budget, of_saes.made_from, fit_probe),
    )


def _labels(rows: pd.DataFrame) -> np.ndarray:
    """Labels of the features of an SAE in their order."""
    return rows.sort_values("feature")["label"].to_numpy(object)
