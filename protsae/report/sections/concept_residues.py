"""Which residues of a protein have a concept, for underlining them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.concepts.label_sets import LabelSet
from protsae.concepts.sequence.sequence_concepts import SEQUENCE_CONCEPTS, sequence_labels
from protsae.concepts.uniprot.spans import feature_spans, is_certain
from protsae.errors import UserError


class ConceptResidues:
    """Looks up the residues with a concept, by the rules that features are scored with.

    Parameters
    ----------
    proteins : DataFrame
        Columns accession, sequence.
    annotations : DataFrame
        Columns accession, type, description, start, end and, unless all are, certain; of proteins
        in ``proteins`` only. What is not certain is not underlined.
    labels : sequence of LabelSet
        Of label files.

    Examples
    --------
    >>> proteins = pd.DataFrame({"accession": ["P1"], "sequence": ["MKCAC"]})
    >>> row = {"accession": "P1", "type": "SIGNAL", "description": "", "start": 1, "end": 2}
    >>> residues = ConceptResidues(proteins, pd.DataFrame([row]))
    >>> sorted(residues.positions("P1", "residue: C")), sorted(residues.positions("P1", "SIGNAL"))
    ([3, 5], [1, 2])
    """

    def __init__(
        self,
        proteins: pd.DataFrame,
        annotations: pd.DataFrame,
        labels: Sequence[LabelSet] = (),
    ) -> None:
        self._sequence = dict(zip(proteins["accession"], proteins["sequence"], strict=True))
        self._index = {accession: i for i, accession in enumerate(self._sequence)}
        lengths = {accession: len(sequence) for accession, sequence in self._sequence.items()}
        try:
            certain = annotations[is_certain(annotations)]
            concepts, self._spans, _ = feature_spans(certain, lengths)
        except ValueError as error:
            raise UserError(f"annotations.parquet: {error}; run the fetch stage again") from None
        self._column = {found.name: column for column, found in enumerate(concepts)}
        self._of_labels = {p.name: (i, of) for of in labels for i, p in enumerate(of.concepts)}
        self._from_sequence = {found.name: i for i, found in enumerate(SEQUENCE_CONCEPTS)}

    def positions(self, accession: str, name: str) -> set[int] | None:
        """1-based positions of the residues with the concept; None where nothing is known of it.

        That is a concept of a label file which is not given or has no label for the protein.
        """
        if name in self._from_sequence:
            return _positions(
                sequence_labels([self._sequence[accession]]), self._from_sequence[name]
            )
        if name in self._of_labels:
            column, labels = self._of_labels[name]
            length = len(self._sequence[accession])
            if not labels.known([accession], [length]).any():
                return None
            return _positions(labels.labels([accession], [length]), column)
        if name not in self._column:
            return None
        spans, _ = self._spans.of(np.array([self._index[accession]]))
        return {
            position
            for column, begin, end in zip(spans.column, spans.begin, spans.end, strict=True)
            if column == self._column[name]
            for position in range(int(begin) + 1, int(end) + 1)
        }


def _positions(labels: sparse.sparray, column: int) -> set[int]:
    """1-based rows with a label in the column."""
    return set((np.flatnonzero(labels[:, [column]].toarray().ravel()) + 1).tolist())
