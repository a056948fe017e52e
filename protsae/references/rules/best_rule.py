"""The best rule on the sequence for each concept: chosen on some proteins, counted on others."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.scoring.metrics import f1_score
from protsae.references.probe_scores import ClusterCounts
from protsae.references.rules.rule_library import RuleKind, RuleLibrary, rule_library
from protsae.references.rules.sequence_rows import SequenceRows
from protsae.references.rules.sequence_rules import Rule
from protsae.statistics.cluster_intervals import ratio_error


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """Residues of whole proteins with their labels.

    Attributes
    ----------
    rows : SequenceRows
    labels : csr_array, shape (n_residues, n_concepts)
        1 where a residue has the concept.
    known : ndarray of bool, shape (n_residues, n_known_columns)
        Where its label is known.
    cluster : ndarray of int, shape (n_residues,)
        Homology cluster, from 0.
    """

    rows: SequenceRows
    labels: sparse.csr_array
    known: np.ndarray
    cluster: np.ndarray


ReadRows = Callable[[], Iterable[LabelledRows]]
"""All residues, some proteins at a time; called once for each pass over them."""


@dataclass(frozen=True)
class FittedRule:
    """The rule chosen for a concept, and the best one, by F1 on the same residues.

    Attributes
    ----------
    rule, best : Rule
    f1, best_f1 : float
    error : float
        Standard error of ``best_f1`` over homology clusters.
    """

    rule: Rule
    f1: float
    best: Rule
    best_f1: float
    error: float


def fit_rules(read: ReadRows, known_column: np.ndarray, n_clusters: int) -> list[FittedRule]:
    """For each concept the simplest rule whose F1 is within one standard error of the best.

    All rules of `RuleLibrary` are scored exactly, on the residues whose label is known.
    Of the rules with F1 >= best F1 - its standard error, one with the fewest
    parameters is taken, of these the one with the highest F1, of equals the first of the library.
    The error is `ratio_error` over homology clusters of F1 = sum 2 TP / sum (on + positives).

    Parameters
    ----------
    read : ReadRows
        The residues to choose on: nothing that scores are reported on.
    known_column : ndarray of int, shape (n_concepts,)
        For each concept the column of ``known`` that applies to it.
    n_clusters : int

    Returns
    -------
    list of FittedRule
        One for each concept.

    References
    ----------
    Breiman, Friedman, Olshen & Stone, Classification and Regression Trees (1984), section 3.4.3:
    the rule of one standard error.
    """
    library = rule_library()
    leaders = [_leaders(library, *counts) for counts in _counted(library, read(), known_column)]
    best = [max(of_concept, key=lambda leader: leader.f1) for of_concept in leaders]
    rules = [library.rule(leader.index) for leader in best]
    counts = count_rules(rules, read(), known_column, n_clusters)
    errors = ratio_error(2 * counts.true_positives, counts.on + counts.positives)
    fitted = []
    for of_concept, first, rule, error in zip(leaders, best, rules, errors.tolist(), strict=True):
        chosen = next(leader for leader in of_concept if leader.f1 >= first.f1 - error)
        fitted.append(FittedRule(library.rule(chosen.index), chosen.f1, rule, first.f1, error))
    return fitted


def count_rules(
    rules: Sequence[Rule],
    blocks: Iterable[LabelledRows],
    known_column: np.ndarray,
    n_clusters: int,
) -> ClusterCounts:
    """How often the rule of each concept is on, and right, by homology cluster."""
    counts = ClusterCounts(n_clusters, len(rules))
    for block in blocks:
        on = np.zeros((len(block.rows), len(rules)), dtype=bool)
        for column, rule in enumerate(rules):
            on[:, column] = rule.holds(block.rows)
        counts.update(on, block.labels.toarray() > 0, block.known[:, known_column], block.cluster)
    return counts


def rule_rows(fitted: Sequence[FittedRule], test: ClusterCounts) -> pd.DataFrame:
    """One row for each concept: its rule, how it was chosen, and its scores on test.

    Parameters
    ----------
    fitted : sequence of FittedRule
    test : ClusterCounts
        Of the rules chosen, from `count_rules`.

    Returns
    -------
    DataFrame
        Columns as in docs/tables.md, without the names of the concepts.
    """
    chosen = {
        "rule": [rule.rule.name for rule in fitted],
        "rule_parameters": [rule.rule.n_parameters for rule in fitted],
        "library_rules": len(rule_library()),
        "fit_f1": [rule.f1 for rule in fitted],
        "best_rule": [rule.best.name for rule in fitted],
        "best_fit_f1": [rule.best_f1 for rule in fitted],
        "best_fit_error": [rule.error if np.isfinite(rule.error) else np.nan for rule in fitted],
    }
    return pd.DataFrame(chosen).join(test.scores())


def cluster_rows(
    names: Sequence[str], clusters: Sequence[str], counts: ClusterCounts
) -> pd.DataFrame:
    """Counts of each concept's rule in each homology cluster, where any residue is known.

    Parameters
    ----------
    names : sequence of str
        Of the concepts.
    clusters : sequence of str
    counts : ClusterCounts

    Returns
    -------
    DataFrame
        concept, cluster, tp, on, positives, known; by concept, then cluster, in the orders given.
    """
    concept, cluster = np.nonzero(counts.known.T)
    return pd.DataFrame(
        {
            "concept": np.array(names, dtype=object)[concept],
            "cluster": np.array(clusters, dtype=object)[cluster],
            "tp": counts.true_positives[cluster, concept],
            "on": counts.on[cluster, concept],
            "positives": counts.positives[cluster, concept],
            "known": counts.known[cluster, concept],
        }
    )


@dataclass(frozen=True)
class _Leader:
    """Number and F1 of the best rule among those of as many parameters."""

    index: int
    f1: float


def _leaders(library: RuleLibrary, hits: np.ndarray, on: np.ndarray, n: int) -> list[_Leader]:
    """The best rule for each number of parameters, from the fewest."""
    f1 = f1_score(hits, on, np.array(n))
    found = []
    for members in library.by_parameters:
        index = int(members[f1[members].argmax()])
        found.append(_Leader(index, float(f1[index])))
    return found


def _counted(
    library: RuleLibrary, blocks: Iterable[LabelledRows], known_column: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """For each concept: true positives and residues on of every rule, and its positives."""
    n_concepts, n_known = len(known_column), int(known_column.max(initial=0)) + 1
    shapes = [(kind.n_codings, kind.n_codes) for kind in library.kinds]
    with_concept = [np.zeros((n_concepts, *shape), dtype=np.int64) for shape in shapes]
    known = [np.zeros((n_known, *shape), dtype=np.int64) for shape in shapes]
    for block in blocks:
        row, column = _known_labels(block, known_column)
        for place, kind in enumerate(library.kinds):
            for coding, codes in enumerate(kind.codings(block.rows)):
                shape = (n_concepts, kind.n_codes)
                found = np.bincount(column * shape[1] + codes[row], minlength=shape[0] * shape[1])
                with_concept[place][:, coding] += found.reshape(shape)
                for total, is_known in zip(known[place], block.known.T, strict=False):
                    of_known = codes if is_known.all() else codes[is_known]
                    total[coding] += np.bincount(of_known, minlength=kind.n_codes)
    on = [_sums(library.kinds, [table[k] for table in known]) for k in range(n_known)]
    for concept, k in enumerate(known_column.tolist()):
        tables = [table[concept] for table in with_concept]
        yield _sums(library.kinds, tables), on[k], int(tables[0][0].sum())


def _known_labels(block: LabelledRows, known_column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and concept of each label of a residue that is known."""
    labels = block.labels.tocoo()
    row, column = (np.asarray(place, dtype=np.int64) for place in labels.coords)
    counted = (labels.data != 0) & block.known[row, known_column[column]]
    return row[counted], column[counted]


def _sums(kinds: Sequence[RuleKind], tables: Sequence[np.ndarray]) -> np.ndarray:
    sums = [kind.sums(table) for kind, table in zip(kinds, tables, strict=True)]
    return np.concatenate(sums)
