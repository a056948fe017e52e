"""The law of a sum of independent whole numbers from those of its terms, by Fourier transforms."""

import numpy as np
from scipy import fft

from protsae.statistics import ragged

AT_ONCE = 2**16
"""Entries of the table of all terms up to which their spectra are multiplied at once."""


def convolve(values: np.ndarray, probability: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Law of a sum of independent whole numbers: of 0, 1, ... to the largest.

    Parameters
    ----------
    values : ndarray of int, shape (n_entries,)
        None negative; term by term.
    probability : ndarray of float, shape (n_entries,)
    first : ndarray of int, shape (n_terms,)
        First entry of each term.

    Returns
    -------
    ndarray, float64

    Examples
    --------
    Heads of two coins:

    >>> convolve(np.array([0, 1, 0, 1]), np.full(4, 0.5), np.array([0, 2])).round(3).tolist()
    [0.25, 0.5, 0.25]
    """
    widest = np.maximum.reduceat(values, first)
    length = int(widest.sum()) + 1
    if len(first) * length <= AT_ONCE:
        return _multiply(values, probability, first, length)
    return _merge(values, probability, first, widest)


def _multiply(
    values: np.ndarray, probability: np.ndarray, first: np.ndarray, length: int
) -> np.ndarray:
    """By the product of all terms' spectra: few calls, for small tables."""
    size = fft.next_fast_len(length, real=True)
    table = np.zeros((len(first), size))
    row = ragged.groups(np.append(first[1:], len(values)) - first)
    table[row, values] = probability
    spectrum = np.multiply.reduce(fft.rfft(table), axis=0)
    law: np.ndarray = fft.irfft(spectrum, size)[:length]
    return law


def _merge(
    values: np.ndarray, probability: np.ndarray, first: np.ndarray, widest: np.ndarray
) -> np.ndarray:
    """By merging terms of like width in pairs.

    Terms wait under their width, a power of two; a pair of one width makes one of the next.
    """
    ends = np.append(first[1:], len(values)) - 1
    bits = np.ceil(np.log2(widest + 1)).astype(np.int64)
    sizes = ends - first + 1
    term_bits = np.repeat(bits, sizes)
    tables: dict[int, np.ndarray] = {}
    for bit in np.unique(bits).tolist():
        mine = term_bits == bit
        row = ragged.groups(sizes[bits == bit])
        table = np.zeros((int(row[-1]) + 1, 2**bit))
        table[row, values[mine]] = probability[mine]
        tables[bit] = table
    bit = min(tables)
    while True:
        table = tables.pop(bit)
        if len(table) == 1 and not tables:
            return table[0]
        pairs = len(table) // 2
        waiting = tables.get(bit + 1, np.empty((0, 2 ** (bit + 1))))
        merged = np.zeros((len(table) - pairs + len(waiting), 2 ** (bit + 1)))
        if pairs:
            spectrum = fft.rfft(table[: 2 * pairs], 2 ** (bit + 1))
            merged[:pairs] = fft.irfft(spectrum[::2] * spectrum[1::2], 2 ** (bit + 1))
        merged[pairs : len(table) - pairs, : 2**bit] = table[2 * pairs :]
        merged[len(table) - pairs :] = waiting
        bit += 1
        tables[bit] = merged
