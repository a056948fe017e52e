"""Labels of a homologue, copied over along the alignment: a detector that needs no features."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from protsae.references.probe_scores import Block, ClusterCounts, ReadSplit
from protsae.statistics import ragged

Aligned = tuple[int, int, np.ndarray, np.ndarray]
"""Query, target, and the residues of each that stand in the same column, 0-based."""


def transfer_sources(
    query_lengths: np.ndarray,
    target_lengths: np.ndarray,
    aligned: Iterable[Aligned],
    known: np.ndarray,
) -> np.ndarray:
    """The target residue that each query residue takes its labels from.

    Parameters
    ----------
    query_lengths, target_lengths : ndarray of int, shapes (n_queries,) and (n_targets,)
        Sequences stand one after another.
    aligned : iterable of Aligned
        For each query the best first: a residue keeps the first that covers it with a residue of
        which something is known.
    known : ndarray of bool, shape (n_target_residues, n_known_columns)
        As in `ConceptTable`: a target residue whose label is not known says nothing, and leaves it
        to the next alignment.

    Returns
    -------
    ndarray, dtype=int64, shape=(n_query_residues, n_known_columns)
        Row among the target residues; -1 where no alignment says anything of the residue.

    Examples
    --------
    Of the last residue of the first target nothing is known in the second column:

    >>> hits = [(1, 0, np.array([0]), np.array([2])), (1, 1, np.array([0, 1]), np.array([0, 1]))]
    >>> known = np.ones((5, 2), bool)
    >>> known[2, 1] = False
    >>> transfer_sources(np.array([1, 3]), np.array([3, 2]), hits, known).T.tolist()
    [[-1, 2, 4, -1], [-1, 3, 4, -1]]
    """
    first_query, first_target = ragged.starts(query_lengths), ragged.starts(target_lengths)
    source = np.full((query_lengths.sum(), known.shape[1]), -1, dtype=np.int64)
    for query, target, at_query, at_target in aligned:
        rows, targets = first_query[query] + at_query, first_target[target] + at_target
        free = (source[rows] < 0) & known[targets]
        source[rows] = np.where(free, targets[:, None], source[rows])
    return source


def transfer_rows(read: ReadSplit, chosen: np.ndarray, n_clusters: int) -> pd.DataFrame:
    """Scores of transferred labels on test: a residue is on where its source has the concept.

    Parameters
    ----------
    read : ReadSplit
        Its rows are the transferred labels of all concepts, 0 where there is no source, and then
        for each concept whether there is one.
    chosen : ndarray of int, shape (n_chosen,)
        Concepts that are scored.
    n_clusters : int
        In test.

    Returns
    -------
    DataFrame
        valid_f1, what `ClusterCounts.scores` gives, and n_covered, the test residues with a source.
    """

    def count(counts: ClusterCounts, block: Block, cluster: np.ndarray) -> None:
        known, labels = block.known[:, chosen], block.labels[:, chosen]
        counts.update(block.rows[:, chosen] > 0, labels, known, cluster)

    valid = ClusterCounts(1, len(chosen))
    for block in read("valid"):
        count(valid, block, np.zeros_like(block.cluster))
    test = ClusterCounts(n_clusters, len(chosen))
    n_covered = np.zeros(len(chosen), dtype=np.int64)
    for block in read("test"):
        count(test, block, block.cluster)
        has_source = block.rows[:, block.rows.shape[1] // 2 + chosen] > 0
        n_covered += (block.known[:, chosen] & has_source).sum(0)
    scores = test.scores()
    return scores.assign(valid_f1=valid.scores()["f1"], n_covered=n_covered)
