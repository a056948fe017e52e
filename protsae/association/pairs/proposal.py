"""Pairs of detector and concept that valid proposes, with all scores that follow from counts."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from protsae.association.pairs.layer_data import Layer
from protsae.association.pairs.selection import PairScores, candidate_pairs, score_pairs
from protsae.association.scoring.base_rate_adjustment import (
    f1_at_base_rate,
    false_positive_rate,
    rates_of,
)
from protsae.association.scoring.instance_counts import InstanceCounts
from protsae.association.scoring.metrics import (
    harmonic_mean,
    lift,
    matthews_correlation,
    ratio,
    take_threshold,
)
from protsae.detectors.activations import Chosen, Codes

COUNT_CELLS = 20_000_000
"""Counts of (threshold, concept, feature) held at a time, 8 bytes each and several copies: memory,
not results. Where there are more, features are counted in groups. For each, stored codes are read
again, those of baselines computed again."""


@dataclass(frozen=True)
class Proposed:
    """Pairs worth testing.

    Attributes
    ----------
    pairs : DataFrame
        By feature and concept; columns as in docs/tables.md.
    concept : ndarray of int, shape (n_pairs,)
        Column of each pair's concept in the labels.
    n_active : ndarray of int, shape (n_features,)
        Residues of test on which each feature is active.
    """

    pairs: pd.DataFrame
    concept: np.ndarray
    n_active: np.ndarray


def propose(layer: Layer, codes: Codes, thresholds: np.ndarray) -> Proposed:
    """Count on valid and test, choose each pair's threshold on valid, keep the candidates.

    Parameters
    ----------
    thresholds : ndarray, shape (n_thresholds, n_features)
        From ``positive_quantiles``.
    """
    n_thresholds, n_features = thresholds.shape
    n_concepts = len(layer.concepts.concepts)
    at_once = max(1, COUNT_CELLS // (n_thresholds * n_concepts))
    parts = []
    for first in range(0, n_features, at_once):
        members = np.arange(first, min(first + at_once, n_features))
        chosen = codes if len(members) == n_features else Chosen(codes, members)
        part = _propose(layer, chosen, thresholds[:, members])
        parts.append(part)
        part.pairs["feature"] += first
    # Columns of no rows would change the dtype of the others'.
    tables = [part.pairs for part in parts if len(part.pairs)] or [parts[0].pairs]
    return Proposed(
        pd.concat(tables, ignore_index=True),
        np.concatenate([part.concept for part in parts]),
        np.concatenate([part.n_active for part in parts]),
    )


def _propose(layer: Layer, codes: Codes, thresholds: np.ndarray) -> Proposed:
    instances = InstanceCounts(thresholds, len(layer.concepts.concepts))
    valid = layer.counts(codes, thresholds, "valid")
    test = layer.counts(codes, thresholds, "test", instances)
    pairs, concept = _scored(layer, thresholds, score_pairs(valid, test), instances)
    return Proposed(pairs, concept, test.n_active)


def _scored(
    layer: Layer, thresholds: np.ndarray, scores: PairScores, instances: InstanceCounts
) -> tuple[pd.DataFrame, np.ndarray]:
    """Candidate pairs with what follows from counts; and the number of each pair's concept."""
    feature, concept = candidate_pairs(scores, layer.settings.min_f1)
    pair = (concept, feature)
    level, test = scores.threshold[pair], scores.test
    named = layer.concepts.concepts
    n_residues = scores.n_residues[concept]
    tp, on, positives = (test[key][pair] for key in ("tp", "on", "positives"))
    found = instance_recall(layer, instances, scores)[pair]
    names = [named[p].name for p in concept]
    false_positives = false_positive_rate(tp, on, positives, n_residues)
    reference = rates_of(names, layer.reference_rates)
    pairs = pd.DataFrame(
        {
            "feature": feature,
            "concept": names,
            "concept_type": [named[p].type for p in concept],
            "quantile": np.array(sorted(layer.settings.quantiles))[level],
            "threshold": thresholds[level, feature],
            **{f"valid_{key}": scores.valid[key][pair] for key in ("precision", "recall", "f1")},
            "gain": scores.gain[pair],
            **{key: test[key][pair] for key in ("precision", "recall", "f1")},
            "false_positive_rate": false_positives,
            "reference_base_rate": reference,
            "f1_at_reference_rate": f1_at_base_rate(
                test["recall"][pair], false_positives, reference
            ),
            "instance_recall": found,
            "instance_f1": harmonic_mean(test["precision"][pair], found),
            "mcc": matthews_correlation(tp, on, positives, n_residues),
            "lift": lift(tp, on, positives, n_residues),
            "base_rate": ratio(positives, n_residues),
            "tp": tp,
            "fp": on - tp,
            "fn": positives - tp,
        }
    )
    return pairs, concept


def instance_recall(layer: Layer, counts: InstanceCounts, scores: PairScores) -> np.ndarray:
    """Share of instances of each concept with a residue on, at each pair's threshold.

    Where a concept has no instances each residue is its own, and this is the recall.

    Returns
    -------
    ndarray of float, shape (n_concepts, n_features)
    """
    found = take_threshold(counts.found, scores.threshold)
    recall = ratio(found, counts.n_instances[:, None])
    return np.where(layer.concepts.has_instances[:, None], recall, scores.test["recall"])
