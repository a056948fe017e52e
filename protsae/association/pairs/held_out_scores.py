"""Pairs of detector and concept that valid has proposed, examined on test."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.pairs.dataset import Layer
from protsae.association.pairs.proposal import propose
from protsae.association.pairs.scored_pairs import Examined
from protsae.association.pairs.selection import best_rows
from protsae.association.scoring.metrics import always_on_f1, f1_score, reaches
from protsae.association.scoring.position_matched import (
    ENDS,
    end_distances,
    position_matched_auroc,
    preferred_ends,
)
from protsae.association.scoring.rank_scores import rank_scores
from protsae.association.scoring.thresholds import positive_quantiles
from protsae.association.significance.family_null import cluster_null
from protsae.association.significance.joined_proteins import Chains
from protsae.association.significance.label_exchange import Exchange
from protsae.association.significance.p_values import benjamini_hochberg, headline_p_value
from protsae.association.significance.position_null import PositionLaws
from protsae.association.significance.rotation_null import RotatedLabels, covers_proteins
from protsae.association.verdicts import CountsByCluster
from protsae.concepts.concept import are_defined_by_sequence
from protsae.detectors.activations import Codes, LastRead
from protsae.statistics.cluster_intervals import (
    bootstrap_weights,
    effective_clusters,
    f1_interval,
    group_sums,
)

INTERVAL = ("f1_low", "f1_high")
OF_NULLS = (
    *("rotation_null_f1", "position_null_f1"),
    *("rotation_p_value", "position_p_value", "p_value", "family_p_value"),
)
OF_RANKS = ("average_precision", "auroc", "auroc_low", "auroc_high")
POSITION_MATCHED = "position_matched_auroc"
MEASURED = (*INTERVAL, *OF_NULLS, *OF_RANKS, POSITION_MATCHED)
"""Columns that need the activations themselves, not only counts."""
AT_INTERVAL, AT_NULLS, AT_RANKS, AT_MATCHED = slice(0, 2), slice(2, 8), slice(8, 12), 12
"""Their places among these."""

PERMUTATIONS, STOP_AFTER = 999, 20
"""Of the family null: most of them, and exceedances after which p is known well enough."""

HELD_BYTES, NULL_BYTES = 2e9, 150
"""Memory that the nulls of all concepts may take, and what they take for each residue and concept:
memory, not results."""

KEPT_VALUES = 50_000_000
"""Activations of test that are kept for the second reading, 8 bytes each: memory, not results."""

PAIRS_AT_ONCE = 500
"""Pairs whose counts by cluster are held at a time: memory, not results."""


Keep = Literal["best", "leading", "all"]
"""Pairs whose counts by cluster are kept."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What does not depend on the detectors: labels and clusters of the test residues, in order.

    Attributes
    ----------
    lengths, protein_cluster : ndarray of int, shape (n_proteins,)
        Residues, and number of the homology cluster, of each protein.
    cluster_names : Index of str, shape (n_clusters,)
    cluster : ndarray of int, shape (n_residues,)
        That of each residue.
    labels : csc_array, shape (n_residues, n_concepts)
    known : ndarray of bool, shape (n_residues, n_known_columns)
    known_column : ndarray of int, shape (n_concepts,)
        Column of ``known`` of each concept.
    positives : ndarray of int, shape (n_clusters, n_concepts)
        Residues with the concept.
    preferred_end : ndarray of int, shape (n_concepts,)
        Of each concept, on train: `preferred_ends`.
    """

    lengths: np.ndarray
    protein_cluster: np.ndarray
    cluster_names: pd.Index
    cluster: np.ndarray
    labels: sparse.csc_array
    known: np.ndarray
    known_column: np.ndarray
    positives: np.ndarray
    preferred_end: np.ndarray

    @classmethod
    def of(cls, layer: Layer) -> "HeldOut":
        """Once for all detectors of a layer."""
        proteins = layer.of_split("test")
        names, lengths = proteins["accession"].tolist(), proteins["length"].to_numpy()
        number, clusters = pd.factorize(proteins["cluster"])
        cluster = np.repeat(number, lengths)
        labels = sparse.csc_array(layer.concepts.labels(names))
        labels.sort_indices()
        positives = group_sums(labels.astype(np.int64), cluster, len(clusters)).toarray()
        known = layer.concepts.known(names)
        column = layer.concepts.known_column
        n_train = layer.of_split("train")["cluster"].nunique()
        ends = preferred_ends(layer.labelled("train"), column, n_train)
        names_of = pd.Index(clusters)
        return cls(lengths, number, names_of, cluster, labels, known, column, positives, ends)

    @property
    def n_clusters(self) -> int:
        """Homology clusters of test."""
        return len(self.positives)

    def rows(self, concept: int) -> np.ndarray:
        """Rows with the concept, ascending."""
        return _rows(self.labels, concept)

    def is_whole(self, concept: int) -> bool:
        """Whether a concept `covers_proteins`."""
        return covers_proteins(self.rows(concept), self.exchange(concept).chains)

    def nulls(self, concept: int) -> "ConceptNulls":
        """Of one concept; kept for the next detectors where all of them fit into ``HELD_BYTES``."""
        if self.labels.shape[0] * self.labels.shape[1] * NULL_BYTES > HELD_BYTES:
            return ConceptNulls.of(self, concept)
        if concept not in self._nulls:
            self._nulls[concept] = ConceptNulls.of(self, concept)
        return self._nulls[concept]

    @cached_property
    def _nulls(self) -> dict[int, "ConceptNulls"]:
        return {}

    def exchange(self, concept: int) -> Exchange:
        """Who takes labels of a concept from whom."""
        return self._exchanges[int(self.known_column[concept])]

    @cached_property
    def _exchanges(self) -> dict[int, Exchange]:
        """By column of ``known``."""
        return {
            column: Exchange.of(Chains(self.lengths, self.protein_cluster, self.known[:, column]))
            for column in np.unique(self.known_column).tolist()
        }


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
    pairs, concept = proposed.pairs, proposed.concept
    feature, threshold = pairs["feature"].to_numpy(), pairs["threshold"].to_numpy()
    n_clusters = (split.positives > 0).sum(0)[concept]
    effective = effective_clusters(split.positives)[concept]
    named_ends = np.array([*ENDS, None], dtype=object)  # the last also has the number NO_END
    defined = are_defined_by_sequence(pairs["concept_type"])
    tested = ~defined if keep == "best" else np.ones(len(pairs), dtype=bool)
    pairs = pairs.assign(
        n_clusters=n_clusters,
        effective_clusters=effective,
        preferred_end=named_ends[split.preferred_end[concept]],
    )
    best = np.zeros(len(pairs), dtype=bool)
    best[best_rows(pd.factorize(pairs["concept"])[0], pairs["valid_f1"].to_numpy())] = True
    leading = np.zeros(len(pairs), dtype=bool)
    leading[best_rows(feature, pairs["gain"].to_numpy())] = True
    kept_pairs = {"best": best, "leading": best | leading, "all": np.ones_like(best)}[keep]
    weights = bootstrap_weights(split.n_clusters, layer.settings.bootstrap, layer.settings.seed)
    captured = np.zeros(len(weights), dtype=np.int64)
    capturing = np.zeros((codes.n_features, len(weights)), dtype=bool)
    floor = always_on_f1(pairs["base_rate"].to_numpy())
    measured = np.full((len(pairs), len(MEASURED)), np.nan)
    distances = end_distances(split.lengths)
    kept: list[np.ndarray] = []
    whole = np.zeros(len(split.known_column), dtype=bool)
    for held, activations in layer.columns(codes, "test", np.unique(feature), proposed.n_active):
        of_group = np.flatnonzero(np.isin(feature, held))
        column = np.searchsorted(held, feature)
        ranked = of_group[tested[of_group]]
        chosen = column[ranked], concept[ranked]
        measured[ranked, AT_RANKS] = _rank_scores(split, activations, *chosen)
        measured[ranked, AT_MATCHED] = position_matched_auroc(
            activations,
            split.labels,
            split.known,
            split.known_column,
            distances,
            *chosen,
            split.preferred_end,
        )
        for label in np.unique(concept[of_group]).tolist():
            members = of_group[concept[of_group] == label]
            nulls = split.nulls(label) if tested[members[0]] else None
            whole[label] = split.is_whole(label)
            for some in np.array_split(members, -(-len(members) // PAIRS_AT_ONCE)):
                rows_on = [_rows_above(activations, column[pair], threshold[pair]) for pair in some]
                counts = counts_by_cluster(split, label, rows_on)
                positives = split.positives[:, [label]]
                sums = counts.tp, counts.on, positives
                measured[some, AT_INTERVAL] = np.stack(f1_interval(*sums), axis=1)
                if nulls is not None:
                    measured[some, AT_NULLS] = nulls.scores(
                        rows_on, counts.on.sum(0), leading[some], layer.settings.seed
                    )
                reached = reaches(
                    f1_score(*(weights @ of_cluster for of_cluster in sums)), floor[some]
                )
                captured += reached[:, best[some]].sum(1)
                np.logical_or.at(capturing, feature[some], reached.T)
                kept.append(_counts_of(counts, some, kept_pairs[some]))
    pairs = pairs.join(pd.DataFrame(measured, pairs.index, MEASURED))
    pairs["concept_level"] = np.where(whole[concept], "protein", "residue")
    pairs = pairs.assign(q_value=benjamini_hochberg(pairs["p_value"].to_numpy(), defined))
    counted = _counts_table(pairs, split, np.concatenate([np.empty((0, 4), np.int64), *kept]))
    return Examined(pairs, captured, capturing.sum(0), proposed.n_active, sample, counted)


@dataclass(frozen=True, eq=False)
class ConceptNulls:
    """The nulls of one concept, ready for any detector."""

    split: HeldOut
    concept: int
    rotated: RotatedLabels
    given: PositionLaws

    @classmethod
    def of(cls, split: HeldOut, concept: int) -> "ConceptNulls":
        """Rotate the labels and hand them on."""
        exchange, rows = split.exchange(concept), split.rows(concept)
        rotated = RotatedLabels.of(rows, exchange.chains)
        return cls(split, concept, rotated, PositionLaws.of(rows, exchange))

    def scores(
        self, rows_on: list[np.ndarray], on: np.ndarray, leading: np.ndarray, seed: int
    ) -> np.ndarray:
        """``OF_NULLS``, a row per detector; the ``leading`` ones are tested under the family null.

        ``on`` are the residues, of those known, on which each is on.
        """
        positives = self.split.positives[:, [self.concept]]
        rotation, position = self.rotated.pair_nulls(rows_on), self.given.pair_nulls(rows_on)
        f1_of = [f1_score(null[:, 1], on, positives.sum()) for null in (rotation, position)]
        family = np.full(len(rows_on), np.nan)
        family[leading] = self._family_p_values(rows_on, np.flatnonzero(leading), seed)
        p_value = headline_p_value(rotation[:, 2], position[:, 2], self.rotated.whole)
        return np.stack([*f1_of, rotation[:, 2], position[:, 2], p_value, family], axis=1)

    def _family_p_values(
        self, rows_on: list[np.ndarray], leading: np.ndarray, seed: int
    ) -> np.ndarray:
        known = self.rotated_known
        return cluster_null(
            [rows_on[pair][known[rows_on[pair]]] for pair in leading],
            [self.split.rows(self.concept)],
            np.stack([np.arange(len(leading)), np.zeros(len(leading), np.int64)], axis=1),
            self.split.lengths,
            self.split.protein_cluster,
            PERMUTATIONS,
            STOP_AFTER,
            seed,
        )

    @property
    def rotated_known(self) -> np.ndarray:
        """Rows whose label is known."""
        return self.split.known[:, self.split.known_column[self.concept]]


def counts_by_cluster(split: HeldOut, concept: int, rows_on: list[np.ndarray]) -> CountsByCluster:
    """Residues on and labelled, and on, among the known ones, of each detector by cluster."""
    known = split.known[:, split.known_column[concept]]
    has_concept = np.zeros(len(split.cluster), dtype=bool)
    has_concept[split.rows(concept)] = True
    shape = split.n_clusters, len(rows_on)
    tp, on = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for detector, every in enumerate(rows_on):
        rows = every[known[every]]
        on[:, detector] = np.bincount(split.cluster[rows], minlength=split.n_clusters)
        hits = rows[has_concept[rows]]
        tp[:, detector] = np.bincount(split.cluster[hits], minlength=split.n_clusters)
    return CountsByCluster(tp, on)


def _counts_of(counts: CountsByCluster, pairs: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Pair, cluster, tp and on of the wanted pairs, a row for each cluster where they are on."""
    detector, cluster = np.nonzero(counts.on[:, wanted].T)
    tp, on = (x[:, wanted].T[detector, cluster] for x in (counts.tp, counts.on))
    return np.stack([pairs[wanted][detector], cluster, tp, on], axis=1)


