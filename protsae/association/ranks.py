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
    found = np.full((len(feature), 4), np.nan)
    n_clusters = int(cluster.max()) + 1
    sizes = np.bincount(cluster)
    has_property = np.zeros(n_residues, dtype=bool)
    for f in np.unique(feature):
        row, value = _column(activations, f)
        falling = np.argsort(-value, kind="stable")
        row, value = row[falling], value[falling]
        # Last place of each block of equals; zeros are the last block, if there are any.
        ends = np.flatnonzero(np.append(value[1:] != value[:-1], True)) if len(value) else row
        n_above = np.append(ends + 1, n_residues) if len(value) < n_residues else ends + 1
        block = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=-1))
        of_row = cluster[row]
        for pair in np.flatnonzero(feature == f):
            with_property = _column(labels, property_[pair])[0]
            has_property[with_property] = True
            is_hit = has_property[row]
            has_property[with_property] = False
            hits = np.cumsum(is_hit)[ends]
            hits = np.append(hits, len(with_property)) if len(value) < n_residues else hits
            found[pair, :2] = curve_scores(n_above, hits)
            if np.isnan(found[pair, 1]):
                continue
            placed, passed = placements(n_above, hits)
            positives = np.bincount(cluster[with_property], minlength=n_clusters)
            sums = []
            for share, total, mine in (
                (placed, positives, is_hit),
                (passed, sizes - positives, ~is_hit),
            ):
                at = of_row[mine]
                stored = np.bincount(at, share[block[mine]], n_clusters)
                zeros = total - np.bincount(at, minlength=n_clusters)
                sums += [stored + share[-1] * zeros, total]
            found[pair, 2:] = auroc_interval(*sums)
    return found


def curve_scores(n_above: np.ndarray, hits: np.ndarray) -> tuple[float, float]:
    """AP and AUROC from residues, and those with the property, down to the end of each block."""
    n_residues, positives = int(n_above[-1]), int(hits[-1])
    if not positives:
        return np.nan, np.nan
    new_hits = np.diff(hits, prepend=0)
    average_precision = float((new_hits / positives) @ (hits / n_above))
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
