"""Concept-level F1 as InterPLM defines it, for comparison with its published figures only.

Its defects, all of them kept:

- The threshold is chosen again on test, the best of five; test scores are optimistic.
- Precision is by residue and recall by instance. One active residue finds a whole domain, so that
  a feature on at a share q of residues at random finds one of length L with chance 1 - (1 - q)^L,
  95 % for q = 0.02 and L = 150, and recall is all but free.
- No null. A feature on everywhere has F1 = 2 p / (1 + p) at a base rate p and is called from
  p > 1/3; one that knows the family and not the place is called where a concept covers most of it.
- Where instances of a concept overlap, the later overwrites the earlier. One overwritten whole
  still counts and cannot be found: a perfect feature has recall below 1.
- Activations are divided by their maximum, a single value: the thresholds move with one outlier.
  (Release 1.0.0 does not even divide when it scores; a maximum of 1 for every feature gives that.)
- Valid and test are drawn at random from proteins that may be homologues.

References
----------
Simon & Zou, InterPLM, Nature Methods 22, 2107 (2025); release 1.0.0.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.codes import Codes
from protsae.association.counts import MatchCounts
from protsae.association.instances import InstanceCounts
from protsae.association.layer import Layer
from protsae.association.scores import harmonic_mean, ratio
from protsae.association.thresholds import passed_thresholds
from protsae.concepts.annotations import Spans
from protsae.concepts.residues import Property

THRESHOLDS = (0.0, 0.15, 0.5, 0.6, 0.8)
"""Shares of a feature's maximum; it is on where it exceeds one."""
CALLED_ABOVE = 0.5
"""F1 on valid, and again on test, above which a pair is called."""

RESIDUE_LEVEL = frozenset({"ACT_SITE", "CARBOHYD", "DISULFID", "MOD_RES", "residue"})
"""Types whose recall is by residue; that of all others is by instance."""
CONCEPT_TYPES = frozenset(
    {"ACT_SITE", "BINDING", "CARBOHYD", "COILED", "COMPBIAS", "DISULFID", "DOMAIN", "HELIX"}
    | {"LIPID", "MOD_RES", "MOTIF", "REGION", "SIGNAL", "STRAND", "TRANSIT", "TURN", "ZN_FING"}
)
"""UniProt types that InterPLM reports (cofactors, a column there, are no feature of ours)."""
NO_WHOLE_TYPE = frozenset({"COMPBIAS", "DOMAIN", "MOD_RES", "MOTIF", "REGION"})
"""Types of which the names are reported, and not all of them together."""
MIN_INSTANCES = 25
MIN_RESIDUES = 1500
"""More than either, in valid and test together, keep a concept."""


def reported_concepts(
    properties: Sequence[Property], n_instances: np.ndarray, n_residues: np.ndarray
) -> np.ndarray:
    """Which properties InterPLM would report: bool, shape (n_properties,).

    Parameters
    ----------
    properties : sequence of Property
    n_instances, n_residues : ndarray of int, shape (n_properties,)
        In valid and test together.

    Examples
    --------
    >>> names = [("HELIX", "HELIX"), ("DOMAIN", "DOMAIN"), ("DOMAIN: SH2", "DOMAIN")]
    >>> properties = [Property(name, type_, "UniProt") for name, type_ in names]
    >>> reported_concepts(properties, np.array([26, 26, 25]), np.array([9, 9, 1501])).tolist()
    [True, False, True]
    """
    covered = np.array(
        [p.type in CONCEPT_TYPES and not (p.name == p.type in NO_WHOLE_TYPE) for p in properties]
    )
    reported: np.ndarray = covered & ((n_instances > MIN_INSTANCES) | (n_residues > MIN_RESIDUES))
    return reported


