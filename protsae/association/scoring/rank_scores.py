"""Scores from the ranks of activations, without any threshold; all zeros are one tie."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from protsae.statistics.cluster_intervals import auroc_interval

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
    n_clusters = int(cluster.max(initial=-1)) + 1
    for first in range(0, len(feature), PAIRS_AT_ONCE):
        some = by_feature[first : first + PAIRS_AT_ONCE]
        sums = np.zeros((4, len(some), n_clusters))
        for place, pair in enumerate(some.tolist()):
            if not place or feature[pair] != feature[some[place - 1]]:
                ranked = _Ranked.of(*_column(activations, feature[pair]), cluster)
            curve = ranked.curve(_column(labels, concept[pair])[0])
            found[pair, :2] = curve.scores
            if not np.isnan(curve.scores[1]):
                sums[:, place] = ranked.sums(curve)
        # Clusters stay next to each other in memory, which fixes in which order they are added.
        found[some, 2:] = np.stack(auroc_interval(*sums.swapaxes(1, 2)), axis=1)
    return found


@dataclass(frozen=True, eq=False)
class _Curve:
    """Residues with a concept among those that are ranked.

    Attributes
    ----------
    rows : ndarray of int
        Those with the concept.
    blocks : ndarray of int
        Their blocks.
    new_hits, hits : ndarray of int, shape (n_blocks,)
        With the concept in each block, and down to its end.
    at : ndarray of int
        Blocks with hits. The curve is straight between: their ends, and what lies before them.
    n_above, n_hits : ndarray of int, shape (2 len(at) + 1,)
        Residues, and those with the concept, down to these places.
    scores : tuple of float
        Average precision and AUROC.
    """

    rows: np.ndarray
    blocks: np.ndarray
    new_hits: np.ndarray
    hits: np.ndarray
    at: np.ndarray
    n_above: np.ndarray
    n_hits: np.ndarray
    scores: tuple[float, float]


@dataclass(frozen=True, eq=False)
class _Ranked:
    """Residues by falling activation of a feature, in blocks of equals; zeros are the last block.

    Attributes
    ----------
    cluster : ndarray of int, shape (n_residues,)
    of_block : ndarray of int, shape (n_residues,)
        Block of each residue.
    n_above, sizes : ndarray of int, shape (n_blocks,)
        Residues down to the end of each block, and in it.
    stored : ndarray of int
        Clusters of the residues that are not zero, by falling activation.
    zeros, everyone : ndarray of int, shape (n_clusters,)
        Residues that are, and all.
    has_zeros : bool
        Some are.
    """

    cluster: np.ndarray
    of_block: np.ndarray
    n_above: np.ndarray
    sizes: np.ndarray
    stored: np.ndarray
    zeros: np.ndarray
    everyone: np.ndarray
    has_zeros: bool

    @classmethod
    def of(cls, row: np.ndarray, value: np.ndarray, cluster: np.ndarray) -> "_Ranked":
        """From the rows that are not zero, and their activations."""
        row, value = by_falling_value(row, value)
        ends = np.flatnonzero(np.append(value[1:] != value[:-1], True)) if len(value) else row
        n_residues = len(cluster)
        n_above = np.append(ends + 1, n_residues) if len(value) < n_residues else ends + 1
        sizes = _steps(n_above)
        of_block = np.full(n_residues, len(n_above) - 1, dtype=np.int32)
        of_block[row] = np.repeat(np.arange(len(ends), dtype=np.int32), sizes[: len(ends)])
        stored, everyone = cluster.take(row), np.bincount(cluster)
        zeros = everyone - np.bincount(stored, minlength=len(everyone))
        has_zeros = len(stored) < n_residues
        return cls(cluster, of_block, n_above, sizes, stored, zeros, everyone, has_zeros)

    def curve(self, with_concept: np.ndarray) -> _Curve:
        """Average precision and AUROC, and the way there, given the rows with the concept."""
        blocks = self.of_block.take(with_concept)
        new_hits = np.bincount(blocks, minlength=len(self.n_above))
        hits = np.cumsum(new_hits)
        at = np.flatnonzero(new_hits)
        n_above, n_hits = np.empty((2, 2 * len(at) + 1), dtype=np.int64)
        n_above[1::2], n_hits[1::2] = self.n_above[at], hits[at]
        n_above[:-1:2] = n_above[1::2] - self.sizes[at]
        n_hits[:-1:2] = n_hits[1::2] - new_hits[at]
        n_above[-1], n_hits[-1] = len(self.cluster), hits[-1]
        scores = curve_scores(n_above, n_hits)
        return _Curve(with_concept, blocks, new_hits, hits, at, n_above, n_hits, scores)

    def sums(self, curve: _Curve) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What `auroc_interval` takes: of residues with the concept, and without, by cluster."""
        n_clusters = len(self.zeros)
        placed = np.empty(len(self.n_above))
        placed[curve.at] = placements(curve.n_above, curve.n_hits)[0][1::2]
        # Share of those with the concept that lie above a residue of each block.
        passed = (curve.hits - curve.new_hits / 2) / curve.hits[-1]
        own = self.cluster.take(curve.rows)
        positives = np.bincount(own, minlength=n_clusters)
        negatives = self.everyone - positives
        n_stored = len(self.sizes) - self.has_zeros
        of_stored = np.repeat(passed[:n_stored], self.sizes[:n_stored])
        of_all = np.bincount(self.stored, of_stored, n_clusters) + passed[-1] * self.zeros
        return (
            np.bincount(own, placed.take(curve.blocks), n_clusters),
            positives,
            of_all - np.bincount(own, passed.take(curve.blocks), n_clusters),
            negatives,
        )


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


