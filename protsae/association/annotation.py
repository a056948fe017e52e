"""From counts to tables: the property each feature detects, chosen on valid, scored on test."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from protsae.association.counts import MatchCounts
from protsae.association.scores import best_thresholds, f1_score, gain_over, ratio
from protsae.association.scores import take_threshold as take


@dataclass(frozen=True)
class PairScores:
    """Every (property, feature) pair at the threshold that is best on valid.

    All arrays have shape (n_properties, n_features), except ``base_rate``, (n_properties,).

    Attributes
    ----------
    threshold : ndarray of int
        Index of the chosen threshold.
    valid, test : dict of str to ndarray
        tp, on, positives, precision, recall, f1.
    gain : ndarray
        ``gain_over`` always on of the valid F1: what pairs are ranked by.
    base_rate : ndarray
        Share of test residues with the property.
    """

    threshold: np.ndarray
    valid: dict[str, np.ndarray]
    test: dict[str, np.ndarray]
    gain: np.ndarray
    base_rate: np.ndarray


def score_pairs(valid: MatchCounts, test: MatchCounts) -> PairScores:
    """Choose each pair's threshold on valid and apply it to test."""
    every = f1_score(valid.true_positives, valid.on[:, None, :], valid.positives[:, None])
    threshold = best_thresholds(every)
    scored = {"valid": _at(valid, threshold), "test": _at(test, threshold)}
    # From counts, as the F1 of a pair is: so being on everywhere is a gain of exactly 0.
    floor = f1_score(valid.positives, np.array(valid.n_residues), valid.positives)
    gain = gain_over(scored["valid"]["f1"], floor[:, None])
    return PairScores(threshold, **scored, gain=gain, base_rate=test.positives / test.n_residues)


def best_properties(scores: PairScores) -> tuple[np.ndarray, np.ndarray]:
    """The property with the highest gain on valid, for features that have a gain above 0.

    Returns
    -------
    (features, properties)
        Indices of pairs, ascending by feature. A feature that is no better on valid than being
        always on, for any property, is not among them.
    """
    best = scores.gain.argmax(0)
    features = np.flatnonzero(scores.gain[best, np.arange(len(best))] > 0)
    return features, best[features]


def best_detectors(scores: PairScores) -> np.ndarray:
    """The feature with the highest valid F1 for each property, int, shape (n_properties,)."""
    return scores.valid["f1"].argmax(1)


def association_rows(
    scores: PairScores,
    names: list[tuple[str, str]],
    thresholds: np.ndarray,
    quantiles: list[float],
    min_f1: float,
) -> pd.DataFrame:
    """Pairs with valid F1 of at least ``min_f1`` that beat being always on there.

    Parameters
    ----------
    names : list of (name, type)
        Of the properties.
    thresholds : ndarray, shape (n_thresholds, n_features)
    """
    kept = (scores.valid["f1"] >= min_f1) & (scores.gain > 0)
    feature, property_ = np.nonzero(kept.T)
    pair = (property_, feature)
    level = scores.threshold[pair]
    on, positives = scores.test["on"][pair], scores.test["positives"][pair]
    tp = scores.test["tp"][pair]
    return pd.DataFrame(
        {
            "feature": feature,
            "property": [names[p][0] for p in property_],
            "property_type": [names[p][1] for p in property_],
            "quantile": np.array(quantiles)[level],
            "threshold": thresholds[level, feature],
            **{f"valid_{key}": scores.valid[key][pair] for key in ("precision", "recall", "f1")},
            **{key: scores.test[key][pair] for key in ("precision", "recall", "f1")},
            "tp": tp,
            "fp": on - tp,
            "fn": positives - tp,
        }
    )


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
