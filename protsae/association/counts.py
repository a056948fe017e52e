"""How often a feature is on where a property holds, for all pairs and thresholds, by streaming."""

import numpy as np
from scipy import sparse


class MatchCounts:
    """Exact counts over residues.

    Parameters
    ----------
    thresholds : ndarray, shape (n_thresholds, n_features)
        Ascending along the first axis.
    n_properties : int

    Attributes
    ----------
    n_residues : int
    positives : ndarray, dtype=int64, shape=(n_properties,)
        Residues with the property.
    """

    def __init__(self, thresholds: np.ndarray, n_properties: int):
        n_thresholds, n_features = thresholds.shape
        self.thresholds = thresholds
        self.n_residues = 0
        self.positives = np.zeros(n_properties, dtype=np.int64)
        # By number of thresholds exceeded: disjoint, so that one pass over the nonzeros serves all.
        self._hits = np.zeros((n_thresholds, n_properties, n_features), dtype=np.int64)
        self._on = np.zeros((n_thresholds, n_features), dtype=np.int64)

    def update(self, activations: sparse.csr_array, labels: sparse.csr_array) -> None:
        """Add residues.

        Parameters
        ----------
        activations : csr_array, shape (n_residues, n_features)
            Only positive values stored.
        labels : csr_array, shape (n_residues, n_properties)
            1 where the residue has the property.
        """
        n_features = activations.shape[1]
        has_property = sparse.csr_array(labels.T, dtype=np.int32)
        row, feature = activations.tocoo().coords
        passed = np.zeros(activations.nnz, dtype=np.int64)
        for threshold in self.thresholds:
            passed += activations.data > threshold[feature]
        for level in range(1, len(self.thresholds) + 1):
            here = passed == level
            ones = np.ones(int(here.sum()), dtype=np.int32)
            on = sparse.csr_array((ones, (row[here], feature[here])), shape=activations.shape)
            self._hits[level - 1] += (has_property @ on).toarray()
            self._on[level - 1] += np.bincount(feature[here], minlength=n_features)
        self.positives += np.asarray(labels.sum(0), dtype=np.int64).ravel()
        self.n_residues += activations.shape[0]

    @property
    def true_positives(self) -> np.ndarray:
        """Residues on and with the property: int64, (n_thresholds, n_properties, n_features)."""
        return self._hits[::-1].cumsum(0)[::-1]

    @property
    def on(self) -> np.ndarray:
        """Residues on: int64, shape (n_thresholds, n_features)."""
        return self._on[::-1].cumsum(0)[::-1]
