"""Detectors with a real-valued output on held-out proteins: choices on valid, scores on test."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.scoring.metrics import f1_score, ratio
from protsae.references.block_scores import curve_scores, placements
from protsae.references.linear_probe import LinearProbe
from protsae.statistics.cluster_intervals import auroc_interval, f1_interval, group_sums

N_BINS = 2048
"""Equal steps between the smallest and the largest logit on train: the thresholds tried."""

PLACED_AT_ONCE = 2**14
"""Logits whose steps are found at once: they stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Block:
    """Residues of whole proteins.

    Attributes
    ----------
    rows : ndarray or csr_array, float32, shape (n_residues, d)
    labels, known : ndarray of bool, shape (n_residues, n_concepts)
    cluster : ndarray of int, shape (n_residues,)
        Homology cluster within the split, from 0.
    """

    rows: Any
    labels: np.ndarray
    known: np.ndarray
    cluster: np.ndarray


class Probe(Protocol):
    """Logits of every concept, and the range they have on the rows fitted."""

    @property
    def low(self) -> np.ndarray:
        """Smallest logit of each concept."""

    @property
    def high(self) -> np.ndarray:
        """Largest logit of each concept."""

    def logits(self, rows: Any) -> np.ndarray:
        """Logits of rows (n, d): float64, shape (n, n_concepts)."""


ReadSplit = Callable[[str], Iterator[Block]]
"""``valid`` or ``test`` to all its residues, a block at a time."""