class ConceptCounts:
    """Counts of one split, from which F1 follows; updates may come in any grouping.

    Residue i has y(i, c) = 0, or the number of the last instance of concept c that covers it. With
    a feature on at B(i) = [a(i) / maximum > t], by concept, feature and threshold t,

        TP = sum_i B(i) [y(i) > 0]       N = sum_i [y(i) > 0]
        H = #{j > 0: some i has y(i) = j and B(i)}       D = number of instances, also overwritten

    InterPLM numbers instances anew in each shard and takes D = sum of the shards' largest numbers,
    which the last instance of a shard always has: the same.

    Parameters
    ----------
    maximum : ndarray of float32, shape (n_features,)
        Largest activation of each feature over a normalisation set (InterPLM: valid and test
        themselves); 0 for a feature that is never on.
    residue_level : ndarray of bool, shape (n_concepts,)
        Concepts with recall TP / N; that of the others is H / D.

    Examples
    --------
    A concept at the rows 0 to 3 and a feature on at rows 3 and 4, at 4 with its maximum:

    >>> counts = ConceptCounts(np.array([2], np.float32), np.array([False]))
    >>> activations = sparse.csr_array(np.array([[0], [0], [0], [1], [2]], np.float32))
    >>> counts.update(activations, np.array([0]), np.array([0]), np.array([3]))
    >>> counts.f1[:, 0, 0].round(3).tolist()  # P = 1/2, R = 1 below half of the maximum
    [0.667, 0.667, 0.0, 0.0, 0.0]
    """

    def __init__(self, maximum: np.ndarray, residue_level: np.ndarray):
        self._maximum = maximum
        self._residue_level = residue_level
        thresholds = np.array(THRESHOLDS, dtype=np.float32)[:, None]
        shape = (len(THRESHOLDS), len(maximum))
        self._residues = MatchCounts(np.broadcast_to(thresholds, shape), len(residue_level))
        self._instances = InstanceCounts(np.broadcast_to(thresholds, shape), len(residue_level))
        self.n_instances = np.zeros(len(residue_level), dtype=np.int64)

    def update(
        self,
        activations: sparse.csr_array,
        concept: np.ndarray,
        first: np.ndarray,
        last: np.ndarray,
    ) -> None:
        """Add whole proteins and the instances in them.

        Parameters
        ----------
        activations : csr_array, dtype=float32, shape=(n_residues, n_features)
            None negative.
        concept, first, last : ndarray of int, shape (n_instances,)
            First and last row of each instance, 0-based, inclusive, in the order of the source:
            the later overwrites.
        """
        n_rows = activations.shape[0]
        of_scale = np.where(self._maximum > 0, self._maximum, np.float32(np.inf))
        scaled = sparse.csr_array(
            (
                activations.data / of_scale[activations.indices],
                activations.indices,
                activations.indptr,
            ),
            shape=activations.shape,
        )
        passed = passed_thresholds(scaled, self._residues.thresholds)
        instance, row = _surviving(concept, first, last, n_rows)
        labels = sparse.csr_array(
            (np.ones(len(row), dtype=np.uint8), (row, concept[instance])),
            shape=(n_rows, len(self._residue_level)),
        )
        self._residues.update_passed(passed, labels)
        # What is left of an instance need not be one stretch: its rows are brought together.
        begin = np.flatnonzero(np.diff(instance, prepend=-1))
        end = np.append(begin[1:], len(instance)) - 1
        of_concept = concept[instance[begin]]
        self._instances.update_passed(passed[row], of_concept, begin, end[: len(begin)])
        self.n_instances += np.bincount(concept, minlength=len(self.n_instances))

    @property
    def f1(self) -> np.ndarray:
        """2 P R / (P + R) with P = TP / on and R by kind: (n_thresholds, n_concepts, n_features).

        0 where TP = 0, where InterPLM writes no row.
        """
        hits, on = self._residues.true_positives, self._residues.on[:, None]
        by_residue = ratio(hits, self._residues.positives[:, None])
        by_instance = ratio(self._instances.found, self.n_instances[:, None])
        recall = np.where(self._residue_level[:, None], by_residue, by_instance)
        return harmonic_mean(ratio(hits, on), recall)


