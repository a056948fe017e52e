"""The law of a sum of independent whole numbers, exact far into its tail."""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from protsae.statistics import ragged

AT_ONCE = 2**16
"""Entries of the table of all terms up to which their spectra are multiplied at once."""
SMALLEST = 1e-300
"""Probability that is reported in place of any smaller one."""
MOST_STEPS = 60
"""Steps at most in the search of a tilt, of which any will do."""
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
        First entry of each term; terms that are constant have none.
    largest : int
        Largest possible sum.
    """

    below: np.ndarray
    probability: np.ndarray
    first: np.ndarray
    largest: int

    @classmethod
    def of_draws(
        cls, values: np.ndarray, sizes: np.ndarray, group: np.ndarray | None = None
    ) -> "SumLaw":
        """Each part is one of its values, all equally likely; parts stand one after another.

        Parts of one group move together: with u uniform on (0, 1), each takes its u-quantile. Of
        all ways in which parts can depend on each other, their sum then varies most (it is largest
        in convex order), so that no other dependence makes a large sum more plausible than the tail
        computed here. Groups are independent.

        Parameters
        ----------
        values : ndarray of int
        sizes : ndarray of int, shape (n_parts,)
            Number of values of each part, at least 1.
        group : ndarray of int, shape (n_parts,), optional
            By default each part is its own.

        References
        ----------
        Dhaene et al., Insurance: Mathematics and Economics 31, 3 (2002): comonotonic sums.

        Examples
        --------
        The sum of two dice is 11 or 12 with probability 3 / 36; of two that always show the same
        it is 12 with probability 1 / 6:

        >>> dice = np.tile(np.arange(1, 7), 2), np.array([6, 6])
        >>> round(SumLaw.of_draws(*dice).at_least(11) * 36, 9)
        3.0
        >>> round(SumLaw.of_draws(*dice, group=np.array([0, 0])).at_least(11) * 6, 9)
        1.0
        """
        part, value, counts = _distinct(values, sizes)
        share = counts / sizes[part]
        if group is None:
            return cls._of_terms(part, value, share)
        return cls._of_terms(*_comonotonic(part, value, share, group))

    @classmethod
    def _of_terms(cls, term: np.ndarray, value: np.ndarray, probability: np.ndarray) -> "SumLaw":
        """Entries by term, each with its values ascending. Constant terms count in ``largest``."""
        first = np.flatnonzero(ragged.changes(term))
        sizes = np.diff(np.append(first, len(term)))
        largest = value[first + sizes - 1]
        below = np.repeat(largest, sizes) - value
        varies = np.repeat(sizes > 1, sizes)
        sizes = sizes[sizes > 1]
        return cls(below[varies], probability[varies], ragged.starts(sizes), int(largest.sum()))

    def log_p_of_largest(self) -> float:
        """log P(sum = largest): how small a probability this law can show at all."""
        if not len(self.first):
            return 0.0
        at_most = np.where(self.below == 0, self.probability, 0.0)
        return float(np.log(np.add.reduceat(at_most, self.first)).sum())

    def at_least(self, observed: int, bounded_below: float = 0.0) -> float:
        """P(sum >= observed), to about 1e-12 of itself however small; ``SMALLEST`` at least.

        Where it is certain to be smaller than ``bounded_below``, a bound from above, which is too,
        and saves the convolution: exp(K(theta) - theta y), in the terms below.

        Each term's law is tilted, q(c) = p(c) exp(theta c) / E exp(theta C), so that the sum's mean
        comes to lie at ``observed``. There the convolution by FFT, whose error is about 1e-16 of
        the whole, is exact in relative terms, and the tilt is taken back:
        P = sum_(y >= observed) q(y) exp(K(theta) - theta y), K = sum_p log E exp(theta C_p).
        Any theta gives the same P; a good one loses no digits.
        """
        lacking = self.largest - observed
        if lacking < 0 or not len(self.first):
            return float(lacking >= 0)
        tilt = self._tilt_to(lacking)
        weight = self.probability * np.exp(-tilt * self.below)
        total = np.add.reduceat(weight, self.first)
        log_bound = np.log(total).sum() + tilt * lacking
        if log_bound < np.log(max(bounded_below, SMALLEST)):
            return float(np.exp(max(log_bound, np.log(SMALLEST))))
        tilted = weight / np.repeat(total, np.diff(np.append(self.first, len(weight))))
        within = _convolve(self.below, tilted, self.first)[: lacking + 1].clip(min=0)
        # By how much each sum exceeds the observed one; the least likely weigh least.
        excess = lacking - np.arange(len(within))
        log_p = log_bound + np.log(within @ np.exp(-tilt * excess))
        return float(np.exp(np.clip(log_p, np.log(SMALLEST), 0.0)))

    def _tilt_to(self, lacking: int) -> float:
        """A tilt from 0 to ``STEEPEST`` whose mean lies near largest - lacking, by Newton's method.

        The mean of what is lacking falls in the tilt, and its slope is the variance. Within half a
        standard deviation no digits are lost. Steps are kept between the bounds found so far.
        """
        low, high, tilt = 0.0, STEEPEST, 0.0
        for _ in range(MOST_STEPS):
            weight = self.probability * np.exp(-tilt * self.below)
            sums = np.add.reduceat(
                np.stack([weight, weight * self.below, weight * self.below**2]), self.first, axis=1
            )
            mean = sums[1] / sums[0]
            surplus = float(mean.sum()) - lacking
            variance = float((sums[2] / sums[0] - mean**2).sum())
            if abs(surplus) <= 0.5 * np.sqrt(max(variance, 0.0)):
                break
            if surplus > 0:
                low = tilt
            else:
                high = tilt
            if high == 0.0:
                break
            step = tilt + surplus / variance if variance > 0 else np.inf
            tilt = step if low < step < high else (low + high) / 2
        return tilt


def _distinct(values: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct values of each part, ascending: part, value, how often it occurs.

    Cells are counted for each part up to its own largest value: most are far below that of all.
    """
    width = np.maximum.reduceat(values, ragged.starts(sizes)) + 1
    offset = ragged.starts(width)
    counts = np.bincount(values + np.repeat(offset, sizes))
    entry = np.flatnonzero(counts)
    part = np.searchsorted(offset, entry, side="right") - 1
    return part, entry - offset[part], counts[entry]


