"""For each detector the most correlated one of another set: one sparse product, in pieces."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import sparse

PRODUCT_VALUES = 4_000_000
"""Correlations held at a time, 8 bytes each, and some arrays of that size: memory, not results."""


def best_matches(own: sparse.csr_array, others: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Largest Pearson correlation of each detector with one of the others, and which one that is.

    r_ij = (E[a_i b_j] - E[a_i] E[b_j]) / (sd(a_i) sd(b_j)), over all residues, zeros among them; in
    float64. E[a_i b_j] is the one term that takes a product, of sparse matrices.

    Parameters
    ----------
    own, others : csr_array, shape (n_residues, n_own) and (n_residues, n_others)
        Codes of the same residues.

    Returns
    -------
    correlation : ndarray, dtype=float64, shape (n_own,)
        NaN where a detector does not vary, or none of the others does.
    match : ndarray, dtype=int64, shape (n_own,)
        The first of equals; -1 where the correlation is NaN.

    Examples
    --------
    The two features of another SAE are the same in another order, and one is twice as large:

    >>> own = sparse.csr_array([[1.0, 0.0], [0.0, 3.0], [0.0, 1.0]])
    >>> others = sparse.csr_array([[0.0, 1.0], [6.0, 0.0], [2.0, 0.0]])
    >>> correlation, match = best_matches(own, others)
    >>> correlation.round(6).tolist(), match.tolist()
    ([1.0, 1.0], [1, 0])
    """
    correlation, match = np.full(own.shape[1], np.nan), np.full(own.shape[1], -1)
    for first, r_BG in correlations(own, others):
        best = r_BG.argmax(1)
        largest = r_BG[np.arange(len(best)), best]
        varies = np.isfinite(largest)
        piece = slice(first, first + len(best))
        match[piece] = np.where(varies, best, -1)
        correlation[piece] = np.where(varies, np.clip(largest, -1, 1), np.nan)
    return correlation, match


def correlations(
    own: sparse.csr_array, others: sparse.csr_array
) -> Iterator[tuple[int, np.ndarray]]:
    """Pearson correlations, as of `best_matches`, of some detectors with all of the others.

    Yields
    ------
    (first, r_BG)
        Of own detectors from number ``first`` on: float64, shape (n_some, n_others), about
        ``PRODUCT_VALUES`` values; -inf where one of the two does not vary.
    """
    n_residues, n_own = own.shape
    columns, rows = sparse.csc_array(own, dtype=np.float64), others.astype(np.float64)
    mean_F, sd_F = moments(columns)
    mean_G, sd_G = moments(rows)
    varying_G = sd_G > 0
    step = max(1, PRODUCT_VALUES // others.shape[1])
    for start in range(0, n_own, step):
        piece = slice(start, start + step)
        product_FG = (columns[:, piece].T @ rows).toarray() / n_residues
        covariance_FG = product_FG - mean_F[piece, None] * mean_G
        scale_FG = sd_F[piece, None] * np.where(varying_G, sd_G, 1)
        r_FG = covariance_FG / np.where(scale_FG > 0, scale_FG, 1)
        r_FG[:, ~varying_G] = -np.inf
        r_FG[sd_F[piece] == 0] = -np.inf
        yield start, r_FG


def moments(codes: sparse.csr_array | sparse.csc_array) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column; exactly 0 where it is constant."""
    n = codes.shape[0]
    mean = np.asarray(codes.sum(0)).ravel() / n
    squares = np.asarray(codes.power(2).sum(0)).ravel() / n
    variance = squares - mean**2
    # What rounding leaves of a difference of equals.
    return mean, np.sqrt(np.where(variance > 1e-12 * squares, variance, 0))


def exchanged_rows(lengths: Sequence[int], clusters: Sequence[str]) -> np.ndarray:
    """For each residue a residue of a protein of another homology cluster, at the same place in it.

    Proteins get that of the next one by length that is of another cluster; the longest gets the
    shortest. Where lengths differ, places are stretched so that first and last residues meet. What
    stays is how often a detector is active, and where in proteins; what goes is in which.

    Parameters
    ----------
    lengths, clusters : sequences
        Of the proteins, in the order of the rows. If all are of one cluster, they exchange within
        it.

    Returns
    -------
    ndarray, dtype=int64, shape (n_residues,)
        Rows.

    Examples
    --------
    The first protein, of residues 0 and 1, gets those of the second, and that the last's:

    >>> exchanged_rows([2, 3, 4], ["A", "B", "A"]).tolist()
    [2, 4, 5, 7, 8, 2, 3, 3, 4]
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    first = np.cumsum(sizes) - sizes
    order = np.argsort(sizes, kind="stable").tolist()
    found: list[np.ndarray] = [np.zeros(0, np.int64)] * len(sizes)
    for place, protein in enumerate(order):
        following = (order[(place + step) % len(order)] for step in range(1, len(order)))
        others = (other for other in following if clusters[other] != clusters[protein])
        donor = next(others, order[(place + 1) % len(order)])
        steps = np.arange(sizes[protein]) * (sizes[donor] - 1) / max(1, sizes[protein] - 1)
        found[protein] = first[donor] + np.rint(steps).astype(np.int64)
    return np.concatenate(found)
