"""The calibration table of an SAE: what the activations of features say of concepts."""

from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from protsae.association.pairs.layer_data import Layer
from protsae.association.pairs.scored_pairs import Examined
from protsae.association.pairs.selection import best_rows
from protsae.association.scoring.base_rate_adjustment import rates_of
from protsae.association.scoring.thresholds import positive_quantiles
from protsae.concepts.concept import are_defined_by_sequence
from protsae.detectors.activations import Codes
from protsae.missing_annotations.candidate_ranking import QUANTILE_EDGES
from protsae.probabilities.binned_counts import BinnedCounts, first_bins
from protsae.probabilities.labelled_split import LabelledSplit, ScoredFeature
from protsae.probabilities.likelihood_ratios import (
    LikelihoodRatios,
    agreement_on,
    likelihood_ratios,
    log_ratio_influences,
)
from protsae.probabilities.look_alike_search import find_look_alikes
from protsae.probabilities.look_alike_sites import LookAlike, look_alike_factor
from protsae.statistics import ragged
from protsae.statistics.cluster_intervals import MIN_CLUSTERS

CALIBRATED, UNCALIBRATED = "calibrated", "uncalibrated"
OF_LOOK_ALIKE = ("look_alike", "look_alike_feature", "look_alike_above", "look_alike_base_rate")
COLUMNS = (
    *("feature", "concept", "near_look_alike", "bin", "activation_above"),
    *("n_on", "n_positives", "n_clusters"),
    *("valid_base_rate", "likelihood_ratio", "likelihood_ratio_low", "likelihood_ratio_high"),
    *("test_on", "observed_positives", "expected_positives", "expected_low", "expected_high"),
    *("calibration", "look_alike_ratio", "valid_look_alike_rate", *OF_LOOK_ALIKE),
)


def calibrate(layer: Layer, codes: Codes, examined: Examined) -> pd.DataFrame:
    """Likelihood ratios of an SAE's features on valid, and whether they hold on test.

    Of two kinds of pairs whose concept the sequence does not define: of each feature with its own
    concept (the pair with the highest gain on valid), and of each concept with the feature that has
    the highest F1 on valid. Bins begin at the threshold of the pair and at the quantiles
    ``QUANTILE_EDGES`` of the positive activations on train that are above it; they are joined where
    the feature is on in fewer than ``MIN_CLUSTERS`` clusters of valid. A pair with a look-alike
    (`find_look_alikes`) has such bins far from the look-alike's feature, and others near it. The
    calibration fails if the positives observed on test are outside the interval of
    `agreement_on`, or if fewer than ``MIN_CLUSTERS`` clusters of valid or of test have the
    concept, so that it cannot be tested.

    Returns
    -------
    DataFrame
        ``COLUMNS``, as in docs/tables.md; by feature, concept, whether the look-alike is near, and
        bin.
    """
    own, of_concepts = _pairs(examined.pairs)
    chosen = examined.pairs.loc[own.union(of_concepts)]
    if not len(chosen):
        return pd.DataFrame(columns=COLUMNS)
    names = pd.Index([named.name for named in layer.concepts.concepts])
    scored = _scored(chosen, names, examined)
    candidates = _candidates(examined.pairs.loc[own], names)
    features = np.unique(chosen["feature"])
    valid, test = (LabelledSplit.read(layer, codes, part, features) for part in ("valid", "test"))
    rows = []
    for pair, look_alike in zip(scored, find_look_alikes(valid, scored, candidates), strict=True):
        if look_alike is None:
            found = _rows(valid, test, pair) | dict.fromkeys(OF_LOOK_ALIKE)
        else:
            column = int(names.get_indexer(pd.Index([look_alike.concept]))[0])
            rate = rates_of([look_alike.concept], layer.reference_rates)[0]
            rate = test.base_rate(column) if np.isnan(rate) else rate
            found = _rows(valid, test, pair, (look_alike, column)) | {
                "look_alike": look_alike.concept,
                "look_alike_feature": look_alike.feature,
                "look_alike_above": look_alike.above,
                "look_alike_base_rate": rate,
            }
        rows.append(
            pd.DataFrame({**found, "feature": pair.feature, "concept": names[pair.concept]})
        )
    return pd.concat(rows, ignore_index=True)[list(COLUMNS)]