class LogitCounts:
    """Residues, and those with the concept, by logit in steps: bounded memory, any length.

    Parameters
    ----------
    low, high : ndarray, shape (n_concepts,)
        The steps lie between; what is below the first counts as below all thresholds, what is
        above the last as the last.

    Examples
    --------
    >>> counts = LogitCounts(np.array([0.0]), np.array([4.0]), n_bins=4)
    >>> logits, labels = np.array([[-1.0], [0], [1], [3], [9]]), np.array([[0], [0], [0], [1], [1]])
    >>> counts.update(logits, labels > 0, np.ones((5, 1), bool))
    >>> f1, threshold = counts.best_threshold()
    >>> float(f1[0]), float(threshold[0])
    (1.0, 2.0)
    >>> average_precision, auroc = counts.rank_scores()
    >>> float(average_precision[0]), float(auroc[0])
    (1.0, 1.0)
    """

    def __init__(self, low: np.ndarray, high: np.ndarray, n_bins: int = N_BINS):
        self._low = low.astype(np.float64)
        # A logit that never varied on train has a single bin, however it varies elsewhere.
        self._step = np.where(high > low, (high.astype(np.float64) - low) / n_bins, np.inf)
        self._counts = np.zeros((2, len(low), n_bins + 1), dtype=np.int64)

    def update(self, logits: np.ndarray, labels: np.ndarray, known: np.ndarray) -> None:
        """Add residues; arrays of shape (n_residues, n_concepts)."""
        place = self.place(logits)
        for counts, counted in zip(self._counts, (known, labels & known), strict=True):
            counts += np.bincount(place[counted], minlength=counts.size).reshape(counts.shape)

    def place(self, logits: np.ndarray) -> np.ndarray:
        """Step of each logit, int64, of shape (n_residues, n_concepts) as ``logits``.

        Counted through all concepts: concept c has those from c n_steps on.
        """
        n_concepts, n_steps = self._counts.shape[1:]
        first = np.arange(n_concepts) * n_steps
        place = np.empty(logits.shape, dtype=np.int64)
        for start in range(0, len(logits), rows := max(1, PLACED_AT_ONCE // max(1, n_concepts))):
            at = logits[start : start + rows] - self._low
            at /= self._step
            np.floor(at, out=at)
            at += 1
            np.clip(at, 0, n_steps - 1, out=at)
            place[start : start + rows] = at
            place[start : start + rows] += first
        return place

    def best_threshold(self) -> tuple[np.ndarray, np.ndarray]:
        """The highest F1, and the lowest threshold that gives it, shapes (n_concepts,).

        On is a logit of at least the threshold.
        """
        on, hits = self._counts[:, :, ::-1].cumsum(2)[:, :, ::-1]
        every = f1_score(hits[:, 1:], on[:, 1:], hits[:, :1])
        best = every.argmax(1)
        step = np.where(np.isfinite(self._step), self._step, 0)
        return every.max(1), self._low + best * step

    def rank_scores(self) -> tuple[np.ndarray, np.ndarray]:
        """Average precision and AUROC, logits within a step taken as equal; NaN if undefined."""
        scores = np.full((2, self._counts.shape[1]), np.nan)
        for column, (residues, hits) in enumerate(self._counts.swapaxes(0, 1)[:, :, ::-1]):
            filled = residues > 0
            if filled.any():
                curve = residues[filled].cumsum(), hits[filled].cumsum()
                scores[:, column] = curve_scores(*curve)
        return scores[0], scores[1]

    def placements(self) -> tuple[np.ndarray, np.ndarray]:
        """`block_scores.placements` of each step, shapes (n_concepts, n_steps); 0: undefined."""
        falling = self._counts[:, :, ::-1].cumsum(2)
        with np.errstate(invalid="ignore"):
            placed, passed = placements(falling[0], falling[1])
        return np.nan_to_num(placed)[:, ::-1], np.nan_to_num(passed)[:, ::-1]


class ClusterCounts:
    """Counts of yes/no detectors, one for each concept, by homology cluster.

    Attributes
    ----------
    true_positives, on, positives, known : ndarray, int64, shape (n_clusters, n_concepts)
    """

    def __init__(self, n_clusters: int, n_concepts: int):
        self.true_positives, self.on, self.positives, self.known = np.zeros(
            (4, n_clusters, n_concepts), dtype=np.int64
        )

    def update(
        self, on: np.ndarray, labels: np.ndarray, known: np.ndarray, cluster: np.ndarray
    ) -> None:
        """Add residues; arrays of bool, (n_residues, n_concepts), and int, (n_residues,)."""
        on, labels = on & known, labels & known
        for counts, counted in (
            (self.true_positives, on & labels),
            (self.on, on),
            (self.positives, labels),
            (self.known, known),
        ):
            counts += group_sums(counted.astype(np.int64), cluster, len(counts))

    def scores(self) -> pd.DataFrame:
        """Scores and how often the concept occurs, a row per concept.

        precision, recall, f1, f1_low, f1_high, base_rate (share of the known residues with the
        concept), n_residues and n_clusters (with it). The interval is `f1_interval` over
        clusters.

        Examples
        --------
        >>> counts = ClusterCounts(n_clusters=2, n_concepts=1)
        >>> on, labels = np.array([[1], [1], [0]]) > 0, np.array([[1], [0], [1]]) > 0
        >>> counts.update(on, labels, np.ones((3, 1), bool), np.array([0, 0, 1]))
        >>> counts.scores()[["precision", "f1"]].values.tolist()
        [[0.5, 0.5]]
        """
        tp, on, positives = (
            counts.sum(0) for counts in (self.true_positives, self.on, self.positives)
        )
        low, high = f1_interval(self.true_positives, self.on, self.positives)
        return pd.DataFrame(
            {
                "precision": ratio(tp, on),
                "recall": ratio(tp, positives),
                "f1": f1_score(tp, on, positives),
                "f1_low": low,
                "f1_high": high,
                "base_rate": ratio(positives, self.known.sum(0)),
                "n_residues": positives,
                "n_clusters": (self.positives > 0).sum(0),
            }
        )


def score_probes(probes: Sequence[LinearProbe], read: ReadSplit, n_clusters: int) -> pd.DataFrame:
    """For each concept the penalty and threshold of the highest F1 on valid, scored on test.

    At a tie the first of ``probes`` is taken.

    Parameters
    ----------
    probes : sequence of LinearProbe
        The same concepts, at different penalties.
    n_clusters : int
        In test.

    Returns
    -------
    DataFrame
        penalty, threshold (of the logit), valid_f1, what `ClusterCounts.scores` gives, auroc with
        its bounds and average_precision, on test; one row for each concept.
    """
    valid = [LogitCounts(probe.low, probe.high) for probe in probes]
    for block in read("valid"):
        for probe, logit_counts in zip(probes, valid, strict=True):
            logit_counts.update(probe.logits(block.rows), block.labels, block.known)
    best_of = [counts.best_threshold() for counts in valid]
    f1, threshold = (np.stack(found) for found in zip(*best_of, strict=True))
    best = f1.argmax(0)
    probe = _mixed(probes, best)
    level = np.take_along_axis(threshold, best[None], axis=0)[0]
    chosen = {"penalty": probe.penalty, "threshold": level, "valid_f1": f1.max(0)}
    scores, _ = score_on_test(probe, level, lambda: read("test"), n_clusters)
    return pd.DataFrame(chosen).join(scores)


def score_on_test(
    probe: Probe, level: np.ndarray, read: Callable[[], Iterator[Block]], n_clusters: int
) -> tuple[pd.DataFrame, ClusterCounts]:
    """Scores of probes whose thresholds are chosen; residues are read twice.

    Parameters
    ----------
    level : ndarray, shape (n_concepts,)
        Logit at or above which each is on.
    read : function
        To the residues of test, a block at a time.
    n_clusters : int
        In test.

    Returns
    -------
    scores : DataFrame
        What `ClusterCounts.scores` gives, auroc with its bounds and average_precision; one row for
        each concept.
    counts : ClusterCounts
    """
    counts = ClusterCounts(n_clusters, len(level))
    ranks = LogitCounts(probe.low, probe.high)
    for block in read():
        logits = probe.logits(block.rows)
        counts.update(logits >= level, block.labels, block.known, block.cluster)
        ranks.update(logits, block.labels, block.known)
    average_precision, auroc = ranks.rank_scores()
    # Where a residue lies among the others is known when all are counted: test is read again.
    of_positive, of_negative = (share.ravel() for share in ranks.placements())
    sums = np.zeros((2, *counts.on.shape))
    for block in read():
        place = ranks.place(probe.logits(block.rows))
        positive = np.nonzero(block.labels & block.known)  # few
        placed_few = sparse.csr_array((of_positive[place[positive]], positive), shape=place.shape)
        sums[0] += group_sums(placed_few, block.cluster, n_clusters).toarray()
        placed = of_negative[place]
        placed *= ~block.labels & block.known
        sums[1] += group_sums(placed, block.cluster, n_clusters)
    low, high = auroc_interval(sums[0], counts.positives, sums[1], counts.known - counts.positives)
    scores = counts.scores().assign(
        auroc=auroc, auroc_low=low, auroc_high=high, average_precision=average_precision
    )
    return scores, counts


def _mixed(probes: Sequence[LinearProbe], best: np.ndarray) -> LinearProbe:
    """Concept p of the probe ``best[p]``."""

    def take(name: str) -> np.ndarray:
        stacked = np.stack([getattr(probe, name) for probe in probes], axis=-1)
        index = best[:, None] if stacked.ndim == 2 else best[None, :, None]
        taken: np.ndarray = np.take_along_axis(stacked, index, axis=-1)[..., 0]
        return taken

    return LinearProbe(*(take(name) for name in ("weights", "bias", "penalty", "low", "high")))
