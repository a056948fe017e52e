"""Residues of some proteins, and where the terms of rules hold on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.pairs.layer_data import Concepts
from protsae.concepts.uniprot.spans import Spans
from protsae.descriptions.terms import NEAR, Annotated, Neighbour, Term, Terms
from protsae.references.rules.sequence_rows import SequenceRows
from protsae.references.rules.sequence_rules import LETTER_SETS, SET_TABLE
from protsae.statistics import ragged

_SHIFTS = {
    "first": ("begin", 0, 1),
    "last": ("end", -1, 0),
    "start": ("begin", 0, NEAR),
    "end": ("end", -NEAR, 0),
    "before": ("begin", -NEAR, 0),
    "after": ("end", 0, NEAR),
}
"""From which end of an interval each part is counted, from where to where."""


@dataclass(frozen=True, eq=False)
class DescribedRows:
    """Whole proteins, one after another.

    Attributes
    ----------
    proteins : DataFrame
        accession, sequence, length, cluster.
    concepts : Concepts
    """

    proteins: pd.DataFrame
    concepts: Concepts

    def __len__(self) -> int:
        return int(self.lengths.sum())

    @cached_property
    def lengths(self) -> np.ndarray:
        """Of the proteins."""
        return self.proteins["length"].to_numpy()

    @cached_property
    def protein(self) -> np.ndarray:
        """Number of the protein of each residue."""
        return ragged.groups(self.lengths)

    @cached_property
    def cluster(self) -> np.ndarray:
        """Number of the homology cluster of each protein."""
        return pd.factorize(self.proteins["cluster"])[0]

    @cached_property
    def weight(self) -> np.ndarray:
        """Of each residue: the proteins of a cluster share a weight of 1 per residue."""
        return (1 / np.bincount(self.cluster)[self.cluster])[self.protein]

    def holds(self, term: Term) -> np.ndarray:
        """Where a term holds: bool, shape (n_residues,). Unknown labels do not."""
        if isinstance(term, Annotated):
            return self._annotated(term)
        if isinstance(term, Neighbour):
            return self._neighbour(term)
        return term.holds(self._sequences)

    def all_hold(self, rule: Terms) -> np.ndarray:
        """Where all terms of a rule hold: bool, shape (n_residues,)."""
        held = np.ones(len(self), dtype=bool)
        for term in rule:
            held &= self.holds(term)
        return held

    def is_known(self, rule: Terms) -> np.ndarray:
        """Residues whose labels are known for each concept that a rule names."""
        known = np.ones(len(self), dtype=bool)
        for term in rule:
            if isinstance(term, Annotated):
                known &= self._known[:, self.concepts.known_column[self._column[term.concept]]]
        return known

    def all_terms(self, terms: Sequence[Term]) -> np.ndarray:
        """Where each of some terms holds: bool, shape (n_terms, n_residues)."""
        found = np.zeros((len(terms), len(self)), dtype=bool)
        for place, term in enumerate(terms):
            found[place] = self.holds(term)
        return found

    @cached_property
    def _sequences(self) -> SequenceRows:
        return SequenceRows(self.proteins["sequence"].tolist())

    @cached_property
    def _column(self) -> dict[str, int]:
        return {concept.name: i for i, concept in enumerate(self.concepts.concepts)}

    @cached_property
    def _labels(self) -> sparse.csc_array:
        return sparse.csc_array(self.concepts.labels(self.proteins["accession"].tolist()))

    @cached_property
    def _known(self) -> np.ndarray:
        return self.concepts.known(self.proteins["accession"].tolist())

    @cached_property
    def _spans(self) -> Spans:
        return self.concepts.instances(self.proteins["accession"].tolist())

    def _neighbour(self, term: Neighbour) -> np.ndarray:
        of_set = SET_TABLE[:, list(LETTER_SETS).index(term.letters)][self._sequences.letters]
        end, distance = ("N", -term.offset) if term.offset < 0 else ("C", term.offset)
        inside = self._sequences.distance(end) >= distance  # type: ignore[arg-type]
        held: np.ndarray = inside & np.roll(of_set, -term.offset)
        return held

    def _annotated(self, term: Annotated) -> np.ndarray:
        column = self._column[term.concept]
        held = np.zeros(len(self), dtype=bool)
        if term.part in ("in", "protein"):
            held[self._labels.indices[slice(*self._labels.indptr[column : column + 2])]] = True
            if term.part == "protein":
                held = np.bincount(self.protein, held, len(self.proteins))[self.protein] > 0
            return held
        own = self._spans.take(self._spans.column == column)
        which, low, high = _SHIFTS[term.part]
        edge = getattr(own, which)
        length = self.lengths[own.protein]
        first, stop = np.clip(edge + low, 0, length), np.clip(edge + high, 0, length)
        if term.part in ("start", "end"):  # no farther than the interval itself
            first, stop = np.maximum(first, own.begin), np.minimum(stop, own.end)
        begin = ragged.starts(self.lengths)[own.protein] + first
        held[ragged.ranges(begin, np.maximum(stop - first, 0))] = True
        return held
