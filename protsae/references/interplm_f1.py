"""Concept-level F1 as InterPLM defines it, for comparison with its published figures only.

The concepts are InterPLM's own (`protsae.references.interplm_concepts`); proteins and split are the
run's. Its defects, all of them kept:

- The threshold is chosen again on test, the best of five; test scores are optimistic.
- Precision is by residue and recall by instance. One active residue finds a whole domain, so that
  a feature on at a share q of residues at random finds one of length L with chance 1 - (1 - q)^L,
  95 % for q = 0.02 and L = 150, and recall is all but free.
- No null. A feature on everywhere has F1 = 2 p / (1 + p) at a base rate p and is called from
  p > 1/3; one that knows the homology cluster and not the place is called where a concept covers
  most of it.
- Where instances of a concept overlap, the later overwrites the earlier. One overwritten whole
  still counts and cannot be found: a perfect feature has recall below 1.
- Activations are divided by their maximum, a single value: the thresholds move with one outlier.
  (Release 1.0.0 does not even divide when it scores; a maximum of 1 for every feature gives that.)
- Valid and test are drawn at random from proteins that may be homologues.

- Which concepts are reported is decided with the instances of test, too.

References
----------
Simon & Zou, InterPLM, Nature Methods 22, 2107 (2025); release 1.0.0, `prepare_eval_set`,
`compare_activations`, `calculate_f1` and `report_metrics`, with their defaults.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.pairs.layer_data import Layer
from protsae.association.scoring.instance_counts import InstanceCounts
from protsae.association.scoring.metrics import harmonic_mean, ratio
from protsae.association.scoring.residue_counts import MatchCounts
from protsae.association.scoring.thresholds import passed_thresholds
from protsae.concepts.uniprot.spans import Spans, span_labels
from protsae.detectors.activations import Codes
from protsae.references.interplm_concepts import InterplmConcepts
from protsae.statistics import ragged

THRESHOLDS = (0.0, 0.15, 0.5, 0.6, 0.8)
"""Shares of a feature's maximum; it is on where it exceeds one."""
CALLED_ABOVE = 0.5
"""F1 on valid, and again on test, above which a pair is called."""

NOT_REPORTED = frozenset(
    {"Region_any", "Modified residue_any", "Domain_any", "Compositional bias_any", "Motif_any"}
)
MIN_INSTANCES = 25
MIN_RESIDUES = 1500
"""More than either, in valid and test together, keep a concept."""


def reported_concepts(
    names: Sequence[str], n_instances: np.ndarray, n_residues: np.ndarray
) -> np.ndarray:
    """Which concepts InterPLM reports: bool, shape (n_concepts,).

    Parameters
    ----------
    names : sequence of str
    n_instances, n_residues : ndarray of int, shape (n_concepts,)
        In valid and test together; a residue of several instances counts once.

    Examples
    --------
    >>> names = ["Helix", "Domain_any", "Domain_SH2", "Domain_SH3"]
    >>> sizes = np.array([26, 99, 2, 25]), np.array([9, 9999, 1501, 1500])
    >>> reported_concepts(names, *sizes).tolist()
    [True, False, True, False]
    """
    enough = (n_instances > MIN_INSTANCES) | (n_residues > MIN_RESIDUES)
    return enough & np.array([name not in NOT_REPORTED for name in names], dtype=bool)


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
    >>> counts.update(activations, np.array([0]), np.array([0]), np.array([4]))
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
        begin: np.ndarray,
        end: np.ndarray,
    ) -> None:
        """Add whole proteins and the instances in them.

        Parameters
        ----------
        activations : csr_array, dtype=float32, shape=(n_residues, n_features)
            None negative.
        concept, begin, end : ndarray of int, shape (n_instances,)
            First row of each instance and the row after its last, in the order of the source: the
            later overwrites.
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
        instance, row = _surviving(concept, begin, end, n_rows)
        labels = sparse.csr_array(
            (np.ones(len(row), dtype=np.uint8), (row, concept[instance])),
            shape=(n_rows, len(self._residue_level)),
        )
        self._residues.update_passed(passed, labels)
        # What is left of an instance need not be one stretch: its rows are brought together.
        opens = np.flatnonzero(ragged.changes(instance))
        closes = np.append(opens, len(instance))[1:]
        self._instances.update_passed(passed[row], concept[instance[opens]], opens, closes)
        self.n_instances += np.bincount(concept, minlength=len(self.n_instances))

    @property
    def f1(self) -> np.ndarray:
        """2 P R / (P + R) with P = TP / on and R by kind: (n_thresholds, n_concepts, n_features).

        0 where TP = 0, where InterPLM writes no row.
        """
        by_instance = ratio(self._instances.found, self.n_instances[:, None])
        recall = np.where(self._residue_level[:, None], self._residue_recall, by_instance)
        return harmonic_mean(self._precision, recall)

    @property
    def residue_f1(self) -> np.ndarray:
        """The same with R by residue for all."""
        return harmonic_mean(self._precision, self._residue_recall)

    @property
    def _precision(self) -> np.ndarray:
        return ratio(self._residues.true_positives, self._residues.on[:, None])

    @property
    def _residue_recall(self) -> np.ndarray:
        return ratio(self._residues.true_positives, self._residues.positives[:, None])


def _surviving(
    concept: np.ndarray, begin: np.ndarray, end: np.ndarray, n_rows: int
) -> tuple[np.ndarray, np.ndarray]:
    """Instance and row wherever the instance is the last of its concept; by instance, row.

    Examples
    --------
    Rows 0 to 3, of which the second instance takes 1 to 2:

    >>> instance, row = _surviving(np.array([0, 0]), np.array([0, 1]), np.array([4, 3]), 5)
    >>> instance.tolist(), row.tolist()
    ([0, 0, 1, 1], [0, 3, 1, 2])
    """
    instance = ragged.groups(end - begin)
    row = ragged.ranges(begin, end - begin)
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
        threshold with the highest F1 and that F1; of equals the one with the highest F1 by
        residue, then the lowest. By concept, feature.
    """
    on_valid, on_test = valid.f1, test.f1
    called = (on_valid.max(0) > CALLED_ABOVE) & (on_test.max(0) > CALLED_ABOVE)
    concept, feature = np.nonzero(called)
    columns = {"concept": concept, "feature": feature}
    for split, counts, f1 in (("valid", valid, on_valid), ("test", test, on_test)):
        f1 = f1[:, concept, feature]
        by_residue = np.where(f1 == f1.max(0), counts.residue_f1[:, concept, feature], -1)
        columns[f"{split}_threshold"] = np.array(THRESHOLDS)[by_residue.argmax(0)]
        columns[f"{split}_f1"] = f1.max(0)
    return pd.DataFrame(columns)


