"""Residues at which the effect of each feature is measured: active ones, and silent ones alike."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

CLAMP_QUANTILE = 0.9
"""Quantile of a feature's positive activations that it is set to where it is silent."""


@dataclass(frozen=True)
class SiteRows:
    """Residues that were masked and predicted, one row each, over all passes.

    Attributes
    ----------
    pass_number : ndarray of int, shape (n_rows,)
    index : ndarray of int, shape (n_rows,)
        Which of the residues that the pass predicts, from 0.
    protein, cluster : ndarray of int, shape (n_rows,)
        Number of the protein, and of its homology cluster.
    letter : ndarray of int, shape (n_rows,)
        The residue that is there.
    codes : csc_array, shape (n_rows, n_features)
        Activations of the features in that pass, the residue being masked.
    """

    pass_number: np.ndarray
    index: np.ndarray
    protein: np.ndarray
    cluster: np.ndarray
    letter: np.ndarray
    codes: sparse.csc_array


@dataclass(frozen=True)
class FeatureSites:
    """Rows of `SiteRows` at which one feature is measured, at most one active one a cluster.

    Attributes
    ----------
    active : ndarray of int
    activation : ndarray of float64
        At those rows.
    silent : ndarray of int
        Rows where the feature is 0, each of the protein and with the residue of an active row, as
        far as there is one.
    clamp : float
        The `CLAMP_QUANTILE` of its positive activations; 0 if it is never active.
    """

    active: np.ndarray
    activation: np.ndarray
    silent: np.ndarray
    clamp: float


def choose_feature_sites(rows: SiteRows, n_sites: int, seed: int) -> list[FeatureSites]:
    """Sites of each feature, in clusters drawn at random, ``n_sites`` at most.

    In every other cluster it is the residue at which the feature is strongest, in the rest one at
    random among those where it is active. So there are sites of all strengths.

    Examples
    --------
    >>> codes = sparse.csc_array(np.array([[2.0], [0.0], [1.0], [0.0]]))
    >>> numbers, letters = np.zeros(4, int), np.array([7, 7, 5, 5])
    >>> rows = SiteRows(numbers, np.arange(4), np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]),
    ...                 letters, codes)
    >>> [found] = choose_feature_sites(rows, n_sites=5, seed=0)
    >>> sorted(found.active.tolist()), sorted(found.silent.tolist()), found.clamp
    ([0, 2], [1, 3], 2.0)
    """
    like = _rows_alike(rows)
    return [
        _sites_of(rows, like, feature, n_sites, np.random.default_rng((seed, feature)))
        for feature in range(rows.codes.shape[1])
    ]


def _rows_alike(rows: SiteRows) -> dict[tuple[int, int], np.ndarray]:
    """Rows of each protein and letter."""
    order = np.lexsort((rows.letter, rows.protein))
    pairs = np.stack([rows.protein[order], rows.letter[order]], 1)
    starts = np.flatnonzero(np.r_[True, (np.diff(pairs, axis=0) != 0).any(1)])
    parts = np.split(order, starts[1:])
    return {(int(p), int(a)): part for (p, a), part in zip(pairs[starts], parts, strict=True)}


def _sites_of(
    rows: SiteRows,
    like: dict[tuple[int, int], np.ndarray],
    feature: int,
    n_sites: int,
    rng: np.random.Generator,
) -> FeatureSites:
    column = slice(*rows.codes.indptr[feature : feature + 2])
    at, value = rows.codes.indices[column], rows.codes.data[column].astype(np.float64)
    at, value = at[value > 0], value[value > 0]
    if not len(at):
        nothing = np.empty(0, np.int64)
        return FeatureSites(nothing, np.empty(0), nothing, 0.0)
    # Shuffled, the first of a cluster is one at random.
    shuffled = rng.permutation(len(at))
    of_cluster, first = np.unique(rows.cluster[at[shuffled]], return_index=True)
    strongest = np.lexsort((-value, rows.cluster[at]))
    _, top = np.unique(rows.cluster[at[strongest]], return_index=True)
    order = rng.permutation(len(of_cluster))[:n_sites]
    is_top = np.arange(len(order)) % 2 == 0
    chosen = np.where(is_top, strongest[top[order]], shuffled[first[order]])
    clamp = float(np.sort(value)[int(np.ceil(CLAMP_QUANTILE * len(value))) - 1])
    is_active = set(at.tolist())
    silent = []
    for row in at[chosen]:
        alike = like[int(rows.protein[row]), int(rows.letter[row])]
        other = next((other for other in rng.permutation(alike) if other not in is_active), None)
        silent += [] if other is None else [other]
    return FeatureSites(at[chosen], value[chosen], np.array(silent, np.int64), clamp)
