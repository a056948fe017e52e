"""The law of a sum of independent whole numbers, exact far into its tail."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

SMALLEST = 1e-300
"""Probability that is reported in place of any smaller one."""
STEEPEST = 40.0
"""Largest tilt: the tilted law then holds all but e^-40 of itself at its maximum."""


@dataclass(frozen=True, eq=False)
class SumLaw:
    """Law of a sum of independent whole numbers, each with its own table of probabilities.

    Attributes
    ----------
    below : ndarray of int, shape (n_entries,)
        How far a value lies below the largest of its term; entries stand term by term.
    probability : ndarray of float, shape (n_entries,)
    first : ndarray of int, shape (n_terms,)
        First entry of each term.
    largest : int
        Largest possible sum.
    """

    below: np.ndarray
    probability: np.ndarray
    first: np.ndarray
    largest: int

    @classmethod
    def of_draws(cls, values: np.ndarray, sizes: np.ndarray) -> "SumLaw":
        """Each term is one of its values, all equally likely; terms stand one after another.

        Examples
        --------
        The sum of two dice is 11 or 12 with probability 3 / 36:

        >>> dice = SumLaw.of_draws(np.tile(np.arange(1, 7), 2), np.array([6, 6]))
        >>> round(dice.at_least(11) * 36, 9)
        3.0
        """
        width = int(values.max()) + 1
        first_cell = np.arange(len(sizes)) * width
        counts = np.bincount(values + np.repeat(first_cell, sizes), minlength=len(sizes) * width)
        # The other way round: the largest value of each term comes first.
        falling = counts.reshape(len(sizes), width)[:, ::-1].ravel()
        entry = np.flatnonzero(falling)
        term = entry // width
        first = np.searchsorted(term, np.arange(len(sizes)))
        missing = entry[first] - first_cell
        return cls(
            entry % width - missing[term],
            falling[entry] / sizes[term],
            first,
            int((width - 1 - missing).sum()),
        )

    def at_least(self, observed: int) -> float:
        """P(sum >= observed), to about 1e-12 of itself however small; ``SMALLEST`` at least.

        Each term's law is tilted, q(c) = p(c) exp(theta c) / E exp(theta C), so that the sum's mean
        comes to lie at ``observed``. There the convolution by FFT, whose error is about 1e-16 of
        the whole, is exact in relative terms, and the tilt is taken back:
        P = sum_(y >= observed) q(y) exp(K(theta) - theta y), K = sum_p log E exp(theta C_p).
        Any theta gives the same P; a good one loses no digits.
        """
        lacking = self.largest - observed
        if lacking < 0:
            return 0.0
        tilt = self._tilt_to(lacking)
        weight = self.probability * np.exp(-tilt * self.below)
        total = np.add.reduceat(weight, self.first)
        tilted = weight / np.repeat(total, np.diff(np.append(self.first, len(weight))))
        within = _convolve(self.below, tilted, self.first)[: lacking + 1].clip(min=0)
        # By how much each sum exceeds the observed one; the least likely weigh least.
        excess = lacking - np.arange(len(within))
        log_p = np.log(total).sum() + tilt * lacking + np.log(within @ np.exp(-tilt * excess))
        return float(np.exp(np.clip(log_p, np.log(SMALLEST), 0.0)))

    def _tilt_to(self, lacking: int) -> float:
        """The tilt from 0 to ``STEEPEST`` whose mean lies nearest to largest - lacking."""

        def surplus(tilt: float) -> float:
            weight = self.probability * np.exp(-tilt * self.below)
            means = np.add.reduceat(weight * self.below, self.first)
            return float((means / np.add.reduceat(weight, self.first)).sum()) - lacking

        if surplus(0.0) <= 0:
            return 0.0
        if surplus(STEEPEST) >= 0:
            return STEEPEST
        return float(brentq(surplus, 0.0, STEEPEST, xtol=1e-3, rtol=1e-3))


def _convolve(values: np.ndarray, probability: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Law of the sum, from 0, by merging terms of like width in pairs.

    Terms wait under their width, a power of two; a pair of one width makes one of the next.
    """
    ends = np.append(first[1:], len(values)) - 1
    widest = np.maximum.reduceat(values, first)
    bits = np.ceil(np.log2(widest + 1)).astype(np.int64)
    sizes = ends - first + 1
    term_bits = np.repeat(bits, sizes)
    tables: dict[int, np.ndarray] = {}
    for bit in np.unique(bits).tolist():
        mine = term_bits == bit
        row = np.repeat(np.arange(int((bits == bit).sum())), sizes[bits == bit])
        table = np.zeros((int(row[-1]) + 1, 2**bit))
        table[row, values[mine]] = probability[mine]
        tables[bit] = table
    bit = min(tables)
    while True:
        table = tables.pop(bit)
        if len(table) == 1 and not tables:
            return table[0]
        pairs = len(table) // 2
        merged = [np.pad(table[2 * pairs :], ((0, 0), (0, 2**bit)))]
        if pairs:
            spectrum = np.fft.rfft(table[: 2 * pairs], 2 ** (bit + 1), axis=1)
            merged.append(np.fft.irfft(spectrum[::2] * spectrum[1::2], 2 ** (bit + 1), axis=1))
        bit += 1
        tables[bit] = np.concatenate([*merged, *([tables[bit]] if bit in tables else [])])
