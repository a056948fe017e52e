"""Concepts from one label per residue, where some residues have none: topology, structure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from protsae.concepts.concept import Concept

UNKNOWN = 0
"""Code of a residue without a label; class i of a set has code i + 1."""


@dataclass(frozen=True, eq=False)
class LabelSet:
    """One label per residue, for some proteins.

    A residue without a label is unknown: it neither has a class nor lacks it.

    Parameters
    ----------
    name : str
        What the labels say, e.g. ``"topology"``; unique among the sets.
    classes : tuple of str
        Names of the classes, in order.
    source : str
        Where the labels come from.
    codes : mapping of str to ndarray, dtype=uint8, shape=(n_residues,)
        By accession: `UNKNOWN`, or index of the class + 1. Proteins without an entry are unknown.

    Examples
    --------
    >>> codes = {"P1": np.array([1, 1, 0, 2], np.uint8)}
    >>> topology = LabelSet("topology", ("TMH", "outside"), "OPM", codes)
    >>> [concept.name for concept in topology.concepts]
    ['topology: TMH', 'topology: outside']
    >>> topology.labels(["P1"], [4]).toarray().tolist()
    [[1, 0], [1, 0], [0, 0], [0, 1]]
    >>> topology.known(["P1", "P2"], [4, 1]).tolist()
    [True, True, False, True, False]
    """

    name: str
    classes: tuple[str, ...]
    source: str
    codes: Mapping[str, np.ndarray]

    @property
    def concepts(self) -> tuple[Concept, ...]:
        """One concept for each class; its type is the name of the set."""
        return tuple(Concept(f"{self.name}: {c}", self.name, self.source) for c in self.classes)

    def labels(self, accessions: Sequence[str], lengths: Sequence[int]) -> sparse.csr_array:
        """Labels of the residues of the given proteins, concatenated in the given order.

        Returns
        -------
        csr_array, dtype=uint8, shape=(n_residues, n_classes)
            1 where the residue is of the class; all 0 where it is unknown.
        """
        codes = self._codes(accessions, lengths)
        rows = np.flatnonzero(codes != UNKNOWN)
        return sparse.csr_array(
            (np.ones(len(rows), dtype=np.uint8), (rows, codes[rows].astype(np.int32) - 1)),
            shape=(len(codes), len(self.classes)),
        )

    def known(self, accessions: Sequence[str], lengths: Sequence[int]) -> np.ndarray:
        """Which residues have a label: bool, shape (n_residues,)."""
        return self._codes(accessions, lengths) != UNKNOWN

    def _codes(self, accessions: Sequence[str], lengths: Sequence[int]) -> np.ndarray:
        parts = [np.zeros(0, dtype=np.uint8)]
        for accession, length in zip(accessions, lengths, strict=True):
            codes = self.codes.get(accession)
            if codes is None:
                codes = np.full(length, UNKNOWN, dtype=np.uint8)
            elif len(codes) != length:
                raise ValueError(
                    f"{accession}: {len(codes)} labels of {self.name!r} for {length} residues"
                )
            parts.append(codes)
        return np.concatenate(parts)
