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
                falling = by_falling_value(*_column(activations, feature[pair]))
            with_concept = _column(labels, concept[pair])[0]
            found[pair, :2] = _score(*falling, with_concept, cluster, everyone, sums[place])
        # Clusters stay next to each other in memory, which fixes in which order they are added.
        found[some, 2:] = np.stack(auroc_interval(*sums.transpose(1, 2, 0)), axis=1)
    return found


@compiled
def _score(
    row: np.ndarray,
    value: np.ndarray,
    with_concept: np.ndarray,
    cluster: np.ndarray,
    everyone: np.ndarray,
    sums: np.ndarray,
) -> tuple[float, float]:
    """Average precision and AUROC of one pair; fills in what `auroc_interval` takes, by cluster.

    Twice through the residues by falling activation, block of equals by block, zeros last: first
    the scores, then where each residue lies among those of the other kind (its placement, DeLong et
    al. 1988), equal ones half. AUROC is counted in whole numbers: exact below 3e9 residues.
    """
    n_residues, n_positives = len(cluster), len(with_concept)
    n_negatives = n_residues - n_positives
    precision, area = np.nan, np.nan
    if not n_positives:
        return precision, area
    has = np.zeros(n_residues, dtype=np.bool_)
    for residue in with_concept:
        has[residue] = True
        sums[1, cluster[residue]] += 1
    precision, twice = 0.0, 0
    for step in range(2 if n_negatives else 1):
        hits, misses, begin = 0, 0, 0
        while hits + misses < n_residues:
            end = begin
            while end < len(row) and value[end] == value[begin]:
                end += 1
            new_hits = 0
            for place in range(begin, end):
                new_hits += has[row[place]]
            new_misses = end - begin - new_hits
            if begin == len(row):  # those that are not stored
                new_hits, new_misses = n_positives - hits, n_negatives - misses
            hits, misses = hits + new_hits, misses + new_misses
            lost, won = 2 * (n_negatives - misses) + new_misses, 2 * hits - new_hits
            if not step:
                precision += new_hits / n_positives * (hits / (hits + misses))
                twice += new_hits * lost
            else:
                above, below = lost / (2 * n_negatives), won / (2 * n_positives)
                for place in range(begin, end):
                    own = cluster[row[place]]
                    if has[row[place]]:
                        sums[0, own] += above
                        has[row[place]] = False
                    else:
                        sums[2, own] += below
                        sums[3, own] += 1
                if begin == len(row):
                    for residue in with_concept:
                        sums[0, cluster[residue]] += above * has[residue]
                    for own in range(len(everyone)):
                        left = everyone[own] - sums[1, own] - sums[3, own]
                        sums[2, own] += below * left
                        sums[3, own] += left
            begin = end
    return precision, twice / (2 * n_positives * n_negatives) if n_negatives else np.nan


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
