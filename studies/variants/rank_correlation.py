"""Spearman's correlation, with intervals over sites: variants of one site depend on each other."""

from collections.abc import Mapping

import numpy as np
from scipy.stats import rankdata

N_RESAMPLINGS = 1000
TOGETHER = 50
"""Resamplings whose ranks are held at a time."""


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's correlation of the ranks, equal values sharing theirs; 0 if one is constant.

    Examples
    --------
    >>> round(spearman(np.array([1, 2, 2, 9]), np.array([1, 5, 6, 7])), 4)
    0.9487
    """
    a, b = rankdata(x), rankdata(y)
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size > 0 else 0.0


def site_draws(n_sites: int, n: int = N_RESAMPLINGS, seed: int = 0) -> np.ndarray:
    """How often each site is drawn, with replacement, as many sites as there are: (n, n_sites).

    Examples
    --------
    >>> draws = site_draws(3, n=2)
    >>> draws.shape, draws.sum(1).tolist()
    ((2, 3), [3, 3])
    """
    drawn = np.random.default_rng(seed).integers(n_sites, size=(n, n_sites))
    return np.stack([np.bincount(one, minlength=n_sites) for one in drawn])


def resampled_spearman(
    scores: Mapping[str, np.ndarray], measured: np.ndarray, owner: np.ndarray, draws: np.ndarray
) -> dict[str, np.ndarray]:
    """Spearman's correlation of each score in each resampling: the same ones for all scores.

    Equal to `spearman` of the variants written out as often as their site is drawn.

    Parameters
    ----------
    owner : int, shape (n_variants,)
        Site of each variant, as a column of ``draws``.
    draws : int, shape (n_resamplings, n_sites)

    Returns
    -------
    dict of str to ndarray
        float64, shape (n_resamplings,); 0 where one side is constant.

    Examples
    --------
    >>> x, owner = np.array([1.0, 2, 3]), np.array([0, 1, 2])
    >>> resampled_spearman({"x": x}, x[::-1], owner, np.array([[1, 1, 1], [3, 0, 0]]))["x"].tolist()
    [-1.0, 0.0]
    """
    found: dict[str, list[np.ndarray]] = {name: [] for name in scores}
    for first in range(0, len(draws), TOGETHER):
        weight_BN = draws[first : first + TOGETHER, owner].astype(np.float64)
        of_measured = _centred_ranks(measured, weight_BN)
        for name, score in scores.items():
            ranks_BN = _centred_ranks(score, weight_BN)
            size = np.sqrt((weight_BN * ranks_BN**2).sum(1) * (weight_BN * of_measured**2).sum(1))
            product = (weight_BN * ranks_BN * of_measured).sum(1)
            found[name].append(np.divide(product, size, out=np.zeros(len(size)), where=size > 0))
    return {name: np.concatenate(values) for name, values in found.items()}


def _centred_ranks(x: np.ndarray, weight_BN: np.ndarray) -> np.ndarray:
    """Ranks less their mean if each value occurs ``weight`` times; equal ones share theirs."""
    order = np.argsort(x, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(x[order]) != 0))
    sizes = np.add.reduceat(weight_BN[:, order], starts, axis=1)
    # Half of the values that are equal lie below, half above.
    middle = sizes.cumsum(1) - sizes / 2 - sizes.sum(1, keepdims=True) / 2
    ranks_BN = np.empty_like(weight_BN)
    ranks_BN[:, order] = np.repeat(middle, np.diff(np.append(starts, len(x))), axis=1)
    return ranks_BN


def spearman_of(
    scores: dict[str, np.ndarray], measured: np.ndarray, site: np.ndarray
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Of each score, and in each resampling of sites with all their variants.

    Returns
    -------
    whole : dict of name to float
    resampled : dict of name to float64, shape (N_RESAMPLINGS,)
    """
    sites, owner = np.unique(site, return_inverse=True)
    whole = {name: spearman(score, measured) for name, score in scores.items()}
    return whole, resampled_spearman(scores, measured, owner, site_draws(len(sites)))


def interval(values: np.ndarray) -> tuple[float, float]:
    """2.5 % and 97.5 % quantiles."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
