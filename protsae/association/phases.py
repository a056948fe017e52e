"""Do labels repeat at a regular distance? Then a null must not break their phase."""

import numpy as np

from protsae.association.runs import Runs

MIN_REPEATS = 7
"""Runs that a protein needs before they can be called regular."""
REGULAR = 0.8
"""Least resultant length of regular runs. Every third or fourth residue in turn (a helix's 3.6
residues per turn) reaches 0.9."""
CHANCE = 0.01
"""Most that places at random are called regular: m R^2 must reach log(n / CHANCE) for m places
and n frequencies that can be told apart (Rayleigh's test)."""
AGREEING = 0.02
"""Periods of different proteins are one if three quarters differ from the median by this share."""
MIN_PROTEINS, MAX_LOOKED_AT = 3, 60
"""Proteins with enough runs that a periodic concept has at least, and of which regularity is
judged at most: the first ones."""


def label_periods(labels: Runs, lengths: np.ndarray) -> np.ndarray:
    """Period of each protein's labels in residues; 0 where they have none.

    Labels are periodic if at least half of the proteins with ``MIN_REPEATS`` runs or more are
    regular. The period of a protein then is its own, and in one with too few runs the median of the
    others' if these agree to ``AGREEING``; otherwise its whole length, so that it cannot rotate.

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
    none = np.zeros(len(lengths))
    n_runs = np.bincount(labels.protein, minlength=len(lengths))
    enough = np.flatnonzero(n_runs >= MIN_REPEATS)
    if len(enough) < MIN_PROTEINS:
        return none
    ends = np.cumsum(n_runs)

    def of_proteins(proteins: np.ndarray) -> np.ndarray:
        return np.array([period(labels.begin[ends[p] - n_runs[p] : ends[p]]) for p in proteins])

    looked_at = of_proteins(enough[:MAX_LOOKED_AT])
    regular = looked_at[looked_at > 0]
    if 2 * len(regular) < len(looked_at):
        return none
    own = none
    own[enough] = np.append(looked_at, of_proteins(enough[MAX_LOOKED_AT:]))
    usual = float(np.median(regular))
    agree = np.quantile(np.abs(regular - usual), 0.75) <= AGREEING * usual
    return np.where(own > 0, own, usual if agree else lengths)


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
    """Mean resultant length of the places' phases, |mean_j exp(2 pi i f x_j)|, by frequency."""
    lengths: np.ndarray = np.abs(np.exp(2j * np.pi * np.outer(frequency, places)).mean(1))
    return lengths
