"""Streaming over one layer's residues, as a set of detectors encodes them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.scoring.preferred_ends import LabelledProteins
from protsae.association.scoring.residue_counts import KnownCounts
from protsae.concepts.concept import Concept
from protsae.concepts.uniprot.spans import Spans
from protsae.config.stage_settings import AnnotateSettings
from protsae.detectors.activations import Codes
from protsae.statistics import ragged

HELD_VALUES = 50_000_000
"""Activations of test residues held at a time, 8 bytes each: memory, not results."""

SAMPLE_VALUES = 50_000_000
"""Most activations in the sample of train, 8 bytes each: 250 active detectors a residue leave room
for the 200,000 residues of the default."""

KEPT_LABELS = 5_000_000
"""Residues of valid whose labels are kept for the next detectors, some 50 bytes each: memory,
not results."""

LABELLED_ROWS = 50_000
"""Residues of which labels are held at a time: memory, not results."""


class Concepts(Protocol):
    """Which concepts are scored, and the labels of residues: a `ConceptTable`, or arrays."""

    @property
    def concepts(self) -> tuple[Concept, ...]:
        """Columns of the labels."""

    @property
    def known_column(self) -> np.ndarray:
        """For each of them its column of ``known``."""

    @property
    def has_instances(self) -> np.ndarray:
        """Which of them have instances."""

    def labels(self, accessions: Sequence[str]) -> sparse.csr_array:
        """Of the residues of these proteins, shape (n_residues, n_concepts)."""

    def known(self, accessions: Sequence[str]) -> np.ndarray:
        """Where labels are known: bool, shape (n_residues, n_known_columns)."""

    def instances(self, accessions: Sequence[str]) -> Spans:
        """Instances of the concepts, one by one."""


@dataclass(frozen=True)
class Layer:
    """The proteins, in the order in which codes have them, and what is known of their residues.

    Attributes
    ----------
    reference_rates : mapping of str to float
        Base rates of concepts, by name, that F1 is also given at.
    """

    proteins: pd.DataFrame
    concepts: Concepts
    settings: AnnotateSettings
    reference_rates: Mapping[str, float] = field(default_factory=dict)

    def of_split(self, split: str) -> pd.DataFrame:
        """Rows of the protein table."""
        return self.proteins[self.proteins["split"] == split]

    def names(self, split: str) -> set[str]:
        """Accessions of a split."""
        return set(self.of_split(split)["accession"])

    def labelled(self, split: str) -> Iterator[LabelledProteins]:
        """All proteins of a split with their labels; homology clusters numbered as they come."""
        own = self.of_split(split)
        own = own.assign(number=pd.factorize(own["cluster"])[0])
        lengths = own["length"]
        for _, part in own.groupby((lengths.cumsum() - lengths) // LABELLED_ROWS):
            names = part["accession"].tolist()
            yield LabelledProteins(
                part["length"].to_numpy(),
                part["number"].to_numpy(),
                self.concepts.labels(names),
                self.concepts.known(names),
            )

    def blocks(
        self, codes: Codes, names: set[str]
    ) -> Iterator[tuple[pd.DataFrame, sparse.csr_array]]:
        """Whole proteins at a time: their rows of the protein table, and their codes."""
        for accessions, rows in codes.blocks(names, self.settings.batch):
            yield self.proteins.take(self.row_of.get_indexer(pd.Index(accessions))), rows

    @cached_property
    def row_of(self) -> pd.Index:
        """Accessions in the order of the protein table."""
        return pd.Index(self.proteins["accession"].to_numpy(dtype=object))

    @cached_property
    def cluster(self) -> np.ndarray:
        """Number of each protein's homology cluster: int64, shape (n_proteins,)."""
        return pd.factorize(self.proteins["cluster"])[0]

    def each(self, codes: Codes, names: set[str]) -> Iterator[tuple[str, sparse.csr_array]]:
        """Each of these proteins with its codes, shape (n_residues, n_features)."""
        for proteins, rows in self.blocks(codes, names):
            lengths = proteins["length"].to_numpy()
            first = ragged.starts(lengths)
            spans = zip(proteins["accession"], first, first + lengths, strict=True)
            for accession, begin, end in spans:
                yield accession, rows[begin:end]

    def drawn(self, split: str) -> pd.DataFrame:
        """Proteins of a split, drawn at random, with ``settings.train_residues`` or a few more."""
        own = self.of_split(split).sample(frac=1, random_state=self.settings.seed)
        before = own["length"].cumsum().shift(fill_value=0)
        return own[before < self.settings.train_residues]

    def train_sample(self, codes: Codes) -> sparse.csc_array:
        """Codes of whole proteins of train, drawn at random, in the order of the protein table.

        As many as have ``settings.train_residues`` residues or a few more, but no more than have
        ``SAMPLE_VALUES`` activations; at least one. Thresholds come from it.
        """
        drawn = self.drawn("train")
        rank = {accession: place for place, accession in enumerate(drawn["accession"])}
        sample: dict[int, sparse.csr_array] = {}
        n_values, first_out = 0, len(rank)
        for accession, rows in self.each(codes, set(rank)):
            if rank[accession] < first_out:
                sample[rank[accession]] = rows
                n_values += rows.nnz
            while n_values > SAMPLE_VALUES and len(sample) > 1:
                first_out = max(sample)
                n_values -= sample.pop(first_out).nnz
        return sparse.csc_array(sparse.vstack(list(sample.values())))

    def counts(self, codes: Codes, thresholds: np.ndarray, split: str) -> KnownCounts:
        """How often every detector is on where every concept holds."""
        counts = KnownCounts(thresholds, self.concepts.known_column)
        for proteins, rows in self.blocks(codes, self.names(split)):
            counts.update(rows, *self._labels_of(proteins))
        return counts

    def _labels_of(self, proteins: pd.DataFrame) -> tuple[sparse.csc_array, np.ndarray]:
        """Labels of these proteins and where they are known; the first ones asked for are kept."""
        names = tuple(proteins["accession"])
        if names in self._kept_labels:
            return self._kept_labels[names]
        labels = sparse.csc_array(self.concepts.labels(names), dtype=np.int32)
        found = labels, self.concepts.known(names)
        if sum(len(known) for _, known in self._kept_labels.values()) < KEPT_LABELS:
            self._kept_labels[names] = found
        return found

    @cached_property
    def _kept_labels(self) -> dict[tuple[str, ...], tuple[sparse.csc_array, np.ndarray]]:
        return {}

    def matrix(self, codes: Codes, split: str, features: np.ndarray) -> sparse.csc_array:
        """Codes of all residues of a split, of these features: (n_residues, len(features)).

        The rows of each column are ascending.
        """
        every = len(features) == codes.n_features
        parts = [
            rows if every else rows[:, features]
            for _, rows in self.blocks(codes, self.names(split))
        ]
        # From rows, which keeps the rows of each column ascending.
        return sparse.csc_array(sparse.csr_array(sparse.vstack(parts)))

    def columns(
        self, codes: Codes, split: str, features: np.ndarray, density: np.ndarray
    ) -> Iterator[tuple[np.ndarray, sparse.csc_array]]:
        """``matrix`` some features at a time.

        As many features as ``HELD_VALUES`` allows, at least one; the codes are read anew for each
        group.

        Parameters
        ----------
        features : ndarray of int
            Those wanted, ascending.
        density : ndarray of float, shape (n_features,)
            Share of residues on which each is active, measured on others.

        Yields
        ------
        features, codes : ndarray of int, csc_array of shape (n_residues, n_in_group)
        """
        if not len(features):
            return
        expected = density[features] * self.of_split(split)["length"].sum()
        group = (np.cumsum(expected) // HELD_VALUES).astype(np.int64)
        for members in np.split(features, np.flatnonzero(np.diff(group)) + 1):
            yield members, self.matrix(codes, split, members)
