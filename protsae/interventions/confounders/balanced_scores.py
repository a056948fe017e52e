"""Scores of a probe where label and confounder are balanced, and their intervals.

Four cells: with and without the label, with and without the confounder. Every score weighs proteins
so that each cell counts a quarter. There the confounder says nothing of the label.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from protsae.statistics.cluster_intervals import (
    MIN_CLUSTERS,
    bootstrap_weights,
    expanded_percentiles,
    interval,
)
from protsae.statistics.weighted_ranks import ranked_pairs

N_CELLS = 4
CHUNK_VALUES = 4_000_000
"""Weights of resampled proteins that are computed at a time."""

KEPT_VALUES = 50_000_000
"""Most weights that are kept: 400 MB."""


def cells(label: np.ndarray, confounder: np.ndarray) -> np.ndarray:
    """2 x label + confounder: the cell of each protein, int64, shape (n_proteins,).

    Examples
    --------
    >>> cells(np.array([False, True]), np.array([True, True])).tolist()
    [1, 3]
    """
    return 2 * label.astype(np.int64) + confounder.astype(np.int64)


def balanced_weights(cell: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Weights with which each of the four cells has a sum of 1/4.

    Parameters
    ----------
    cell : ndarray of int, shape (n_proteins,)
    count : ndarray, shape (..., n_proteins)
        How often each protein counts.

    Returns
    -------
    ndarray, float64, as ``count``
        NaN where a cell has no protein that counts.

    Examples
    --------
    >>> balanced_weights(np.array([0, 1, 2, 3, 3]), np.ones(5)).tolist()
    [0.25, 0.25, 0.25, 0.125, 0.125]
    """
    weights = np.asarray(count, dtype=np.float64).copy()
    empty = np.zeros(weights.shape[:-1], dtype=bool)
    for one in range(N_CELLS):
        of_cell = weights[..., cell == one]
        total = of_cell.sum(-1, keepdims=True)
        empty |= total[..., 0] == 0
        weights[..., cell == one] = of_cell / np.where(total > 0, total, 1) / N_CELLS
    weights[empty] = np.nan
    return weights


def weighted_auroc(score: np.ndarray, label: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """AUROC of weighted proteins; equal scores count half.

    sum_ij w_i w_j ([s_i > s_j] + [s_i = s_j] / 2) / sum_ij w_i w_j, i with the label, j without.

    Parameters
    ----------
    score, label : ndarray, shape (n_proteins,)
    weight : ndarray, shape (..., n_proteins)

    Returns
    -------
    ndarray, float64, shape (...)

    Examples
    --------
    >>> score, label = np.array([1.0, 2.0, 2.0]), np.array([False, False, True])
    >>> float(weighted_auroc(score, label, np.ones(3)))
    0.75
    >>> float(weighted_auroc(score, label, np.array([3.0, 1.0, 1.0])))
    0.875
    """
    right, pairs = ranked_pairs(score, label, weight)
    area: np.ndarray = right / pairs
    return area


@dataclass(frozen=True, eq=False)
class BalancedTest:
    """Proteins on which probes are scored.

    Attributes
    ----------
    label, confounder : ndarray of bool, shape (n_proteins,)
    cluster : ndarray of int, shape (n_proteins,)
        Homology cluster, from 0.
    n_resamplings : int
        Of the clusters, for intervals.
    seed : int
    """

    label: np.ndarray
    confounder: np.ndarray
    cluster: np.ndarray
    n_resamplings: int = 1000
    seed: int = 0

    @property
    def cell(self) -> np.ndarray:
        """The cell of each protein."""
        return cells(self.label, self.confounder)

    @property
    def clusters_by_cell(self) -> list[int]:
        """Homology clusters in each cell."""
        return [len(np.unique(self.cluster[self.cell == one])) for one in range(N_CELLS)]

    def scores(self, logit: np.ndarray, confounder_logit: np.ndarray) -> np.ndarray:
        """Scores of two probes, of the label and of the confounder.

        Returns
        -------
        ndarray, float64, shape (1 + n_resamplings, 4)
            Accuracy of the label (logit above 0), accuracy in the worst cell, AUROC of the label,
            AUROC of the confounder. The first row is of the proteins as they are, the others of
            resampled clusters; NaN where a cell is empty.
        """
        told = self.told(logit)
        areas = [
            np.stack(
                [
                    weighted_auroc(logit, self.label, weights),
                    weighted_auroc(confounder_logit, self.confounder, weights),
                ],
                axis=1,
            )
            for weights in self._kept or self._weights()
        ]
        return np.column_stack([told.mean(1), told.min(1), np.concatenate(areas)])

    def told(self, logit: np.ndarray) -> np.ndarray:
        """Share of each cell whose label a probe tells (logit above 0).

        Returns
        -------
        ndarray, float64, shape (1 + n_resamplings, 4)
            Rows as of `scores`.
        """
        correct = ((logit > 0) == self.label).astype(np.float64)
        of_cell = np.eye(N_CELLS)[self.cell] * N_CELLS * correct[:, None]
        return np.concatenate([weights @ of_cell for weights in self._kept or self._weights()])

    def interval(self, scores: np.ndarray) -> tuple[float, float]:
        """95 % interval of a score from its values, shape (1 + n_resamplings,).

        Not of the accuracy in the worst cell, see `worst_interval`. NaN unless `is_told`.
        """
        if not self.is_told:
            return np.nan, np.nan
        low, high = interval(scores[1:], expanded_percentiles(min(self.clusters_by_cell)))
        return float(low), float(high)

    @property
    def is_told(self) -> bool:
        """Whether each cell has ``MIN_CLUSTERS`` homology clusters, as intervals need."""
        return min(self.clusters_by_cell) >= MIN_CLUSTERS

    @cached_property
    def _kept(self) -> list[np.ndarray]:
        """All weights, which every probe needs again; none if they take too much memory."""
        size = (1 + self.n_resamplings) * len(self.label)
        return [*self._weights()] if size <= KEPT_VALUES else []

    def _weights(self) -> Iterator[np.ndarray]:
        """Weights of the proteins as they are, then of resamplings, some at a time."""
        yield balanced_weights(self.cell, np.ones((1, len(self.cell))))
        n_clusters = int(self.cluster.max()) + 1
        drawn = bootstrap_weights(n_clusters, self.n_resamplings, self.seed)
        step = max(1, CHUNK_VALUES // len(self.cell))
        for first in range(0, len(drawn), step):
            yield balanced_weights(self.cell, drawn[first : first + step][:, self.cluster])
