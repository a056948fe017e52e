"""Instances found: each counts once, however many of its residues a feature is on at."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from protsae.association.scoring.residue_counts import MatchCounts
from protsae.association.scoring.thresholds import passed_thresholds
from protsae.statistics import ragged

BLOCK_CELLS = 4_000_000
"""Cells of (instance, feature), and activations, held at a time: memory, not results."""


class InstanceCounts:
    """Instances of each concept with at least one residue on, for all pairs and thresholds.

    Instances may overlap, also those of one concept: each is looked at by itself, so that a
    feature that is on wherever the concept holds finds all of them.

    Parameters
    ----------
    thresholds : ndarray, shape (n_thresholds, n_features)
        Ascending along the first axis, none negative.
    n_concepts : int

    Examples
    --------
    Rows 0 to 2 and 2 to 3 are instances; the feature is on in row 2, which is in both:

    >>> counts = InstanceCounts(np.zeros((1, 1)), n_concepts=1)
    >>> activations = sparse.csr_array(np.array([[0.0], [0], [5], [0]]))
    >>> counts.update(activations, np.array([0, 0]), np.array([0, 2]), np.array([3, 4]))
    >>> counts.found.tolist(), counts.n_instances.tolist()
    ([[[2]]], [2])
    """

    def __init__(self, thresholds: np.ndarray, n_concepts: int):
        self._counts = MatchCounts(thresholds, n_concepts)

    def update(
        self,
        activations: sparse.csr_array,
        concept: np.ndarray,
        begin: np.ndarray,
        end: np.ndarray,
    ) -> None:
        """Add instances, and the activations of whole proteins that hold them.

        Parameters
        ----------
        activations : csr_array, shape (n_residues, n_features)
            None negative.
        concept, begin, end : ndarray of int, shape (n_instances,)
            Column of the concept; first row of the instance, and the row after its last.

        Raises
        ------
        ValueError
            For an instance that does not lie within the rows.
        """
        passed = passed_thresholds(activations, self._counts.thresholds)
        self.update_passed(passed, concept, begin, end)

    def update_passed(
        self,
        passed: sparse.csr_array,
        concept: np.ndarray,
        begin: np.ndarray,
        end: np.ndarray,
    ) -> None:
        """As ``update``, from the numbers of thresholds passed."""
        outside = (begin < 0) | (begin >= end) | (end > passed.shape[0])
        if outside.any():
            bad = int(outside.argmax())
            raise ValueError(
                f"instance {bad}: rows {begin[bad]} to {end[bad] - 1} do not lie within the "
                f"{passed.shape[0]} rows given"
            )
        single = end - begin == 1
        # An instance of one residue is that residue: no maximum to take, and often most of them.
        labels = self._labels(begin[single], concept[single], passed.shape[0])
        self._counts.update_passed(passed, labels)
        concept, begin, end = concept[~single], begin[~single], end[~single]
        for block in _blocks(passed, begin, end):
            most = most_passed(passed, begin[block], end[block])
            number = most.shape[0]
            labels = self._labels(np.arange(number), concept[block], number)
            self._counts.update_passed(most, labels)

    def _labels(self, row: np.ndarray, concept: np.ndarray, n_rows: int) -> sparse.csr_array:
        """How many instances of each concept a row stands for."""
        ones = np.ones(len(row), dtype=np.int32)
        return sparse.csr_array((ones, (row, concept)), shape=(n_rows, len(self._counts.positives)))

    @property
    def n_instances(self) -> np.ndarray:
        """Instances of each concept: int64, shape (n_concepts,)."""
        return self._counts.positives

    @property
    def found(self) -> np.ndarray:
        """Instances with a residue on: int64, (n_thresholds, n_concepts, n_features)."""
        return self._counts.true_positives


def most_passed(passed: sparse.csr_array, begin: np.ndarray, end: np.ndarray) -> sparse.csr_array:
    """Maximum of each feature over the rows of each interval.

    Parameters
    ----------
    passed : csr_array, dtype=uint8, shape=(n_residues, n_features)
    begin, end : ndarray of int, shape (n_intervals,)
        First row, and the row after the last.

    Returns
    -------
    csr_array, dtype=uint8, shape=(n_intervals, n_features)

    Examples
    --------
    >>> passed = sparse.csr_array(np.array([[1, 0], [2, 0], [0, 3]], np.uint8))
    >>> most_passed(passed, np.array([0, 2]), np.array([2, 3])).toarray().tolist()
    [[2, 0], [0, 3]]
    """
    n_features = passed.shape[1]
    stored = passed.indptr.astype(np.int64)
    counts = stored[end] - stored[begin]
    place = ragged.ranges(stored[begin], counts)
    cell = ragged.groups(counts) * n_features + passed.indices[place]
    number = passed.data[place]
    most = np.zeros(len(begin) * n_features, dtype=np.uint8)
    # Written in ascending order, so that the largest of several stays.
    for level in np.unique(number):
        most[cell[number == level]] = level
    return sparse.csr_array(most.reshape(len(begin), n_features))


def _blocks(passed: sparse.csr_array, begin: np.ndarray, end: np.ndarray) -> Iterator[slice]:
    """Consecutive instances that fit ``BLOCK_CELLS``, at least one at a time."""
    stored = (passed.indptr[end] - passed.indptr[begin]).astype(np.int64)
    return ragged.runs(stored + passed.shape[1], BLOCK_CELLS)