def curve_scores(n_above: np.ndarray, hits: np.ndarray) -> tuple[float, float]:
    """AP and AUROC from residues, and those with the concept, down to the end of each block.

    Neighbouring blocks without the concept may be taken as one.
    """
    n_residues, positives = int(n_above[-1]), int(hits[-1])
    if not positives:
        return np.nan, np.nan
    new_hits = _steps(hits)
    average_precision = float((new_hits / positives) @ (hits / np.maximum(n_above, 1)))
    negatives = n_residues - positives
    if not negatives:
        return average_precision, np.nan
    misses = n_above - hits
    # Twice the area, in whole numbers: exact below 3e9 residues.
    below = 2 * (negatives - misses) + _steps(misses)
    return average_precision, int(new_hits @ below) / (2 * positives * negatives)


def placements(n_above: np.ndarray, hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a residue of each block lies among those of the other kind.

    Parameters
    ----------
    n_above, hits : ndarray of int, shape (..., n_blocks)
        As of `curve_scores`; some are hits and some are not.

    Returns
    -------
    placed, passed : ndarray, float64, shape (..., n_blocks)
        Share of those without the concept that lie below, and of those with it that lie above;
        equal ones count half. AUROC is the mean of ``placed`` over residues with the concept, and
        of ``passed`` over those without.

    Examples
    --------
    One with the concept, one without, one of each that are equal:

    >>> placed, passed = placements(np.array([1, 2, 4]), np.array([1, 1, 2]))
    >>> placed.tolist(), passed.tolist()
    ([1.0, 0.75, 0.25], [0.25, 0.5, 0.75])
    """
    misses = n_above - hits
    below = 2 * (misses[..., -1:] - misses) + _steps(misses)
    above = 2 * hits - _steps(hits)
    return below / (2 * misses[..., -1:]), above / (2 * hits[..., -1:])


def _steps(sums: np.ndarray) -> np.ndarray:
    """By how much each exceeds the one before it, the first one 0; `np.diff` takes twice as long.

    Examples
    --------
    >>> _steps(np.array([2, 5, 9])).tolist()
    [2, 3, 4]
    """
    steps = sums.copy()
    steps[..., 1:] -= sums[..., :-1]
    return steps


def _column(matrix: sparse.csc_array, column: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and values that are not 0."""
    part = slice(matrix.indptr[column], matrix.indptr[column + 1])
    row, value = matrix.indices[part], matrix.data[part]
    stored = value != 0
    return row.compress(stored), value.compress(stored)
