"""Scores from the ranks of activations, without any threshold; all zeros are one tie."""

import numpy as np
from scipy import sparse

from protsae.resampling import auroc_interval


def rank_scores(
    activations: sparse.csc_array,
    labels: sparse.csc_array,
    feature: np.ndarray,
    property_: np.ndarray,
    cluster: np.ndarray,
) -> np.ndarray:
    """Average precision, AUROC and its interval of chosen pairs; exact, ties taken as one block.

    Over distinct activations falling, AP = sum_k (R_k - R_(k-1)) P_k with precision P and recall R
    of the residues at or above the k-th. AUROC is the chance that a residue with the property has
    the higher activation of two, half where they are equal. Only stored activations are sorted.

    Parameters
    ----------
    activations : csc_array, shape (n_residues, n_features)
        None negative.
    labels : csc_array, shape (n_residues, n_properties)
    feature, property_ : ndarray of int, shape (n_pairs,)
    cluster : ndarray of int, shape (n_residues,)
        Homology cluster of each, from 0: `auroc_interval` is over these.

    Returns
    -------
    ndarray, float64, shape (n_pairs, 4)
        Average precision, AUROC, its lower and its upper bound; NaN where no residue has the
        property, the last three also where all have it.

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
    n_residues = activations.shape[0]
    sizes = np.bincount(cluster)
    n_clusters = len(sizes)
    found = np.full((len(feature), 4), np.nan)
    of_block = np.empty(n_residues, dtype=np.int32)
    for f in np.unique(feature):
        row, value = _column(activations, f)
        falling = np.argsort(-value, kind="stable")
        row, value = row[falling], value[falling]
        # Last place of each block of equals; zeros are the last block, if there are any.
        ends = np.flatnonzero(np.append(value[1:] != value[:-1], True)) if len(value) else row
        n_above = np.append(ends + 1, n_residues) if len(value) < n_residues else ends + 1
        block_sizes = np.diff(n_above, prepend=0)
        block = np.repeat(np.arange(len(ends), dtype=np.int32), block_sizes[: len(ends)])
        of_block[:] = len(n_above) - 1
        of_block[row] = block
        of_row = cluster[row]
        zeros = sizes - np.bincount(of_row, minlength=n_clusters)
        for pair in np.flatnonzero(feature == f):
            with_property = _column(labels, property_[pair])[0]
            blocks = of_block[with_property]
            new_hits = np.bincount(blocks, minlength=len(n_above))
            hits = np.cumsum(new_hits)
            # The curve is straight between blocks with hits: their ends, and what lies before them.
            at = np.flatnonzero(new_hits)
            n_curve = np.append(np.stack([(n_above - block_sizes)[at], n_above[at]], 1), n_residues)
            curve = np.append(np.stack([(hits - new_hits)[at], hits[at]], axis=1), hits[-1])
            found[pair, :2] = curve_scores(n_curve, curve)
            if np.isnan(found[pair, 1]):
                continue
            placed = np.empty(len(n_above))
            placed[at] = placements(n_curve, curve)[0][1::2]
            # Share of those with the property that lie above a residue of each block.
            passed = (hits - new_hits / 2) / hits[-1]
            own = cluster[with_property]
            positives = np.bincount(own, minlength=n_clusters)
            everyone = np.bincount(of_row, passed[block], n_clusters) + passed[-1] * zeros
            found[pair, 2:] = auroc_interval(
                np.bincount(own, placed[blocks], n_clusters),
                positives,
                everyone - np.bincount(own, passed[blocks], n_clusters),
                sizes - positives,
            )
    return found


def curve_scores(n_above: np.ndarray, hits: np.ndarray) -> tuple[float, float]:
    """AP and AUROC from residues, and those with the property, down to the end of each block.

    Neighbouring blocks without the property may be taken as one.
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
        Share of those without the property that lie below, and of those with it that lie above;
        equal ones count half. AUROC is the mean of ``placed`` over residues with the property, and
        of ``passed`` over those without.

    Examples
    --------
    One with the property, one without, one of each that are equal:

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
