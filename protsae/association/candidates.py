"""Candidates for missing annotation: a feature is on as at a property that the entry lacks.

Of a chosen pair of feature and property, every stretch at which the feature is on counts once, as
annotated (an instance of the property lies within a few residues) or not. On valid this gives the
share p of stretches annotated, by how high their peak is; on test, the stretches that are not
annotated are candidates, ranked by p.

What p says. It estimates a lower bound on the share of all such stretches that have the property,
as what is not annotated may have it all the same (a little high, if the pair and its threshold were
chosen on the same proteins). It is no bound on the share of *candidates* that have it:
the annotated ones are taken out of these. If a share m of the instances lacks its annotation,
``missing_share(p, m)`` of the candidates are such. Real gaps are not counted anywhere, so m is not
known; ``hidden_recovery`` makes gaps of a known share and sees whether they are found as predicted.
That tests the ranking and p, not m, and for instances like the annotated ones only: curators do not
skip at random.

Properties with instances only: those of UniProt, where an entry may lack what is there. What
follows from the sequence is never missing, and a label set has residues that it does not know.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import isotonic_regression

from protsae.association.scores import ratio
from protsae.concepts.annotations import Spans

QUANTILE_EDGES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
"""Between bins of a peak's quantile. Finer towards 1, where the peaks of stretches are."""
PROBABILITY_EDGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Between bins of the reliability table."""
PRIOR_STRETCHES = 2
"""Weight of the prior in a bin, as in Laplace's rule (one hit and one miss)."""


@dataclass(frozen=True, eq=False)
class Detectors:
    """Chosen pairs: feature, property and threshold of each.

    Parameters
    ----------
    feature, property_ : ndarray of int, shape (n_pairs,)
        Columns of the activations and of the properties.
    threshold : ndarray of float, shape (n_pairs,)
        The feature is on above it; none negative.
    """

    feature: np.ndarray
    property_: np.ndarray
    threshold: np.ndarray


def find_stretches(
    detectors: Detectors,
    activations: sparse.csc_array,
    accessions: Sequence[str],
    lengths: np.ndarray,
    spans: Spans,
    known: np.ndarray,
    known_column: np.ndarray,
    near: int,
) -> pd.DataFrame:
    """Stretches at which each detector is on, in whole proteins that stand one after another.

    A stretch counts if all of its residues are known to have the property or to lack it: where an
    entry has it by a feature that the evidence filter left out, nothing is missing.

    Parameters
    ----------
    detectors : Detectors
    activations : csc_array, shape (n_residues, n_features)
        None negative.
    accessions : sequence of str
    lengths : ndarray of int, shape (n_proteins,)
    spans : Spans
        Instances of the properties; ``protein`` is the place in ``accessions``.
    known : ndarray of bool, shape (n_residues, n_known_columns)
    known_column : ndarray of int, shape (n_properties,)
        As in `PropertyTable`.
    near : int
        Residues between a stretch and an instance, at most, that still count as its place.

    Returns
    -------
    DataFrame
        accession, start, end (1-based inclusive), pair (index into the detectors), property,
        feature, peak (1-based, the first of equal ones), activation (there), annotated.
        By pair, protein, start.

    Examples
    --------
    Seven residues, on at 2 and 3, and at 6; an instance at 4. The first stretch is next to it:

    >>> detectors = Detectors(np.array([0]), np.array([0]), np.array([0.5]))
    >>> x = sparse.csc_array(np.array([[0.0], [1], [3], [0], [0], [2], [0]]))
    >>> spans = Spans(*(np.array([n]) for n in (0, 0, 4, 4)))
    >>> known, column = np.ones((7, 1), bool), np.array([0])
    >>> lengths = np.array([7])
    >>> found = find_stretches(detectors, x, ["P1"], lengths, spans, known, column, near=1)
    >>> found[["start", "end", "peak", "annotated"]].values.tolist()
    [[2, 3, 3, True], [6, 6, 6, False]]
    """
    chosen = sparse.csc_array(activations[:, detectors.feature]).sorted_indices()
    stored = np.diff(chosen.indptr)
    is_on = chosen.data > np.repeat(detectors.threshold, stored)
    row, value = chosen.indices[is_on].astype(np.int64), chosen.data[is_on]
    pair = np.repeat(np.arange(len(stored)), stored)[is_on]
    protein = np.repeat(np.arange(len(lengths)), lengths)[row]

    new = np.ones(len(row), dtype=bool)
    new[1:] = (pair[1:] != pair[:-1]) | (protein[1:] != protein[:-1]) | (row[1:] != row[:-1] + 1)
    begin = np.flatnonzero(new)
    last = np.append(begin[1:], len(row))[: len(begin)] - 1
    peak = np.lexsort((row, -value, np.cumsum(new)))[begin]
    property_ = detectors.property_[pair[begin]]

    # Unknown residues before each row, by column.
    unknown = np.concatenate([np.zeros((1, known.shape[1]), int), np.cumsum(~known, axis=0)])
    column = known_column[property_]
    all_known = unknown[row[last] + 1, column] == unknown[row[begin], column]

    of_protein = protein[begin]
    first_row = (np.cumsum(lengths) - lengths)[of_protein]
    start, end = row[begin] - first_row + 1, row[last] - first_row + 1
    stretches = pd.DataFrame(
        {
            "accession": np.array(accessions, dtype=object)[of_protein],
            "start": start,
            "end": end,
            "pair": pair[begin],
            "property": property_,
            "feature": detectors.feature[pair[begin]],
            "peak": row[peak] - first_row + 1,
            "activation": value[peak],
            "annotated": _touches(spans, of_protein, property_, start - near, end + near),
        }
    )
    return stretches[all_known].reset_index(drop=True)


