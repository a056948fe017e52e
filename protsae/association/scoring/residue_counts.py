"""How often a feature is on where a concept holds, for all pairs and thresholds, by streaming."""

import numpy as np
from scipy import sparse

from protsae.association.scoring.thresholds import passed_thresholds


class MatchCounts:
    """Exact counts over residues; the order and grouping of updates change nothing.

    Parameters
    ----------
    thresholds : ndarray, shape (n_thresholds, n_features)
        Ascending along the first axis, none negative.
    n_concepts : int

    Attributes
    ----------
    n_residues : int
    positives : ndarray, dtype=int64, shape=(n_concepts,)
        Residues with the concept.

    Examples
    --------
    One feature with activations 1, 3, 0 and a concept of the first two of the three residues:

    >>> counts = MatchCounts(np.array([[0.0], [2.0]]), n_concepts=1)
    >>> activations = sparse.csr_array(np.array([[1.0], [3.0], [0.0]]))
    >>> counts.update(activations, sparse.csr_array(np.array([[1], [1], [0]])))
    >>> counts.on.tolist(), counts.true_positives.tolist(), counts.positives.tolist()
    ([[2], [1]], [[[2]], [[1]]], [2])
    """

    def __init__(self, thresholds: np.ndarray, n_concepts: int):
        n_thresholds, n_features = thresholds.shape
        self.thresholds = thresholds
        self.n_residues = 0
        self.positives = np.zeros(n_concepts, dtype=np.int64)
        # By number of thresholds passed: disjoint, so that one pass over the nonzeros serves all.
        self._hits = np.zeros((n_concepts, n_thresholds, n_features), dtype=np.int64)
        self._on = np.zeros((n_thresholds, n_features), dtype=np.int64)

    def update(self, activations: sparse.csr_array, labels: sparse.csr_array) -> None:
        """Add residues.

        Parameters
        ----------
        activations : csr_array, shape (n_residues, n_features)
            None negative.
        labels : csr_array, shape (n_residues, n_concepts)
            1 where the residue has the concept.
        """
        self.update_passed(passed_thresholds(activations, self.thresholds), labels)

    def update_passed(self, passed: sparse.csr_array, labels: sparse.csr_array) -> None:
        """Add residues, given how many thresholds each activation passes.

        Parameters
        ----------
        passed : csr_array, dtype=uint8, shape=(n_residues, n_features)
            From ``passed_thresholds`` at this object's thresholds.
        labels : csr_array, shape (n_residues, n_concepts)
        """
        every = np.ones(len(passed.indptr) - 1, dtype=bool)
        self.update_levels(
            _levels(passed, len(self.thresholds)), sparse.csc_array(labels, dtype=np.int32), every
        )

    def update_levels(
        self, levels: sparse.csr_array, labels: sparse.csc_array, known: np.ndarray
    ) -> None:
        """Add residues whose labels are known, given which level of thresholds each passes.

        Parameters
        ----------
        levels : csr_array, dtype=int32, shape=(n_residues, n_thresholds * n_features)
            From `_levels`.
        labels : csc_array, dtype=int32, shape=(n_residues, n_concepts)
            0 where they are not known.
        known : ndarray of bool, shape (n_residues,)
        """
        hits = (labels.T @ levels).tocoo()
        # Each place occurs once in a product, so that nothing is lost by adding at an index.
        self._hits.reshape(hits.shape)[hits.coords] += hits.data
        # Fewer than 2^31 residues at a time; np.bincount would copy all columns to int64.
        self._on += (known.astype(np.int32) @ levels).reshape(self._on.shape)
        self.positives += np.asarray(labels.sum(0, dtype=np.int64)).ravel()
        self.n_residues += int(np.count_nonzero(known))

    @property
    def true_positives(self) -> np.ndarray:
        """Residues on and with the concept: int64, (n_thresholds, n_concepts, n_features)."""
        return self._hits.transpose(1, 0, 2)[::-1].cumsum(0)[::-1]

    @property
    def on(self) -> np.ndarray:
        """Residues on: int64, shape (n_thresholds, n_features)."""
        return self._on[::-1].cumsum(0)[::-1]


def _levels(passed: sparse.csr_array, n_thresholds: int) -> sparse.csr_array:
    """1 in column (number of thresholds passed - 1) * n_features + feature: all levels at once.

    A row's columns are not sorted, which products do not need.
    """
    n_residues, n_features = passed.shape
    column = passed.indices + (passed.data.astype(np.int32) - 1) * np.int32(n_features)
    ones = np.ones(passed.nnz, dtype=np.int32)
    shape = n_residues, n_thresholds * n_features
    return sparse.csr_array((ones, column, passed.indptr), shape=shape)


class KnownCounts:
    """``MatchCounts`` for concepts whose labels are known at some residues only.

    Concepts that are known at the same residues share one count; unknown residues do not count,
    neither as on nor as off.

    Attributes
    ----------
    columns : list of ndarray of int
        Concepts of each group.
    groups : list of MatchCounts
    """

    def __init__(self, thresholds: np.ndarray, known_column: np.ndarray):
        self._known = np.unique(known_column)
        self.columns = [np.flatnonzero(known_column == column) for column in self._known]
        self.groups = [MatchCounts(thresholds, len(columns)) for columns in self.columns]
        self.thresholds = thresholds

    def update(
        self, activations: sparse.csr_array, labels: sparse.sparray, known: np.ndarray
    ) -> None:
        """Add residues.

        Parameters
        ----------
        activations : csr_array, shape (n_residues, n_features)
            Only positive values stored.
        labels : sparse array, shape (n_residues, n_concepts)
            A csc_array of int32 is taken as it is.
        known : ndarray of bool, shape (n_residues, n_known_columns)
        """
        levels = _levels(passed_thresholds(activations, self.thresholds), len(self.thresholds))
        by_concept = sparse.csc_array(labels, dtype=np.int32)
        for column, members, counts in zip(self._known, self.columns, self.groups, strict=True):
            of_group, rows = by_concept[:, members], known[:, column]
            of_group.data *= rows[of_group.indices]
            counts.update_levels(levels, of_group, rows)
