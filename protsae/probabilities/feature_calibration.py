"""The calibration table of an SAE: what the activation of each feature says of its concept."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.pairs.layer_data import Layer
from protsae.association.pairs.scored_pairs import Examined
from protsae.association.pairs.selection import best_rows
from protsae.association.scoring.thresholds import positive_quantiles
from protsae.concepts.concept import are_defined_by_sequence
from protsae.detectors.activations import Codes
from protsae.missing_annotations.candidate_ranking import QUANTILE_EDGES
from protsae.probabilities.binned_counts import BinnedCounts, count_bins, first_bins
from protsae.probabilities.likelihood_ratios import agreement_on, likelihood_ratios
from protsae.statistics.cluster_intervals import MIN_CLUSTERS, group_sums

CALIBRATED, UNCALIBRATED = "calibrated", "uncalibrated"
COLUMNS = (
    *("feature", "bin", "concept", "activation_above", "n_on", "n_positives", "n_clusters"),
    *("valid_base_rate", "likelihood_ratio", "likelihood_ratio_low", "likelihood_ratio_high"),
    *("test_on", "observed_positives", "expected_positives", "expected_low", "expected_high"),
    *("calibration",),
)


def calibrate(layer: Layer, codes: Codes, examined: Examined) -> pd.DataFrame:
    """Likelihood ratios of an SAE's features on valid, and whether they hold on test.

    Of the features whose concept (the pair with the highest gain on valid) the sequence does not
    define. Bins begin at the threshold of the pair and at the quantiles ``QUANTILE_EDGES`` of the
    positive activations on train that are above it; they are joined where the feature is on in
    fewer than ``MIN_CLUSTERS`` clusters of valid. The calibration fails if the positives observed
    on test are outside the interval of `agreement_on`, or if fewer than ``MIN_CLUSTERS`` clusters
    of valid or of test have the concept, so that it cannot be tested.

    Returns
    -------
    DataFrame
        ``COLUMNS``, as in docs/tables.md; by feature and bin.
    """
    pairs = examined.pairs
    best = pairs.iloc[best_rows(pairs["feature"].to_numpy(), pairs["gain"].to_numpy())]
    best = best[~are_defined_by_sequence(best["concept_type"])]
    if not len(best):
        return pd.DataFrame(columns=COLUMNS)
    features = best["feature"].to_numpy()
    names = pd.Index([named.name for named in layer.concepts.concepts])
    concept = names.get_indexer(pd.Index(best["concept"]))
    every = positive_quantiles(examined.train_sample[:, features], QUANTILE_EDGES)
    threshold = best["threshold"].to_numpy()
    edges = [
        np.unique(np.append(own, above[(above > own) & np.isfinite(above)]))
        for own, above in zip(threshold, every.T, strict=True)
    ]
    valid, test = (_Labelled.read(layer, codes, part, features) for part in ("valid", "test"))
    rows = []
    for column, feature in enumerate(features.tolist()):
        own = edges[column]
        counts = [part.counts(column, concept[column], own) for part in (valid, test)]
        found = _rows(own, *counts)
        rows.append(found.assign(feature=feature, concept=names[concept[column]]))
    return pd.concat(rows, ignore_index=True)[list(COLUMNS)]


def _rows(edges: np.ndarray, valid: BinnedCounts, test: BinnedCounts) -> pd.DataFrame:
    """The rows of one feature."""
    first = first_bins(valid.on)
    valid, test = valid.joined(first), test.joined(first)
    ratios = likelihood_ratios(valid)
    found = agreement_on(ratios, test)
    told = min(valid.n_clusters, test.n_clusters) >= MIN_CLUSTERS
    return pd.DataFrame(
        {
            "bin": np.arange(1, len(first) + 1),
            "activation_above": edges[first],
            "n_on": valid.on.sum(0),
            "n_positives": valid.tp.sum(0),
            "n_clusters": (valid.on > 0).sum(0),
            "valid_base_rate": valid.base_rate,
            "likelihood_ratio": ratios.value,
            "likelihood_ratio_low": ratios.low,
            "likelihood_ratio_high": ratios.high,
            "test_on": int(test.on.sum()),
            "observed_positives": found.observed,
            "expected_positives": found.expected,
            "expected_low": found.low,
            "expected_high": found.high,
            "calibration": CALIBRATED if told and found.holds else UNCALIBRATED,
        }
    )


@dataclass(frozen=True, eq=False)
class _Labelled:
    """Activations of a few features in a split, and the labels of its residues."""

    activations: sparse.csc_array
    cluster: np.ndarray
    labels: sparse.csc_array
    known: np.ndarray
    known_column: np.ndarray
    positives: np.ndarray
    n_known: np.ndarray

    @classmethod
    def read(cls, layer: Layer, codes: Codes, split: str, features: np.ndarray) -> "_Labelled":
        proteins = layer.of_split(split)
        names = proteins["accession"].tolist()
        number, clusters = pd.factorize(proteins["cluster"])
        cluster = np.repeat(number, proteins["length"])
        labels, known = layer.concepts.labels(names), layer.concepts.known(names)
        positives = group_sums(labels.astype(np.int64), cluster, len(clusters)).toarray()
        n_known = group_sums(known.astype(np.int64), cluster, len(clusters))
        return cls(
            layer.matrix(codes, split, features),
            cluster,
            sparse.csc_array(labels),
            known,
            layer.concepts.known_column,
            positives,
            n_known,
        )

    def counts(self, column: int, concept: int, edges: np.ndarray) -> BinnedCounts:
        """Of one feature and its concept."""
        own = slice(self.activations.indptr[column], self.activations.indptr[column + 1])
        rows, value = self.activations.indices[own], self.activations.data[own]
        is_known = self.known[rows, self.known_column[concept]]
        rows, value = rows[is_known], value[is_known]
        of_concept = slice(self.labels.indptr[concept], self.labels.indptr[concept + 1])
        has_concept = np.isin(rows, self.labels.indices[of_concept])
        sums = self.positives[:, concept], self.n_known[:, self.known_column[concept]]
        return count_bins(value, has_concept, self.cluster[rows], edges, *sums)
