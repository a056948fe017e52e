"""The residues of a split with their labels and some features, counted by homology cluster."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.pairs.layer_data import Layer
from protsae.detectors.activations import Codes
from protsae.probabilities.binned_counts import BinnedCounts, count_bins
from protsae.probabilities.look_alike_sites import LookAlike, is_near
from protsae.statistics.cluster_intervals import group_sums


@dataclass(frozen=True, eq=False)
class ScoredFeature:
    """A feature and the concept that it is for.

    Attributes
    ----------
    feature : int
    concept : int
        Column of the labels.
    edges : ndarray of float, shape (n_bins,)
        Lower bounds of the bins of activation, rising; the feature is on above the first.
    """

    feature: int
    concept: int
    edges: np.ndarray


@dataclass(frozen=True, eq=False)
class LabelledSplit:
    """Activations of some features in a split, and the labels of its residues.

    Attributes
    ----------
    features : ndarray of int
        Those of the columns of ``activations``, ascending.
    activations : csc_array, shape (n_residues, n_columns)
    lengths : ndarray of int, shape (n_proteins,)
    cluster : ndarray of int, shape (n_residues,)
        Homology cluster of each residue.
    n_clusters : int
    labels : csr_array, shape (n_residues, n_concepts)
    known : ndarray of bool, shape (n_residues, n_known_columns)
    known_column : ndarray of int, shape (n_concepts,)
        Column of ``known`` of each concept.
    """

    features: np.ndarray
    activations: sparse.csc_array
    lengths: np.ndarray
    cluster: np.ndarray
    n_clusters: int
    labels: sparse.csr_array
    known: np.ndarray
    known_column: np.ndarray

    @classmethod
    def read(cls, layer: Layer, codes: Codes, split: str, features: np.ndarray) -> "LabelledSplit":
        """With these features, ascending."""
        proteins = layer.of_split(split)
        names, lengths = proteins["accession"].tolist(), proteins["length"].to_numpy()
        number, clusters = pd.factorize(proteins["cluster"])
        return cls(
            features,
            layer.matrix(codes, split, features),
            lengths,
            np.repeat(number, lengths),
            len(clusters),
            sparse.csr_array(layer.concepts.labels(names).astype(np.int64)),
            layer.concepts.known(names),
            layer.concepts.known_column,
        )

    def counts(
        self, scored: ScoredFeature, edges: np.ndarray, look_alike: LookAlike | None = None
    ) -> list[BinnedCounts]:
        """Of a feature and its concept: everywhere, or far from its look-alike's feature and near.

        Parameters
        ----------
        edges : ndarray of float
            Of the bins, as in `count_bins`; the first is that of ``scored``.
        """
        rows, value, has_concept = self._on(scored)
        column = self.known_column[scored.concept]
        sums = self._positives[:, scored.concept], self._n_known[:, column]
        return [
            count_bins(value[part], has_concept[part], self.cluster[rows[part]], edges, *sums)
            for part in self._parts(rows, look_alike)
        ]

    def mistaken(
        self, scored: ScoredFeature, look_alike: LookAlike, concept: int
    ) -> list[BinnedCounts]:
        """Of a feature and its look-alike, whose column of the labels is ``concept``.

        One bin far from the look-alike's feature and one near it, over the residues known to lack
        the concept of the feature itself.
        """
        rows, value, has_concept = self._on(scored)
        rows, value = rows[~has_concept], value[~has_concept]
        at_look_alike = self._has(concept)
        own, column = scored.concept, self.known_column[scored.concept]
        lacks = self.known[:, column] & ~self._has(own)
        n_at = np.bincount(self.cluster, at_look_alike & lacks, self.n_clusters)
        n_lacks = self._n_known[:, column] - self._positives[:, own]
        edges, sums = scored.edges[:1], (n_at.astype(np.int64), n_lacks)
        return [
            count_bins(
                value[part], at_look_alike[rows[part]], self.cluster[rows[part]], edges, *sums
            )
            for part in self._parts(rows, look_alike)
        ]

    def wrong_at(
        self, scored: ScoredFeature, concepts: np.ndarray
    ) -> tuple[int, np.ndarray, int, np.ndarray]:
        """Of the residues known to lack a feature's concept, how many it is on at, and all.

        Returns
        -------
        wrong, wrong_at, size, size_at : int or ndarray of int
            On: all, and those with each of the concepts; then the same of all residues.
        """
        rows, _, has_concept = self._on(scored)
        rows, own, column = rows[~has_concept], scored.concept, self.known_column[scored.concept]
        size = int(self._n_known[:, column].sum() - self._positives[:, own].sum())
        size_at = self._known_with[column, concepts] - self._shared[own, concepts]
        wrong_at = np.bincount(self.labels[rows].indices, minlength=self.labels.shape[1])
        return len(rows), wrong_at[concepts], size, size_at

    def base_rate(self, concept: int) -> float:
        """Share of the residues at which a concept's label is known that have it."""
        n_known = self._n_known[:, self.known_column[concept]].sum()
        return float(self._positives[:, concept].sum() / n_known)

    def overlaps(self, concept: int, others: np.ndarray) -> np.ndarray:
        """Residues with a concept and each of the others, as a share of those with the rarer.

        Counted where the labels of both are known; 1 where no residue has either.
        """
        column = self.known_column
        of_own = self._known_with[column[others], concept]
        of_others = self._known_with[column[concept], others]
        rarer = np.minimum(of_own, of_others)
        return np.where(rarer > 0, self._shared[concept, others] / np.maximum(rarer, 1), 1.0)

    def known_apart(self, concept: int, others: np.ndarray) -> np.ndarray:
        """Share of the residues at which the label of only one of two concepts is known."""
        apart: np.ndarray = self._apart[self.known_column[concept], self.known_column[others]]
        return apart

    @cached_property
    def _positives(self) -> np.ndarray:
        """Residues with each concept by cluster."""
        found: np.ndarray = group_sums(self.labels, self.cluster, self.n_clusters).toarray()
        return found

    @cached_property
    def _n_known(self) -> np.ndarray:
        return group_sums(self.known.astype(np.int64), self.cluster, self.n_clusters)

    @cached_property
    def _shared(self) -> np.ndarray:
        """Residues with both of two concepts."""
        found: np.ndarray = (self.labels.T @ self.labels).toarray()
        return found

    @cached_property
    def _known_with(self) -> np.ndarray:
        """Residues with a concept that are known, by column of ``known`` and concept."""
        return np.stack([rows @ self.labels for rows in self.known.T.astype(np.int64)])

    @cached_property
    def _apart(self) -> np.ndarray:
        """Share of the residues that are known in only one of two columns of ``known``."""
        return np.stack([(self.known != own[:, None]).mean(0) for own in self.known.T])

    def _has(self, concept: int) -> np.ndarray:
        has = np.zeros(len(self.cluster), dtype=bool)
        columns = self._columns
        has[columns.indices[columns.indptr[concept] : columns.indptr[concept + 1]]] = True
        return has

    @cached_property
    def _columns(self) -> sparse.csc_array:
        return sparse.csc_array(self.labels)

    def _on(self, scored: ScoredFeature) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Known rows at which a feature is on, its activations, and which have its concept."""
        rows, value = self._above(scored.feature, scored.edges[0])
        is_known = self.known[rows, self.known_column[scored.concept]]
        rows = rows[is_known]
        return rows, value[is_known], self._has(scored.concept)[rows]

    def _parts(self, rows: np.ndarray, look_alike: LookAlike | None) -> list[np.ndarray]:
        """All rows; or which are far from the look-alike's feature, and which are near."""
        if look_alike is None:
            return [np.ones(len(rows), dtype=bool)]
        others, _ = self._above(look_alike.feature, look_alike.above)
        near = is_near(rows, others, self.lengths)
        return [~near, near]

    def _above(self, feature: int, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        column = int(np.searchsorted(self.features, feature))
        own = slice(self.activations.indptr[column], self.activations.indptr[column + 1])
        rows, value = self.activations.indices[own], self.activations.data[own]
        is_on = value > threshold
        return rows[is_on], value[is_on]
