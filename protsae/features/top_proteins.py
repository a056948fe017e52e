"""The proteins that excite each feature most, found by streaming over proteins."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from protsae.association.pairs.layer_data import Layer
from protsae.detectors.activations import Codes


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

    def update(self, accession: str, codes: sparse.csr_array) -> None:
        """Add one protein: shape (n_residues, n_features), only positive values stored."""
        by_feature = sparse.csc_array(codes)  # rows ascending
        sizes = np.diff(by_feature.indptr)
        feature = np.flatnonzero(sizes)
        starts = by_feature.indptr[feature]
        value = np.maximum.reduceat(by_feature.data, starts)
        highest = np.flatnonzero(by_feature.data == np.repeat(value, sizes[feature]))
        # Of equals the first residue.
        peak = by_feature.indices[highest[np.searchsorted(highest, starts)]]
        better = value > self.value[-1, feature]
        feature, value, peak = feature[better], value[better], peak[better]
        if feature.size:
            values = np.vstack([self.value[:, feature], value])
            # Stable, so that of equals the protein seen first stands first.
            rank = np.argsort(-values, axis=0, kind="stable")[:-1]
            self.value[:, feature] = np.take_along_axis(values, rank, 0)
            for table, new in (
                (self.protein, np.full(len(feature), len(self.accessions))),
                (self.peak, peak),
            ):
                stacked = np.vstack([table[:, feature], new])
                table[:, feature] = np.take_along_axis(stacked, rank, 0)
        self.accessions.append(accession)

    def of_feature(self, feature: int) -> Sequence[str]:
        """Accessions of a feature's proteins, strongest first."""
        active = self.value[:, feature] > 0
        return [self.accessions[i] for i in self.protein[active, feature]]


def top_proteins(layer: Layer, codes: Codes) -> TopProteins:
    """Strongest proteins of every feature, from train, valid and test."""
    top = TopProteins(codes.n_features, layer.settings.examples)
    names = layer.names("train") | layer.names("valid") | layer.names("test")
    for accession, of_protein in layer.each(codes, names):
        top.update(accession, of_protein)
    return top
