"""Labels and known residues of all candidate concepts, whatever they come from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from protsae.concepts.concept import Concept
from protsae.concepts.label_sets import LabelSet
from protsae.concepts.sequence.sequence_concepts import SEQUENCE_CONCEPTS, sequence_labels
from protsae.concepts.uniprot.spans import Spans, span_labels
from protsae.concepts.uniprot.unknown_residues import Doubt
from protsae.statistics import ragged

BATCH_RESIDUES = 200_000
"""Residues labelled at a time while concepts are counted; bounds memory, not results."""


@dataclass(frozen=True, eq=False)
class Labeller:
    """Labels of any of its proteins for its concepts.

    Concepts are in the order sequence, UniProt, label sets.

    Parameters
    ----------
    proteins : dict of str to str
        Sequence of each protein by accession; spans count proteins in this order.
    sequence_columns : ndarray, dtype=int
        The concepts that follow from the sequence, as columns of ``sequence_labels``.
    annotated : tuple of Concept
        The concepts that UniProt features give.
    spans : Spans
        Their residues; columns point into ``annotated``.
    doubt : Doubt
        Types and names that are not known everywhere.
    label_sets : tuple of LabelSet
        Other labels.
    set_columns : ndarray, dtype=int
        The concepts of label sets, as columns of their classes put side by side.
    """

    proteins: dict[str, str]
    sequence_columns: np.ndarray
    annotated: tuple[Concept, ...]
    spans: Spans
    doubt: Doubt
    label_sets: tuple[LabelSet, ...]
    set_columns: np.ndarray

    @property
    def concepts(self) -> tuple[Concept, ...]:
        """Columns of the labels."""
        from_sets = [concept for labels in self.label_sets for concept in labels.concepts]
        return (
            *(SEQUENCE_CONCEPTS[column] for column in self.sequence_columns),
            *self.annotated,
            *(from_sets[column] for column in self.set_columns),
        )

    @property
    def has_instances(self) -> np.ndarray:
        """Concepts that have instances: bool, shape (n_concepts,)."""
        found = np.zeros(len(self.concepts), dtype=bool)
        first = len(self.sequence_columns)
        found[first : first + len(self.annotated)] = True
        return found

    @property
    def known_column(self) -> np.ndarray:
        """For each concept its column in ``known``: int64, shape (n_concepts,)."""
        doubtful = {name: column for column, name in enumerate(self.doubt.names, start=1)}
        first_set = 1 + len(self.doubt.names)
        of_sets = [first_set + i for i, s in enumerate(self.label_sets) for _ in s.classes]
        return np.array(
            [0] * len(self.sequence_columns)
            + [doubtful.get(p.name, doubtful.get(p.type, 0)) for p in self.annotated]
            + [of_sets[column] for column in self.set_columns],
            dtype=np.int64,
        )

    @property
    def n_known_columns(self) -> int:
        """Columns of ``known``: all residues, each type or name in doubt, each set."""
        return 1 + len(self.doubt.names) + len(self.label_sets)

    def labels(self, accessions: Sequence[str]) -> sparse.csr_array:
        """As `ConceptTable.labels`."""
        sequences, lengths = self._sequences(accessions)
        parts = [sequence_labels(sequences)[:, self.sequence_columns]]
        parts.append(self._covered(self.spans, accessions, len(self.annotated)))
        if self.label_sets:
            sets = [labels.labels(accessions, lengths) for labels in self.label_sets]
            parts.append(sparse.csr_array(sparse.hstack(sets, format="csr"))[:, self.set_columns])
        return sparse.csr_array(sparse.hstack(parts, format="csr"))

    def known(self, accessions: Sequence[str]) -> np.ndarray:
        """As `ConceptTable.known`."""
        _, lengths = self._sequences(accessions)
        names = self.doubt.names
        known = np.ones((sum(lengths), self.n_known_columns), dtype=bool)
        doubtful = self._covered(self.doubt.spans, accessions, len(names)).toarray() > 0
        labelled = self._covered(self.spans, accessions, len(self.annotated))
        for column, name in enumerate(names):
            # What is certain settles what a doubtful feature beside it leaves open.
            of_name = [i for i, p in enumerate(self.annotated) if name in (p.name, p.type)]
            doubtful[:, column] &= labelled[:, of_name].sum(axis=1) == 0
        for column, name in enumerate(names):
            doubtful[:, column] |= doubtful[:, names.index(name.partition(": ")[0])]
        known[:, 1 : 1 + len(names)] = ~doubtful
        for column, labels in enumerate(self.label_sets, start=1 + len(names)):
            known[:, column] = labels.known(accessions, lengths)
        return known

    def instances(self, accessions: Sequence[str]) -> Spans:
        """As `ConceptTable.instances`."""
        spans, place = self.spans.of(self._indices(accessions))
        return replace(spans, protein=place, column=spans.column + len(self.sequence_columns))

    def select(self, keep: np.ndarray) -> "Labeller":
        """The same proteins, with only the concepts whose place in the mask is True."""
        ends = np.cumsum([len(self.sequence_columns), len(self.annotated)])
        sequence, annotated, sets = np.split(keep, ends)
        number = np.cumsum(annotated) - 1
        spans = self.spans.take(annotated[self.spans.column])
        kept = tuple(self.annotated[column] for column in np.flatnonzero(annotated))
        return replace(
            self,
            sequence_columns=self.sequence_columns[sequence],
            annotated=kept,
            spans=replace(spans, column=number[spans.column]),
            doubt=self.doubt.select(kept),
            set_columns=self.set_columns[sets],
        )

    def batches(self, accessions: Sequence[str]) -> Iterator[list[str]]:
        """The accessions in order, in lists of about ``BATCH_RESIDUES`` residues."""
        batch: list[str] = []
        residues = 0
        for accession in accessions:
            batch.append(accession)
            residues += len(self.proteins[accession])
            if residues >= BATCH_RESIDUES:
                yield batch
                batch, residues = [], 0
        if batch:
            yield batch

    def _sequences(self, accessions: Sequence[str]) -> tuple[list[str], list[int]]:
        sequences = [self.proteins[accession] for accession in accessions]
        return sequences, [len(sequence) for sequence in sequences]

    @cached_property
    def _index(self) -> dict[str, int]:
        return {accession: index for index, accession in enumerate(self.proteins)}

    def _indices(self, accessions: Sequence[str]) -> np.ndarray:
        return np.array([self._index[accession] for accession in accessions], dtype=np.int64)

    def _covered(self, spans: Spans, accessions: Sequence[str], n_columns: int) -> sparse.csr_array:
        """Residues of the proteins that the spans cover, uint8, shape (n_residues, n_columns)."""
        lengths = np.array(self._sequences(accessions)[1], dtype=np.int64)
        own, place = spans.of(self._indices(accessions))
        return span_labels(own, ragged.starts(lengths)[place], int(lengths.sum()), n_columns)
