"""A run opened for circuits: its model, the SAEs of some layers, words for features."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from protsae.interventions.circuits.layered_pass import Dictionary
from protsae.plm.esm2.forward import FusedEsm2
from protsae.stages.inputs.studied_proteins import Study


class LabelledRun(Protocol):
    """A run with its proteins and their concepts."""

    @property
    def results(self) -> Path:
        """Folder of the run."""

    @property
    def study(self) -> Study:
        """Proteins and splits."""

    @property
    def sequences(self) -> Mapping[str, str]:
        """Of its proteins, by accession."""

    def labels(self, concept: str, protein: str, sequence: str, where: str) -> np.ndarray:
        """Residues of a protein that have a concept: bool, shape (n_residues,)."""


@dataclass(frozen=True)
class Tracing:
    """A run opened for circuits.

    Attributes
    ----------
    run : LabelledRun
    esm2 : FusedEsm2
        In float32.
    variant : str
    layers : tuple of int
        Ascending.
    dictionaries : tuple of Dictionary
        The SAE of each layer.
    labels : mapping of (layer, feature) to str
        From the table ``descriptions``, of those that have one.
    context, overlap, tokens_per_batch : int
        Windows as those of the run's activations.
    made_from : mapping
        What a graph states of its origin.
    """

    run: LabelledRun
    esm2: FusedEsm2
    variant: str
    layers: tuple[int, ...]
    dictionaries: tuple[Dictionary, ...]
    labels: Mapping[tuple[int, int], str]
    context: int
    overlap: int
    tokens_per_batch: int
    made_from: Mapping[str, Any]
