"""Do attributions say what ablations do? Rank correlations over nodes, and what simple rules reach.

An attribution is a claim about a node: so much of the output is due to it. The check is the exact
effect of taking that node away. Beside it stand rules that know nothing of the output.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from protsae.statistics.cluster_correlation import correlation
from protsae.statistics.weighted_ranks import mean_ranks


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's correlation over nodes.

    Attributes
    ----------
    r, low, high : float
        With its 95 % interval over residues; NaN where one of the two is constant, the bounds also
        with fewer than 10 residues.
    n : int
        Nodes.
    """

    r: float
    low: float
    high: float
    n: int


def rank_correlation(x: np.ndarray, y: np.ndarray, residue: np.ndarray) -> RankCorrelation:
    """Spearman's correlation, with an interval by the jackknife over residues.

    Nodes of one residue depend on each other, so residues are left out as a whole (`correlation`).
    Ranks are those among all nodes.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
    residue : ndarray of int, shape (n,)

    Examples
    --------
    >>> found = rank_correlation(np.array([1.0, 2, 9]), np.array([0.1, 0.5, 0.3]), np.arange(3))
    >>> round(found.r, 9), found.n, found.low
    (0.5, 3, nan)
    """
    if not len(x):
        return RankCorrelation(np.nan, np.nan, np.nan, 0)
    a, b = mean_ranks(x), mean_ranks(y)
    terms = np.stack([np.ones(len(a)), a, b, a**2, b**2, a * b], 1)
    _, cluster = np.unique(residue, return_inverse=True)
    moments = np.zeros((cluster.max() + 1, terms.shape[1]))
    np.add.at(moments, cluster, terms)
    r, low, high = correlation(moments)
    return RankCorrelation(float(r), float(low), float(high), len(a))


def size_correlations(
    effect: np.ndarray, sizes: Mapping[str, np.ndarray], residue: np.ndarray
) -> dict[str, float]:
    """Spearman's correlation of each of some sizes with the size of the effect, |effect|.

    Examples
    --------
    >>> sizes = {"activation": np.array([9.0, 1, 2])}
    >>> size_correlations(np.array([-3.0, 1, 2]), sizes, np.arange(3))
    {'activation': 1.0}
    """
    return {name: rank_correlation(size, np.abs(effect), residue).r for name, size in sizes.items()}


def top_nodes(attribution: np.ndarray, n: int) -> np.ndarray:
    """The nodes with the largest attribution by size, largest first.

    Examples
    --------
    >>> top_nodes(np.array([0.1, -5.0, 2.0, 0.0]), 2).tolist()
    [1, 2]
    """
    order: np.ndarray = np.argsort(-np.abs(attribution), kind="stable")[:n]
    return order


def sampled_nodes(n_nodes: int, n: int, seed: int) -> np.ndarray:
    """So many nodes drawn evenly, without regard to their attribution, sorted; all if fewer.

    Examples
    --------
    >>> sampled_nodes(3, 9, seed=0).tolist()
    [0, 1, 2]
    """
    drawn = np.random.default_rng(seed).choice(n_nodes, min(n, n_nodes), replace=False)
    return np.sort(drawn)


NEAR = 8
"""Residues on either side of a site that count as near it."""


def shares_by_distance(
    attribution: np.ndarray, distance: np.ndarray, of_errors: np.ndarray
) -> tuple[float, float, float, float]:
    """Where attribution lands: share of the sum of its sizes.

    Returns
    -------
    at_site, near, elsewhere, error : float
        Of features at the site, within `NEAR` residues and elsewhere, and of errors; they sum to 1,
        or are NaN if all attributions are 0.

    Examples
    --------
    >>> shares = shares_by_distance(np.array([-4.0, 2, 1]), np.array([0, -8, 9]), np.array([1.0]))
    >>> shares
    (0.5, 0.25, 0.125, 0.125)
    """
    size, away = np.abs(attribution), np.abs(distance)
    parts = [
        size[away == 0].sum(),
        size[(away > 0) & (away <= NEAR)].sum(),
        size[away > NEAR].sum(),
        np.abs(of_errors).sum(),
    ]
    total = sum(parts)
    at_site, near, elsewhere, error = (
        float(part / total) if total > 0 else float("nan") for part in parts
    )
    return at_site, near, elsewhere, error