def _counts_table(pairs: pd.DataFrame, split: HeldOut, counts: np.ndarray) -> pd.DataFrame:
    """The counts of `_counts_of`, with the names of features, concepts and clusters."""
    pair, cluster, tp, on = counts.T
    named = pairs[["feature", "concept"]].iloc[pair].reset_index(drop=True)
    return named.assign(cluster=split.cluster_names[cluster], tp=tp, on=on)


def _rows_above(activations: sparse.csc_array, column: int, threshold: float) -> np.ndarray:
    part = slice(activations.indptr[column], activations.indptr[column + 1])
    above: np.ndarray = activations.indices[part][activations.data[part] > threshold]
    return above


def _rank_scores(
    split: HeldOut,
    activations: sparse.csc_array,
    feature: np.ndarray,
    concept: np.ndarray,
) -> np.ndarray:
    """``OF_RANKS``, a row per pair: each concept over the residues where it is known."""
    known_column = split.known_column
    found = np.empty((len(feature), len(OF_RANKS)))
    for column in np.unique(known_column[concept]):
        rows = split.known[:, column]
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


def _rows(labels: sparse.csc_array, column: int) -> np.ndarray:
    """Rows of a column, ascending."""
    return labels.indices[labels.indptr[column] : labels.indptr[column + 1]]
