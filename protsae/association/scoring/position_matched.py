"""Whether a detector knows more than the place: AUROC among residues equally far from an end.

Signal peptides start proteins, so that a detector of "the first residues" ranks theirs high; not so
where residue 7 is compared with residue 7 of other proteins alone.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from protsae.statistics import ragged
from protsae.statistics.cluster_intervals import auroc_interval

PAIRS_AT_ONCE = 128
"""Pairs whose sums by cluster are held at a time: memory, not results."""


def position_matched_auroc(
    activations: sparse.csc_array,
    labels: sparse.csc_array,
    known: np.ndarray,
    known_column: np.ndarray,
    distances: np.ndarray,
    feature: np.ndarray,
    concept: np.ndarray,
    end: np.ndarray,
    cluster: np.ndarray,
) -> np.ndarray:
    """Chance that of two residues equally far from an end, the one with the concept is higher.

    Pairs of a residue with the concept and one without, at the same distance from the end that the
    concept prefers; equal activations count half. Distances are pooled by their pairs: sum of
    U_d / sum of m_d n_d, with m_d residues with the concept at distance d, n_d without, and U_d of
    their pairs in the right order. Exact; only stored activations are sorted.

    The 95 % interval is `auroc_interval` with such pairs in the place of residues. P_c sums, over
    the residues with the concept in cluster c, how many without it at the same distance lie below
    (equal ones half), and m_c how many there are; N_c and n_c sum over the residues without it how
    many with it lie above, and how many there are.

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
    cluster : ndarray of int, shape (n_residues,)
        Homology cluster of each residue, from 0.

    Returns
    -------
    ndarray, dtype=float64, shape=(n_pairs, 3)
        AUROC, its lower and its upper bound. NaN where the concept prefers no end, or no distance
        has residues of both kinds; the bounds also where fewer than ``MIN_CLUSTERS`` clusters have
        a residue with the concept that is compared with any.

    References
    ----------
    Janes & Pepe, Biometrika 96, 371 (2009): ROC curves adjusted for a covariate, by strata.
    Obuchowski, Biometrics 53, 567 (1997): AUROC of clustered data, after DeLong et al.

    Examples
    --------
    Residues 1 of four proteins, then residues 2. The detector is on at all residues 1, and that
    is all it knows; four clusters tell too little for an interval:

    >>> activations = sparse.csc_array(np.array([[1.0], [1], [1], [1], [0], [0], [0], [0]]))
    >>> labels = sparse.csc_array(np.array([[1], [1], [0], [0], [0], [0], [0], [0]]))
    >>> distances = np.array([[0, 0, 0, 0, 1, 1, 1, 1]] * 2)
    >>> first, known = np.array([0]), np.ones((8, 1), bool)
    >>> position_matched_auroc(
    ...     activations, labels, known, first, distances, feature=first, concept=first, end=first,
    ...     cluster=np.arange(8) % 4
    ... ).tolist()
    [[0.5, nan, nan]]
    """
    found = np.full((len(feature), 3), np.nan)
    waiting: list[tuple[int, tuple[np.ndarray, ...]]] = []

    def settle() -> None:
        # numpy adds a column alone in another order, and no result may depend on the others.
        pairs, sums = zip(*waiting, *waiting[: len(waiting) == 1], strict=True)
        placed, positives, *of_lacking = (
            np.stack(each, axis=1) for each in zip(*sums, strict=True)
        )
        n_compared = positives.sum(0)
        nothing = np.full(len(n_compared), np.nan)
        auroc = np.divide(placed.sum(0), n_compared, out=nothing, where=n_compared > 0)
        bounds = auroc_interval(placed, positives, *of_lacking)
        found[list(pairs)] = np.stack([auroc, *bounds], axis=1)
        waiting.clear()

    n_clusters = int(cluster.max(initial=-1)) + 1
    matched: dict[int, _Matched] = {}
    for number, distance in enumerate(distances):
        mine = np.flatnonzero(end[concept] == number)
        for column in np.unique(concept[mine]).tolist():
            rows = labels.indices[labels.indptr[column] : labels.indptr[column + 1]]
            is_known = known[:, known_column[column]]
            matched[column] = _Matched.of(rows, is_known, distance, cluster, n_clusters)
        for column in np.unique(feature[mine]):
            part = slice(activations.indptr[column], activations.indptr[column + 1])
            row, value = activations.indices[part], activations.data[part]
            row, value = row[value > 0], value[value > 0]
            order = np.lexsort((value, distance[row]))
            row, value = row[order], value[order]
            for pair in mine[feature[mine] == column]:
                waiting.append((pair, matched[int(concept[pair])].sums(row, value)))
                if len(waiting) == PAIRS_AT_ONCE:
                    settle()
    if waiting:
        settle()
    return found


@dataclass(frozen=True, eq=False)
class _Matched:
    """Residues that are compared, for one concept: those at a distance where both kinds occur.

    Attributes
    ----------
    distance, cluster : ndarray of int, shape (n_residues,)
    has, lacks : ndarray of bool, shape (n_residues,)
        Compared residues with the concept, and without.
    n_has, n_lacks : csr_array of int, shape (n_clusters, n_distances)
        How many of each there are.
    every_has, every_lacks : ndarray of int, shape (n_distances,)
        The same in all clusters.
    positives, negatives : ndarray of int, shape (n_clusters,)
        Comparisons that the residues of a cluster with the concept, and without, take part in.
    """

    distance: np.ndarray
    cluster: np.ndarray
    has: np.ndarray
    lacks: np.ndarray
    n_has: sparse.csr_array
    n_lacks: sparse.csr_array
    every_has: np.ndarray
    every_lacks: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray

    @classmethod
    def of(
        cls,
        rows: np.ndarray,
        known: np.ndarray,
        distance: np.ndarray,
        cluster: np.ndarray,
        n_clusters: int,
    ) -> "_Matched":
        """From the rows with the concept."""
        has = np.zeros(len(distance), dtype=bool)
        has[rows] = True
        has, lacks = has & known, ~has & known
        n_distances = int(distance.max(initial=0)) + 1
        both = np.ones(n_distances, dtype=bool)
        for mask in (has, lacks):
            both &= np.bincount(distance[mask], minlength=n_distances) > 0
        has, lacks = has & both[distance], lacks & both[distance]
        shape = n_clusters, n_distances
        n_has, n_lacks = (_counts(cluster[m], distance[m], shape) for m in (has, lacks))
        every = n_has.sum(0), n_lacks.sum(0)
        compared = n_has @ every[1], n_lacks @ every[0]
        return cls(distance, cluster, has, lacks, n_has, n_lacks, *every, *compared)

    def sums(self, row: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, ...]:
        """P_c, m_c, N_c, n_c of the rows that are not zero, sorted by distance and activation."""
        n_clusters, n_distances = self.n_has.shape
        compared = self.has[row] | self.lacks[row]
        row, value = row[compared], value[compared]
        distance, has, lacks = self.distance[row], self.has[row], self.lacks[row]
        stored_has = np.bincount(distance[has], minlength=n_distances)
        zero_lacks = self.every_lacks - np.bincount(distance[lacks], minlength=n_distances)
        # Twice the number that lies below, or above; half of the equal ones, so once.
        block = np.cumsum(ragged.changes(distance, value)) - 1
        below = _twice_below(lacks, block, distance, n_distances) + 2 * zero_lacks[distance]
        above = 2 * stored_has[distance] - _twice_below(has, block, distance, n_distances)
        zero_above = self.every_has + stored_has
        # All are counted as zeros, and those that are stored then corrected.
        placed = self.n_has @ zero_lacks
        placed += _sums(self.cluster[row[has]], (below - zero_lacks[distance])[has], n_clusters)
        passed = self.n_lacks @ zero_above
        passed += _sums(self.cluster[row[lacks]], (above - zero_above[distance])[lacks], n_clusters)
        return placed / 2, self.positives, passed / 2, self.negatives


def _counts(cluster: np.ndarray, distance: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    ones = np.ones(len(cluster), dtype=np.int64)
    return sparse.csr_array((ones, (cluster, distance)), shape=shape)


def _twice_below(
    counted: np.ndarray, block: np.ndarray, distance: np.ndarray, n_distances: int
) -> np.ndarray:
    """Twice how many of those counted lie below each at the same distance, in its block once."""
    in_block = np.bincount(block[counted], minlength=int(block[-1]) + 1 if len(block) else 0)
    of_distance = np.bincount(distance[counted], minlength=n_distances)
    before = ragged.starts(in_block)[block] - ragged.starts(of_distance)[distance]
    twice: np.ndarray = 2 * before + in_block[block]
    return twice


def _sums(cluster: np.ndarray, values: np.ndarray, n_clusters: int) -> np.ndarray:
    return np.bincount(cluster, values, n_clusters).astype(np.int64)
