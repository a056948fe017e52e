"""Each method as logits of two concepts: chosen and fitted on residues of train."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import process_time

import numpy as np
from scipy import sparse

from protsae.references.linear_probe import fit_probes
from protsae.references.probe_scores import LogitCounts
from protsae.sae.evaluation.reconstruction import measure_moments, principal_components
from protsae.sparse_probes.column_probes import (
    NONE,
    SparseProbes,
    TrainRows,
    fit_sparse_probes,
)
from studies.compared_methods.drawn_residues import Rows

PENALTIES = (0.01, 0.001, 0.0001)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A method's probes: logits x W + b of rows x of what it reads.

    Attributes
    ----------
    method : str
    weights : ndarray or sparse array, shape (n_columns, n_concepts)
    bias, low, high : ndarray, shape (n_concepts,)
        And the smallest and largest logit on the residues fitted.
    units : list of tuple of int
        Of each concept, the units chosen, in order; empty for a probe of all.
    seconds : float
        Of processor time for choosing and fitting both concepts.
    """

    method: str
    weights: Rows
    bias: np.ndarray
    low: np.ndarray
    high: np.ndarray
    units: list[tuple[int, ...]]
    seconds: float

    def logits(self, rows: Rows) -> np.ndarray:
        """Shape (n_rows, n_concepts)."""
        products = rows @ self.weights
        dense = sparse.csr_array(products).toarray() if sparse.issparse(products) else products
        found: np.ndarray = dense + self.bias
        return found


Fit = Callable[[Rows, np.ndarray, np.ndarray, np.ndarray], list[Fitted]]
"""Rows, labels, where these are known, clusters, of train, to the methods that read such rows."""


def few(names: dict[int, str]) -> Fit:
    """The best k columns, for each k the method of that name."""

    def fit(x: Rows, labels: np.ndarray, known: np.ndarray, cluster: np.ndarray) -> list[Fitted]:
        return [
            found
            for size, name in names.items()
            for found in [_timed(name, x, labels, known, cluster, [size])]
        ]

    return fit


def components(name: str) -> Fit:
    """The best principal component of the rows, as weights of the coordinates."""

    def fit(x: Rows, labels: np.ndarray, known: np.ndarray, cluster: np.ndarray) -> list[Fitted]:
        begun = process_time()
        moments = measure_moments(iter([np.asarray(x)]), x.shape[1])
        axes = principal_components(moments)
        of_axes = _timed(name, (x - moments.mean) @ axes, labels, known, cluster, [1])
        weights = axes @ of_axes.weights
        return [
            Fitted(
                name,
                weights,
                of_axes.bias - moments.mean @ weights,
                of_axes.low,
                of_axes.high,
                of_axes.units,
                process_time() - begun,
            )
        ]

    return fit


def linear(name: str, penalties: Sequence[float]) -> Fit:
    """A probe of all coordinates; ``penalties`` has one for each concept."""

    def fit(x: Rows, labels: np.ndarray, known: np.ndarray, cluster: np.ndarray) -> list[Fitted]:
        begun = process_time()
        parts = [
            fit_probes(x, labels[:, [i]], known[:, [i]], [penalty])[0]
            for i, penalty in enumerate(penalties)
        ]
        weights, bias, low, high = (
            np.concatenate([getattr(part, key) for part in parts], axis=-1)
            for key in ("weights", "bias", "low", "high")
        )
        nothing: list[tuple[int, ...]] = [()] * len(penalties)
        return [Fitted(name, weights, bias, low, high, nothing, process_time() - begun)]

    return fit


def best_penalties(
    x: np.ndarray, labels: np.ndarray, known: np.ndarray, valid: tuple[np.ndarray, ...]
) -> list[float]:
    """Of ``PENALTIES`` that of the highest F1 on valid (rows, labels, known), for each concept."""
    f1 = []
    for probe in fit_probes(x, labels, known, PENALTIES):
        counts = LogitCounts(probe.low, probe.high)
        counts.update(probe.logits(valid[0]), *valid[1:])
        f1.append(counts.best_threshold()[0])
    return [PENALTIES[i] for i in np.argmax(f1, axis=0)]


def _timed(
    name: str,
    x: Rows,
    labels: np.ndarray,
    known: np.ndarray,
    cluster: np.ndarray,
    sizes: Sequence[int],
) -> Fitted:
    begun = process_time()
    # One protein of each cluster: none needs less weight.
    own, weight = np.arange(labels.shape[1]), np.ones(len(labels))
    train = TrainRows(x, labels, known, own, cluster, weight)
    probes: SparseProbes = fit_sparse_probes(train, sizes)
    units = [tuple(int(u) for u in column if u != NONE) for column in probes.chosen.T]
    weights = probes.weights if sparse.issparse(x) else probes.weights.toarray()
    seconds = process_time() - begun
    return Fitted(name, weights, probes.bias, probes.low, probes.high, units, seconds)
