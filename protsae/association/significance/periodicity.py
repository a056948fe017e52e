"""Do labels repeat at a regular distance? Then a null must not break their phase."""

import math

import numpy as np

from protsae.association.significance.rotation_overlap import Runs

MIN_REPEATS = 7
"""Runs that a protein needs before they can be called regular."""
REGULAR = 0.8
"""Least resultant length of regular runs. Every third or fourth residue in turn (a helix's 3.6
residues per turn) reaches 0.9."""
CHANCE = 0.01
"""Most that places at random are called regular: m R^2 must reach log(n / CHANCE) for m places
and n frequencies that can be told apart (Rayleigh's test)."""
MIN_COMMON = 3
"""Runs that a protein needs to tell of a period that all proteins share."""
COMMON, NEARLY = 0.6, 0.9
"""Least share of regular places at a common period (insertions and runs of other lengths shift
some); of the largest share, what counts as nearly as good."""
MIN_PROTEINS, MAX_LOOKED_AT = 3, 60
"""Proteins with enough runs that a periodic concept has at least, and of which regularity is
judged at most: the first ones."""


def label_periods(labels: Runs, lengths: np.ndarray) -> np.ndarray:
    """Period of each protein's labels in residues; 0 where they have none.

    One period of all proteins (`common_period`), or else, if at least half of the proteins with
    ``MIN_REPEATS`` runs or more are regular (`period`), each one's own; the others, of which the
    phase is not known, then cannot rotate: their period is their length.

    Parameters
    ----------
    labels : Runs
    lengths : ndarray of int, shape (n_proteins,)

    Returns
    -------
    ndarray, float64, shape (n_proteins,)

    Examples
    --------
    >>> begin = np.append(np.tile(np.arange(0, 70, 7), 3), 5)
    >>> runs = Runs(np.append(np.repeat(np.arange(3), 10), 3), begin, begin + 2)
    >>> label_periods(runs, np.full(4, 80)).round(2).tolist()
    [7.0, 7.0, 7.0, 7.0]
    """
    n_runs = np.bincount(labels.protein, minlength=len(lengths))
    ends = np.cumsum(n_runs)

    def places(least: int) -> tuple[np.ndarray, list[np.ndarray]]:
        enough = np.flatnonzero(n_runs >= least)
        return enough, [labels.begin[ends[p] - n_runs[p] : ends[p]] for p in enough]

    common = common_period(places(MIN_COMMON)[1][:MAX_LOOKED_AT])
    if common > 0:
        return np.full(len(lengths), common)
    enough, of_proteins = places(MIN_REPEATS)
    looked_at = [period(each) for each in of_proteins[:MAX_LOOKED_AT]]
    if len(enough) < MIN_PROTEINS or 2 * np.count_nonzero(looked_at) < len(looked_at):
        return np.zeros(len(lengths))
    own = np.zeros(len(lengths))
    own[enough] = [*looked_at, *(period(each) for each in of_proteins[MAX_LOOKED_AT:])]
    return np.where(own > 0, own, lengths)