def _touches(
    spans: Spans, protein: np.ndarray, column: np.ndarray, start: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """Whether some span of the same protein and column shares a residue with start to end."""
    if not len(spans.start):
        return np.zeros(len(start), dtype=bool)
    n_columns = 1 + max(spans.column.max(initial=0), column.max(initial=0))
    width = 1 + max(spans.end.max(initial=0), end.max(initial=0))
    place = (spans.protein * n_columns + spans.column) * width
    order = np.argsort(place + spans.start, kind="stable")
    # Furthest end of the spans that begin no later, within a place: places do not mix, as all
    # positions are below the width.
    furthest = np.maximum.accumulate((place + spans.end)[order])
    own = (protein * n_columns + column) * width
    before = np.searchsorted((place + spans.start)[order], own + end, side="right") - 1
    touches: np.ndarray = (before >= 0) & (furthest[before] >= own + np.maximum(start, 1))
    return touches


def activation_quantiles(
    train: sparse.csc_array, feature: np.ndarray, activation: np.ndarray
) -> np.ndarray:
    """Share of a feature's positive activations on train at or below each activation.

    Parameters
    ----------
    train : csc_array, shape (n_residues, n_features)
        Only positive values stored.
    feature, activation : ndarray, shape (n,)

    Returns
    -------
    ndarray, dtype=float64, shape=(n,)
        0 for a feature that is never active.

    Examples
    --------
    >>> train = sparse.csc_array(np.array([[1.0], [0], [2], [3], [4]]))
    >>> activation_quantiles(train, np.array([0, 0, 0]), np.array([0.5, 2, 9])).tolist()
    [0.0, 0.5, 1.0]
    """
    quantile = np.zeros(len(feature))
    for f in np.unique(feature):
        positive = np.sort(train.data[train.indptr[f] : train.indptr[f + 1]])
        own = feature == f
        at_or_below = np.searchsorted(positive, activation[own], side="right")
        quantile[own] = ratio(at_or_below, np.array(len(positive)))
    return quantile


def annotated_share(
    pair: np.ndarray, quantile: np.ndarray, annotated: np.ndarray, n_pairs: int
) -> np.ndarray:
    """Share p of stretches annotated, by bin of the quantile of their peak; rises with it.

    In a bin with k of n stretches annotated, (k + 2 r) / (n + 2), where r = (K + 1) / (N + 2) is
    the same over all bins of the pair; then the isotonic regression of these, with weights n + 2.

    Parameters
    ----------
    pair : ndarray of int, shape (n_stretches,)
    quantile : ndarray of float, shape (n_stretches,)
        From ``activation_quantiles``.
    annotated : ndarray of bool, shape (n_stretches,)
        On valid: test must not have a say.
    n_pairs : int

    Returns
    -------
    ndarray, dtype=float64, shape=(n_pairs, len(QUANTILE_EDGES) + 1)
        Above 0 and below 1.

    Examples
    --------
    Of 2 low peaks none is annotated, of 4 high ones all: r = 5 / 8, so that p = 1.25 / 4 and
    5.25 / 6; in between, where there is none, it is r.

    >>> quantile, annotated = np.array([0.1] * 2 + [1.0] * 4), np.array([False] * 2 + [True] * 4)
    >>> annotated_share(np.zeros(6, int), quantile, annotated, 1).tolist()
    [[0.3125, 0.625, 0.625, 0.625, 0.625, 0.625, 0.875]]
    """
    n_bins = len(QUANTILE_EDGES) + 1
    cell = pair * n_bins + _bin(quantile, QUANTILE_EDGES)
    hits, number = (
        np.bincount(cells, minlength=n_pairs * n_bins).reshape(n_pairs, n_bins)
        for cells in (cell[annotated], cell)
    )
    overall = (hits.sum(1, keepdims=True) + 1) / (number.sum(1, keepdims=True) + 2)
    weights = number + PRIOR_STRETCHES
    share = (hits + PRIOR_STRETCHES * overall) / weights
    rising = [isotonic_regression(s, weights=w).x for s, w in zip(share, weights, strict=True)]
    return np.array(rising).reshape(n_pairs, n_bins)


def _bin(value: np.ndarray, edges: Sequence[float]) -> np.ndarray:
    """Bin of each value; an edge belongs to the bin above it."""
    return np.searchsorted(edges, value, side="right")


def rank_candidates(
    stretches: pd.DataFrame, quantile: np.ndarray, share: np.ndarray
) -> pd.DataFrame:
    """Stretches that are not annotated, the most probable first.

    Parameters
    ----------
    stretches : DataFrame
        From ``find_stretches``, of any number of blocks.
    quantile : ndarray of float, shape (n_stretches,)
        From ``activation_quantiles``.
    share : ndarray of float, shape (n_pairs, n_bins)
        From ``annotated_share`` on valid.

    Returns
    -------
    DataFrame
        rank (from 1), then the columns of ``stretches`` less annotated, with quantile and
        probability (p, as in this module's head). By falling probability, falling quantile,
        accession, start, pair.
    """
    quantile = np.asarray(quantile)
    probability = share[stretches["pair"].to_numpy(), _bin(quantile, QUANTILE_EDGES)]
    ranked = (
        stretches.assign(quantile=quantile, probability=probability)[~stretches["annotated"]]
        .drop(columns="annotated")
        .sort_values(
            ["probability", "quantile", "accession", "start", "pair"],
            ascending=[False, False, True, True, True],
            ignore_index=True,
        )
    )
    ranked.insert(0, "rank", np.arange(1, len(ranked) + 1))
    return ranked


def missing_share(probability: np.ndarray, missing: float) -> np.ndarray:
    """Share of candidates that are gaps, m p / (1 - p + m p), if a share m of instances is missing.

    Of n stretches n p belong to instances, of which m are not annotated; n (1 - p) to none.

    Examples
    --------
    A detector right nine times out of ten, where a fifth of the annotation is missing:

    >>> missing_share(np.array([0.9]), 0.2).round(3).tolist()
    [0.643]
    """
    gaps = missing * np.asarray(probability)
    return ratio(gaps, 1 - probability + gaps)


def hide_instances(column: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Choose a random share of each property's instances.

    Parameters
    ----------
    column : ndarray of int, shape (n_instances,)
        Property of each instance. To be called once with all instances of test, so that what is
        hidden does not depend on the blocks.
    share : float
        Rounded to a whole number of instances of each property, a half to the even one.
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
    properties : DataFrame
        property, n_instances, n_hidden, n_found (hidden ones with a candidate within reach),
        found_share (of the hidden), n_candidates; n_found_first: found by the first n_hidden
        candidates of the property, as many as a perfect ranking needs, while enough candidates find
        everything by chance; median_rank: of the first candidate of each instance found, among the
        candidates of its property, from 1 (NaN if none was found).
    reliability : DataFrame
        One row for each bin of p with candidates: p_from, p_to, n_candidates, n_hidden (of these at
        a hidden instance), probability (mean p), expected_share (mean of ``missing_share``),
        observed_share (n_hidden / n_candidates). Candidates at one instance are hidden together:
        the error of a share goes with the number of instances, not of candidates.
    """

    properties: pd.DataFrame
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

    Where several instances are near one stretch, it becomes a candidate only if all are hidden, so
    that the share observed falls short of the share expected.

    Parameters
    ----------
    candidates : DataFrame
        From ``rank_candidates``, the hidden instances not given to ``find_stretches``; the others
        stand for what is truly not annotated, and count as wrong, although some may be right.
    accessions : sequence of str
        What ``spans.protein`` points into.
    spans : Spans
        All instances in test, hidden or not, of the properties looked for.
    hidden : ndarray of bool, shape (n_instances,)
        From ``hide_instances``.
    share : float
        Hidden, of all.
    near : int
        As for ``find_stretches``.
    """
    ranked = candidates.sort_values("rank")
    ranked = ranked.assign(rank=ranked.groupby("property").cumcount() + 1)
    chosen = spans.take(hidden)
    instances = pd.DataFrame(
        {
            "accession": np.array(accessions, dtype=object)[chosen.protein],
            "property": chosen.column,
            "instance": np.arange(len(chosen.start)),
            "first": chosen.start,
            "last": chosen.end,
        }
    )
    ranked = ranked.assign(candidate=np.arange(len(ranked)))
    both = ranked.merge(instances, on=["accession", "property"])
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
    """``Recovery.properties``, from pairs of a candidate and a hidden instance."""
    first = both.groupby("instance").agg({"property": "first", "rank": "min"})
    table = pd.DataFrame({"property": np.unique(column)})

    def number(of: pd.Series) -> np.ndarray:
        return table["property"].map(of.value_counts()).fillna(0).astype(np.int64).to_numpy()

    table["n_instances"] = number(pd.Series(column))
    table["n_hidden"] = number(instances["property"])
    table["n_found"] = number(first["property"])
    table["found_share"] = ratio(table["n_found"].to_numpy(), table["n_hidden"].to_numpy())
    table["n_candidates"] = number(ranked["property"])
    n_hidden = first["property"].map(table.set_index("property")["n_hidden"])
    table["n_found_first"] = number(first.loc[first["rank"] <= n_hidden, "property"])
    table["median_rank"] = table["property"].map(first.groupby("property")["rank"].median())
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
    place = _bin(probability, PROBABILITY_EDGES)
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