def _pairs(pairs: pd.DataFrame) -> tuple[pd.Index, pd.Index]:
    """Rows of features with their own concept, and of concepts with their best feature."""
    undefined = ~are_defined_by_sequence(pairs["concept_type"])
    leading = best_rows(pairs["feature"].to_numpy(), pairs["gain"].to_numpy())
    rest = pairs[undefined]
    best = best_rows(pd.factorize(rest["concept"])[0], rest["valid_f1"].to_numpy())
    return pairs.index[leading].intersection(rest.index), rest.index[best]


def _scored(pairs: pd.DataFrame, names: pd.Index, examined: Examined) -> list[ScoredFeature]:
    """The features of these pairs, with the bins of their activations."""
    every = positive_quantiles(examined.train_sample[:, pairs["feature"]], QUANTILE_EDGES)
    concepts = names.get_indexer(pd.Index(pairs["concept"])).tolist()
    return [
        ScoredFeature(feature, concept, np.unique(np.append(own, above[above > own])))
        for feature, concept, own, above in zip(
            pairs["feature"].tolist(),
            concepts,
            pairs["threshold"],
            np.where(np.isfinite(every), every, -np.inf).T,
            strict=True,
        )
    ]


def _candidates(leading: pd.DataFrame, names: pd.Index) -> dict[int, LookAlike]:
    """Of the features that lead with a concept the best on valid, by column of the labels."""
    best = leading.iloc[
        best_rows(pd.factorize(leading["concept"])[0], leading["valid_f1"].to_numpy())
    ]
    columns = (best[name].tolist() for name in ("concept", "feature", "threshold"))
    found = [LookAlike(*each) for each in zip(*columns, strict=True)]
    return dict(zip(names.get_indexer(pd.Index(best["concept"])).tolist(), found, strict=True))


def _rows(
    valid: LabelledSplit,
    test: LabelledSplit,
    pair: ScoredFeature,
    look_alike: tuple[LookAlike, int] | None = None,
) -> dict[str, Any]:
    """The columns of one pair; of those on its look-alike what valid says.

    Where it has one, everything is done far from the look-alike's feature, then near it.
    """
    site = look_alike and look_alike[0]
    on_valid, on_test = (split.counts(pair, pair.edges, site) for split in (valid, test))
    first = [first_bins(part.on) for part in on_valid]
    on_valid, on_test = (
        [part.joined(begins) for part, begins in zip(parts, first, strict=True)]
        for parts in (on_valid, on_test)
    )
    ratios = [likelihood_ratios(part) for part in on_valid]
    alike, valid_rate, factors = np.array([np.nan]), np.nan, np.ones(1)
    if look_alike:
        mistaken, of_test = (split.mistaken(pair, *look_alike) for split in (valid, test))
        alike = np.exp([log_ratio_influences(part)[0][0] for part in mistaken])
        valid_rate = mistaken[0].base_rate
        factors = look_alike_factor(alike, valid_rate, of_test[0].base_rate)
    shifted = [ratio.over(factor) for ratio, factor in zip(ratios, factors, strict=True)]
    counts, tested = (reduce(BinnedCounts.beside, parts) for parts in (on_valid, on_test))
    found = agreement_on(reduce(LikelihoodRatios.beside, shifted), tested)
    of_valid = reduce(LikelihoodRatios.beside, ratios)
    told = min(counts.n_clusters, tested.n_clusters) >= MIN_CLUSTERS
    sizes = np.array([len(begins) for begins in first])
    return {
        "near_look_alike": ragged.groups(sizes).astype(bool),
        "bin": ragged.places(sizes) + 1,
        "activation_above": pair.edges[np.concatenate(first)],
        "n_on": counts.on.sum(0),
        "n_positives": counts.tp.sum(0),
        "n_clusters": (counts.on > 0).sum(0),
        "valid_base_rate": counts.base_rate,
        "likelihood_ratio": of_valid.value,
        "likelihood_ratio_low": of_valid.low,
        "likelihood_ratio_high": of_valid.high,
        "test_on": int(tested.on.sum()),
        "observed_positives": found.observed,
        "expected_positives": found.expected,
        "expected_low": found.low,
        "expected_high": found.high,
        "calibration": CALIBRATED if told and found.holds else UNCALIBRATED,
        "look_alike_ratio": np.repeat(alike, sizes),
        "valid_look_alike_rate": valid_rate,
    }
