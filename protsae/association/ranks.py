"""Scores from the ranks of activations, without any threshold; all zeros are one tie."""

import numpy as np
from scipy import sparse


def rank_scores(
    activations: sparse.csc_array,
    labels: sparse.csc_array,
    feature: np.ndarray,
    property_: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Average precision and AUROC of chosen pairs, exact, ties taken as one block.

    Over distinct activations falling, AP = sum_k (R_k - R_(k-1)) P_k with precision P and recall R
    of the residues at or above the k-th. AUROC is the chance that a residue with the property has
    the higher activation of two, half where they are equal. Only stored activations are sorted.

    Parameters
    ----------
    activations : csc_array, shape (n_residues, n_features)
        None negative.
    labels : csc_array, shape (n_residues, n_properties)
    feature, property_ : ndarray of int, shape (n_pairs,)

    Returns
    -------
    average_precision, auroc : ndarray, float64, shape (n_pairs,)
        NaN where no residue has the property; AUROC also where all have it.

    References
    ----------
    Definitions as in scikit-learn's average_precision_score and roc_auc_score.

    Examples
    --------
    >>> activations = sparse.csc_array(np.array([[3.0], [2], [1], [0]]))
    >>> labels = sparse.csc_array(np.array([[1], [0], [1], [0]]))
    >>> ap, auroc = rank_scores(activations, labels, np.array([0]), np.array([0]))
    >>> round(float(ap[0]), 3), float(auroc[0])
    (0.833, 0.75)
    """
    n_residues = activations.shape[0]
    average_precision, auroc = np.full((2, len(feature)), np.nan)
    has_property = np.zeros(n_residues, dtype=bool)
    for f in np.unique(feature):
        row, value = _column(activations, f)
        falling = np.argsort(-value, kind="stable")
        row, value = row[falling], value[falling]
        # Last place of each block of equals; zeros are the last block, if there are any.
        ends = np.flatnonzero(np.append(value[1:] != value[:-1], True)) if len(value) else row
        n_above = np.append(ends + 1, n_residues) if len(value) < n_residues else ends + 1
        for pair in np.flatnonzero(feature == f):
            with_property = _column(labels, property_[pair])[0]
            has_property[with_property] = True
            hits = np.cumsum(has_property[row])[ends]
            has_property[with_property] = False
            hits = np.append(hits, len(with_property)) if len(value) < n_residues else hits
            average_precision[pair], auroc[pair] = curve_scores(n_above, hits)
    return average_precision, auroc


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


def _column(matrix: sparse.csc_array, column: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and values that are not 0."""
    part = slice(matrix.indptr[column], matrix.indptr[column + 1])
    row, value = matrix.indices[part], matrix.data[part]
    stored = value != 0
    return row[stored], value[stored]
