"""Segments of residues at which features are on, and whether the concept is annotated there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.concepts.uniprot.spans import Spans, touches
from protsae.statistics import ragged
from protsae.statistics.segments import segments_above


@dataclass(frozen=True, eq=False)
class Detectors:
    """Chosen pairs: feature, concept and threshold of each.

    Parameters
    ----------
    feature, concept : ndarray of int, shape (n_pairs,)
        Columns of the activations and of the concepts.
    threshold : ndarray of float, shape (n_pairs,)
        The feature is on above it; none negative.
    """

    feature: np.ndarray
    concept: np.ndarray
    threshold: np.ndarray


def find_segments(
    detectors: Detectors,
    activations: sparse.csc_array,
    accessions: Sequence[str],
    lengths: np.ndarray,
    spans: Spans,
    known: np.ndarray,
    known_column: np.ndarray,
    near: int,
) -> pd.DataFrame:
    """Segments at which each detector is on, in whole proteins that stand one after another.

    A segment counts if all of its residues are known to have the concept or to lack it: where an
    entry has it by a feature that the evidence filter left out, nothing is missing.

    Parameters
    ----------
    detectors : Detectors
    activations : csc_array, shape (n_residues, n_features)
        None negative.
    accessions : sequence of str
    lengths : ndarray of int, shape (n_proteins,)
    spans : Spans
        Instances of the concepts; ``protein`` is the place in ``accessions``.
    known : ndarray of bool, shape (n_residues, n_known_columns)
    known_column : ndarray of int, shape (n_concepts,)
        As in `ConceptTable`.
    near : int
        Residues between a segment and an instance, at most, that still count as its place.

    Returns
    -------
    DataFrame
        accession, start, end (1-based inclusive), pair (index into the detectors), concept,
        feature, peak (1-based, the first of equal ones), activation (there), annotated.
        By pair, protein, start.

    Examples
    --------
    Seven residues, on at 2 and 3, and at 6; an instance at 4. The first segment is next to it:

    >>> detectors = Detectors(np.array([0]), np.array([0]), np.array([0.5]))
    >>> x = sparse.csc_array(np.array([[0.0], [1], [3], [0], [0], [2], [0]]))
    >>> spans = Spans(*(np.array([n]) for n in (0, 0, 3, 4)))
    >>> known, column = np.ones((7, 1), bool), np.array([0])
    >>> lengths = np.array([7])
    >>> found = find_segments(detectors, x, ["P1"], lengths, spans, known, column, near=1)
    >>> found[["start", "end", "peak", "annotated"]].values.tolist()
    [[2, 3, 3, True], [6, 6, 6, False]]
    """
    found = segments_above(activations[:, detectors.feature], detectors.threshold, lengths)
    pair, of_protein = found.column, found.group
    concept = detectors.concept[pair]

    # Unknown residues before each row, by column.
    unknown = np.concatenate([np.zeros((1, known.shape[1]), int), np.cumsum(~known, axis=0)])
    column = known_column[concept]
    all_known = unknown[found.end, column] == unknown[found.begin, column]

    first_row = ragged.starts(lengths)[of_protein]
    begin, after = found.begin - first_row, found.end - first_row
    start, end = ragged.inclusive(begin, after)
    segments = pd.DataFrame(
        {
            "accession": np.array(accessions, dtype=object)[of_protein],
            "start": start,
            "end": end,
            "pair": pair,
            "concept": concept,
            "feature": detectors.feature[pair],
            "peak": found.peak - first_row + 1,
            "activation": found.value,
            "annotated": touches(spans, of_protein, concept, begin - near, after + near),
        }
    )
    return segments[all_known].reset_index(drop=True)
