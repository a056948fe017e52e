"""The properties that are scored, and which residues have them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.concepts.annotations import Spans, feature_spans, span_labels
from protsae.concepts.residues import SEQUENCE_PROPERTIES, Property, sequence_labels

BATCH_RESIDUES = 200_000
"""Residues labelled at a time while properties are counted; bounds memory, not results."""


@dataclass(frozen=True, eq=False)
class _Labeller:
    """Labels of any of its proteins for its properties, sequence-derived ones first."""

    properties: tuple[Property, ...]
    accessions: dict[str, int]
    sequences: list[str]
    sequence_columns: np.ndarray
    spans: Spans

    def labels(self, proteins: np.ndarray) -> sparse.csr_array:
        sequences = [self.sequences[protein] for protein in proteins]
        lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
        from_sequence = sequence_labels(sequences)[:, self.sequence_columns]
        spans, place = self.spans.of(proteins)
        first_rows = (np.cumsum(lengths) - lengths)[place]
        n_annotated = len(self.properties) - len(self.sequence_columns)
        annotated = span_labels(spans, first_rows, int(lengths.sum()), n_annotated)
        return sparse.csr_array(sparse.hstack([from_sequence, annotated], format="csr"))

    def select(self, keep: np.ndarray) -> "_Labeller":
        """The same proteins, with only the properties whose place in the mask is True."""
        n_sequence = len(self.sequence_columns)
        number = np.cumsum(keep[n_sequence:]) - 1
        spans = self.spans.take(keep[n_sequence:][self.spans.column])
        return replace(
            self,
            properties=tuple(self.properties[column] for column in np.flatnonzero(keep)),
            sequence_columns=self.sequence_columns[keep[:n_sequence]],
            spans=replace(spans, column=number[spans.column]),
        )

    def batches(self, proteins: np.ndarray) -> Iterator[np.ndarray]:
        lengths = np.array([len(self.sequences[protein]) for protein in proteins], dtype=np.int64)
        batch = (np.cumsum(lengths) - lengths) // BATCH_RESIDUES
        yield from np.split(proteins, np.flatnonzero(np.diff(batch)) + 1)


@dataclass(frozen=True, eq=False)
class PropertyTable:
    """The properties that are scored, how often they occur, and the labels of every residue.

    Parameters
    ----------
    properties : tuple of Property
        Columns of the labels: amino acids, classes, positions, then UniProt features by type (in
        the order of the UniProt manual) and name.
    support : DataFrame
        One row for each property, in the same order: property, valid_residues, valid_clusters,
        test_residues, test_clusters (labelled residues, homology clusters with at least one).
    reasons : dict of str to str
        Name of each property that was left out, and why.
    """

    properties: tuple[Property, ...]
    support: pd.DataFrame
    reasons: dict[str, str]
    _labeller: _Labeller

    @classmethod
    def build(
        cls,
        proteins: pd.DataFrame,
        annotations: pd.DataFrame,
        min_residues: int,
        min_clusters: int,
    ) -> "PropertyTable":
        """Choose the properties that can be scored.

        A property is kept if valid and test each hold at least ``min_residues`` residues with it,
        in at least ``min_clusters`` homology clusters. A name whose residues in valid and test are
        those of its whole type is left out: it would repeat the type.

        Parameters
        ----------
        proteins : DataFrame
            Columns accession, sequence, cluster, split (train, valid, test).
        annotations : DataFrame
            Columns accession, type, description, start, end (1-based inclusive).
        min_residues, min_clusters : int
            Thresholds, each for valid and for test.

        Raises
        ------
        ValueError
            For an accession that occurs twice, and as `feature_spans` and `sequence_labels` do.

        Examples
        --------
        >>> proteins = pd.DataFrame(
        ...     [("P1", "MKC", "a", "valid"), ("P2", "MCC", "b", "test")],
        ...     columns=["accession", "sequence", "cluster", "split"],
        ... )
        >>> annotations = pd.DataFrame(columns=["accession", "type", "description", "start", "end"])
        >>> table = PropertyTable.build(proteins, annotations, min_residues=1, min_clusters=1)
        >>> [property.name for property in table.properties if property.type == "residue"]
        ['residue: C', 'residue: M']
        >>> table.labels(["P2", "P1"]).toarray()[:, 0].tolist()
        [0, 1, 1, 0, 0, 1]
        """
        labeller, reasons = _candidates(proteins, annotations)
        support = _support(labeller, proteins)
        left_out = _left_out(labeller.properties, support, min_residues, min_clusters)
        keep = np.array([not reason for reason in left_out])
        names = [property.name for property in labeller.properties]
        reasons |= {name: why for name, why in zip(names, left_out, strict=True) if why}
        chosen = labeller.select(keep)
        return cls(chosen.properties, support[keep].reset_index(drop=True), reasons, chosen)

    @property
    def left_out(self) -> dict[str, int]:
        """Number of properties left out for each reason, sorted by reason."""
        return dict(sorted(Counter(self.reasons.values()).items()))

    def labels(self, accessions: Sequence[str]) -> sparse.csr_array:
        """Labels of the residues of the given proteins, concatenated in the given order.

        Returns
        -------
        csr_array, dtype=uint8, shape=(n_residues, n_properties)
            1 where the residue has the property; columns as in ``properties``.

        Raises
        ------
        ValueError
            For an accession that is not in the table.
        """
        known = self._labeller.accessions
        unknown = [accession for accession in accessions if accession not in known]
        if unknown:
            raise ValueError(f"{unknown[0]}: no such protein in the table")
        proteins = np.array([known[accession] for accession in accessions], dtype=np.int64)
        return self._labeller.labels(proteins)


def _candidates(
    proteins: pd.DataFrame, annotations: pd.DataFrame
) -> tuple[_Labeller, dict[str, str]]:
    """All properties that occur, and the feature types that are none, with the reason."""
    repeated = proteins["accession"][proteins["accession"].duplicated()]
    if len(repeated):
        raise ValueError(f"{repeated.iloc[0]}: accession occurs twice in the table of proteins")
    sequences = proteins["sequence"].tolist()
    lengths = dict(zip(proteins["accession"], map(len, sequences), strict=True))
    properties, spans, reasons = feature_spans(annotations, lengths)
    labeller = _Labeller(
        SEQUENCE_PROPERTIES + properties,
        {accession: index for index, accession in enumerate(lengths)},
        sequences,
        np.arange(len(SEQUENCE_PROPERTIES)),
        spans,
    )
    return labeller, reasons


def _support(labeller: _Labeller, proteins: pd.DataFrame) -> pd.DataFrame:
    """Residues and clusters of each property in valid and in test."""
    n_properties = len(labeller.properties)
    support = {"property": [property.name for property in labeller.properties]}
    table = pd.DataFrame(support)
    clusters, names = pd.factorize(proteins["cluster"])
    lengths = proteins["sequence"].str.len().to_numpy(dtype=np.int64)
    for split in ("valid", "test"):
        members = np.flatnonzero(proteins["split"] == split)
        total = sparse.csr_array((len(names), n_properties), dtype=np.int64)
        for batch in labeller.batches(members):
            row_cluster = np.repeat(clusters[batch], lengths[batch])
            rows = np.arange(len(row_cluster))
            group = sparse.csr_array(
                (np.ones(len(rows), dtype=np.int64), (row_cluster, rows)),
                shape=(len(names), len(rows)),
            )
            total = total + group @ labeller.labels(batch)
        table[f"{split}_residues"] = np.asarray(total.sum(axis=0), dtype=np.int64)
        table[f"{split}_clusters"] = np.bincount(total.indices, minlength=n_properties)
    return table


def _left_out(
    properties: tuple[Property, ...], support: pd.DataFrame, min_residues: int, min_clusters: int
) -> list[str]:
    """Why each property is left out; empty if it is kept."""
    residues = support[["valid_residues", "test_residues"]]
    few_residues = (residues < min_residues).any(axis=1)
    few_clusters = (support[["valid_clusters", "test_clusters"]] < min_clusters).any(axis=1)
    both = residues.sum(axis=1)
    of_type = dict(zip(support["property"], both, strict=True))
    # A name's residues are among those of its type, so equal counts mean equal sets.
    repeats = [
        property.name != property.type and of_type.get(property.type) == count
        for property, count in zip(properties, both, strict=True)
    ]
    reasons = (
        f"fewer than {min_residues} residues in valid or test",
        f"fewer than {min_clusters} homology clusters in valid or test",
        "same residues in valid and test as its whole type",
    )
    cases = zip(few_residues, few_clusters, repeats, strict=True)
    return [next((r for r, hit in zip(reasons, case, strict=True) if hit), "") for case in cases]
