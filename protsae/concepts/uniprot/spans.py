"""UniProt features to concepts of residues: one for each type, one for each name within it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.concepts.concept import Concept
from protsae.concepts.uniprot.feature_names import feature_name
from protsae.proteins.records import FEATURE_TYPES, residue_spans
from protsae.statistics import ragged

SOURCE = "UniProt"


@dataclass(frozen=True, eq=False)
class Spans:
    """Labelled intervals of residues, sorted by protein; four int64 arrays of one length.

    Intervals are kept one by one, also where they overlap: a feature gives one for its type and,
    if it has a name, one for its name (a bond one for each end).

    Parameters
    ----------
    protein : ndarray, shape=(n_spans,)
        Index of the protein.
    column : ndarray, shape=(n_spans,)
        Index of the concept.
    begin, end : ndarray, shape=(n_spans,)
        Residues of the protein, 0-based, ``end`` excluded.
    """

    protein: np.ndarray
    column: np.ndarray
    begin: np.ndarray
    end: np.ndarray

    @classmethod
    def of_features(
        cls, protein: np.ndarray, column: np.ndarray, start: np.ndarray, end: np.ndarray
    ) -> "Spans":
        """From features' positions, 1-based and inclusive."""
        begin, end = ragged.half_open(start, end)
        return cls(*map(np.ascontiguousarray, (protein, column, begin, end)))

    def of(self, proteins: np.ndarray) -> tuple["Spans", np.ndarray]:
        """Spans of the given proteins, in that order, and for each its place in ``proteins``."""
        first = np.searchsorted(self.protein, proteins, side="left")
        counts = np.searchsorted(self.protein, proteins, side="right") - first
        return self.take(ragged.ranges(first, counts)), ragged.groups(counts)

    def take(self, rows: np.ndarray) -> "Spans":
        """The spans of the given rows (indices or a mask)."""
        return Spans(self.protein[rows], self.column[rows], self.begin[rows], self.end[rows])


def feature_spans(
    annotations: pd.DataFrame, lengths: Mapping[str, int]
) -> tuple[tuple[Concept, ...], Spans, dict[str, str]]:
    """Concepts that features give, and the residues they label.

    A feature labels the residues of its type ("DOMAIN": all features of that type, named or not)
    and, if `feature_name` finds a name, those of its name ("DOMAIN: EGF-like").

    Parameters
    ----------
    annotations : DataFrame
        Columns accession, type (Swiss-Prot key), description, start, end (1-based inclusive) and,
        unless all are, certain: an interval that is not is taken whole, of bonds, too.
    lengths : mapping of str to int
        Number of residues of each protein by accession, in the order of the protein indices.

    Returns
    -------
    concepts : tuple of Concept
        Types in the order of the UniProt manual; each is followed by its names, sorted.
    spans : Spans
        Columns point into ``concepts``.
    left_out : dict of str to str
        Feature types that are no concept, and why.

    Raises
    ------
    ValueError
        For an accession without a protein, an unknown feature type, or a feature that does not lie
        within its sequence.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     [("P1", "DOMAIN", "SH3 2", 2, 4), ("P1", "CHAIN", "Src", 1, 9)],
    ...     columns=["accession", "type", "description", "start", "end"],
    ... )
    >>> concepts, spans, left_out = feature_spans(table, {"P1": 9})
    >>> [concept.name for concept in concepts], spans.begin.tolist(), left_out
    (['DOMAIN', 'DOMAIN: SH3'], [1, 1], {'CHAIN': 'covers nearly the whole protein'})
    """
    proteins = {accession: index for index, accession in enumerate(lengths)}
    n_residues = list(lengths.values())
    left_out: dict[str, str] = {}
    found: list[tuple[int, tuple[str, str], int, int]] = []
    columns = (annotations[name] for name in ("accession", "type", "description", "start", "end"))
    rows = zip(*columns, is_certain(annotations), strict=True)
    for accession, feature_type, description, start, end, certain in rows:
        where = f"{accession}: {feature_type} {start}..{end}"
        if accession not in proteins:
            raise ValueError(f"{where} belongs to no protein of the table")
        if end > n_residues[proteins[accession]]:
            length = n_residues[proteins[accession]]
            raise ValueError(f"{where} lies beyond the end of the sequence, residue {length}")
        try:
            spans = residue_spans(feature_type, start, end)
        except ValueError as error:
            raise ValueError(f"{accession}: {error}") from None
        if reason := FEATURE_TYPES[feature_type].left_out:
            left_out[feature_type] = reason
            continue
        if not certain:
            spans = [(start, end)]
        key = feature_name(feature_type, description or "")
        found += [(proteins[accession], key, first, last) for first, last in spans]
    return *_arrays(found), dict(sorted(left_out.items()))


