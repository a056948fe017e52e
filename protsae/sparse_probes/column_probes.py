"""K-sparse probes of all concepts on one set of detectors: chosen and fitted on train."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from protsae.sparse_probes.forward_selection import NONE, forward_selection
from protsae.sparse_probes.logistic_fit import fit_logistic

TARGETS_AT_ONCE = 64
"""Concepts whose columns are chosen together: bounds memory, changes nothing."""

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


def fit_sparse_probes(
    x: Rows, labels: np.ndarray, known: np.ndarray, known_column: np.ndarray, sizes: Sequence[int]
) -> SparseProbes:
    """Choose columns for each concept (`forward_selection`), and fit a probe for each k.

    Probes are logistic regressions (`fit_logistic`), each on the first k columns chosen, over the
    residues whose label is known. A concept that no or every one of them has gets weights of 0.

    Parameters
    ----------
    x : ndarray or csr_array, shape (n_rows, n_columns)
    labels : ndarray of bool, shape (n_rows, n_concepts)
    known : ndarray of bool, shape (n_rows, n_known_columns)
        Where labels are known.
    known_column : ndarray of int, shape (n_concepts,)
        For each concept its column of ``known``.
    sizes : sequence of int
        The ks, ascending.

    Examples
    --------
    The concept holds where column 0 and column 2 do; one column cannot tell:

    >>> x = np.array([[1.0, 0, 0], [0, 1, 1], [1, 1, 1], [0, 0, 0]] * 5)
    >>> labels = x[:, [0]] * x[:, [2]] > 0
    >>> everywhere, its_column = np.ones((20, 1), bool), np.array([0])
    >>> probes = fit_sparse_probes(x, labels, everywhere, its_column, [1, 2])
    >>> (probes.logits(x[:4]) > 0).astype(int).tolist()
    [[0, 0], [0, 0], [0, 1], [0, 0]]
    """
    n_concepts, most = labels.shape[1], max(sizes)
    chosen = np.full((most, n_concepts), NONE)
    for column in np.unique(known_column):
        # Concepts whose labels are known at the same residues share the sums over them.
        rows = known[:, column]
        part = x if rows.all() else x[np.flatnonzero(rows)]
        own = np.flatnonzero(known_column == column)
        for first in range(0, len(own), TARGETS_AT_ONCE):
            group = own[first : first + TARGETS_AT_ONCE]
            chosen[:, group] = _chosen(part, labels[rows][:, group], most)
    columns = sparse.csc_array(x) if sparse.issparse(x) else x
    n_probes = len(sizes) * n_concepts
    weights = sparse.lil_array((x.shape[1], n_probes))
    bias, low, high = np.zeros((3, n_probes))
    for concept in range(n_concepts):
        rows = known[:, known_column[concept]]
        own = chosen[:, concept][chosen[:, concept] != NONE]
        of_rows, n, positives = _distinct(columns, own, labels[:, concept], rows)
        found: np.ndarray | None = None
        for place, size in enumerate(sizes):
            taken = own[:size]
            if found is not None:
                found = np.insert(found, len(found) - 1, np.zeros(len(taken) - len(found) + 1))
            values = of_rows[:, : len(taken)]
            found = fit_logistic(values, n, positives, found)
            probe = place * n_concepts + concept
            weights[taken, [probe] * len(taken)] = found[:-1]
            bias[probe] = found[-1]
            logits = values @ found[:-1] + found[-1]
            low[probe], high[probe] = logits.min(initial=np.inf), logits.max(initial=-np.inf)
    return SparseProbes(tuple(sizes), chosen, sparse.csc_array(weights), bias, low, high)


def _chosen(x: Rows, labels: np.ndarray, n_steps: int) -> np.ndarray:
    """Columns by `forward_selection`, shape (n_steps, n_concepts)."""
    n = max(x.shape[0], 1)
    exact = x.astype(np.float64)
    mean = np.asarray(exact.sum(0)) / n
    squares = np.asarray((exact * exact).sum(0)) - n * mean**2
    target = labels.astype(np.float64)

    def products(columns: np.ndarray) -> np.ndarray:
        own = exact[:, columns]
        found = exact.T @ own
        dense: np.ndarray = found.toarray() if sparse.issparse(found) else found
        return dense - n * mean[:, None] * mean[columns]

    cross = exact.T @ target - n * mean[:, None] * target.mean(0)
    return forward_selection(products, np.maximum(squares, 0), cross, n_steps)


def _distinct(
    columns: Rows, own: np.ndarray, labels: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Known residues on these columns, those at which all are 0 as one row.

    Returns
    -------
    rows, n, positives : ndarray, float64
        Rows, how many residues each stands for, and how many of these have the concept.
    """
    values = columns[:, own]
    values = values.toarray() if sparse.issparse(values) else values
    active = values.any(1) & rows
    silent = ~active & rows
    n = np.append(np.ones(active.sum()), silent.sum())
    positives = np.append(labels[active].astype(np.float64), (labels & silent).sum())
    return np.vstack([values[active], np.zeros((1, len(own)))]), n, positives
