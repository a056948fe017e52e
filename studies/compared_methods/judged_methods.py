"""Methods on valid and test: scores with intervals, and how much they change when refitted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from protsae.references.probe_scores import Block, LogitCounts, score_on_test
from studies.compared_methods.drawn_residues import Drawn, Read
from studies.compared_methods.fitted_methods import Fitted


@dataclass(frozen=True, eq=False)
class Judged:
    """A method, fitted once, on valid and test.

    Attributes
    ----------
    fitted : Fitted
    scores : DataFrame
        f1, auroc and their bounds on test, a row for each concept.
    logits : ndarray, float32, shape (n_test_residues, n_concepts)
    known : ndarray of bool, of the same shape
    """

    fitted: Fitted
    scores: pd.DataFrame
    logits: np.ndarray
    known: np.ndarray


class _Given:
    """A probe of rows that are logits already."""

    def __init__(self, fitted: Fitted):
        self.low, self.high = fitted.low, fitted.high

    def logits(self, rows: np.ndarray) -> np.ndarray:
        return rows


def judge(drawn: Drawn, read: Read, methods: Sequence[Fitted]) -> list[Judged]:
    """Thresholds by F1 on valid, scores of test; all methods in one pass over what they read."""
    sides = {split: _outputs(drawn, read, split, methods) for split in ("valid", "test")}
    found = []
    for number, fitted in enumerate(methods):
        (logits, labels, known, _), test = ((s[0][number], *s[1:]) for s in sides.values())
        counts = LogitCounts(fitted.low, fitted.high)
        counts.update(logits, labels, known)
        level = counts.best_threshold()[1]

        def blocks(parts: tuple[np.ndarray, ...] = test) -> Iterator[Block]:
            yield Block(*parts)

        n_clusters = int(test[3].max()) + 1
        scores, _ = score_on_test(_Given(fitted), level, blocks, n_clusters)
        found.append(Judged(fitted, scores, test[0], test[2]))
    return found


def _outputs(
    drawn: Drawn, read: Read, split: str, methods: Sequence[Fitted]
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray, np.ndarray]:
    """Logits of each method; labels, where they are known, and the cluster of each residue."""
    table = drawn.of_split(split)
    logits: list[list[np.ndarray]] = [[] for _ in methods]
    others = []
    for names, rows in read(set(table.index)):
        for own, method in zip(logits, methods, strict=True):
            own.append(method.logits(rows).astype(np.float32))
        own_clusters, lengths = (table.loc[names, name].to_numpy() for name in ("number", "length"))
        cluster = np.repeat(own_clusters, lengths)
        others.append((*drawn.labels(names), cluster))
    labels, known, cluster = (np.concatenate(parts) for parts in zip(*others, strict=True))
    return [np.concatenate(parts) for parts in logits], labels, known, cluster


def agreement(fits: Sequence[Judged], concept: int) -> float:
    """Mean correlation of the outputs of all pairs of fits, at residues whose label is known.

    Examples
    --------
    >>> one = np.array([[0.0], [1.0], [2.0]])
    >>> known = np.ones((3, 1), bool)
    >>> fits = [Judged(None, None, x, known) for x in (one, 3 * one, one[::-1])]
    >>> round(agreement(fits[:2], 0), 6), round(agreement(fits, 0), 3)
    (1.0, -0.333)
    """
    own = [fit.logits[fit.known[:, concept], concept].astype(np.float64) for fit in fits]
    pairs = combinations([x - x.mean() for x in own], 2)
    return float(np.mean([a @ b / max(np.sqrt((a @ a) * (b @ b)), 1e-300) for a, b in pairs]))


def resampled_rows(cluster: np.ndarray, seed: int) -> np.ndarray:
    """Rows of as many clusters as there are, drawn with replacement.

    Examples
    --------
    Cluster 2, and twice cluster 0 with both of its rows:

    >>> resampled_rows(np.array([0, 0, 1, 2]), 2).tolist()
    [3, 0, 1, 0, 1]
    """
    numbers = np.unique(cluster)
    drawn = np.random.default_rng(seed).choice(numbers, len(numbers))
    own = {number: np.flatnonzero(cluster == number) for number in set(drawn.tolist())}
    return np.concatenate([own[number] for number in drawn.tolist()])
