"""Scores from the ranks of activations, without any threshold; all zeros are one tie."""

import numpy as np
from scipy import sparse
from scipy.stats import rankdata

from protsae.association.scores import ratio


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


def spearman(activations: sparse.csc_array, scales: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of every feature with every continuous property.

    Pearson's r of midranks. Residues where a property is undefined (NaN) do not count for it.

    Parameters
    ----------
    activations : csc_array, shape (n_residues, n_features)
        None negative.
    scales : ndarray of float, shape (n_residues, n_scales)

    Returns
    -------
    ndarray, float64, shape (n_scales, n_features)
        0 where the feature or the property does not vary.

    Examples
    --------
    >>> activations = sparse.csc_array(np.array([[0.0], [1], [9]]))
    >>> spearman(activations, np.array([[5.0, 3], [6, 2], [7, 1]])).ravel().tolist()
    [1.0, -1.0]
    """
    rho = np.zeros((scales.shape[1], activations.shape[1]))
    defined = ~np.isnan(scales)
    # Scales undefined at the same residues share the ranks of the features.
    masks, group = np.unique(defined, axis=1, return_inverse=True)
    for number, mask in enumerate(masks.T):
        chosen = np.flatnonzero(group.ravel() == number)
        ranks, squares = _rank_excess(sparse.csc_array(activations[mask]))
        of_scale = rankdata(scales[mask][:, chosen], axis=0)
        of_scale -= (len(of_scale) + 1) / 2
        spread = np.sqrt((of_scale**2).sum(0)[:, None] * squares)
        rho[chosen] = ratio((ranks.T @ of_scale).T, spread)
    return rho


def _rank_excess(activations: sparse.csc_array) -> tuple[sparse.csc_array, np.ndarray]:
    """Midranks less that of zero, where stored; and the sum of squares about the mean rank.

    A constant taken off the ranks of a feature changes no covariance and keeps them sparse.
    """
    n_residues, n_features = activations.shape
    excess = activations.astype(np.float64)
    squares = np.zeros(n_features)
    for f in range(n_features):
        part = slice(activations.indptr[f], activations.indptr[f + 1])
        value = activations.data[part]
        stored = value != 0
        n_zero = n_residues - int(stored.sum())
        of_zero = (n_zero + 1) / 2
        excess.data[part][stored] = rankdata(value[stored]) + n_zero - of_zero
        moved = excess.data[part]
        total = (moved**2).sum()
        centred = total - moved.sum() ** 2 / max(n_residues, 1)
        # Exactly 0 where nothing but rounding is left of it.
        squares[f] = centred if centred > 1e-12 * total else 0.0
    return excess, squares


def _column(matrix: sparse.csc_array, column: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and values that are not 0."""
    part = slice(matrix.indptr[column], matrix.indptr[column + 1])
    row, value = matrix.indices[part], matrix.data[part]
    stored = value != 0
    return row[stored], value[stored]
