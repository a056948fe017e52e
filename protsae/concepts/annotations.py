"""UniProt features to properties of residues: one for each type, one for each name within it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.concepts.names import feature_name
from protsae.concepts.residues import Property
from protsae.proteins import FEATURE_TYPES, residue_spans

SOURCE = "UniProt"


@dataclass(frozen=True, eq=False)
class Spans:
    """Labelled stretches of residues, sorted by protein; four int64 arrays of one length.

    Stretches are kept one by one, also where they overlap: a feature gives one for its type and,
    if it has a name, one for its name (a bond one for each end).

    Parameters
    ----------
    protein : ndarray, shape=(n_spans,)
        Index of the protein.
    column : ndarray, shape=(n_spans,)
        Index of the property.
    start, end : ndarray, shape=(n_spans,)
        First and last residue, 1-based inclusive.
    """

    protein: np.ndarray
    column: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def of(self, proteins: np.ndarray) -> tuple["Spans", np.ndarray]:
        """Spans of the given proteins, in that order, and for each its place in ``proteins``."""
        first = np.searchsorted(self.protein, proteins, side="left")
        counts = np.searchsorted(self.protein, proteins, side="right") - first
        place = np.repeat(np.arange(len(proteins)), counts)
        rows = _ranges(first, counts)
        return self.take(rows), place

    def take(self, rows: np.ndarray) -> "Spans":
        """The spans of the given rows (indices or a mask)."""
        return Spans(self.protein[rows], self.column[rows], self.start[rows], self.end[rows])


def feature_spans(
    annotations: pd.DataFrame, lengths: Mapping[str, int]
) -> tuple[tuple[Property, ...], Spans, dict[str, str]]:
    """Properties that features give, and the residues they label.

    A feature labels the residues of its type ("DOMAIN": all features of that type, named or not)
    and, if `feature_name` finds a name, those of its name ("DOMAIN: EGF-like").

    Parameters
    ----------
    annotations : DataFrame
        Columns accession, type (Swiss-Prot key), description, start, end (1-based inclusive).
    lengths : mapping of str to int
        Number of residues of each protein by accession, in the order of the protein indices.

    Returns
    -------
    properties : tuple of Property
        Types in the order of the UniProt manual; each is followed by its names, sorted.
    spans : Spans
        Columns point into ``properties``.
    left_out : dict of str to str
        Feature types that are no property, and why.

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
    >>> properties, spans, left_out = feature_spans(table, {"P1": 9})
    >>> [property.name for property in properties], spans.start.tolist(), left_out
    (['DOMAIN', 'DOMAIN: SH3'], [2, 2], {'CHAIN': 'covers nearly the whole protein'})
    """
    proteins = {accession: index for index, accession in enumerate(lengths)}
    n_residues = list(lengths.values())
    left_out: dict[str, str] = {}
    found: list[tuple[int, tuple[str, str], int, int]] = []
    columns = (annotations[name] for name in ("accession", "type", "description", "start", "end"))
    for accession, feature_type, description, start, end in zip(*columns, strict=True):
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
        key = feature_name(feature_type, description or "")
        found += [(proteins[accession], key, first, last) for first, last in spans]
    return *_arrays(found), dict(sorted(left_out.items()))


def _arrays(
    found: list[tuple[int, tuple[str, str], int, int]],
) -> tuple[tuple[Property, ...], Spans]:
    """Number the properties and add to each named span the one of its type."""
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
    properties = tuple(
        Property(f"{feature_type}: {name}" if name else feature_type, feature_type, SOURCE)
        for feature_type, name in ordered
    )
    return properties, Spans(*np.ascontiguousarray(table.T))


STRUCTURE_TYPES = ("HELIX", "STRAND", "TURN")
"""Types that UniProt takes from structures, so that entries without a structure have none."""


def unknown_structure(
    properties: tuple[Property, ...], spans: Spans, lengths: Mapping[str, int]
) -> Spans:
    """Residues whose secondary structure UniProt does not know.

    Those are all residues of a protein that has no `STRUCTURE_TYPES` at all, and in others the
    residues before the first and after the last of them: a structure often covers a part only.

    Parameters
    ----------
    properties : tuple of Property
        Columns of ``spans``.
    lengths : mapping of str to int
        Number of residues of each protein, in the order of the protein indices.

    Returns
    -------
    Spans
        Columns point into `STRUCTURE_TYPES`, each of which has the same stretches.

    Examples
    --------
    >>> helix = (Property("HELIX", "HELIX", SOURCE),)
    >>> spans = Spans(*np.array([[0], [0], [4], [6]]))
    >>> unknown = unknown_structure(helix, spans, {"P1": 9, "P2": 5})
    >>> of_helix = unknown.take(unknown.column == 0)
    >>> of_helix.protein.tolist(), of_helix.start.tolist(), of_helix.end.tolist()
    ([0, 0, 1], [1, 7, 1], [3, 9, 5])
    """
    n_residues = np.fromiter(lengths.values(), dtype=np.int64)
    is_structure = np.array([found.type in STRUCTURE_TYPES for found in properties], dtype=bool)
    known = spans.take(is_structure[spans.column])
    first, last = n_residues + 1, n_residues.copy()
    np.minimum.at(first, known.protein, known.start)
    last[known.protein] = 0
    np.maximum.at(last, known.protein, known.end)
    # Without any feature, "before the first" is the whole protein and "after the last" nothing.
    protein = np.tile(np.arange(len(n_residues)), 2)
    start = np.concatenate([np.ones_like(first), last + 1])
    end = np.concatenate([first - 1, n_residues])
    unknown = Spans(protein, np.zeros_like(protein), start, end).take(start <= end)
    return concatenate(
        replace(unknown, column=np.full_like(unknown.column, column))
        for column in range(len(STRUCTURE_TYPES))
    )


def concatenate(parts: Iterable[Spans]) -> Spans:
    """All stretches of several spans, sorted by protein."""
    rows = np.concatenate(
        [np.stack([part.protein, part.column, part.start, part.end]) for part in parts], axis=1
    )
    return Spans(*np.ascontiguousarray(rows[:, np.argsort(rows[0], kind="stable")]))


def span_labels(
    spans: Spans, first_rows: np.ndarray, n_residues: int, n_properties: int
) -> sparse.csr_array:
    """Labels of residues from the stretches that cover them.

    Parameters
    ----------
    spans : Spans
        Stretches; their columns are below ``n_properties``.
    first_rows : ndarray, dtype=int, shape=(n_spans,)
        For each stretch, the row of residue 1 of its protein.
    n_residues, n_properties : int
        Shape of the result.

    Returns
    -------
    csr_array, dtype=uint8, shape=(n_residues, n_properties)
        1 where at least one stretch of the property covers the residue.

    Examples
    --------
    >>> spans = Spans(*np.array([[0, 0], [0, 0], [1, 2], [2, 3]]))
    >>> span_labels(spans, np.array([0, 0]), 4, 1).toarray().ravel().tolist()
    [1, 1, 1, 0]
    """
    counts = spans.end - spans.start + 1
    rows = _ranges(first_rows + spans.start - 1, counts).astype(np.int32)
    columns = np.repeat(spans.column, counts).astype(np.int32)
    labels = sparse.csr_array(
        (np.ones(len(rows), dtype=np.uint8), (rows, columns)), shape=(n_residues, n_properties)
    )
    labels.sum_duplicates()
    labels.data[:] = 1  # overlapping stretches were added up, modulo 256
    return labels


def _ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Concatenation of start, start + 1, ... (count numbers) for each start."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(counts.sum())
