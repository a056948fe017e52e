"""Which end of the chain each concept prefers, and how far residues are from the ends."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from protsae.statistics import ragged
from protsae.statistics.cluster_intervals import group_sums

ENDS = ("N-terminus", "C-terminus")
"""Ends of a chain that a concept may prefer; numbered so."""

NO_END = -1
"""Of a concept that prefers none."""

NEAR = 50
"""Residues that count as near an end."""

MIN_ENRICHMENT = 1.5
"""A concept with a preferred end is there so many times as often as if it lay anywhere."""

MIN_Z = 2.33
"""And more often than so by this many standard errors over homology clusters: chance does that to
one concept in 100."""


@dataclass(frozen=True)
class LabelledProteins:
    """Whole proteins, one after another.

    Attributes
    ----------
    lengths : ndarray of int, shape (n_proteins,)
    cluster : ndarray of int, shape (n_proteins,)
        Homology cluster, from 0.
    labels : csr_array, shape (n_residues, n_concepts)
        1 where a residue has the concept.
    known : ndarray of bool, shape (n_residues, n_known_columns)
        Where its label is known.
    """

    lengths: np.ndarray
    cluster: np.ndarray
    labels: sparse.csr_array
    known: np.ndarray


def end_distances(lengths: np.ndarray) -> np.ndarray:
    """Residues between each residue and either end of its protein.

    Parameters
    ----------
    lengths : ndarray of int, shape (n_proteins,)

    Returns
    -------
    ndarray, dtype=int64, shape=(2, n_residues)
        Rows as in ``ENDS``; 0 is the end itself.

    Examples
    --------
    >>> end_distances(np.array([3, 1])).tolist()
    [[0, 1, 2, 0], [2, 1, 0, 0]]
    """
    from_n = ragged.places(lengths)
    return np.stack([from_n, np.repeat(lengths, lengths) - 1 - from_n])


def preferred_ends(
    blocks: Iterable[LabelledProteins], known_column: np.ndarray, n_clusters: int
) -> np.ndarray:
    """The end that each concept prefers, on proteins that no score is reported on.

    Of the m residues with the concept in a protein, o are among the ``NEAR`` residues at an end. At
    random places among the k known residues, a of them near that end, e = m a / k are expected. The
    concept prefers the end if sum o >= ``MIN_ENRICHMENT`` sum e and D = sum (o - e) is at least
    ``MIN_Z`` standard errors, sqrt(sum over homology clusters of D_c^2). Of two, the end with the
    larger D.

    Parameters
    ----------
    blocks : iterable of LabelledProteins
    known_column : ndarray of int, shape (n_concepts,)
        For each concept the column of ``known`` that applies to it.
    n_clusters : int

    Returns
    -------
    ndarray, dtype=int64, shape=(n_concepts,)
        Place in ``ENDS``, or ``NO_END``.
    """
    shape = (len(ENDS), n_clusters, len(known_column))
    surplus, expected = np.zeros(shape), np.zeros((shape[0], shape[2]))
    for block in blocks:
        n_proteins = len(block.lengths)
        protein = ragged.groups(block.lengths)
        counted = sparse.csr_array(block.labels.multiply(block.known[:, known_column]) > 0)
        with_concept = group_sums(counted.astype(np.int64), protein, n_proteins).toarray()
        n_known = group_sums(block.known.astype(np.int64), protein, n_proteins)
        for end, distance in enumerate(end_distances(block.lengths)):
            near = distance < NEAR
            n_near = group_sums((block.known & near[:, None]).astype(np.int64), protein, n_proteins)
            share = np.divide(n_near, n_known, out=np.zeros(n_known.shape), where=n_known > 0)
            there = sparse.csr_array(counted[near], dtype=np.int64)
            observed = group_sums(there, protein[near], n_proteins).toarray()
            by_chance = with_concept * share[:, known_column]
            expected[end] += by_chance.sum(0)
            np.add.at(surplus[end], block.cluster, observed - by_chance)
    total, error = surplus.sum(1), np.sqrt((surplus**2).sum(1))
    prefers = (total > 0) & (total >= (MIN_ENRICHMENT - 1) * expected) & (total >= MIN_Z * error)
    return np.where(prefers.any(0), np.where(prefers, total, -np.inf).argmax(0), NO_END)
