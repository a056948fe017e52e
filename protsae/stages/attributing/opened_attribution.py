"""A run opened for attribution: its model, an SAE of each of some layers, probes of concepts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from protsae.interventions.attribution.output_pass import Reading
from protsae.plm.esm2.forward import FusedEsm2


@dataclass(frozen=True)
class AttributedSae:
    """An SAE whose features an output is attributed to.

    Attributes
    ----------
    encode : function
        Activations (n, d_model) to features (n, n_features), float32.
    decoder_FD : ndarray, float32, shape (n_features, d_model)
    b_dec_D : Tensor
        float32, shape (d_model,).
    labels : ndarray of object, shape (n_features,)
        What each feature is, in words; None where that is not known.
    """

    encode: Callable[[np.ndarray], np.ndarray]
    decoder_FD: np.ndarray
    b_dec_D: Tensor
    labels: np.ndarray


@dataclass(frozen=True)
class ConceptProbe:
    """The linear probe of a concept, and the residues that it was fitted to.

    Attributes
    ----------
    concept : str
    layer : int
    reading : Reading
        Its logit.
    f1 : float
        Of the run's probe, on test.
    background_ND : ndarray, float32, shape (n_residues, d_model)
        Train residues.
    """

    concept: str
    layer: int
    reading: Reading
    f1: float
    background_ND: np.ndarray


@dataclass(frozen=True)
class OpenedAttribution:
    """A run opened for attribution.

    Attributes
    ----------
    esm2 : FusedEsm2
        In float32.
    variant : str
        Name of the SAEs.
    saes : mapping of int to AttributedSae
        By layer, rising.
    is_every_layer : bool
        Whether no layers were chosen.
    context, overlap, tokens_per_batch : int
        Windows as those of the run's activations; tokens that run together with their gradients.
    made_from : mapping
        For the metadata of a table.
    fit_probe : function
        Layer and concept to the probe; raises UserError where the run has none.
    """

    esm2: FusedEsm2
    variant: str
    saes: Mapping[int, AttributedSae]
    is_every_layer: bool
    context: int
    overlap: int
    tokens_per_batch: int
    made_from: Mapping[str, Any]
    fit_probe: Callable[[int, str], ConceptProbe]
