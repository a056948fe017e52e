"""Proteins one after another, as the nulls see them: lengths, homology clusters, known residues."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from protsae.statistics import ragged


@dataclass(frozen=True, eq=False)
class Chains:
    """The proteins of a split, and the residues whose label for a concept is known.

    Rows are residues of all proteins, one protein after another.

    Parameters
    ----------
    lengths : ndarray of int, shape (n_proteins,)
        Residues of each protein.
    cluster : ndarray of int, shape (n_proteins,)
        Number of its homology cluster, any integers.
    known : ndarray of bool, shape (n_residues,)

    Examples
    --------
    >>> known = np.array([True, False, True, True, True])
    >>> chains = Chains(np.array([3, 2]), np.array([7, 7]), known)
    >>> chains.first.tolist(), chains.protein.tolist(), chains.n_known.tolist()
    ([0, 3], [0, 0, 0, 1, 1], [2, 2])
    """

    lengths: np.ndarray
    cluster: np.ndarray
    known: np.ndarray

    @property
    def n_proteins(self) -> int:
        """How many there are."""
        return len(self.lengths)

    @cached_property
    def first(self) -> np.ndarray:
        """First row of each protein: int64, shape (n_proteins,)."""
        return ragged.starts(self.lengths)

    @cached_property
    def protein(self) -> np.ndarray:
        """Protein of each row: int64, shape (n_residues,)."""
        return ragged.groups(self.lengths)

    @cached_property
    def n_known(self) -> np.ndarray:
        """Known residues of each protein: int64, shape (n_proteins,)."""
        return np.bincount(self.protein[self.known], minlength=self.n_proteins)

    @cached_property
    def known_place(self) -> np.ndarray:
        """Place of each known row among the known residues of its protein, from 0; int64."""
        before = np.cumsum(self.known) - self.known
        return before - ragged.starts(self.n_known)[self.protein]

    @cached_property
    def segments(self) -> tuple[np.ndarray, np.ndarray]:
        """Protein and first known place of every unbroken run of known residues."""
        opens = self.known.copy()
        opens[1:] &= ~self.known[:-1] | (self.protein[1:] != self.protein[:-1])
        rows = np.flatnonzero(opens)
        return self.protein[rows], self.known_place[rows]

    @cached_property
    def known_parts(self) -> "Chains":
        """Of each protein what lies between its first and last known residue, if it has any.

        Examples
        --------
        >>> known = np.array([False, True, False, True, False, False, True])
        >>> parts = Chains(np.array([4, 2, 1]), np.array([5, 5, 8]), known).known_parts
        >>> parts.lengths.tolist(), parts.cluster.tolist(), parts.known.tolist()
        ([3, 1], [5, 8], [True, False, True, True])
        """
        inside = self._between_known
        some = self.n_known > 0
        lengths = np.bincount(self.protein[inside], minlength=self.n_proteins)[some]
        return Chains(lengths, self.cluster[some], self.known[inside])

    def in_parts(self, rows: np.ndarray) -> np.ndarray:
        """Where these rows stand in ``known_parts``; those that do not are left out.

        Examples
        --------
        >>> chains = Chains(np.array([4]), np.array([5]), np.array([False, True, True, False]))
        >>> chains.in_parts(np.array([0, 1, 2])).tolist()
        [0, 1]
        """
        inside: np.ndarray = rows[self._between_known[rows]]
        return self._place_between[inside]

    @cached_property
    def _between_known(self) -> np.ndarray:
        begun = self.known_place + self.known > 0
        open_ = self.known_place < self.n_known[self.protein]
        return begun & open_

    @cached_property
    def _place_between(self) -> np.ndarray:
        return np.cumsum(self._between_known) - 1
