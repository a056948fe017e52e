"""Spearman's correlation, with intervals over sites: variants of one site depend on each other."""

import numpy as np
from scipy.stats import rankdata

N_RESAMPLINGS = 1000


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


def site_resamplings(site: np.ndarray, n: int = N_RESAMPLINGS, seed: int = 0) -> list[np.ndarray]:
    """Rows of the variants of sites drawn with replacement, as many as there are.

    Examples
    --------
    >>> rows = site_resamplings(np.array([4, 4, 7]), n=1, seed=0)[0]
    >>> len(rows) in (2, 3, 4), set(rows.tolist()) <= {0, 1, 2}
    (True, True)
    """
    sites, owner = np.unique(site, return_inverse=True)
    rows = [np.flatnonzero(owner == i) for i in range(len(sites))]
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(sites), size=(n, len(sites)))
    return [np.concatenate([rows[i] for i in one]) for one in drawn]


def spearman_of(
    scores: dict[str, np.ndarray], measured: np.ndarray, site: np.ndarray
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Of each score, and in each resampling of sites: the same ones for all scores.

    Returns
    -------
    whole : dict of name to float
    resampled : dict of name to float64, shape (N_RESAMPLINGS,)
    """
    rows = site_resamplings(site)
    whole = {name: spearman(score, measured) for name, score in scores.items()}
    resampled = {
        name: np.array([spearman(score[own], measured[own]) for own in rows])
        for name, score in scores.items()
    }
    return whole, resampled


def interval(values: np.ndarray) -> tuple[float, float]:
    """2.5 % and 97.5 % quantiles."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
