"""The concepts that are scored, and which residues have them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.concepts.concept import Concept
from protsae.concepts.frequency import LeftOut, count_occurrence, not_scored
from protsae.concepts.label_sets import LabelSet
from protsae.concepts.labeller import Labeller
from protsae.concepts.sequence.sequence_concepts import SEQUENCE_CONCEPTS
from protsae.concepts.uniprot.evidence import split_by_evidence
from protsae.concepts.uniprot.spans import Spans, feature_spans, is_certain
from protsae.concepts.uniprot.unknown_residues import Doubt

NO_EXPERIMENT = "no feature with experimental evidence"
NO_EXACT_ENDS = "no feature with exact ends"
UNCERTAIN = "without exact ends, so that the residues they may cover are unknown"


@dataclass(frozen=True, eq=False)
class ConceptTable:
    """The concepts that are scored, how often all occur, and the labels of every residue.

    Parameters
    ----------
    concepts : tuple of Concept
        Columns of the labels: what follows from the sequence, then UniProt features by type (in
        the order of the UniProt manual) and name, then label sets in the order given.
    occurrence : DataFrame
        One row for each concept that occurs, scored or not, as `count_occurrence` gives it.
    reasons : dict of str to LeftOut
        Name of each concept that was left out, and why.
    features_left_out : dict of str to int
        Number of UniProt intervals that are not certain or that the evidence filter left out, by
        reason.
    known_column : ndarray, dtype=int64, shape=(n_concepts,)
        For each concept the column of ``known`` that applies to it.
    has_instances : ndarray, dtype=bool, shape=(n_concepts,)
        Concepts that have ``instances``: those of UniProt.
    """

    concepts: tuple[Concept, ...]
    occurrence: pd.DataFrame
    reasons: dict[str, LeftOut]
    features_left_out: dict[str, int]
    known_column: np.ndarray
    has_instances: np.ndarray
    _labeller: Labeller

    @classmethod
    def build(
        cls,
        proteins: pd.DataFrame,
        annotations: pd.DataFrame,
        min_residues: int,
        min_clusters: int,
        evidence: Literal["all", "experimental"] = "all",
        label_sets: Sequence[LabelSet] = (),
    ) -> "ConceptTable":
        """Choose the concepts that can be scored.

        A concept is kept if valid and test each hold at least ``min_residues`` residues with it,
        in at least ``min_clusters`` homology clusters, and residues known to lack it. A name whose
        residues in valid and test are those of its whole type is left out: it would repeat the
        type.

        Parameters
        ----------
        proteins : DataFrame
            Columns accession, sequence, cluster, split (train, valid, test).
        annotations : DataFrame
            Columns accession, type, description, start, end (1-based inclusive); unless all are,
            certain (bool): the residues of an interval that is not are unknown, not positive; for
            experimental evidence also evidence (ECO codes, comma-joined).
        min_residues, min_clusters : int
            Thresholds, each for valid and for test.
        evidence : {"all", "experimental"}
            UniProt features that count: all, or those that rest on an experiment
            (`protsae.concepts.uniprot.evidence`). Residues of the others are then unknown, not
            negative.
        label_sets : sequence of LabelSet
            Labels from other sources, with names that differ.

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
        >>> table = ConceptTable.build(proteins, annotations, min_residues=1, min_clusters=1)
        >>> [concept.name for concept in table.concepts if concept.type == "residue"]
        ['residue: C', 'residue: M']
        >>> table.labels(["P2", "P1"]).toarray()[:, 0].tolist()
        [0, 1, 1, 0, 0, 1]
        """
        features_left_out: dict[str, int] = {}
        certain = is_certain(annotations)
        annotations, uncertain = annotations[certain], annotations[~certain]
        doubtful = {NO_EXACT_ENDS: uncertain}
        if evidence == "experimental":
            annotations, others, features_left_out = split_by_evidence(annotations)
            doubtful = {NO_EXPERIMENT: others} | doubtful
        if len(uncertain):
            features_left_out[UNCERTAIN] = len(uncertain)
        labeller, reasons = _candidates(proteins, annotations, doubtful, tuple(label_sets))
        occurrence = count_occurrence(labeller, proteins)
        unscored = not_scored(occurrence, min_residues, min_clusters)
        chosen = labeller.select(~occurrence["concept"].isin(unscored).to_numpy())
        return cls(
            chosen.concepts,
            occurrence,
            {name: LeftOut(why) for name, why in reasons.items()} | unscored,
            features_left_out,
            chosen.known_column,
            chosen.has_instances,
            chosen,
        )

    @property
    def left_out(self) -> dict[str, int]:
        """Number of concepts left out for each reason, sorted by reason."""
        return dict(sorted(Counter(reason.rule for reason in self.reasons.values()).items()))

    def named(self, rows: pd.DataFrame, chosen: np.ndarray | slice = slice(None)) -> pd.DataFrame:
        """Rows of these concepts, of all by default, with their names and types."""
        names = np.array([(c.name, c.type) for c in self.concepts], dtype=object)[chosen]
        return rows.assign(concept=names[:, 0], concept_type=names[:, 1])

    def labels(self, accessions: Sequence[str]) -> sparse.csr_array:
        """Labels of the residues of the given proteins, concatenated in the given order.

        Returns
        -------
        csr_array, dtype=uint8, shape=(n_residues, n_concepts)
            1 where the residue has the concept; columns as in ``concepts``.

        Raises
        ------
        ValueError
            For an accession that is not in the table.
        """
        self._check(accessions)
        return self._labeller.labels(accessions)

    def known(self, accessions: Sequence[str]) -> np.ndarray:
        """Residues whose label is known: they are known to have the concept or to lack it.

        Where a residue is not known it is no negative, and its label is 0. Sequence-derived
        concepts are known everywhere. So are UniProt features: what a reviewed entry does not
        annotate counts as absent, although curators may not have looked for it. Three exceptions:
        helix, strand and turn are known only between the first and the last of them, as UniProt
        takes them from structures, which most entries lack and others have for a part; the
        residues that a feature without exact ends may cover are unknown for its type, and so are,
        with experimental evidence only, those of the features left out. A label set knows the
        residues that it labels, in the proteins that it has.

        Returns
        -------
        ndarray, dtype=bool, shape=(n_residues, n_known_columns)
            Residues as in ``labels``; concept p has column ``known_column[p]``. Column 0 is all
            True.

        Raises
        ------
        ValueError
            For an accession that is not in the table.
        """
        self._check(accessions)
        return self._labeller.known(accessions)

    def instances(self, accessions: Sequence[str]) -> Spans:
        """Intervals of the UniProt concepts, one by one, also where they overlap.

        A feature gives one for its type and one for its name, a bond one for each of its ends.
        Other concepts have none: with them, each residue is an instance of its own.

        Returns
        -------
        Spans
            ``protein`` is the place in ``accessions``, ``column`` a column of ``labels``;
            begin and end are 0-based, ``end`` excluded. Sorted by protein.

        Raises
        ------
        ValueError
            For an accession that is not in the table.

        Examples
        --------
        >>> proteins = pd.DataFrame(
        ...     [("P1", "MKCA", "a", "valid"), ("P2", "MCCKA", "b", "test")],
        ...     columns=["accession", "sequence", "cluster", "split"],
        ... )
        >>> annotations = pd.DataFrame(
        ...     [("P1", "MOTIF", "", 1, 2), ("P2", "MOTIF", "", 1, 3), ("P2", "MOTIF", "", 3, 4)],
        ...     columns=["accession", "type", "description", "start", "end"],
        ... )
        >>> table = ConceptTable.build(proteins, annotations, min_residues=1, min_clusters=1)
        >>> found = table.instances(["P2", "P1"])
        >>> found.protein.tolist(), found.begin.tolist(), found.end.tolist()
        ([0, 0, 1], [0, 2, 0], [3, 4, 2])
        >>> {table.concepts[column].name for column in found.column}
        {'MOTIF'}
        """
        self._check(accessions)
        return self._labeller.instances(accessions)

    def _check(self, accessions: Sequence[str]) -> None:
        unknown = [name for name in accessions if name not in self._labeller.proteins]
        if unknown:
            raise ValueError(f"{unknown[0]}: no such protein in the table")


def _candidates(
    proteins: pd.DataFrame,
    annotations: pd.DataFrame,
    doubtful: Mapping[str, pd.DataFrame],
    label_sets: tuple[LabelSet, ...],
) -> tuple[Labeller, dict[str, str]]:
    """All concepts that occur, and what is none, with the reason.

    ``doubtful`` are features that leave residues unknown, by why they are no labels.
    """
    repeated = proteins["accession"][proteins["accession"].duplicated()]
    if len(repeated):
        raise ValueError(f"{repeated.iloc[0]}: accession occurs twice in the table of proteins")
    sequences = dict(zip(proteins["accession"], proteins["sequence"], strict=True))
    lengths = {accession: len(sequence) for accession, sequence in sequences.items()}
    concepts, spans, reasons = feature_spans(annotations, lengths)
    parts = {why: feature_spans(others, lengths) for why, others in doubtful.items()}
    doubt = Doubt.of(
        (concepts, spans), [(found, where) for found, where, _ in parts.values()], lengths
    )
    labeller = Labeller(
        sequences,
        np.arange(len(SEQUENCE_CONCEPTS)),
        concepts,
        spans,
        doubt,
        label_sets,
        np.arange(sum(len(labels.classes) for labels in label_sets)),
    )
    names = Counter(concept.name for concept in labeller.concepts)
    if clash := [name for name, n in names.items() if n > 1]:
        raise ValueError(f"two concepts are named {clash[0]!r}; rename the label set")
    for why, (left_out, _, other_reasons) in parts.items():
        reasons = other_reasons | reasons
        reasons = {p.name: why for p in left_out if p.name not in names} | reasons
    return labeller, reasons
