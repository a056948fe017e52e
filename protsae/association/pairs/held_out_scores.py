"""Pairs of detector and concept that valid has proposed, examined on test."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.pairs.held_out_labels import OF_NULLS, HeldOut
from protsae.association.pairs.layer_data import Layer
from protsae.association.pairs.proposal import Proposed, propose
from protsae.association.pairs.scored_pairs import Examined, active_share
from protsae.association.pairs.selection import best_rows
from protsae.association.scoring.metrics import always_on_f1, f1_score, ratio, reaches
from protsae.association.scoring.position_matched import position_matched_auroc
from protsae.association.scoring.preferred_ends import ENDS, end_distances
from protsae.association.scoring.rank_scores import rank_scores
from protsae.association.scoring.threshold_scores import threshold_scores
from protsae.association.scoring.thresholds import positive_quantiles
from protsae.association.verdicts import CountsByCluster
from protsae.concepts.concept import are_defined_by_sequence
from protsae.detectors.activations import Codes, LastRead
from protsae.statistics.cluster_intervals import (
    MIN_CLUSTERS,
    bootstrap_weights,
    effective_clusters,
    f1_interval,
)
from protsae.statistics.multiple_testing import benjamini_hochberg

INTERVAL = ("f1_low", "f1_high")
OF_RANKS = ("average_precision", "auroc", "auroc_low", "auroc_high")
OF_MATCHED = (
    "position_matched_auroc",
    "position_matched_auroc_low",
    "position_matched_auroc_high",
)
MEASURED = (*INTERVAL, *OF_NULLS, *OF_RANKS, *OF_MATCHED)
"""Columns that need the activations themselves, not only counts."""
AT_INTERVAL, AT_NULLS, AT_RANKS = slice(0, 2), slice(2, 8), slice(8, 12)
AT_MATCHED = slice(12, 15)
"""Their places among these."""

KEPT_VALUES = 50_000_000
"""Activations of test that are kept for the second reading, 8 bytes each: memory, not results."""

PAIRS_AT_ONCE = 500
"""Pairs whose counts by cluster are held at a time: memory, not results."""

Keep = Literal["best", "leading", "all"]
"""Pairs whose counts by cluster are kept."""


def examine(layer: Layer, split: HeldOut, codes: Codes, keep: Keep = "leading") -> Examined:
    """Thresholds from train, pairs proposed by valid; their scores, intervals and nulls on test.

    Intervals are `f1_interval` over homology clusters. The p-value is the larger of that of the
    rotation null and of the position null; a pair that the position null cannot test has none.
    q-values are over all pairs that are tested: they were proposed on valid, so their number is all
    that has to be paid for. Concepts that the sequence defines are corrected apart: nearly all of
    their pairs are called, and the false ones among the few others would hide behind them. Best
    detectors of concepts are chosen on valid, too. Counts by cluster are kept of those, and,
    unless ``keep`` is "best", of every detector's leading pair, or of all pairs.

    With "best", the detectors are baselines of others, and pairs with a concept that the sequence
    defines are neither tested nor ranked (no p-values, average precision and AUROC): a rule finds
    such a concept exactly, and they would be nine pairs of ten.
    """
    codes = LastRead(codes, KEPT_VALUES)
    sample = layer.train_sample(codes)
    proposed = propose(layer, codes, positive_quantiles(sample, layer.settings.quantiles))
    found = _Examination(layer, split, proposed, codes.n_features, keep)
    features = np.unique(found.feature)
    for held, activations in layer.columns(codes, "test", features, active_share(sample)):
        found.rank(held, activations)
        for concept, pairs in found.by_concept(held):
            found.count(concept, pairs, found.rows_on(held, activations, pairs))
    counted = found.counts_table()
    return Examined(found.table(), found.captured, found.capturing.sum(0), sample, counted)


class _Examination:
    """What is measured of proposed pairs, some features at a time.

    Attributes
    ----------
    feature, concept : ndarray of int, shape (n_pairs,)
    captured : ndarray of int, shape (n_resamplings,)
    capturing : ndarray of bool, shape (n_features, n_resamplings)
        As of `Examined`.
    """

    def __init__(
        self, layer: Layer, split: HeldOut, proposed: Proposed, n_features: int, keep: Keep
    ) -> None:
        pairs, self.concept = proposed.pairs, proposed.concept
        self._split, self._pairs, self._seed = split, pairs, layer.settings.seed
        self.feature, self._threshold = pairs["feature"].to_numpy(), pairs["threshold"].to_numpy()
        self._defined = are_defined_by_sequence(pairs["concept_type"])
        self._tested = ~self._defined if keep == "best" else np.ones(len(pairs), dtype=bool)
        self._best = np.zeros(len(pairs), dtype=bool)
        of_concept = pd.factorize(pairs["concept"])[0]
        self._best[best_rows(of_concept, pairs["valid_f1"].to_numpy())] = True
        self._leading = np.zeros(len(pairs), dtype=bool)
        self._leading[best_rows(self.feature, pairs["gain"].to_numpy())] = True
        every = np.ones(len(pairs), dtype=bool)
        kept = {"best": self._best, "leading": self._best | self._leading, "all": every}
        self._keeps = kept[keep]
        self._reference_rates = layer.reference_rates
        # Of few clusters resampling shows too little: a single one would be sure of everything.
        n_resamplings = layer.settings.bootstrap if split.n_clusters >= MIN_CLUSTERS else 0
        self._weights = bootstrap_weights(split.n_clusters, n_resamplings, self._seed)
        self._positives = split.positives.sum(0)[self.concept]
        self._floor = always_on_f1(ratio(self._positives, split.n_known[self.concept]))
        self._distances = end_distances(split.lengths)
        self._measured = np.full((len(pairs), len(MEASURED)), np.nan)
        self._tp, self._on, self._found = np.zeros((3, len(pairs)), np.int64)
        self._whole = np.zeros(len(split.known_column), dtype=bool)
        self._kept = [np.empty((0, 4), np.int64)]
        self.captured = np.zeros(len(self._weights), dtype=np.int64)
        self.capturing = np.zeros((n_features, len(self._weights)), dtype=bool)

    def rank(self, held: np.ndarray, activations: sparse.csc_array) -> None:
        """Scores that need no threshold, of the pairs of these features that are tested."""
        ranked = np.flatnonzero(np.isin(self.feature, held) & self._tested)
        pairs = np.searchsorted(held, self.feature[ranked]), self.concept[ranked]
        split = self._split
        self._measured[ranked, AT_RANKS] = _rank_scores(split, activations, *pairs)
        self._measured[ranked, AT_MATCHED] = position_matched_auroc(
            activations,
            split.labels,
            split.known,
            split.known_column,
            self._distances,
            *pairs,
            split.preferred_end,
            split.cluster,
        )

    def by_concept(self, held: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Pairs of these features, at most ``PAIRS_AT_ONCE`` of a concept at a time."""
        of_group = np.flatnonzero(np.isin(self.feature, held))
        concept = self.concept[of_group]
        for one in np.unique(concept).tolist():
            members = of_group[concept == one]
            for some in np.array_split(members, -(-len(members) // PAIRS_AT_ONCE)):
                yield one, some

    def rows_on(
        self, held: np.ndarray, activations: sparse.csc_array, pairs: np.ndarray
    ) -> list[np.ndarray]:
        """Rows where the detector of each pair is on, ascending."""
        column = np.searchsorted(held, self.feature[pairs]).tolist()
        threshold = self._threshold[pairs]
        return [_rows_above(activations, *each) for each in zip(column, threshold, strict=True)]

    def count(self, concept: int, pairs: np.ndarray, rows_on: list[np.ndarray]) -> None:
        """Intervals, nulls and what is captured, of some pairs of one concept."""
        split = self._split
        counts = split.counts(concept, rows_on)
        sums = counts.tp, counts.on, split.positives[:, [concept]]
        self._tp[pairs], self._on[pairs] = counts.tp.sum(0), counts.on.sum(0)
        self._found[pairs] = split.instances_found(concept, rows_on)
        self._measured[pairs, AT_INTERVAL] = np.stack(f1_interval(*sums), axis=1)
        if self._tested[pairs[0]]:
            self._measured[pairs, AT_NULLS] = split.nulls(concept).scores(
                rows_on, counts.on.sum(0), self._leading[pairs], self._seed
            )
        self._whole[concept] = split.is_whole(concept)
        f1 = f1_score(*(self._weights @ of_cluster for of_cluster in sums))
        reached = reaches(f1, self._floor[pairs])
        self.captured += reached[:, self._best[pairs]].sum(1)
        np.logical_or.at(self.capturing, self.feature[pairs], reached.T)
        self._kept.append(_counts_of(counts, pairs, self._keeps[pairs]))

    def table(self) -> pd.DataFrame:
        """The pairs with all that was measured."""
        split, concept = self._split, self.concept
        counts = self._tp, self._on, self._positives, split.n_known[concept]
        # Where a concept has no instances each residue is its own.
        has_any = split.has_instances[concept]
        instances = (
            np.where(has_any, self._found, self._tp),
            np.where(has_any, split.n_instances[concept], self._positives),
        )
        scores = threshold_scores(self._pairs["concept"], counts, instances, self._reference_rates)
        named_ends = np.array([*ENDS, None], dtype=object)  # the last also has the number NO_END
        pairs = self._pairs.join(scores).assign(
            n_clusters=(split.positives > 0).sum(0)[concept],
            effective_clusters=effective_clusters(split.positives)[concept],
            preferred_end=named_ends[split.preferred_end[concept]],
        )
        pairs = pairs.join(pd.DataFrame(self._measured, pairs.index, MEASURED))
        q_values = benjamini_hochberg(pairs["p_value"].to_numpy(), self._defined)
        level = np.where(self._whole[concept], "protein", "residue")
        return pairs.assign(concept_level=level, q_value=q_values)

    def counts_table(self) -> pd.DataFrame:
        """The counts that are kept, with the names of features, concepts and clusters."""
        pair, cluster, tp, on = np.concatenate(self._kept).T
        named = self._pairs[["feature", "concept"]].iloc[pair].reset_index(drop=True)
        return named.assign(cluster=self._split.cluster_names[cluster], tp=tp, on=on)


def _counts_of(counts: CountsByCluster, pairs: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Pair, cluster, tp and on of the wanted pairs, a row for each cluster where they are on."""
    detector, cluster = np.nonzero(counts.on[:, wanted].T)
    tp, on = (x[:, wanted].T[detector, cluster] for x in (counts.tp, counts.on))
    return np.stack([pairs[wanted][detector], cluster, tp, on], axis=1)


def _rows_above(activations: sparse.csc_array, column: int, threshold: float) -> np.ndarray:
    part = slice(activations.indptr[column], activations.indptr[column + 1])
    above: np.ndarray = activations.indices[part].compress(activations.data[part] > threshold)
    return above


def _rank_scores(
    split: HeldOut,
    activations: sparse.csc_array,
    feature: np.ndarray,
    concept: np.ndarray,
) -> np.ndarray:
    """``OF_RANKS``, a row per pair: each concept over the residues where it is known."""
    known_column = split.known_column
    found = np.full((len(feature), len(OF_RANKS)), np.nan)
    for column in np.unique(known_column[concept]):
        rows = split.known[:, column]
        if not rows.any():  # partly known labels may be known of other splits alone
            continue
        mine = known_column[concept] == column
        everywhere = rows.all()
        found[mine] = rank_scores(
            activations if everywhere else sparse.csc_array(activations[rows]),
            split.labels if everywhere else sparse.csc_array(split.labels[rows]),
            feature[mine],
            concept[mine],
            split.cluster[rows],
        )
    return found
