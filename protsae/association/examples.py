"""The proteins that excite each feature most, found by streaming over proteins."""

from collections.abc import Sequence

import numpy as np


class TopProteins:
    """The ``n_examples`` proteins with the highest maximum activation, for each feature.

    Attributes
    ----------
    value : ndarray, float32, shape (n_examples, n_features)
        Maximum activation, descending; 0 where fewer proteins activate the feature.
    protein, peak : ndarray, int64, shape (n_examples, n_features)
        Index into ``accessions``, and the 0-based residue of the maximum.
    accessions : list of str
        Proteins in the order they were added.
    """

    def __init__(self, n_features: int, n_examples: int):
        self.value = np.zeros((n_examples, n_features), dtype=np.float32)
        self.protein = np.full((n_examples, n_features), -1, dtype=np.int64)
        self.peak = np.zeros((n_examples, n_features), dtype=np.int64)
        self.accessions: list[str] = []

    def update(self, accession: str, activations: np.ndarray) -> None:
        """Add one protein: float32, shape (n_residues, n_features)."""
        peak = activations.argmax(0)
        value = activations[peak, np.arange(activations.shape[1])]
        better = np.flatnonzero(value > self.value[-1])
        if better.size:
            values = np.vstack([self.value[:, better], value[better]])
            # Stable, so that of equals the protein seen first stands first.
            order = np.argsort(-values, axis=0, kind="stable")[:-1]
            self.value[:, better] = np.take_along_axis(values, order, 0)
            for table, new in (
                (self.protein, np.full(len(better), len(self.accessions))),
                (self.peak, peak[better]),
            ):
                stacked = np.vstack([table[:, better], new])
                table[:, better] = np.take_along_axis(stacked, order, 0)
        self.accessions.append(accession)

    def of_feature(self, feature: int) -> Sequence[str]:
        """Accessions of a feature's proteins, strongest first."""
        active = self.value[:, feature] > 0
        return [self.accessions[i] for i in self.protein[active, feature]]