def common_period(places: list[np.ndarray]) -> float:
    """Distance at which the places of all proteins repeat, each in a phase of its own; 0 if none.

    The frequency f with the largest mean share of regular places, S(f) = sum_p m_p R_p(f)^2 / sum_p
    m_p, over m_p places with resultant length R_p, from 0.7 times the lower quartile of all
    spacings to 1.3 times their median; of frequencies nearly as good the lowest, as all multiples
    of a period's are regular, too. It must reach ``COMMON``, and what places at random do not:
    there m R^2 is about exponential with mean 1.

    Examples
    --------
    >>> round(common_period([np.array([3, 10, 17]), np.array([5, 12, 26, 33])] * 4), 1)
    7.0
    >>> common_period([np.array([3, 10, 31]), np.array([5, 14, 26, 33])] * 4)
    0.0
    """
    if len(places) < MIN_PROTEINS:
        return 0.0
    spacing = np.concatenate([np.diff(each) for each in places])
    lower, median = np.quantile(spacing, [0.25, 0.5])
    span = max(float(each[-1] - each[0]) for each in places)
    slowest, fastest = 1 / (1.3 * median), 1 / max(0.7 * lower, 2.0)
    if fastest <= slowest:
        return 0.0
    n_places = sum(len(each) for each in places)

    def regular(frequency: np.ndarray) -> np.ndarray:
        shares = [len(each) * resultant(each, frequency) ** 2 for each in places]
        total: np.ndarray = np.sum(shares, axis=0) / n_places
        return total

    coarse = np.linspace(slowest, fastest, 2 + int(8 * span * (fastest - slowest)))
    found = regular(coarse)
    good = found >= NEARLY * found.max()
    first = int(good.argmax())
    size = int(np.append(~good[first:], True).argmax())
    near = coarse[first + int(found[first : first + size].argmax())]
    fine = near + np.linspace(-1, 1, 65) / (8 * span)
    shares = regular(fine)
    n_proteins = len(places)
    by_chance = (n_proteins + 6 * np.sqrt(n_proteins)) / n_places
    best = int(shares.argmax())
    return float(1 / fine[best]) if shares[best] >= max(COMMON, by_chance) else 0.0


def period(places: np.ndarray) -> float:
    """Distance at which ascending places repeat; 0 if they are not regular.

    The period T with the largest resultant R(T) = |mean_j exp(2 pi i x_j / T)|, searched from 0.7
    times the lower quartile of the spacings to 1.3 times their median, if R is at least ``REGULAR``
    and larger than ``CHANCE`` allows.

    References
    ----------
    Mardia & Jupp, Directional Statistics (2000), section 2.3: the mean resultant length.

    Examples
    --------
    >>> round(period(np.array([0, 4, 7, 11, 15, 18, 22, 25, 29, 33, 36, 40])), 1)
    3.6
    >>> period(np.array([0, 5, 33, 40, 92, 111, 130, 131]))
    0.0
    """
    spacing = np.diff(places)
    lower, median = np.quantile(spacing, [0.25, 0.5])
    span = float(places[-1] - places[0])
    slowest, fastest = 1 / (1.3 * median), 1 / max(0.7 * lower, 2.0)
    if fastest <= slowest:
        return 0.0
    # Steps of 1/8 turn over the whole span miss no peak, of 1/256 turn find its top.
    coarse = np.linspace(slowest, fastest, 2 + int(8 * span * (fastest - slowest)))
    near = coarse[resultant(places, coarse).argmax()]
    fine = near + np.linspace(-1, 1, 65) / (8 * span)
    lengths = resultant(places, fine)
    best = int(lengths.argmax())
    n_frequencies = 1 + span * (fastest - slowest)
    by_chance = np.log(n_frequencies / CHANCE) / len(places)
    return float(1 / fine[best]) if lengths[best] ** 2 >= max(REGULAR**2, by_chance) else 0.0


def resultant(places: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Mean resultant length of the places' phases, |mean_j exp(2 pi i f x_j)|, by frequency.

    Frequencies must be evenly spaced: every one is a far one plus a near one, so that a product of
    two small tables of exponentials gives all of them.

    Examples
    --------
    >>> resultant(np.array([0, 4, 8]), np.array([0.125, 0.25, 0.375])).round(3).tolist()
    [0.333, 1.0, 0.333]
    """
    n = len(frequency)
    n_near = math.isqrt(n - 1) + 1
    near = (frequency[-1] - frequency[0]) / (n - 1) * np.arange(n_near)
    far = np.exp(2j * np.pi * np.outer(frequency[::n_near], places))
    sums = far @ np.exp(2j * np.pi * np.outer(places, near))
    lengths: np.ndarray = np.abs(sums).ravel()[:n] / len(places)
    return lengths
