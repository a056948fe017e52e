"""What exports need of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.concepts.concept import Concept
from protsae.config.settings import Config
from protsae.inspection.feature_activations import FeatureActivations


class ConceptLabels(Protocol):
    """What exports need of a `ConceptTable`."""

    @property
    def concepts(self) -> tuple[Concept, ...]:
        """Columns of the labels."""

    @property
    def known_column(self) -> np.ndarray:
        """For each concept its column in ``known``."""

    def labels(self, accessions: Sequence[str]) -> sparse.csr_array:
        """Labels of residues: uint8, shape (n_residues, n_concepts)."""

    def known(self, accessions: Sequence[str]) -> np.ndarray:
        """Residues whose label is known: bool, shape (n_residues, n_known_columns)."""


class SourceRun(Protocol):
    """What exports need of a `Run`."""

    @property
    def results(self) -> Path:
        """Its folder."""

    @property
    def config(self) -> Config:
        """Its settings."""

    @property
    def model(self) -> str:
        """Name of its model."""

    @property
    def layers(self) -> list[tuple[str, int]]:
        """Models and layers that have SAEs."""

    @property
    def variants(self) -> list[str]:
        """Names of the SAEs of each layer."""

    @property
    def proteins(self) -> pd.DataFrame:
        """Table of its proteins."""

    @property
    def features(self) -> pd.DataFrame:
        """Table of its features."""

    @property
    def best_features(self) -> pd.DataFrame:
        """Table of the best feature of each concept."""

    @property
    def concepts(self) -> ConceptLabels:
        """Its concepts, with the labels of residues."""

    def activations(self, layer: int, variant: str, model: str | None) -> FeatureActivations:
        """Activations of an SAE's features."""