def layer_pairs(layer: Layer, codes: Codes, concepts: InterplmConcepts) -> pd.DataFrame:
    """``associated_pairs`` of a layer's features with the concepts that InterPLM reports.

    Parameters
    ----------
    concepts : InterplmConcepts
        Of the layer's proteins, in their order.

    Returns
    -------
    DataFrame
        feature, concept (its name), valid_threshold, valid_f1, test_threshold, test_f1; thresholds
        are shares of the feature's maximum over valid and test.
    """
    blocks = {split: _blocks(layer, codes, concepts, split) for split in ("valid", "test")}
    n_concepts = len(concepts.names)
    maximum = np.zeros(1, dtype=np.float32)
    n_instances, n_residues = np.zeros((2, len(blocks), n_concepts), dtype=np.int64)
    for i, of_split in enumerate(blocks.values()):
        for activations, spans, before in of_split():
            maximum = np.maximum(maximum, activations.max(0).toarray())
            n_instances[i] += np.bincount(spans.column, minlength=n_concepts)
            labels = span_labels(spans, before, activations.shape[0], n_concepts)
            n_residues[i] += np.bincount(labels.indices, minlength=n_concepts)
    # Unnumbered instances are one in each shard; valid and test are a shard each.
    n_instances = np.where(concepts.numbered, n_instances, np.minimum(n_instances, 1))
    reported = np.flatnonzero(
        reported_concepts(concepts.names, n_instances.sum(0), n_residues.sum(0))
    )
    number = np.full(n_concepts, -1)
    number[reported] = np.arange(len(reported))
    counts = {split: ConceptCounts(maximum, concepts.residue_level[reported]) for split in blocks}
    for split, of_split in blocks.items():
        for activations, spans, before in of_split():
            kept = number[spans.column] >= 0
            begin, end = before + spans.begin, before + spans.end
            counts[split].update(activations, number[spans.column][kept], begin[kept], end[kept])
    pairs = associated_pairs(counts["valid"], counts["test"])
    names = np.array([concepts.names[c] for c in reported], dtype=object)
    return pairs.assign(concept=names[pairs["concept"].to_numpy(dtype=np.int64)])


def _blocks(
    layer: Layer, codes: Codes, concepts: InterplmConcepts, split: str
) -> Callable[[], Iterator[tuple[sparse.csr_array, Spans, np.ndarray]]]:
    """Activations, instances and the first row of each instance's protein; may be read again."""
    order = pd.Index(layer.proteins["accession"])

    def read() -> Iterator[tuple[sparse.csr_array, Spans, np.ndarray]]:
        for proteins, rows in layer.blocks(codes, layer.names(split)):
            spans, place = concepts.spans.of(order.get_indexer(proteins["accession"]))
            lengths = proteins["length"].to_numpy()
            yield rows, spans, ragged.starts(lengths)[place]

    return read
