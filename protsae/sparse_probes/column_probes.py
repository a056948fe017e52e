"""K-sparse probes of all concepts on one set of detectors: chosen and fitted on train."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from protsae.sparse_probes.forward_selection import NONE, forward_selection
from protsae.sparse_probes.logistic_fit import fit_logistic
from protsae.statistics.cluster_intervals import group_sums

TARGETS_AT_ONCE = 64
"""Concepts whose columns are chosen together: bounds memory, changes nothing."""

LEAST_CLUSTERS = 3
"""Homology clusters of train in which a column must be other than 0: what is in one or two of them
tells of these, not of a concept."""

Rows = Any
"""Values of columns: ndarray or csr_array, shape (n_rows, n_columns)."""


@dataclass(frozen=True, eq=False)
class SparseProbes:
    """Probes of each concept on its first k columns, for every k: logits x W + b.

    Attributes
    ----------
    sizes : tuple of int
        The ks, ascending.
    chosen : ndarray of int, shape (largest k, n_concepts)
        Columns in the order in which they were chosen; ``NONE``: nothing was left to choose.
    weights : csc_array, float64, shape (n_columns, len(sizes) n_concepts)
        Probe s n_concepts + c is of concept c, with the first ``sizes[s]`` of its columns.
    bias, low, high : ndarray, float64, shape (len(sizes) n_concepts,)
        Of these probes, and their smallest and largest logit on the residues fitted.
    """

    sizes: tuple[int, ...]
    chosen: np.ndarray
    weights: sparse.csc_array
    bias: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def logits(self, rows: Rows) -> np.ndarray:
        """Logits of rows (n, n_columns): float64, shape (n, len(sizes) n_concepts)."""
        products = rows @ self.weights
        dense: np.ndarray = products.toarray() if sparse.issparse(products) else products
        return dense + self.bias


@dataclass(frozen=True, eq=False)
class TrainRows:
    """Residues that columns are chosen and probes fitted on.

    Attributes
    ----------
    x : ndarray or csr_array, shape (n_rows, n_columns)
    labels : ndarray of bool, shape (n_rows, n_concepts)
    known : ndarray of bool, shape (n_rows, n_known_columns)
        Where labels are known.
    known_column : ndarray of int, shape (n_concepts,)
        For each concept its column of ``known``.
    cluster : ndarray of int, shape (n_rows,)
        Homology cluster of each.
    weight : ndarray, shape (n_rows,)
        What each counts: less in a large cluster, whose relatives repeat each other.
    """

    x: Rows
    labels: np.ndarray
    known: np.ndarray
    known_column: np.ndarray
    cluster: np.ndarray
    weight: np.ndarray


def fit_sparse_probes(train: TrainRows, sizes: Sequence[int]) -> SparseProbes:
    """Choose columns for each concept (`forward_selection`), and fit a probe for each k.

    Probes are logistic regressions (`fit_logistic`), each on the first k columns chosen, over the
    residues whose label is known. Columns that are other than 0 in fewer than `LEAST_CLUSTERS`
    homology clusters are not chosen. A concept that no or every residue has gets weights of 0.

    Parameters
    ----------
    sizes : sequence of int
        The ks, ascending.

    Examples
    --------
    The concept holds where column 0 and column 2 do; one column cannot tell:

    >>> x = np.array([[1.0, 0, 0], [0, 1, 1], [1, 1, 1], [0, 0, 0]] * 5)
    >>> labels, known = x[:, [0]] * x[:, [2]] > 0, np.ones((20, 1), bool)
    >>> train = TrainRows(x, labels, known, np.array([0]), np.arange(20), np.ones(20))
    >>> probes = fit_sparse_probes(train, [1, 2])
    >>> (probes.logits(x[:4]) > 0).astype(int).tolist()
    [[0, 0], [0, 0], [0, 1], [0, 0]]
    """
    x, n_concepts = train.x, train.labels.shape[1]
    chosen = _all_chosen(train, max(sizes))
    columns = sparse.csc_array(x) if sparse.issparse(x) else x
    weights = sparse.lil_array((x.shape[1], len(sizes) * n_concepts))
    bias, low, high = np.zeros((3, len(sizes) * n_concepts))
    for concept in range(n_concepts):
        own = chosen[:, concept][chosen[:, concept] != NONE]
        known = train.known[:, train.known_column[concept]]
        counted = np.where(known, train.weight, 0)
        of_rows = _distinct(columns, own, train.labels[:, concept], counted)
        for place, found in enumerate(_nested_fits(*of_rows, sizes)):
            probe, k = place * n_concepts + concept, len(found) - 1
            weights[own[:k], [probe] * k] = found[:-1]
            bias[probe] = found[-1]
            logits = of_rows[0][:, :k] @ found[:-1] + found[-1]
            low[probe], high[probe] = logits.min(), logits.max()
    return SparseProbes(tuple(sizes), chosen, sparse.csc_array(weights), bias, low, high)


def _nested_fits(
    rows: np.ndarray, n: np.ndarray, positives: np.ndarray, sizes: Sequence[int]
) -> Iterator[np.ndarray]:
    """`fit_logistic` on the first columns, as many as each of the sizes; from the smaller ones."""
    start: np.ndarray | None = None
    for size in sizes:
        values = rows[:, :size]
        if start is not None:
            start = np.insert(start, len(start) - 1, np.zeros(values.shape[1] - len(start) + 1))
        start = fit_logistic(values, n, positives, start)
        yield start


def _all_chosen(train: TrainRows, n_steps: int) -> np.ndarray:
    """Columns by `forward_selection`, shape (n_steps, n_concepts)."""
    chosen = np.full((n_steps, train.labels.shape[1]), NONE)
    rare = _rare(train.x, train.cluster)
    for column in np.unique(train.known_column):
        # Concepts whose labels are known at the same residues share the sums over them.
        rows = np.flatnonzero(train.known[:, column])
        own = np.flatnonzero(train.known_column == column)
        for first in range(0, len(own) if len(rows) else 0, TARGETS_AT_ONCE):
            group = own[first : first + TARGETS_AT_ONCE]
            of_rows = train.x[rows], train.labels[np.ix_(rows, group)], train.weight[rows]
            chosen[:, group] = _chosen(*of_rows, rare, n_steps)
    return chosen


def _rare(x: Rows, cluster: np.ndarray) -> np.ndarray:
    """Which columns are other than 0 in fewer than `LEAST_CLUSTERS` clusters."""
    _, number = np.unique(cluster, return_inverse=True)
    by_cluster = group_sums(x != 0, number, int(number.max(initial=0)) + 1)
    n_clusters = np.asarray((by_cluster > 0).sum(0)).ravel()
    rare: np.ndarray = n_clusters < LEAST_CLUSTERS
    return rare


def _chosen(
    x: Rows, labels: np.ndarray, weight: np.ndarray, rare: np.ndarray, n_steps: int
) -> np.ndarray:
    """Columns by `forward_selection`, weighted, shape (n_steps, n_concepts)."""
    total = weight.sum()
    root = np.sqrt(weight)
    exact = x.astype(np.float64)
    is_sparse = sparse.issparse(x)
    scaled = sparse.csr_array(exact.multiply(root[:, None])) if is_sparse else exact * root[:, None]
    mean = np.asarray(scaled.T @ root) / total
    squares = np.asarray((scaled * scaled).sum(0)) - total * mean**2
    target = labels * root[:, None]

    known: dict[int, np.ndarray] = {}

    def products(columns: np.ndarray) -> np.ndarray:
        # Concepts have columns in common, which one takes sooner and another later.
        new = np.array([column for column in columns.tolist() if column not in known], dtype=int)
        if len(new):
            found = scaled.T @ scaled[:, new]
            dense = found.toarray() if is_sparse else found
            known.update(
                zip(new.tolist(), (dense - total * mean[:, None] * mean[new]).T, strict=True)
            )
        return np.stack([known[column] for column in columns.tolist()], axis=1)

    cross = scaled.T @ target - mean[:, None] * (root @ target)
    return forward_selection(products, np.where(rare, 0, np.maximum(squares, 0)), cross, n_steps)


def _distinct(
    columns: Rows, own: np.ndarray, labels: np.ndarray, counted: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Known residues on these columns, those at which all are 0 as one row.

    Returns
    -------
    rows, n, positives : ndarray, float64
        Rows, what the residues of each count together (``counted`` each, 0: unknown), and what
        those of them with the concept do.
    """
    values = columns[:, own]
    values = values.toarray() if sparse.issparse(values) else values
    is_known, is_on = counted > 0, values.any(1)
    active, silent = is_on & is_known, ~is_on & is_known
    n = np.append(counted[active], counted[silent].sum())
    positives = np.append((counted * labels)[active], (counted * labels)[silent].sum())
    return np.vstack([values[active], np.zeros((1, len(own)))]), n, positives
