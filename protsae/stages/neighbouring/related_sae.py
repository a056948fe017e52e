"""SAEs of a run with the activations of two sets of proteins: to choose on, and to test on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.inspection.feature_activations import FeatureActivations
from protsae.proteins.alphabet import letter_index

MOST_RESIDUES = 200_000
"""Residues of train and valid, or a few more: memory, 8 bytes for each active feature of each."""
MOST_PROTEINS = 400
"""Proteins of test."""


@dataclass(frozen=True)
class Side:
    """Proteins of which no two are homologous.

    Attributes
    ----------
    accessions : sequence of str
        In the order of the protein table.
    lengths : ndarray of int, shape (n_proteins,)
    letters : ndarray of int, shape (n_residues,)
        Amino acids, from 0.
    """

    accessions: Sequence[str]
    lengths: np.ndarray
    letters: np.ndarray

    def codes(self, activations: FeatureActivations) -> sparse.csr_array:
        """Activations at all residues, float32, shape (n_residues, n_features)."""
        found = [rows for _, rows in activations.blocks(set(self.accessions))]
        return sparse.csr_array(sparse.vstack(found))


def sides(proteins: pd.DataFrame, seed: int) -> tuple[Side, Side]:
    """One protein of each homology cluster, of train and valid, and of test, drawn by the seed.

    Of many clusters some: ``MOST_RESIDUES`` of the former, ``MOST_PROTEINS`` of the latter.
    """
    single = proteins.sample(frac=1, random_state=seed).drop_duplicates("cluster")
    is_test = single["split"] == "test"
    shuffled = single[~is_test]
    before = shuffled["length"].cumsum().shift(fill_value=0)
    chosen = shuffled[before < MOST_RESIDUES].sort_index()
    test = single[is_test]
    return _side(chosen), _side(test.head(MOST_PROTEINS).sort_index())


def _side(rows: pd.DataFrame) -> Side:
    letters = letter_index("".join(rows["sequence"]))
    return Side(rows["accession"].tolist(), rows["length"].to_numpy(), letters.astype(np.int64))


@dataclass(frozen=True)
class RelatedSae:
    """An SAE with what its features are related by.

    Attributes
    ----------
    model : str
    layer : int
    variant : str
    decoder_FD : ndarray, float32, shape (n_features, d_model)
    chosen, test : csr_array, float32, shape (n_residues, n_features)
        Codes of either side.
    """

    model: str
    layer: int
    variant: str
    decoder_FD: np.ndarray
    chosen: sparse.csr_array
    test: sparse.csr_array

    @property
    def key(self) -> dict[str, str | int]:
        """Model, layer and variant, as columns."""
        return {"model": self.model, "layer": self.layer, "variant": self.variant}

    @property
    def is_active(self) -> np.ndarray:
        """Features that are active at a residue they were chosen on: bool, (n_features,)."""
        found: np.ndarray = np.bincount(self.chosen.indices, minlength=self.chosen.shape[1]) > 0
        return found
