"""Scores from the ranks of activations, without any threshold; all zeros are one tie."""

import numpy as np
from scipy import sparse

from protsae.statistics.cluster_intervals import auroc_interval
from protsae.statistics.compiled import compiled

PAIRS_AT_ONCE = 256
"""Pairs whose sums by cluster are held at a time: memory, not results."""


def rank_scores(
    activations: sparse.csc_array,
    labels: sparse.csc_array,
    feature: np.ndarray,
    concept: np.ndarray,
    cluster: np.ndarray,
) -> np.ndarray:
    """Average precision, AUROC and its interval of chosen pairs; exact, ties taken as one block.

    Over distinct activations falling, AP = sum_k (R_k - R_(k-1)) P_k with precision P and recall R
    of the residues at or above the k-th. AUROC is the chance that a residue with the concept has
    the higher activation of two, half where they are equal. Only stored activations are sorted.

    Parameters
    ----------
    activations : csc_array, dtype=float32, shape=(n_residues, n_features)
        None negative.
    labels : csc_array, shape (n_residues, n_concepts)
    feature, concept : ndarray of int, shape (n_pairs,)
    cluster : ndarray of int, shape (n_residues,)
        Homology cluster of each, from 0: `auroc_interval` is over these.

    Returns
    -------
    ndarray, float64, shape (n_pairs, 4)
        Average precision, AUROC, its lower and its upper bound; NaN where no residue has the
        concept, the last three also where all have it.

    References
    ----------
    Definitions as in scikit-learn's average_precision_score and roc_auc_score.

    Examples
    --------
    >>> activations = sparse.csc_array(np.array([[3.0], [2], [1], [0]]))
    >>> labels = sparse.csc_array(np.array([[1], [0], [1], [0]]))
    >>> pair = np.array([0])
    >>> rank_scores(activations, labels, pair, pair, np.arange(4))[:, :2].round(3).tolist()
    [[0.833, 0.75]]
    """
    found = np.full((len(feature), 4), np.nan)
    by_feature = np.argsort(feature, kind="stable")
    everyone = np.bincount(cluster)
    for first in range(0, len(feature), PAIRS_AT_ONCE):
        some = by_feature[first : first + PAIRS_AT_ONCE]
        sums = np.zeros((len(some), 4, len(everyone)))
        for place, pair in enumerate(some.tolist()):
            if not place or feature[pair] != feature[some[place - 1]]:
                row, value = by_falling_value(*_column(activations, feature[pair]))
                ends = _block_ends(value, len(cluster))
            with_concept = _column(labels, concept[pair])[0]
            n_positives, n_negatives = len(with_concept), len(cluster) - len(with_concept)
            if not n_positives:
                continue
            has = np.zeros(len(cluster), dtype=bool)
            has[with_concept] = True
            found[pair, 0], twice_won, above, below = _curve(row, ends, has, n_positives)
            if n_negatives:
                found[pair, 1] = twice_won / (2 * n_positives * n_negatives)
                above, below = above / (2 * n_negatives), below / (2 * n_positives)
                _by_cluster(
                    row, ends, has, with_concept, above, below, cluster, everyone, sums[place]
                )
        # Clusters stay next to each other in memory, which fixes in which order they are added.
        found[some, 2:] = np.stack(auroc_interval(*sums.transpose(1, 2, 0)), axis=1)
    return found


def _block_ends(value: np.ndarray, n_residues: int) -> np.ndarray:
    """Residues down to the end of each block of equals, by falling value; zeros are the last.

    Examples
    --------
    >>> _block_ends(np.array([3.0, 2, 2]), 7).tolist()
    [1, 3, 7]
    """
    ends = np.flatnonzero(np.append(value[1:] != value[:-1], True)[: len(value)]) + 1
    return np.append(ends, n_residues) if len(value) < n_residues else ends


@compiled
def _curve(
    row: np.ndarray, ends: np.ndarray, has: np.ndarray, n_positives: int
) -> tuple[float, int, np.ndarray, np.ndarray]:
    """Average precision, and where each block lies among the residues of the other kind.

    Returns
    -------
    average_precision : float
    twice_won : int
        Twice the number of pairs of a residue with the concept and one without in which the first
        has the higher activation; a tie counts as half a pair. As an integer it is exact below 3e9
        residues.
    above, below : ndarray, float64, shape (n_blocks,)
        Twice the residues without the concept that lie below a block, and those with it that lie
        above.
    """
    above, below = np.zeros(len(ends)), np.zeros(len(ends))
    n_negatives = ends[-1] - n_positives
    average_precision, twice_won, hits, begin = 0.0, 0, 0, 0
    for block in range(len(ends)):
        new_hits = n_positives - hits
        if begin < len(row):
            new_hits = 0
            for place in range(begin, ends[block]):
                new_hits += has[row[place]]
        hits += new_hits
        new_misses = ends[block] - begin - new_hits
        lost = 2 * (n_negatives - (ends[block] - hits)) + new_misses
        average_precision += new_hits / n_positives * (hits / ends[block])
        twice_won += new_hits * lost
        above[block], below[block] = lost, 2 * hits - new_hits
        begin = ends[block]
    return average_precision, twice_won, above, below


@compiled
def _by_cluster(
    row: np.ndarray,
    ends: np.ndarray,
    has: np.ndarray,
    with_concept: np.ndarray,
    above: np.ndarray,
    below: np.ndarray,
    cluster: np.ndarray,
    everyone: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Add up what `auroc_interval` takes, from the placements of each block (DeLong et al. 1988).

    ``has`` is used up: False at the end wherever a residue is stored.
    """
    for residue in with_concept:
        sums[1, cluster[residue]] += 1
    begin = 0
    for block in range(len(ends)):
        for place in range(begin, min(ends[block], len(row))):
            own = cluster[row[place]]
            if has[row[place]]:
                sums[0, own] += above[block]
                has[row[place]] = False
            else:
                sums[2, own] += below[block]
                sums[3, own] += 1
        begin = ends[block]
    for residue in with_concept:  # those that are not stored
        sums[0, cluster[residue]] += above[-1] * has[residue]
    for own in range(len(everyone)):
        left = everyone[own] - sums[1, own] - sums[3, own]
        sums[2, own] += below[-1] * left
        sums[3, own] += left


def by_falling_value(row: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and their positive float32 values, sorted by falling value.

    As one number each, value before row, they sort in half the time of an indirect sort: the bits
    of positive floats are ordered as the floats are.

    Examples
    --------
    >>> rows, values = by_falling_value(np.array([4, 7, 9]), np.array([0.5, 2, 1], np.float32))
    >>> rows.tolist(), values.tolist()
    ([7, 9, 4], [2.0, 1.0, 0.5])
    """
    bits = value.astype(np.float32, copy=False).view(np.uint32)
    key = (bits.astype(np.uint64) << np.uint64(32)) | row.astype(np.uint64)
    key.sort()
    key = key[::-1]
    falling = (key >> np.uint64(32)).astype(np.uint32).view(np.float32)
    return (key & np.uint64(0xFFFFFFFF)).astype(np.int32), falling


def _column(matrix: sparse.csc_array, column: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and values that are not 0."""
    part = slice(matrix.indptr[column], matrix.indptr[column + 1])
    row, value = matrix.indices[part], matrix.data[part]
    stored = value != 0
    return row.compress(stored), value.compress(stored)
