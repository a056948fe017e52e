"""The interval of the AUROC among residues equally far from an end, over homology clusters.

`position_matched_auroc` is U / T, with T pairs of a residue with the concept and one without at the
same distance, of which U are in the right order. Each residue takes part in some of these pairs, so
that the interval is that of any AUROC, with pairs in the place of residues.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from protsae.statistics import ragged
from protsae.statistics.cluster_intervals import auroc_interval

PAIRS_AT_ONCE = 128
"""Pairs whose sums by cluster are held at a time: memory, not results."""

MATCHED_INTERVAL = ("position_matched_auroc_low", "position_matched_auroc_high")


def position_matched_interval(
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
    """95 % interval of `position_matched_auroc`, by `auroc_interval`.

    P_c sums, over the residues with the concept in cluster c, how many without it at the same
    distance lie below (equal ones half), and m_c how many there are; N_c and n_c sum over the
    residues without it how many with it lie above, and how many there are.

    Parameters
    ----------
    activations, labels, known, known_column, distances, feature, concept, end
        As of `position_matched_auroc`.
    cluster : ndarray of int, shape (n_residues,)
        Homology cluster of each residue, from 0.

    Returns
    -------
    ndarray, float64, shape (n_pairs, 2)
        Lower and upper bound; NaN where the AUROC is, and where fewer than ``MIN_CLUSTERS``
        clusters have a residue with the concept that is compared with any.

    References
    ----------
    Obuchowski, Biometrics 53, 567 (1997): AUROC of clustered data, after DeLong et al.

    Examples
    --------
    Two residues of each of ten proteins, of ten clusters. The first residues of five have the
    concept, and the detector is on at these and at no other:

    >>> first = np.arange(20) % 2 == 0
    >>> active = first & (np.arange(20) < 10)
    >>> activations = sparse.csc_array(active[:, None].astype(float))
    >>> distances, pair = np.stack([np.arange(20) % 2] * 2), np.array([0])
    >>> position_matched_interval(
    ...     activations, activations, np.ones((20, 1), bool), pair, distances, pair, pair, pair,
    ...     cluster=np.arange(20) // 2
    ... ).tolist()
    [[nan, nan]]
    """
    found = np.full((len(feature), 2), np.nan)
    waiting: list[tuple[int, tuple[np.ndarray, ...]]] = []

    def settle() -> None:
        # numpy adds a column alone in another order, and no result may depend on the others.
        pairs, sums = zip(*waiting, *waiting[: len(waiting) == 1], strict=True)
        columns = (np.stack(each, axis=1) for each in zip(*sums, strict=True))
        found[list(pairs)] = np.stack(auroc_interval(*columns), axis=1)
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
