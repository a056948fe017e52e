"""The test residues as every set of detectors meets them: labels, clusters, and the nulls."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.pairs.layer_data import Layer
from protsae.association.scoring.metrics import f1_score
from protsae.association.scoring.preferred_ends import preferred_ends
from protsae.association.significance.concatenated_proteins import Chains
from protsae.association.significance.family_null import cluster_null
from protsae.association.significance.label_exchange import Exchange
from protsae.association.significance.p_values import headline_p_value
from protsae.association.significance.position_null import PositionLaws
from protsae.association.significance.rotation_null import RotatedLabels, covers_proteins
from protsae.association.verdicts import CountsByCluster
from protsae.concepts.uniprot.spans import Spans
from protsae.statistics import ragged
from protsae.statistics.cluster_intervals import group_sums

OF_NULLS = (
    *("rotation_null_f1", "position_null_f1"),
    *("rotation_p_value", "position_p_value", "p_value", "family_p_value"),
)
"""Columns that `ConceptNulls` fills."""

PERMUTATIONS, STOP_AFTER = 999, 20
"""Of the family null: most of them, and exceedances after which p is known well enough."""

HELD_BYTES = 5e8
"""Memory that nulls may take that are kept for the next detectors: memory, not results."""


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
    instances : Spans
        Of all concepts that have any, one by one, by rows of all residues.
    has_instances : ndarray of bool, shape (n_concepts,)
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
    instances: Spans
    has_instances: np.ndarray
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
        spans = layer.concepts.instances(names)
        first = ragged.starts(lengths)[spans.protein]
        return cls(
            lengths,
            number,
            pd.Index(clusters),
            cluster,
            labels,
            known,
            column,
            positives,
            Spans(spans.protein, spans.column, first + spans.begin, first + spans.end),
            layer.concepts.has_instances,
            ends,
        )

    @property
    def n_clusters(self) -> int:
        """Homology clusters of test."""
        return len(self.positives)

    def rows(self, concept: int) -> np.ndarray:
        """Rows with the concept, ascending."""
        labels = self.labels
        rows: np.ndarray = labels.indices[labels.indptr[concept] : labels.indptr[concept + 1]]
        return rows

    def known_rows(self, concept: int) -> np.ndarray:
        """Whether each row's label is known: bool, shape (n_residues,)."""
        return self.known[:, self.known_column[concept]]

    def counts(self, concept: int, rows_on: list[np.ndarray]) -> CountsByCluster:
        """Residues on and labelled, and on, among the known ones, of each detector by cluster."""
        known = self.known_rows(concept)
        everywhere = bool(known.all())
        has_concept = np.zeros(len(self.cluster), dtype=bool)
        has_concept[self.rows(concept)] = True
        on = [every if everywhere else every.compress(known.take(every)) for every in rows_on]
        tp = [rows.compress(has_concept.take(rows)) for rows in on]
        return CountsByCluster(self._by_cluster(tp), self._by_cluster(on))

    def _by_cluster(self, every: list[np.ndarray]) -> np.ndarray:
        """How many of the rows of each detector, ascending, lie in each cluster.

        Returns
        -------
        ndarray, dtype=int64, shape=(n_clusters, n_detectors)
        """
        # Found by protein: there are far fewer proteins than residues.
        upto = np.array([np.searchsorted(rows, self._edges) for rows in every])
        in_protein = upto[:, 1:] - upto[:, :-1]
        shape = len(every), self.n_clusters
        cell = np.arange(shape[0])[:, None] * shape[1] + self.protein_cluster
        counts = np.bincount(cell.ravel(), in_protein.ravel(), shape[0] * shape[1])
        return np.ascontiguousarray(counts.reshape(shape).T.astype(np.int64))

    @cached_property
    def _edges(self) -> np.ndarray:
        """First row of each protein, and the number of rows."""
        return np.append(0, np.cumsum(self.lengths)).astype(self.labels.indices.dtype)

    def instances_found(self, concept: int, rows_on: list[np.ndarray]) -> np.ndarray:
        """How many instances of a concept have a residue where each detector is on."""
        mine = self.instances.take(self.instances.column == concept)
        found = [
            np.count_nonzero(np.searchsorted(rows, mine.begin) < np.searchsorted(rows, mine.end))
            for rows in rows_on
        ]
        return np.array(found, dtype=np.int64)

    @cached_property
    def n_instances(self) -> np.ndarray:
        """Instances of each concept: int64, shape (n_concepts,)."""
        return np.bincount(self.instances.column, minlength=len(self.known_column))

    @cached_property
    def n_known(self) -> np.ndarray:
        """Residues at which the label of each concept is known: int64, shape (n_concepts,)."""
        return self.known.sum(0)[self.known_column]

    def is_whole(self, concept: int) -> bool:
        """Whether a concept `covers_proteins`."""
        return covers_proteins(self.rows(concept), self.exchange(concept).chains)

    def nulls(self, concept: int) -> "ConceptNulls":
        """Of one concept; kept for the next detectors until those kept fill ``HELD_BYTES``."""
        if concept in self._nulls:
            return self._nulls[concept]
        found = ConceptNulls.of(self, concept)
        if sum(kept.nbytes for kept in self._nulls.values()) + found.nbytes <= HELD_BYTES:
            self._nulls[concept] = found
        return found

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

    @property
    def nbytes(self) -> int:
        """Of memory."""
        return self.rotated.nbytes + self.given.nbytes

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
        return cluster_null(
            [rows_on[pair] for pair in leading],
            [self.split.rows(self.concept)],
            np.stack([np.arange(len(leading)), np.zeros(len(leading), np.int64)], axis=1),
            self.split.exchange(self.concept).chains,
            PERMUTATIONS,
            STOP_AFTER,
            seed,
        )
