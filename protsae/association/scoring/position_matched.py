"""Whether a detector knows more than the place: AUROC among residues equally far from an end.

Signal peptides start proteins, so that a detector of "the first residues" ranks theirs high; not so
where residue 7 is compared with residue 7 of other proteins alone.
"""

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

    Of the m residues with the concept in a protein, o are among the ``NEAR`` residues at an end; if
    they lay anywhere among the k known residues, of which a are near, e = m a / k would be. The
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


def position_matched_auroc(
    activations: sparse.csc_array,
    labels: sparse.csc_array,
    known: np.ndarray,
    known_column: np.ndarray,
    distances: np.ndarray,
    feature: np.ndarray,
    concept: np.ndarray,
    end: np.ndarray,
) -> np.ndarray:
    """Chance that of two residues equally far from an end, the one with the concept is higher.

    Pairs of a residue with the concept and one without, at the same distance from the end that the
    concept prefers; equal activations count half. Distances are pooled by their pairs: sum of
    U_d / sum of m_d n_d, with m_d residues with the concept at distance d, n_d without, and U_d of
    their pairs in the right order. Exact; only stored activations are sorted.

    Parameters
    ----------
    activations : csc_array, shape (n_residues, n_features)
        None negative.
    labels : csc_array, shape (n_residues, n_concepts)
    known : ndarray of bool, shape (n_residues, n_known_columns)
        Residues whose label is known; the others are left out.
    known_column : ndarray of int, shape (n_concepts,)
        For each concept the column of ``known`` that applies to it.
    distances : ndarray of int, shape (2, n_residues)
        From `end_distances`.
    feature, concept : ndarray of int, shape (n_pairs,)
    end : ndarray of int, shape (n_concepts,)
        From `preferred_ends`.

    Returns
    -------
    ndarray, dtype=float64, shape=(n_pairs,)
        NaN where the concept prefers no end, or no distance has residues of both kinds.

    References
    ----------
    Janes & Pepe, Biometrika 96, 371 (2009): ROC curves adjusted for a covariate, by strata.

    Examples
    --------
    Residues 1 of four proteins, then residues 2. The detector is on at all residues 1, and that
    is all it knows:

    >>> activations = sparse.csc_array(np.array([[1.0], [1], [1], [1], [0], [0], [0], [0]]))
    >>> labels = sparse.csc_array(np.array([[1], [1], [0], [0], [0], [0], [0], [0]]))
    >>> distances = np.array([[0, 0, 0, 0, 1, 1, 1, 1]] * 2)
    >>> first, known = np.array([0]), np.ones((8, 1), bool)
    >>> position_matched_auroc(
    ...     activations, labels, known, first, distances, feature=first, concept=first, end=first
    ... ).tolist()
    [0.5]
    """
    found = np.full(len(feature), np.nan)
    strata: dict[int, _Strata] = {}
    for number, distance in enumerate(distances):
        mine = np.flatnonzero(end[concept] == number)
        for column in np.unique(concept[mine]).tolist():
            rows = labels.indices[labels.indptr[column] : labels.indptr[column + 1]]
            strata[column] = _Strata.of(rows, known[:, known_column[column]], distance)
        for column in np.unique(feature[mine]):
            part = slice(activations.indptr[column], activations.indptr[column + 1])
            row, value = activations.indices[part], activations.data[part]
            row, value = row[value > 0], value[value > 0]
            order = np.lexsort((value, distance[row]))
            row, value = row[order], value[order]
            for pair in mine[feature[mine] == column]:
                found[pair] = strata[int(concept[pair])].auroc(row, value)
    return found


@dataclass(frozen=True, eq=False)
class _Strata:
    """Residues at each distance, for one concept.

    Attributes
    ----------
    distance : ndarray of int, shape (n_residues,)
    has, lacks : ndarray of bool, shape (n_residues,)
        Known to have the concept, or to lack it, where both occur at the same distance.
    n_has, n_lacks : ndarray of int, shape (n_distances,)
    """

    distance: np.ndarray
    has: np.ndarray
    lacks: np.ndarray
    n_has: np.ndarray
    n_lacks: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, known: np.ndarray, distance: np.ndarray) -> "_Strata":
        """From the rows with the concept."""
        has = np.zeros(len(distance), dtype=bool)
        has[rows] = True
        has, lacks = has & known, ~has & known
        n_distances = int(distance.max(initial=0)) + 1
        n_has, n_lacks = (np.bincount(distance[m], minlength=n_distances) for m in (has, lacks))
        both = (n_has > 0) & (n_lacks > 0)
        at = both[distance]
        return cls(distance, has & at, lacks & at, n_has * both, n_lacks * both)

    def auroc(self, row: np.ndarray, value: np.ndarray) -> float:
        """Of the rows that are not zero, sorted by distance and then by activation."""
        n_pairs = int(self.n_has @ self.n_lacks)
        if not n_pairs:
            return np.nan
        counted = self.has[row] | self.lacks[row]
        row, value = row[counted], value[counted]
        distance, has, lacks = self.distance[row], self.has[row], self.lacks[row]
        n_distances = len(self.n_has)
        zero_has = self.n_has - np.bincount(distance[has], minlength=n_distances)
        stored_lacks = np.bincount(distance[lacks], minlength=n_distances)
        zero_lacks = self.n_lacks - stored_lacks
        # Without the concept and below: in earlier blocks of equals of the same distance, half of
        # those in the own block, and all zeros. Twice that, in whole numbers.
        new = ragged.changes(distance, value)
        block = np.cumsum(new) - 1
        in_block = np.bincount(block[lacks], minlength=int(new.sum()))
        before = ragged.starts(in_block)[block] - ragged.starts(stored_lacks)[distance]
        below = 2 * before + in_block[block]
        twice = int((below + 2 * zero_lacks[distance])[has].sum()) + int(zero_has @ zero_lacks)
        return twice / (2 * n_pairs)
