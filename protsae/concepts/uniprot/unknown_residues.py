"""Residues that may or may not have a UniProt feature: their label is unknown.

Three sources: features without exact ends and, under the evidence filter, features that rest on no
experiment leave the residues unknown that they (may) cover; HELIX, STRAND and TURN are known only
where a structure is. The doubt is about the type and all its names, and where a feature of the type
lies with exact ends it is settled. Not so for a name: with ATP bound for certain at a residue that
heme may bind, too, BINDING and "BINDING: ATP" are settled there, "BINDING: heme" is not. A name
with such residues is in doubt by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from protsae.concepts.concept import Concept
from protsae.concepts.uniprot.spans import Spans, concatenate, span_labels, touches
from protsae.statistics import ragged

Features = tuple[tuple[Concept, ...], Spans]
"""What `feature_spans` makes of features: concepts, and intervals whose columns they are."""


@dataclass(frozen=True, eq=False)
class Doubt:
    """Intervals that may have a feature or not.

    Parameters
    ----------
    names : tuple of str
        Types, then names ("BINDING: heme") that are in doubt where their type is settled.
    spans : Spans
        Columns point into ``names``; a feature's label at the residue settles it.
    """

    names: tuple[str, ...]
    spans: Spans

    @classmethod
    def of(
        cls, settled: Features, doubtful: Sequence[Features], lengths: Mapping[str, int]
    ) -> "Doubt":
        """Doubt of the types of all features.

        Parameters
        ----------
        settled : Features
            Features that count.
        doubtful : sequence of Features
            Features that may or may not be there.
        lengths : mapping of str to int
            Number of residues of each protein, in the order of the protein indices.

        Examples
        --------
        ATP is bound at residue 4 for certain, heme somewhere from 3 to 6:

        >>> concepts = tuple(
        ...     Concept(name, "BINDING", "UniProt")
        ...     for name in ("BINDING", "BINDING: ATP", "BINDING: heme")
        ... )
        >>> at_4 = Spans(*np.array([[0] * 2, [0, 1], [3] * 2, [4] * 2]))
        >>> elsewhere = Spans(*np.array([[1] * 2, [0, 2], [0] * 2, [1] * 2]))
        >>> heme = Spans(*np.array([[0] * 2, [0, 2], [2] * 2, [6] * 2]))
        >>> settled = concepts, concatenate([at_4, elsewhere])
        >>> doubt = Doubt.of(settled, [(concepts, heme)], {"P1": 9, "P2": 9})
        >>> doubt.names
        ('HELIX', 'STRAND', 'TURN', 'BINDING', 'BINDING: heme')
        """
        found = [concept for concepts, _ in doubtful for concept in concepts]
        own = [n for features in doubtful for n in _in_doubt_alone(settled, features, lengths)]
        names = tuple(dict.fromkeys([*STRUCTURE_TYPES, *(p.type for p in found), *own]))
        column = {name: place for place, name in enumerate(names)}
        parts = [unknown_structure(*settled, lengths)]
        for concepts, spans in doubtful:
            target = np.array([column.get(p.name, -1) for p in concepts], dtype=np.int64)
            kept = spans.take(target[spans.column] >= 0)
            parts.append(replace(kept, column=target[kept.column]))
        return cls(names, concatenate(parts))

    def select(self, concepts: Sequence[Concept]) -> "Doubt":
        """Without the names that are none of the concepts; all types stay."""
        wanted = {p.name for p in concepts}
        # A name follows its type and ": ".
        keep = np.array([name in wanted or ": " not in name for name in self.names], dtype=bool)
        number = np.cumsum(keep) - 1
        spans = self.spans.take(keep[self.spans.column])
        names = tuple(name for name, kept in zip(self.names, keep, strict=True) if kept)
        return Doubt(names, replace(spans, column=number[spans.column]))


def _in_doubt_alone(settled: Features, doubtful: Features, lengths: Mapping[str, int]) -> list[str]:
    """Names that may lie on a residue that has another feature of their type for certain."""
    concepts, spans = settled
    found, candidates = doubtful
    number = {p.name: place for place, p in enumerate(concepts)}
    name = np.array([number.get(p.name, -1) for p in found], dtype=np.int64)
    own_type = np.array([number.get(p.type, -1) for p in found], dtype=np.int64)
    is_name = np.array([p.name != p.type for p in found], dtype=bool)
    candidates = candidates.take((is_name & (name >= 0))[candidates.column])
    of_type = own_type[candidates.column]
    candidates = candidates.take(
        touches(spans, candidates.protein, of_type, candidates.begin, candidates.end)
    )
    if not len(candidates.protein):
        return []
    proteins = np.unique(candidates.protein)
    n_residues = np.fromiter(lengths.values(), dtype=np.int64)[proteins]
    first = ragged.starts(n_residues)
    own, place = spans.of(proteins)
    labels = span_labels(own, first[place], int(n_residues.sum()), len(concepts))
    rows = first[np.searchsorted(proteins, candidates.protein)]
    may = span_labels(candidates, rows, int(n_residues.sum()), len(found)).tocoo()
    row, column = may.coords
    has_type, has_name = (labels[row, of[column]] for of in (own_type, name))
    alone = np.unique(column[has_type != has_name])
    return [found[c].name for c in alone]


STRUCTURE_TYPES = ("HELIX", "STRAND", "TURN")
"""Types that UniProt takes from structures, so that entries without a structure have none."""


def unknown_structure(
    concepts: tuple[Concept, ...], spans: Spans, lengths: Mapping[str, int]
) -> Spans:
    """Residues whose secondary structure UniProt does not know.

    Those are all residues of a protein that has no `STRUCTURE_TYPES` at all, and in others the
    residues before the first and after the last of them: a structure often covers a part only.

    Parameters
    ----------
    concepts : tuple of Concept
        Columns of ``spans``.
    lengths : mapping of str to int
        Number of residues of each protein, in the order of the protein indices.

    Returns
    -------
    Spans
        Columns point into `STRUCTURE_TYPES`, each of which has the same intervals.

    Examples
    --------
    >>> helix = (Concept("HELIX", "HELIX", "UniProt"),)
    >>> spans = Spans(*np.array([[0], [0], [3], [6]]))
    >>> unknown = unknown_structure(helix, spans, {"P1": 9, "P2": 5})
    >>> of_helix = unknown.take(unknown.column == 0)
    >>> of_helix.protein.tolist(), of_helix.begin.tolist(), of_helix.end.tolist()
    ([0, 0, 1], [0, 6, 0], [3, 9, 5])
    """
    n_residues = np.fromiter(lengths.values(), dtype=np.int64)
    is_structure = np.array([found.type in STRUCTURE_TYPES for found in concepts], dtype=bool)
    known = spans.take(is_structure[spans.column])
    # Residues before the first of them, and the end of the last.
    before, after = n_residues.copy(), n_residues.copy()
    np.minimum.at(before, known.protein, known.begin)
    after[known.protein] = 0
    np.maximum.at(after, known.protein, known.end)
    # Without any feature, "before the first" is the whole protein and "after the last" nothing.
    protein = np.tile(np.arange(len(n_residues)), 2)
    begin = np.concatenate([np.zeros_like(before), after])
    end = np.concatenate([before, n_residues])
    unknown = Spans(protein, np.zeros_like(protein), begin, end).take(begin < end)
    return concatenate(
        replace(unknown, column=np.full_like(unknown.column, column))
        for column in range(len(STRUCTURE_TYPES))
    )
