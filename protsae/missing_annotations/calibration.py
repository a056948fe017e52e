"""Annotations hidden on purpose: are they found again, and as often as the probabilities say?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from protsae.association.scoring.metrics import ratio
from protsae.concepts.uniprot.spans import Spans
from protsae.missing_annotations.candidate_ranking import bin_of, missing_share
from protsae.statistics import ragged

PROBABILITY_EDGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Between bins of the reliability table."""


def hide_instances(column: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Choose a random share of each concept's instances.

    Parameters
    ----------
    column : ndarray of int, shape (n_instances,)
        Concept of each instance. To be called once with all instances of test, so that what is
        hidden does not depend on the blocks.
    share : float
        Rounded to a whole number of instances of each concept, a half to the even one.
    seed : int

    Returns
    -------
    ndarray, dtype=bool, shape=(n_instances,)

    Examples
    --------
    >>> hidden = hide_instances(np.array([0] * 10 + [3] * 5), 0.2, seed=0)
    >>> int(hidden[:10].sum()), int(hidden[10:].sum())
    (2, 1)
    """
    order = np.lexsort((np.random.default_rng(seed).random(len(column)), column))
    ordered = column[order]
    place = np.arange(len(column)) - np.searchsorted(ordered, ordered)
    hidden = np.zeros(len(column), dtype=bool)
    hidden[order] = place < np.rint(share * np.bincount(column)[ordered])
    return hidden


@dataclass(frozen=True, eq=False)
class Recovery:
    """How hidden instances were found again.

    Attributes
    ----------
    concepts : DataFrame
        concept, n_instances, n_hidden, n_found (hidden ones with a candidate within reach),
        found_share (of the hidden), n_candidates; n_found_first: found by the first n_hidden
        candidates of the concept, as many as a perfect ranking needs, while enough candidates find
        everything by chance; median_rank: of the first candidate of each instance found, among the
        candidates of its concept, from 1 (NaN if none was found).
    reliability : DataFrame
        One row for each bin of p with candidates: p_from, p_to, n_candidates, n_hidden (of these at
        a hidden instance), probability (mean p), expected_share (mean of ``missing_share``),
        observed_share (n_hidden / n_candidates). Candidates at one instance are hidden together:
        the error of a share goes with the number of instances, not of candidates.
    """

    concepts: pd.DataFrame
    reliability: pd.DataFrame


def hidden_recovery(
    candidates: pd.DataFrame,
    accessions: Sequence[str],
    spans: Spans,
    hidden: np.ndarray,
    share: float,
    near: int,
) -> Recovery:
    """Compare candidates found with some instances hidden with what was hidden.

    Where several instances are near one segment, it becomes a candidate only if all are hidden, so
    that the share observed falls short of the share expected.

    Parameters
    ----------
    candidates : DataFrame
        From ``rank_candidates``, the hidden instances not given to ``find_segments``; the others
        stand for what is truly not annotated, and count as wrong, although some may be right.
    accessions : sequence of str
        What ``spans.protein`` points into.
    spans : Spans
        All instances in test, hidden or not, of the concepts looked for.
    hidden : ndarray of bool, shape (n_instances,)
        From ``hide_instances``.
    share : float
        Hidden, of all.
    near : int
        As for ``find_segments``.
    """
    ranked = candidates.sort_values("rank")
    ranked = ranked.assign(rank=ranked.groupby("concept").cumcount() + 1)
    chosen = spans.take(hidden)
    first, last = ragged.inclusive(chosen.begin, chosen.end)
    instances = pd.DataFrame(
        {
            "accession": np.array(accessions, dtype=object)[chosen.protein],
            "concept": chosen.column,
            "instance": np.arange(len(first)),
            "first": first,
            "last": last,
        }
    )
    ranked = ranked.assign(candidate=np.arange(len(ranked)))
    both = ranked.merge(instances, on=["accession", "concept"])
    both = both[(both["first"] <= both["end"] + near) & (both["last"] >= both["start"] - near)]
    at_hidden = np.zeros(len(ranked), dtype=bool)
    at_hidden[both["candidate"]] = True
    return Recovery(
        _recovered(spans.column, instances, ranked, both),
        reliability(ranked["probability"].to_numpy(), at_hidden, share),
    )


def _recovered(
    column: np.ndarray, instances: pd.DataFrame, ranked: pd.DataFrame, both: pd.DataFrame
) -> pd.DataFrame:
    """``Recovery.concepts``, from pairs of a candidate and a hidden instance."""
    first = both.groupby("instance").agg({"concept": "first", "rank": "min"})
    table = pd.DataFrame({"concept": np.unique(column)})

    def number(of: pd.Series) -> np.ndarray:
        return table["concept"].map(of.value_counts()).fillna(0).astype(np.int64).to_numpy()

    table["n_instances"] = number(pd.Series(column))
    table["n_hidden"] = number(instances["concept"])
    table["n_found"] = number(first["concept"])
    table["found_share"] = ratio(table["n_found"].to_numpy(), table["n_hidden"].to_numpy())
    table["n_candidates"] = number(ranked["concept"])
    n_hidden = first["concept"].map(table.set_index("concept")["n_hidden"])
    table["n_found_first"] = number(first.loc[first["rank"] <= n_hidden, "concept"])
    table["median_rank"] = table["concept"].map(first.groupby("concept")["rank"].median())
    return table


def reliability(probability: np.ndarray, at_hidden: np.ndarray, share: float) -> pd.DataFrame:
    """``Recovery.reliability`` of any candidates.

    Parameters
    ----------
    probability : ndarray of float, shape (n_candidates,)
    at_hidden : ndarray of bool, shape (n_candidates,)
        Candidates at a hidden instance.
    share : float
        Hidden, of all instances.

    Examples
    --------
    >>> table = reliability(np.array([0.5, 0.5, 0.5, 0.95]), np.array([1, 0, 0, 1], bool), 0.2)
    >>> table[["p_from", "p_to", "n_candidates", "n_hidden"]].values.tolist()
    [[0.5, 0.6, 3.0, 1.0], [0.9, 1.0, 1.0, 1.0]]
    >>> table[["expected_share", "observed_share"]].round(3).values.tolist()
    [[0.167, 0.333], [0.792, 1.0]]
    """
    edges = np.array([0, *PROBABILITY_EDGES, 1])
    place = bin_of(probability, PROBABILITY_EDGES)
    number, found = (np.bincount(x, minlength=len(edges) - 1) for x in (place, place[at_hidden]))
    mean, expected = (
        ratio(np.bincount(place, x, len(edges) - 1), number)
        for x in (probability, missing_share(probability, share))
    )
    table = pd.DataFrame(
        {
            "p_from": edges[:-1],
            "p_to": edges[1:],
            "n_candidates": number,
            "n_hidden": found,
            "probability": mean,
            "expected_share": expected,
            "observed_share": ratio(found, number),
        }
    )
    return table[number > 0].reset_index(drop=True)
