"""Candidates for missing annotation: a feature is on as at a concept that the entry lacks.

Of a chosen pair of feature and concept, every segment at which the feature is on counts once, as
annotated (an instance of the concept lies within a few residues) or not. On train this gives the
share p of segments annotated, by how high their peak is; on test, the segments that are not
annotated are candidates, ranked by p. Valid has chosen the pair and its threshold, and would
flatter both.

What p says. It estimates a lower bound on the share of all such segments that have the concept,
as what is not annotated may have it all the same (a little high at its upper end: shares that are
made to rise lie above what few segments of few clusters can tell). It is no bound on the share of
*candidates* that have it: the annotated ones are taken out of these. If a share m of the instances
lacks its annotation, ``missing_share(p, m)`` of the candidates are such. Real gaps are not counted
anywhere, so m is not known; ``hidden_recovery`` makes gaps of a known share and sees whether they
are found as predicted. That tests the ranking and p, not m, and for instances like the annotated
ones only: curators do not skip at random.

Concepts with instances only: those of UniProt, where an entry may lack what is there. What
follows from the sequence is never missing, and a label set has residues that it does not know.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.scoring.metrics import ratio
from protsae.statistics.monotone_share import monotone_share

QUANTILE_EDGES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
"""Between bins of a peak's quantile. Finer towards 1, where the peaks of segments are."""


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
    """Share p of segments annotated, by bin of the quantile of their peak; rises with it.

    `monotone_share` of the segments annotated in each bin.

    Parameters
    ----------
    pair : ndarray of int, shape (n_segments,)
    quantile : ndarray of float, shape (n_segments,)
        From ``activation_quantiles``.
    annotated : ndarray of bool, shape (n_segments,)
        On proteins that had no say in choosing the pair, and are not test.
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
    cell = pair * n_bins + bin_of(quantile, QUANTILE_EDGES)
    hits, number = (
        np.bincount(cells, minlength=n_pairs * n_bins).reshape(n_pairs, n_bins)
        for cells in (cell[annotated], cell)
    )
    return monotone_share(hits, number)


def bin_of(value: np.ndarray, edges: Sequence[float]) -> np.ndarray:
    """Bin of each value; an edge belongs to the bin above it."""
    return np.searchsorted(edges, value, side="right")


def rank_candidates(
    segments: pd.DataFrame, quantile: np.ndarray, share: np.ndarray
) -> pd.DataFrame:
    """Segments that are not annotated, the most probable first.

    Parameters
    ----------
    segments : DataFrame
        From ``find_segments``, of any number of blocks.
    quantile : ndarray of float, shape (n_segments,)
        From ``activation_quantiles``.
    share : ndarray of float, shape (n_pairs, n_bins)
        From ``annotated_share`` on train.

    Returns
    -------
    DataFrame
        rank (from 1), then the columns of ``segments`` less annotated, with quantile and
        probability (p, as in this module's head). By falling probability, falling quantile,
        accession, start, pair.
    """
    quantile = np.asarray(quantile)
    probability = share[segments["pair"].to_numpy(), bin_of(quantile, QUANTILE_EDGES)]
    ranked = (
        segments.assign(quantile=quantile, probability=probability)[~segments["annotated"]]
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

    Of n segments n p belong to instances, of which m are not annotated; n (1 - p) to none.

    Examples
    --------
    A detector right nine times out of ten, where a fifth of the annotation is missing:

    >>> missing_share(np.array([0.9]), 0.2).round(3).tolist()
    [0.643]
    """
    gaps = missing * np.asarray(probability)
    return ratio(gaps, 1 - probability + gaps)
