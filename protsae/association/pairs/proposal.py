"""Pairs of detector and concept that valid proposes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from protsae.association.pairs.layer_data import Layer
from protsae.association.pairs.selection import candidate_pairs, score_pairs
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
        By feature and concept: these, concept_type, the quantile and threshold chosen, scores on
        valid, and ``gain``.
    concept : ndarray of int, shape (n_pairs,)
        Column of each pair's concept in the labels.
    """

    pairs: pd.DataFrame
    concept: np.ndarray


def propose(layer: Layer, codes: Codes, thresholds: np.ndarray) -> Proposed:
    """Count on valid, choose each pair's threshold, keep the candidates.

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
        pd.concat(tables, ignore_index=True), np.concatenate([part.concept for part in parts])
    )


def _propose(layer: Layer, codes: Codes, thresholds: np.ndarray) -> Proposed:
    scores = score_pairs(layer.counts(codes, thresholds, "valid"))
    feature, concept = candidate_pairs(scores, layer.settings.min_f1)
    pair = (concept, feature)
    level, named = scores.threshold[pair], layer.concepts.concepts
    pairs = pd.DataFrame(
        {
            "feature": feature,
            "concept": [named[p].name for p in concept],
            "concept_type": [named[p].type for p in concept],
            "quantile": np.array(sorted(layer.settings.quantiles))[level],
            "threshold": thresholds[level, feature],
            "valid_precision": scores.precision[pair],
            "valid_recall": scores.recall[pair],
            "valid_f1": scores.f1[pair],
            "gain": scores.gain[pair],
        }
    )
    return Proposed(pairs, concept)
