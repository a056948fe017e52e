"""Scores of held-out proteins, compared within each fold alone, and their intervals.

Probes of different folds have different scales, and a constant that is the base rate of the other
folds is lowest where the label is commonest. So proteins of different folds are never compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from protsae.protein_probes.nested_probe import HeldOut, outputs
from protsae.protein_probes.target import Target
from protsae.statistics.cluster_intervals import (
    MIN_CLUSTERS,
    bootstrap_weights,
    expanded_percentiles,
    interval,
)
from protsae.statistics.weighted_ranks import (
    precision_sums,
    ranked_pairs,
    weighted_correlation,
    weighted_ranks,
)

OF_CLASSES = ("auroc", "average_precision", "f1")
OF_NUMBERS = ("spearman", "r2")
CHUNK_VALUES = 4_000_000
"""Weights of resampled proteins that are held at a time."""


@dataclass(frozen=True, eq=False)
class HeldOutProteins:
    """Proteins on which probes are scored.

    Attributes
    ----------
    target : Target
        All of its values known.
    cluster, fold : ndarray of int, shape (n_proteins,)
        Homology clusters count from 0.
    n_resamplings : int
        Of the clusters, for intervals.
    seed : int
    counted : ndarray of bool, shape (n_proteins,), optional
        Proteins that are scored; by default all. The others still say what the mean of a fold is.
    """

    target: Target
    cluster: np.ndarray
    fold: np.ndarray
    n_resamplings: int = 1000
    seed: int = 0
    counted: np.ndarray | None = None

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the scores: AUROC, average precision and F1, or Spearman's rho and R2."""
        return OF_NUMBERS if self.target.kind == "number" else OF_CLASSES

    @property
    def clusters_by_class(self) -> list[int]:
        """Homology clusters with each class, of the proteins that count; of a number, all."""
        own = np.ones(len(self.cluster), bool) if self.counted is None else self.counted
        if self.target.kind == "number":
            return [len(np.unique(self.cluster[own]))]
        has = [own & (self.target.values == place) for place in range(len(self.target.classes))]
        return [len(np.unique(self.cluster[rows])) for rows in has]

    def scores(self, found: HeldOut) -> np.ndarray:
        """Scores of a probe: float64, shape (1 + n_resamplings, n_metrics).

        The first row is of the proteins as they are, the others of resampled homology clusters; NaN
        where a score is undefined. AUROC: of all pairs of a protein with the class and one without
        in the same fold, the share that is ranked rightly. Average precision: precision among the
        proteins of the same fold that score at least as high, mean over the proteins with the
        class. F1 of what is decided. Of several classes, all are means over the classes. Spearman's
        rho: within folds, mean over folds by their proteins; a fold in which all scores are equal
        counts as 0, as it counts half in AUROC, and where none differ in any fold rho is undefined.
        R2: 1 - sum (y - s)^2 / sum (y - m)^2, m being the mean of the other folds.
        """
        of = self._of_numbers if self.target.kind == "number" else self._of_classes
        return np.concatenate([of(found, weights) for weights in self._weights()])

    def interval(self, scores: np.ndarray) -> tuple[float, float]:
        """95 % interval of a score from its values, shape (1 + n_resamplings,).

        Between the `expanded_percentiles` for the class in the fewest homology clusters; NaN if it
        is in fewer than ``MIN_CLUSTERS``.
        """
        fewest = min(self.clusters_by_class)
        if fewest < MIN_CLUSTERS:
            return np.nan, np.nan
        low, high = interval(scores[1:], expanded_percentiles(fewest))
        return float(low), float(high)

    def difference_interval(self, differences: np.ndarray) -> tuple[float, float]:
        """95 % interval of a difference of two probes from its values, shape (1 + n_resamplings,).

        The interval over clusters is made sqrt(1 + K / (K - 1)) times as wide on each side, K being
        the number of folds: Nadeau and Bengio's correction of the variance, 1/K + n_test / n_train
        in place of 1/K, for probes that would differ on other training proteins. Without it, one of
        two probes that know nothing was ahead in 13 of 120 planted worlds of 40 clusters, with it
        in 3.

        References
        ----------
        Nadeau & Bengio, Machine Learning 52, 239 (2003).
        """
        n_folds, found = len(np.unique(self.fold)), float(differences[0])
        wider = np.sqrt(1 + n_folds / (n_folds - 1))
        low, high = self.interval(differences)
        return found - wider * (found - low), found + wider * (high - found)

    def _of_classes(self, found: HeldOut, weights: np.ndarray) -> np.ndarray:
        folds = [self.fold == number for number in np.unique(self.fold)]
        parts = []
        labels = outputs(self.target)
        for (place, _), label, score in zip(
            self.target.told, labels.T, found.scores.T, strict=True
        ):
            right, pairs, precise = np.zeros((3, len(weights)))
            for own in folds:
                given = score[own], label[own], weights[:, own]
                ranked = ranked_pairs(*given)
                right, pairs = right + ranked[0], pairs + ranked[1]
                precise = precise + precision_sums(*given)
            on = found.decided == place
            positives = weights @ label
            with np.errstate(invalid="ignore", divide="ignore"):
                f1 = 2 * (weights @ (on & label)) / (weights @ on.astype(float) + positives)
                parts.append(np.stack([right / pairs, precise / positives, f1], axis=1))
        return np.mean(parts, axis=0)

    def _of_numbers(self, found: HeldOut, weights: np.ndarray) -> np.ndarray:
        y, score = self.target.values, found.scores[:, 0]
        together, total = np.zeros((2, len(weights)))
        ranks_any = np.zeros(len(weights), dtype=bool)
        middle = np.empty(len(y))
        for number in np.unique(self.fold):
            own = self.fold == number
            middle[own] = y[~own].mean()
            given = weights[:, own]
            ranks, of_y = (weighted_ranks(values[own], given) for values in (score, y))
            rho = weighted_correlation(ranks, of_y, given)
            # Equal scores rank nothing: left out, one fold with homologues would stand for all.
            ranks_any |= ~np.isnan(rho)
            size = np.where(np.isnan(weighted_correlation(of_y, of_y, given)), 0, given.sum(1))
            together += np.nan_to_num(rho) * size
            total += size
        with np.errstate(invalid="ignore", divide="ignore"):
            r2 = 1 - (weights @ (y - score) ** 2) / (weights @ (y - middle) ** 2)
            rho = np.where(ranks_any, together / total, np.nan)
        return np.stack([rho, r2], axis=1)

    def _weights(self) -> Iterator[np.ndarray]:
        """How often each protein counts: as they are, then in resamplings, some at a time."""
        count = np.ones(len(self.cluster)) if self.counted is None else self.counted.astype(float)
        yield count[None]
        drawn = bootstrap_weights(int(self.cluster.max()) + 1, self.n_resamplings, self.seed)
        step = max(1, CHUNK_VALUES // len(self.cluster))
        for first in range(0, len(drawn), step):
            yield drawn[first : first + step][:, self.cluster] * count