def _comonotonic(
    part: np.ndarray, value: np.ndarray, share: np.ndarray, group: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The sum of each group's parts at their common quantile: group, value, probability.

    As the quantile rises from 0 to 1, a part steps from one of its values to the next where their
    shares up to there are passed; the group's sum steps with it.
    """
    opens = ragged.changes(part)
    passed = np.cumsum(share)
    passed -= np.repeat(
        (passed - share)[opens], np.diff(np.append(np.flatnonzero(opens), len(part)))
    )
    _, number = np.unique(group, return_inverse=True)
    lowest = np.bincount(number[part[opens]], value[opens]).astype(np.int64)
    steps = np.flatnonzero(~opens)
    # Shares of parts of one size are equal but for rounding, and must step together.
    at = np.round(passed[steps - 1], 12)
    of_step, rise = number[part[steps]], value[steps] - value[steps - 1]
    n_groups = len(lowest)
    term = np.concatenate([np.arange(n_groups), of_step])
    begins = np.concatenate([np.zeros(n_groups), at])
    order = np.lexsort((begins, term))
    term, begins = term[order], begins[order]
    risen = np.cumsum(np.concatenate([np.zeros(n_groups, np.int64), rise])[order])
    start = np.searchsorted(term, np.arange(n_groups))
    total = lowest[term] + risen - risen[start][term]
    ends = np.append(begins[1:], 1.0)
    ends[np.append(start[1:], len(term)) - 1] = 1.0
    lasts = ends > begins
    return term[lasts], total[lasts], (ends - begins)[lasts]


def _convolve(below: np.ndarray, probability: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Law of the sum, from 0."""
    widest = np.maximum.reduceat(below, first)
    length = int(widest.sum()) + 1
    if len(first) * length <= AT_ONCE:
        return _multiply(below, probability, first, length)
    return _merge(below, probability, first, widest)


def _multiply(
    below: np.ndarray, probability: np.ndarray, first: np.ndarray, length: int
) -> np.ndarray:
    """By the product of all terms' spectra: few calls, for small tables."""
    size = fft.next_fast_len(length, real=True)
    table = np.zeros((len(first), size))
    row = ragged.groups(np.diff(first, append=len(below)))
    table[row, below] = probability
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
