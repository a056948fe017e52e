"""Features of two SAEs, paired one to one by how their activations correlate."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from protsae.detectors.best_matches import correlations

CANDIDATES = 16
"""Best partners of each feature, on either side, among which pairs are chosen."""


@dataclass(frozen=True)
class Pairs:
    """Features of one SAE, each with at most one of another.

    Attributes
    ----------
    own, other : ndarray of int, shape (n_pairs,)
        By ascending ``own``; in neither does a feature occur twice.
    correlation : ndarray of float, shape (n_pairs,)
        Of their activations, where they were paired.
    runner_up : ndarray of int, shape (n_pairs,)
        Of all others that one with the largest correlation with ``own``; -1 without any above 0.
    """

    own: np.ndarray
    other: np.ndarray
    correlation: np.ndarray
    runner_up: np.ndarray


def assign(own: sparse.csr_array, others: sparse.csr_array) -> Pairs:
    """Pair features one to one so that the sum of their correlations is largest.

    Pearson correlation over all residues, zeros among them. Candidates are the ``CANDIDATES`` best
    of each feature of either side; pairs with a correlation of 0 or less are not made.

    Parameters
    ----------
    own, others : csr_array, shape (n_residues, n_own) and (n_residues, n_others)
        Codes of the same residues.

    References
    ----------
    Jonker & Volgenant, Computing 38, 325 (1987), by SciPy, for sparse candidates.

    Examples
    --------
    Both features of the first are most like feature 0 of the second; the better one gets it:

    >>> own = sparse.csr_array([[1.0, 1.0], [0.0, 0.5], [1.0, 1.0], [0.0, 0.0]])
    >>> others = sparse.csr_array([[1.0, 0.0], [0.0, 2.0], [1.0, 0.0], [0.0, 0.0]])
    >>> pairs = assign(own, others)
    >>> pairs.own.tolist(), pairs.other.tolist(), pairs.correlation.round(3).tolist()
    ([0], [0], [1.0])
    """
    n_own, n_others = own.shape[1], others.shape[1]
    row, column, value = candidates(own, others)
    # Everyone may stay alone, at weight 1; a pair weighs 1 more than its correlation.
    alone = np.arange(n_own)
    graph = sparse.csr_array(
        (
            np.concatenate([1 + value, np.ones(n_own)]),
            (np.concatenate([row, alone]), np.concatenate([column, n_others + alone])),
        ),
        shape=(n_own, n_others + n_own),
    )
    first, second = min_weight_full_bipartite_matching(graph, maximize=True)
    paired = second < n_others
    first, second = first[paired].astype(np.int64), second[paired].astype(np.int64)
    order = np.argsort(first)
    first, second = first[order], second[order]
    table = sparse.csr_array((value, (row, column)), shape=(n_own, n_others))
    correlation = np.asarray(table[first, second]).ravel()
    return Pairs(first, second, correlation, _runners_up(row, column, value, first, second))


def _runners_up(
    row: np.ndarray, column: np.ndarray, value: np.ndarray, own: np.ndarray, other: np.ndarray
) -> np.ndarray:
    """The best candidate of each of ``own`` that is not its own of ``other``; -1 without any."""
    match = dict(zip(own.tolist(), other.tolist(), strict=True))
    is_match = np.array(
        [match.get(r) == c for r, c in zip(row.tolist(), column.tolist(), strict=True)]
    )
    row, column, value = (x[~is_match.astype(bool)] for x in (row, column, value))
    order = np.lexsort((column, -value, row))
    features, first = np.unique(row[order], return_index=True)
    best = dict(zip(features.tolist(), column[order][first].tolist(), strict=True))
    return np.array([best.get(feature, -1) for feature in own.tolist()], dtype=np.int64)


def candidates(
    own: sparse.csr_array, others: sparse.csr_array
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best partners of each feature of either side: own, other, and their correlation > 0."""
    rows, columns, values = [], [], []
    best_of_others = np.full((others.shape[1], CANDIDATES), -np.inf)
    who = np.full((others.shape[1], CANDIDATES), -1, np.int64)
    for first, r_BG in correlations(own, others):
        count = min(CANDIDATES, r_BG.shape[1])
        near = np.argpartition(-r_BG, count - 1, axis=1)[:, :count]
        rows.append(np.repeat(first + np.arange(len(r_BG)), count))
        columns.append(near.ravel())
        values.append(np.take_along_axis(r_BG, near, 1).ravel())
        both = np.concatenate([best_of_others, r_BG.T], axis=1)
        of_block = np.broadcast_to(first + np.arange(len(r_BG)), (len(who), len(r_BG)))
        both_who = np.concatenate([who, of_block], axis=1)
        kept = np.argpartition(-both, CANDIDATES - 1, axis=1)[:, :CANDIDATES]
        best_of_others = np.take_along_axis(both, kept, 1)
        who = np.take_along_axis(both_who, kept, 1)
    rows.append(who.ravel())
    columns.append(np.repeat(np.arange(others.shape[1]), CANDIDATES))
    values.append(best_of_others.ravel())
    row, column, value = (np.concatenate(parts) for parts in (rows, columns, values))
    positive = value > 0
    key, at = np.unique(row[positive] * others.shape[1] + column[positive], return_index=True)
    return *np.divmod(key, others.shape[1]), value[positive][at]
