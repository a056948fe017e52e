"""From counts to pairs: thresholds and concepts chosen on valid, scores on test."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from protsae.association.scoring.metrics import best_thresholds, f1_score, gain_over, ratio
from protsae.association.scoring.metrics import take_threshold as take
from protsae.association.scoring.residue_counts import KnownCounts, MatchCounts
from protsae.statistics import ragged


@dataclass(frozen=True)
class PairScores:
    """Every (concept, feature) pair at the threshold that is best on valid.

    All arrays have shape (n_concepts, n_features), except ``n_residues``, (n_concepts,).

    Attributes
    ----------
    threshold : ndarray of int
        Index of the chosen threshold.
    valid, test : dict of str to ndarray
        tp, on, positives, precision, recall, f1.
    gain : ndarray
        ``gain_over`` always on of the valid F1: what pairs are ranked by.
    n_residues : ndarray of int
        Number of test residues whose label is known.
    """

    threshold: np.ndarray
    valid: dict[str, np.ndarray]
    test: dict[str, np.ndarray]
    gain: np.ndarray
    n_residues: np.ndarray


def score_pairs(valid: KnownCounts, test: KnownCounts) -> PairScores:
    """Choose each pair's threshold on valid and apply it to test."""
    parts = [
        _score_group(of_valid, of_test)
        for of_valid, of_test in zip(valid.groups, test.groups, strict=True)
    ]
    order = np.argsort(np.concatenate(valid.columns))
    return PairScores(
        threshold=_stacked([part.threshold for part in parts], order),
        valid={k: _stacked([part.valid[k] for part in parts], order) for k in parts[0].valid},
        test={k: _stacked([part.test[k] for part in parts], order) for k in parts[0].test},
        gain=_stacked([part.gain for part in parts], order),
        n_residues=_stacked([part.n_residues for part in parts], order),
    )


def candidate_pairs(scores: PairScores, min_f1: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs with a valid F1 of at least ``min_f1`` that beat being always on there.

    Returns
    -------
    feature, concept : ndarray of int, shape (n_pairs,)
        Ascending by feature, then concept.
    """
    feature, concept = np.nonzero(((scores.valid["f1"] >= min_f1) & (scores.gain > 0)).T)
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


def _score_group(valid: MatchCounts, test: MatchCounts) -> PairScores:
    every = f1_score(valid.true_positives, valid.on[:, None, :], valid.positives[:, None])
    threshold = best_thresholds(every)
    scored = {"valid": _at(valid, threshold), "test": _at(test, threshold)}
    # From counts, as the F1 of a pair is: so being on everywhere is a gain of exactly 0.
    floor = f1_score(valid.positives, np.array(valid.n_residues), valid.positives)
    gain = gain_over(scored["valid"]["f1"], floor[:, None])
    n_residues = np.full(len(test.positives), test.n_residues)
    return PairScores(threshold, **scored, gain=gain, n_residues=n_residues)


def _at(counts: MatchCounts, threshold: np.ndarray) -> dict[str, np.ndarray]:
    tp, on = take(counts.true_positives, threshold), take(counts.on, threshold)
    positives = np.broadcast_to(counts.positives[:, None], tp.shape)
    return {
        "tp": tp,
        "on": on,
        "positives": positives,
        "precision": ratio(tp, on),
        "recall": ratio(tp, positives),
        "f1": f1_score(tp, on, positives),
    }


def _stacked(parts: Sequence[np.ndarray], order: np.ndarray) -> np.ndarray:
    return np.concatenate(parts)[order]
