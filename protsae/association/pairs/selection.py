"""From counts on valid to pairs: the threshold of each, and which are worth testing."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from protsae.association.scoring.metrics import best_thresholds, f1_score, gain_over, ratio
from protsae.association.scoring.metrics import take_threshold as take
from protsae.association.scoring.residue_counts import KnownCounts, MatchCounts
from protsae.statistics import ragged


@dataclass(frozen=True)
class PairScores:
    """Every (concept, feature) pair on valid, at the threshold that is best there.

    All arrays have shape (n_concepts, n_features).

    Attributes
    ----------
    threshold : ndarray of int
        Index of the chosen threshold.
    precision, recall, f1 : ndarray
    gain : ndarray
        ``gain_over`` always on of the F1: what pairs are ranked by.
    """

    threshold: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    gain: np.ndarray


def score_pairs(valid: KnownCounts) -> PairScores:
    """Choose the threshold of each pair."""
    parts = [_score_group(group) for group in valid.groups]
    order = np.argsort(np.concatenate(valid.columns))
    return PairScores(
        *(_stacked([getattr(part, f.name) for part in parts], order) for f in fields(PairScores))
    )


def candidate_pairs(scores: PairScores, min_f1: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs with an F1 of at least ``min_f1`` that beat being always on.

    Returns
    -------
    feature, concept : ndarray of int, shape (n_pairs,)
        Ascending by feature, then concept.
    """
    feature, concept = np.nonzero(((scores.f1 >= min_f1) & (scores.gain > 0)).T)
    return feature, concept


def best_rows(group: np.ndarray, score: np.ndarray) -> np.ndarray:
    """The row with the highest score in each group, the first of equals; ascending by group.

    Examples
    --------
    >>> best_rows(np.array([5, 2, 5, 2]), np.array([0.1, 0.3, 0.4, 0.3])).tolist()
    [1, 2]
    """
    order = np.lexsort((-score, group))
    return order[ragged.changes(group[order])]


def _score_group(counts: MatchCounts) -> PairScores:
    true_positives, on, positives = counts.true_positives, counts.on, counts.positives[:, None]
    threshold = best_thresholds(f1_score(true_positives, on[:, None, :], positives))
    tp, on = take(true_positives, threshold), take(on, threshold)
    f1 = f1_score(tp, on, positives)
    # From counts, as the F1 of a pair is: so being on everywhere is a gain of exactly 0.
    floor = f1_score(positives, np.array(counts.n_residues), positives)
    return PairScores(threshold, ratio(tp, on), ratio(tp, positives), f1, gain_over(f1, floor))


def _stacked(parts: Sequence[np.ndarray], order: np.ndarray) -> np.ndarray:
    return np.concatenate(parts)[order]
