"""What is active in one protein: its layer activations, its codes, and its active segments."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import sparse

from protsae.detectors.activations import Encode, stacked
from protsae.features.protein_segments import by_trust, protein_segments
from protsae.io.hdf5.float16 import to_float32
from protsae.plm.embedding import Embedder
from protsae.plm.precision import Float16Error
from protsae.schema.explained.segment_table import FROM_FEATURES, SEGMENTS
from protsae.schema.table import conform

ROWS_TOGETHER = 8192
"""Residues of a longer protein that are encoded at a time, so that its dense codes fit memory."""


@dataclass(frozen=True)
class OpenedSae:
    """An SAE's encoder as a function on arrays, and its rows of the run's feature table.

    Attributes
    ----------
    encode : Encode
        Of `protsae.detectors.encoding.encoder`, as `protsae encode` uses it.
    features : DataFrame
        Their rows of the feature table; row i is feature i.
    """

    encode: Encode
    features: pd.DataFrame


@dataclass(frozen=True)
class Explainer:
    """A run's model and SAEs, ready for proteins; each protein is computed by itself.

    So what is said of a protein does not depend on those given with it. A protein of the run has
    the codes that the run has stored, bit for bit, on the same machine and in the same precision.

    Attributes
    ----------
    embedder : Embedder
        The run's model, windows and precision, for the layers of the SAEs.
    saes : mapping of (layer, variant) to OpenedSae
    made_from : mapping
        Model, weights, proteins of the run and checksums of the SAEs, for the metadata of a table.
    """

    embedder: Embedder
    saes: Mapping[tuple[int, str], OpenedSae]
    made_from: Mapping[str, Any]

    def __call__(self, name: str, sequence: str) -> pd.DataFrame:
        """The active segments of a protein, the surest concepts first.

        Parameters
        ----------
        name : str
            For the column ``protein``.
        sequence : str
            Letters A to Z, one or more (`checked_sequence`); J is read as X.

        Returns
        -------
        DataFrame
            The columns of the segments table (docs/tables.md).
        """
        found = [
            protein_segments(codes, self.saes[key].features, FROM_FEATURES)
            for key, codes in self.codes(sequence).items()
        ]
        rows = by_trust(pd.concat(found, ignore_index=True)).assign(protein=name)
        return conform(rows, SEGMENTS, name)

    def codes(self, sequence: str) -> dict[tuple[int, str], sparse.csr_array]:
        """Activations of all features at every residue, by layer and variant.

        Returns
        -------
        dict of (int, str) to csr_array
            float32, shape (n_residues, n_features).
        """
        rows = self.layer_activations(sequence)
        return {key: _encoded(sae.encode, rows[key[0]]) for key, sae in self.saes.items()}

    def layer_activations(self, sequence: str) -> dict[int, np.ndarray]:
        """Layer activations as the run stores and reads them: float32, shape (n_residues, d_model).

        What float16 cannot hold of this protein is kept in float32, as `protsae embed` does.
        """
        dtypes = dict(self.embedder.dtypes)
        try:
            while True:
                try:
                    return self._embedded(sequence)
                except Float16Error as error:
                    self.embedder.dtypes[error.layer] = torch.float32
        finally:
            self.embedder.dtypes.update(dtypes)  # the next protein does not depend on this one

    def _embedded(self, sequence: str) -> dict[int, np.ndarray]:
        shape = (len(sequence), self.embedder.esm2.d_model)
        found = {layer: np.empty(shape, np.float32) for layer in self.embedder.dtypes}
        for piece in self.embedder([sequence]):
            for layer, rows in piece.rows.items():
                to_float32(rows, found[layer][piece.start : piece.start + len(rows)])
        return found


def _encoded(encode: Encode, rows: np.ndarray) -> sparse.csr_array:
    starts = range(0, len(rows), ROWS_TOGETHER)
    return stacked([sparse.csr_array(encode(rows[i : i + ROWS_TOGETHER])) for i in starts])
