"""The activations of some whole proteins, read together, as sites to choose from."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse

from protsae.features.leading_sites import Sites
from protsae.statistics import ragged


@dataclass(frozen=True, eq=False)
class BlockSites:
    """Activations above 0, by feature and residue.

    Attributes
    ----------
    feature, row, protein : ndarray of int, shape (n_activations,)
        Feature; row of the block; protein of the block.
    value : ndarray of float32, shape (n_activations,)
    first, number, cluster : ndarray of int, shape (n_proteins,)
        First row of each protein, its row of the protein table, its homology cluster.
    """

    feature: np.ndarray
    row: np.ndarray
    protein: np.ndarray
    value: np.ndarray
    first: np.ndarray
    number: np.ndarray
    cluster: np.ndarray

    @classmethod
    def of(
        cls, codes: sparse.csr_array, lengths: np.ndarray, number: np.ndarray, cluster: np.ndarray
    ) -> Self:
        """Codes of proteins of these lengths, rows of the protein table and clusters."""
        columns = sparse.csc_array(codes)  # from rows, so the rows of each column ascend
        row = columns.indices.astype(np.int64)
        feature = ragged.groups(np.diff(columns.indptr))
        protein, first = ragged.groups(lengths)[row], ragged.starts(lengths)
        return cls(feature, row, protein, columns.data, first, number, cluster)

    @property
    def residue(self) -> np.ndarray:
        """0-based residue of each activation."""
        of_protein: np.ndarray = self.row - self.first[self.protein]
        return of_protein

    def sites(self, chosen: np.ndarray, rank: np.ndarray) -> Sites:
        """Some activations, with the ranks given."""
        protein = self.protein[chosen]
        place = self.cluster[protein], self.number[protein], self.residue[chosen]
        return Sites(self.feature[chosen], *place, rank, self.value[chosen])

    def highest(self, among: np.ndarray | None = None) -> Sites:
        """The highest activation of each feature in each protein, of equals the first residue.

        Parameters
        ----------
        among : ndarray of int, optional
            Activations that count, ascending; default: all.

        Returns
        -------
        Sites
            Ranked by activation, the highest first.
        """
        if among is None:
            among = np.arange(len(self.value))
        if not len(among):
            return self.sites(among, np.empty(0))
        feature, protein, value = self.feature[among], self.protein[among], self.value[among]
        new = np.flatnonzero(ragged.changes(feature, protein))
        sizes = np.diff(np.append(new, len(among)))
        equal = np.flatnonzero(value == np.repeat(np.maximum.reduceat(value, new), sizes))
        chosen = among[equal[ragged.changes(feature[equal], protein[equal])]]
        return self.sites(chosen, -self.value[chosen].astype(np.float64))
