"""Scores from the ranks of activations, without any threshold; all zeros are one tie."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from protsae.statistics.cluster_intervals import auroc_interval


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
    for f in np.unique(feature):
        ranked = _Ranked.of(*_column(activations, f), cluster)
        for pair in np.flatnonzero(feature == f):
            found[pair] = ranked.pair_scores(_column(labels, concept[pair])[0])
    return found


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
    zeros : ndarray of int, shape (n_clusters,)
        Residues that are.
    """

    cluster: np.ndarray
    of_block: np.ndarray
    n_above: np.ndarray
    sizes: np.ndarray
    stored: np.ndarray
    zeros: np.ndarray

    @classmethod
    def of(cls, row: np.ndarray, value: np.ndarray, cluster: np.ndarray) -> "_Ranked":
        """From the rows that are not zero, and their activations."""
        row, value = by_falling_value(row, value)
        ends = np.flatnonzero(np.append(value[1:] != value[:-1], True)) if len(value) else row
        n_residues = len(cluster)
        n_above = np.append(ends + 1, n_residues) if len(value) < n_residues else ends + 1
        sizes = np.diff(n_above, prepend=0)
        of_block = np.full(n_residues, len(n_above) - 1, dtype=np.int32)
        of_block[row] = np.repeat(np.arange(len(ends), dtype=np.int32), sizes[: len(ends)])
        stored, everyone = cluster[row], np.bincount(cluster)
        zeros = everyone - np.bincount(stored, minlength=len(everyone))
        return cls(cluster, of_block, n_above, sizes, stored, zeros)

    def pair_scores(self, with_concept: np.ndarray) -> tuple[float, float, float, float]:
        """As of `rank_scores`, given the rows with the concept."""
        blocks, n_clusters = self.of_block[with_concept], len(self.zeros)
        new_hits = np.bincount(blocks, minlength=len(self.n_above))
        hits = np.cumsum(new_hits)
        # The curve is straight between blocks with hits: their ends, and what lies before them.
        at = np.flatnonzero(new_hits)
        before = self.n_above - self.sizes
        n_curve = np.stack([before[at], self.n_above[at]], axis=1)
        n_curve = np.append(n_curve, len(self.cluster))
        curve = np.append(np.stack([(hits - new_hits)[at], hits[at]], axis=1), hits[-1])
        average_precision, auroc = curve_scores(n_curve, curve)
        if np.isnan(auroc):
            return average_precision, auroc, np.nan, np.nan
        placed = np.empty(len(self.n_above))
        placed[at] = placements(n_curve, curve)[0][1::2]
        # Share of those with the concept that lie above a residue of each block.
        passed = (hits - new_hits / 2) / hits[-1]
        own = self.cluster[with_concept]
        positives = np.bincount(own, minlength=n_clusters)
        negatives = np.bincount(self.stored, minlength=n_clusters) + self.zeros - positives
        n_stored = len(self.sizes) - int(self.zeros.any())
        of_stored = np.repeat(passed[:n_stored], self.sizes[:n_stored])
        of_all = np.bincount(self.stored, of_stored, n_clusters) + passed[-1] * self.zeros
        low, high = auroc_interval(
            np.bincount(own, placed[blocks], n_clusters),
            positives,
            of_all - np.bincount(own, passed[blocks], n_clusters),
            negatives,
        )
        return average_precision, auroc, float(low), float(high)


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
    new_hits = np.diff(hits, prepend=0)
    average_precision = float((new_hits / positives) @ (hits / np.maximum(n_above, 1)))
    negatives = n_residues - positives
    if not negatives:
        return average_precision, np.nan
    misses = n_above - hits
    # Twice the area, in whole numbers: exact below 3e9 residues.
    below = 2 * (negatives - misses) + np.diff(misses, prepend=0)
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
    below = 2 * (misses[..., -1:] - misses) + np.diff(misses, prepend=0)
    above = 2 * hits - np.diff(hits, prepend=0)
    return below / (2 * misses[..., -1:]), above / (2 * hits[..., -1:])


def _column(matrix: sparse.csc_array, column: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and values that are not 0."""
    part = slice(matrix.indptr[column], matrix.indptr[column + 1])
    row, value = matrix.indices[part], matrix.data[part]
    stored = value != 0
    return row[stored], value[stored]