def is_certain(annotations: pd.DataFrame) -> pd.Series:
    """Which intervals surely have their feature: column certain; all of them without it."""
    if "certain" not in annotations:
        return pd.Series(True, index=annotations.index, dtype=bool)
    return annotations["certain"].astype(bool)


def _arrays(
    found: list[tuple[int, tuple[str, str], int, int]],
) -> tuple[tuple[Concept, ...], Spans]:
    """Number the concepts and add to each named span the one of its type."""
    types = {key: order for order, key in enumerate(FEATURE_TYPES)}
    keys = {key for _, key, _, _ in found}
    ordered = sorted(
        keys | {(feature_type, "") for feature_type, _ in keys},
        key=lambda key: (types[key[0]], key[1]),
    )
    number = {key: column for column, key in enumerate(ordered)}
    rows = [
        (protein, number[key], start, end)
        for protein, (feature_type, name), start, end in found
        for key in dict.fromkeys([(feature_type, ""), (feature_type, name)])
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    table = table[np.argsort(table[:, 0], kind="stable")]
    concepts = tuple(
        Concept(f"{feature_type}: {name}" if name else feature_type, feature_type, SOURCE)
        for feature_type, name in ordered
    )
    return concepts, Spans.of_features(*table.T)


def concatenate(parts: Iterable[Spans]) -> Spans:
    """All intervals of several spans, sorted by protein."""
    rows = np.concatenate(
        [np.stack([part.protein, part.column, part.begin, part.end]) for part in parts], axis=1
    )
    return Spans(*np.ascontiguousarray(rows[:, np.argsort(rows[0], kind="stable")]))


def touches(
    spans: Spans, protein: np.ndarray, column: np.ndarray, begin: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """Whether some span of the same protein and column shares a residue with [begin, end).

    Parameters
    ----------
    protein, column, begin, end : ndarray of int, shape (n,)
        What is asked for; residues 0-based, ``end`` excluded, and may lie beyond the protein.

    Returns
    -------
    ndarray, dtype=bool, shape=(n,)

    Examples
    --------
    >>> spans = Spans(*np.array([[0, 0], [0, 1], [3, 0], [6, 9]]))
    >>> zero = np.zeros(3, dtype=int)
    >>> touches(spans, zero, zero, np.array([0, 5, 6]), np.array([3, 6, 9])).tolist()
    [False, True, False]
    """
    if not len(spans.begin):
        return np.zeros(len(begin), dtype=bool)
    n_columns = 1 + max(spans.column.max(initial=0), column.max(initial=0))
    width = 1 + max(spans.end.max(initial=0), end.max(initial=0))
    place = (spans.protein * n_columns + spans.column) * width
    order = np.argsort(place + spans.begin, kind="stable")
    # Furthest end of the spans that begin no later, within a place: places do not mix, as no end
    # reaches the width.
    furthest = np.maximum.accumulate((place + spans.end)[order])
    own = (protein * n_columns + column) * width
    before = np.searchsorted((place + spans.begin)[order], own + end, side="left") - 1
    found: np.ndarray = (before >= 0) & (furthest[before] > own + np.maximum(begin, 0))
    return found


def span_labels(
    spans: Spans, first_rows: np.ndarray, n_residues: int, n_concepts: int
) -> sparse.csr_array:
    """Labels of residues from the intervals that cover them.

    Parameters
    ----------
    spans : Spans
        Intervals; their columns are below ``n_concepts``.
    first_rows : ndarray, dtype=int, shape=(n_spans,)
        For each interval, the first row of its protein.
    n_residues, n_concepts : int
        Shape of the result.

    Returns
    -------
    csr_array, dtype=uint8, shape=(n_residues, n_concepts)
        1 where at least one interval of the concept covers the residue.

    Examples
    --------
    >>> spans = Spans(*np.array([[0, 0], [0, 0], [0, 1], [2, 3]]))
    >>> span_labels(spans, np.array([0, 0]), 4, 1).toarray().ravel().tolist()
    [1, 1, 1, 0]
    """
    counts = spans.end - spans.begin
    rows = ragged.ranges(first_rows + spans.begin, counts).astype(np.int32)
    columns = np.repeat(spans.column, counts).astype(np.int32)
    labels = sparse.csr_array(
        (np.ones(len(rows), dtype=np.uint8), (rows, columns)), shape=(n_residues, n_concepts)
    )
    labels.sum_duplicates()
    labels.data[:] = 1  # overlapping intervals were added up, modulo 256
    return labels
