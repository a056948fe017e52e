"""The law of a sum of independent whole numbers, from those of its terms."""

import numpy as np
from scipy import fft

from protsae.statistics import ragged
from protsae.statistics.compiled import compiled

AT_ONCE = 2**21
"""Entries of all terms times sums up to which the terms are added one by one."""

NEGLIGIBLE = 1e-17
"""Probability of each tail that a large table leaves out: a tenth of what transforms err by."""

LEAST_DEVIATION = 1e-9
"""Of a sum, in place of 0 where all terms are constant."""

_SLOPES = np.array([4.0, 8.0, 16.0])
"""Slopes at which tails are bounded, in standard deviations of the sum: 8 is best for a normal law,
the others for heavier tails."""


def convolve(
    values: np.ndarray, probability: np.ndarray, first: np.ndarray
) -> tuple[int, np.ndarray]:
    """Law of a sum of independent whole numbers.

    Small ones term by term, large ones by Fourier transforms.

    Parameters
    ----------
    values : ndarray of int, shape (n_entries,)
        None negative; term by term.
    probability : ndarray of float, shape (n_entries,)
        Of each term they add to 1.
    first : ndarray of int, shape (n_terms,)
        First entry of each term.

    Returns
    -------
    start : int
    law : ndarray, float64
        Probabilities of the sums start, start + 1, ... Of large tables, tails of `NEGLIGIBLE`
        probability are left out.

    Examples
    --------
    Heads of two coins:

    >>> start, law = convolve(np.array([0, 1, 0, 1]), np.full(4, 0.5), np.array([0, 2]))
    >>> start, law.round(3).tolist()
    (0, [0.25, 0.5, 0.25])
    """
    widest = np.maximum.reduceat(values, first)
    length = int(widest.sum()) + 1
    if len(values) * length <= AT_ONCE:
        return 0, _add(values, probability, np.append(first, len(values)), length)
    start, stop = _likely(values, probability, first, length)
    size = fft.next_fast_len(stop - start, real=True)
    # Modulo the size: what lies outside, which is negligible, is added to what lies inside.
    law = np.roll(_merge(values % size, probability, first, size), -start % size)
    return start, law[: stop - start]


def _likely(
    values: np.ndarray, probability: np.ndarray, first: np.ndarray, length: int
) -> tuple[int, int]:
    """Sums from the first to before the second have all but `NEGLIGIBLE` tails.

    By Chernoff's bound: P(S >= s) <= exp(K(u) - u s) for any u > 0, K(u) = log E exp(u S), and
    likewise below.
    """
    sizes = ragged.sizes_of(first, len(values))
    mean = np.add.reduceat(probability * values, first)
    # From the mean of their term, so that no moment vanishes.
    values = values - np.repeat(mean, sizes)
    deviation = np.sqrt((probability * values**2).sum())
    slopes = np.outer([1, -1], _SLOPES).ravel() / max(deviation, LEAST_DEVIATION)
    # A moment may be infinite: it bounds nothing. What has no probability has no part in it.
    with np.errstate(over="ignore", invalid="ignore"):
        parts = np.where(probability > 0, probability * np.exp(slopes[:, None] * values), 0.0)
    moments = np.add.reduceat(parts, first, axis=1)
    ends = mean.sum() + (np.log(moments).sum(1) - np.log(NEGLIGIBLE)) / slopes
    above, below = ends[slopes > 0].min(), ends[slopes < 0].max()
    return int(max(below, 0)), int(min(above + 1, length))


@compiled
def _add(values: np.ndarray, probability: np.ndarray, first: np.ndarray, length: int) -> np.ndarray:
    """Term by term; ``first`` has the number of entries as well, at its end."""
    law, added = np.zeros(length), np.zeros(length)
    law[0], reach = 1.0, 1
    for term in range(len(first) - 1):
        widest = 0
        for entry in range(first[term], first[term + 1]):
            widest = max(widest, values[entry])
        added[: reach + widest] = 0.0
        for entry in range(first[term], first[term + 1]):
            for place in range(reach):
                added[values[entry] + place] += probability[entry] * law[place]
        reach += widest
        law, added = added, law
    return law


def _merge(values: np.ndarray, probability: np.ndarray, first: np.ndarray, size: int) -> np.ndarray:
    """Modulo ``size``, which no value exceeds, by merging terms of like width in pairs.

    Terms wait under their width, a power of two; a pair of one width makes one of the next. Those
    too wide for that are few: their spectra are multiplied.
    """
    sizes = ragged.sizes_of(first, len(values))
    bits = np.ceil(np.log2(np.maximum.reduceat(values, first) + 1)).astype(np.int64)
    term_bits = np.repeat(bits, sizes)
    tables: dict[int, np.ndarray] = {}
    for bit in np.unique(bits).tolist():
        mine = term_bits == bit
        row = ragged.groups(sizes[bits == bit])
        table = np.zeros((int(row[-1]) + 1, min(2**bit, size)))
        np.add.at(table, (row, values[mine]), probability[mine])
        tables[bit] = table
    widest = int(np.log2(size))
    for bit in range(min(tables), widest):
        table = tables.pop(bit)
        pairs = len(table) // 2
        spectrum = fft.rfft(table[: 2 * pairs], 2 ** (bit + 1))
        merged = fft.irfft(spectrum[::2] * spectrum[1::2], 2 ** (bit + 1))
        alone = np.zeros((len(table) % 2, 2 ** (bit + 1)))
        alone[:, : 2**bit] = table[2 * pairs :]
        waiting = tables.get(bit + 1, np.empty((0, 2 ** (bit + 1))))
        tables[bit + 1] = np.concatenate([merged, alone, waiting])
    law = np.ones(size // 2 + 1, dtype=complex)
    for table in tables.values():
        for row in table:
            law *= fft.rfft(row, size)
    return fft.irfft(law, size)
