"""Accuracy in the worst of the four cells, with an interval that allows for picking the worst.

The least of four estimates tends to lie below the least of the true values, most of all where these
are alike, and lower still in resampled clusters. So percentiles of the resampled least hold the
truth in only half of cases.
"""

import warnings

import numpy as np

from protsae.interventions.confounders.balanced_scores import N_CELLS

TAIL = 2.5
"""Per cent of cases in which an end of a 95 % interval may miss the truth on its side."""


def worst_interval(told_DRC: np.ndarray) -> tuple[float, float]:
    """95 % interval of the accuracy in the worst cell.

    The lower bound is the least of the cells' 2.5 % percentiles: it is no higher than that of the
    worst cell. The upper bound is the least of their 100 % - 2.5 % / 4 percentiles: each bounds its
    own cell, all do together in 97.5 % of cases or more, and then the least bounds the worst cell.

    Parameters
    ----------
    told_DRC : ndarray, shape (n_draws, 1 + n_resamplings, 4)
        As of `BalancedTest.told`, of one probe or of several, whose mean is given.

    Examples
    --------
    Three cells are told from 0.5 to 0.9 in resampled clusters, the fourth from 0.4 to 0.8:

    >>> resampled = np.linspace(0, 0.4, 1001)[:, None] + [0.5, 0.5, 0.5, 0.4]
    >>> low, high = worst_interval(np.vstack([resampled.mean(0), resampled])[None])
    >>> round(low, 4), round(high, 4)
    (0.41, 0.7975)
    """
    low = _percentile(told_DRC, TAIL).min(1).mean()
    high = _percentile(told_DRC, 100 - TAIL / N_CELLS).min(1).mean()
    worst = worst_of(told_DRC)
    return min(float(low), worst), max(float(high), worst)


def worst_gain_interval(told_DRC: np.ndarray, before_1RC: np.ndarray) -> tuple[float, float]:
    """95 % interval of the accuracy in the worst cell less that of another probe.

    The overlap of two intervals. The first combines those of the two accuracies:
    g - sqrt((a - a_low)^2 + (b_high - b)^2) to g + sqrt((a_high - a)^2 + (b - b_low)^2)
    (MOVER, for accuracies that are not negatively correlated). The second goes from the least to
    the largest gain of a single cell, by percentiles of 1.25 % and 98.75 %: the gain of the worst
    lies between these.

    Parameters
    ----------
    told_DRC, before_1RC : ndarray
        As of `worst_interval`, on the same resampled clusters; the second of one probe.

    References
    ----------
    Zou & Donner, Stat. Med. 27, 1693 (2008).

    Examples
    --------
    What tells the same proteins gains nothing:

    >>> told = np.random.default_rng(0).random((1, 101, 4))
    >>> worst_gain_interval(told, told)
    (0.0, 0.0)
    """
    a, b = worst_of(told_DRC), worst_of(before_1RC)
    (a_low, a_high), (b_low, b_high) = worst_interval(told_DRC), worst_interval(before_1RC)
    gained_DRC = told_DRC - before_1RC
    least = float(_percentile(gained_DRC, TAIL / 2).min(1).mean())
    most = float(_percentile(gained_DRC, 100 - TAIL / 2).max(1).mean())
    gain = a - b
    low = max(gain - np.hypot(a - a_low, b_high - b), min(least, gain))
    high = min(gain + np.hypot(a_high - a, b - b_low), max(most, gain))
    return float(low), float(high)


def worst_of(told_DRC: np.ndarray) -> float:
    """Accuracy in the worst cell of the proteins as they are, mean over draws."""
    return float(told_DRC[:, 0].min(1).mean())


def _percentile(told_DRC: np.ndarray, per_cent: float) -> np.ndarray:
    """Of each cell over resamplings, those with an empty cell left out: shape (n_draws, 4)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="All-NaN")
        found: np.ndarray = np.nanpercentile(told_DRC[:, 1:], per_cent, axis=1)
    return found
