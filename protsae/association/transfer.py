"""Labels of a homologue, copied over along the alignment: a detector that needs no features."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from protsae.association.held_out import Block, ClusterCounts, ReadSplit

Aligned = tuple[int, int, np.ndarray, np.ndarray]
"""Query, target, and the residues of each that stand in the same column, 0-based."""


def transfer_sources(
    query_lengths: np.ndarray, target_lengths: np.ndarray, aligned: Iterable[Aligned]
) -> np.ndarray:
    """The target residue that each query residue takes its labels from.

    Parameters
    ----------
    query_lengths, target_lengths : ndarray of int, shapes (n_queries,) and (n_targets,)
        Sequences stand one after another.
    aligned : iterable of Aligned
        For each query the best first: a residue keeps the first that covers it.

    Returns
    -------
    ndarray, dtype=int64, shape=(n_query_residues,)
        Row among the target residues; -1 where no alignment covers the residue.

    Examples
    --------
    >>> hits = [(1, 0, np.array([0]), np.array([2])), (1, 1, np.array([0, 1]), np.array([0, 1]))]
    >>> transfer_sources(np.array([1, 3]), np.array([3, 2]), hits).tolist()
    [-1, 2, 4, -1]
    """
    first_query = np.cumsum(query_lengths) - query_lengths
    first_target = np.cumsum(target_lengths) - target_lengths
    source = np.full(query_lengths.sum(), -1, dtype=np.int64)
    for query, target, at_query, at_target in aligned:
        rows = first_query[query] + at_query
        free = source[rows] < 0
        source[rows[free]] = first_target[target] + at_target[free]
    return source


def transfer_rows(read: ReadSplit, chosen: np.ndarray, n_clusters: int) -> pd.DataFrame:
    """Scores of transferred labels on test: a residue is on where its source has the property.

    Parameters
    ----------
    read : ReadSplit
        Its rows are the transferred labels of all properties, 0 where there is no source, and in a
        last column whether there is one.
    chosen : ndarray of int, shape (n_chosen,)
        Properties that are scored.
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
        n_covered += (block.known[:, chosen] & (block.rows[:, -1:] > 0)).sum(0)
    scores = test.scores()
    return scores.assign(valid_f1=valid.scores()["f1"], n_covered=n_covered)