def _surviving(
    concept: np.ndarray, first: np.ndarray, last: np.ndarray, n_rows: int
) -> tuple[np.ndarray, np.ndarray]:
    """Instance and row wherever the instance is the last of its concept; by instance, row.

    Examples
    --------
    Rows 0 to 3, of which the second instance takes 1 to 2:

    >>> instance, row = _surviving(np.array([0, 0]), np.array([0, 1]), np.array([3, 2]), 5)
    >>> instance.tolist(), row.tolist()
    ([0, 0, 1, 1], [0, 3, 1, 2])
    """
    size = last - first + 1
    instance = np.repeat(np.arange(len(size)), size)
    row = np.arange(size.sum()) + np.repeat(first - (np.cumsum(size) - size), size)
    # The first of equals in reverse is the last one written.
    cell = (concept[instance] * n_rows + row)[::-1]
    kept = np.sort(len(cell) - 1 - np.unique(cell, return_index=True)[1])
    return instance[kept], row[kept]


def associated_pairs(valid: ConceptCounts, test: ConceptCounts) -> pd.DataFrame:
    """Pairs with F1 above ``CALLED_ABOVE`` at some threshold on valid, and at some on test.

    InterPLM's headline figures are the numbers of distinct features and concepts among these.

    Returns
    -------
    DataFrame
        concept, feature (columns of labels and activations), then for valid and for test the
        lowest of the best thresholds and F1 there; by concept, feature.
    """
    on_valid, on_test = valid.f1, test.f1
    called = (on_valid.max(0) > CALLED_ABOVE) & (on_test.max(0) > CALLED_ABOVE)
    concept, feature = np.nonzero(called)
    columns = {"concept": concept, "feature": feature}
    for split, f1 in (("valid", on_valid), ("test", on_test)):
        best = f1[:, concept, feature]
        columns[f"{split}_threshold"] = np.array(THRESHOLDS)[best.argmax(0)]
        columns[f"{split}_f1"] = best.max(0)
    return pd.DataFrame(columns)


def layer_pairs(layer: Layer, codes: Codes) -> pd.DataFrame:
    """``associated_pairs`` of a layer's features with the UniProt properties that InterPLM reports.

    Returns
    -------
    DataFrame
        feature, property, valid_threshold, valid_f1, test_threshold, test_f1; thresholds are shares
        of the feature's maximum over valid and test.
    """
    properties = layer.properties.properties
    blocks = {split: _blocks(layer, codes, split) for split in ("valid", "test")}
    maximum = np.zeros(1, dtype=np.float32)
    size = np.zeros((2, len(properties)), dtype=np.int64)
    for of_split in blocks.values():
        for activations, spans, _ in of_split():
            maximum = np.maximum(maximum, activations.max(0).toarray())
            size[0] += np.bincount(spans.column, minlength=len(properties))
            residues = (spans.end - spans.start + 1).astype(float)
            size[1] += np.bincount(spans.column, residues, len(properties)).astype(np.int64)
    reported = np.flatnonzero(reported_concepts(properties, *size))
    number = np.full(len(properties), -1)
    number[reported] = np.arange(len(reported))
    at_residues = np.array([properties[c].type in RESIDUE_LEVEL for c in reported], dtype=bool)
    counts = {split: ConceptCounts(maximum, at_residues) for split in blocks}
    for split, of_split in blocks.items():
        for activations, spans, first in of_split():
            kept = number[spans.column] >= 0
            start, end = first + spans.start - 1, first + spans.end - 1
            counts[split].update(activations, number[spans.column][kept], start[kept], end[kept])
    pairs = associated_pairs(counts["valid"], counts["test"])
    names = np.array([properties[c].name for c in reported], dtype=object)
    pairs = pairs.assign(property=names[pairs["concept"].to_numpy(dtype=np.int64)])
    return pairs.drop(columns="concept")


def _blocks(
    layer: Layer, codes: Codes, split: str
) -> Callable[[], Iterator[tuple[sparse.csr_array, Spans, np.ndarray]]]:
    """Activations, instances and the first row of each instance's protein; may be read again."""

    def read() -> Iterator[tuple[sparse.csr_array, Spans, np.ndarray]]:
        for proteins, rows in layer.blocks(codes, layer.names(split)):
            spans = layer.properties.instances(proteins["accession"].tolist())
            lengths = proteins["length"].to_numpy()
            yield rows, spans, (np.cumsum(lengths) - lengths)[spans.protein]

    return read
