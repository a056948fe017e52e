"""The laws of sums of independent whole numbers, exact far into their tails."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from protsae.statistics import ragged
from protsae.statistics.sums.convolution import NEGLIGIBLE, convolve
from protsae.statistics.sums.drawn_values import comonotonic_sums, distinct_values

SMALLEST = 1e-300
"""Probability that is reported in place of any smaller one."""
MOST_STEPS = 60
"""Steps at most in the search of a tilt, of which any will do."""
STEEPEST = 40.0
"""Largest tilt: the tilted law then holds all but e^-40 of itself at its maximum."""


@dataclass(frozen=True, eq=False)
class SumLaws:
    """Laws of some sums of independent whole numbers, each with its own table of probabilities.

    Attributes
    ----------
    below : ndarray of int, shape (n_entries,)
        How far a value lies below the largest of its term; entries stand term by term.
    probability : ndarray of float, shape (n_entries,)
    first : ndarray of int, shape (n_terms,)
        First entry of each term; terms that are constant have none.
    law : ndarray of int, shape (n_terms,)
        Number of the sum that each term is in, ascending.
    largest : ndarray of int, shape (n_laws,)
        Largest possible sums.
    """

    below: np.ndarray
    probability: np.ndarray
    first: np.ndarray
    law: np.ndarray
    largest: np.ndarray

    @classmethod
    def of_draws(
        cls,
        values: np.ndarray,
        sizes: np.ndarray,
        law: np.ndarray,
        n_laws: int,
        group: np.ndarray | None = None,
    ) -> "SumLaws":
        """Each part is one of its values, all equally likely; parts stand one after another.

        Parts of one group move together: with u uniform on (0, 1), each takes its u-quantile. Of
        all ways in which parts can depend on each other, their sum then varies most (it is largest
        in convex order), so that no other dependence makes a large sum more plausible than the tail
        computed here. Groups are independent.

        Parameters
        ----------
        values : ndarray of int
            None negative.
        sizes : ndarray of int, shape (n_parts,)
            Number of values of each part, at least 1.
        law : ndarray of int, shape (n_parts,)
            The sum that each part is in, ascending; a sum without parts is 0.
        group : ndarray of int, shape (n_parts,), optional
            From 0; of different sums they are different groups. By default each part is its own.

        References
        ----------
        Dhaene et al., Insurance: Mathematics and Economics 31, 3 (2002): comonotonic sums.

        Examples
        --------
        The sum of two dice is 11 or 12 with probability 3 / 36; of two that always show the same
        it is 12 with probability 1 / 6:

        >>> dice = np.tile(np.arange(1, 7), 2), np.array([6, 6]), np.array([0, 0]), 1
        >>> (SumLaws.of_draws(*dice).at_least(np.array([11])) * 36).round(9).tolist()
        [3.0]
        >>> same = SumLaws.of_draws(*dice, group=np.array([0, 0]))
        >>> (same.at_least(np.array([11])) * 6).round(9).tolist()
        [1.0]
        """
        part, value, counts = distinct_values(values, sizes)
        if group is None:
            return cls._of_terms(part, value, counts / sizes[part], law, n_laws)
        every, number = np.unique(law * (group.max(initial=0) + 1) + group, return_inverse=True)
        of_group = np.zeros(len(every), dtype=np.int64)
        of_group[number] = law
        sums = comonotonic_sums(part, value, counts, sizes, number)
        return cls._of_terms(*sums, of_group, n_laws)

    @classmethod
    def _of_terms(
        cls,
        term: np.ndarray,
        value: np.ndarray,
        probability: np.ndarray,
        law: np.ndarray,
        n_laws: int,
    ) -> "SumLaws":
        """Entries by term, each with its values ascending. Constant terms count in ``largest``."""
        first = np.flatnonzero(ragged.changes(term))
        sizes = ragged.sizes_of(first, len(term))
        largest = value[first + sizes - 1]
        below = np.repeat(largest, sizes) - value
        varies = np.repeat(sizes > 1, sizes)
        of_laws = np.bincount(law, largest, n_laws).astype(np.int64)
        law, sizes = law[sizes > 1], sizes[sizes > 1]
        return cls(below[varies], probability[varies], ragged.starts(sizes), law, of_laws)

    def log_p_of_largest(self) -> np.ndarray:
        """log P(sum = largest): how small a probability each law can show at all."""
        at_most = np.where(self.below == 0, self.probability, 0.0)
        return self._by_law(np.log(self._by_term(at_most)))

    def at_least(self, observed: np.ndarray, bounded_below: np.ndarray | float = 0.0) -> np.ndarray:
        """P(sum >= observed), never too small; ``SMALLEST`` at least.

        It is right to about 1e-12 of itself, however small, where the sum is nearly normal; where
        one term is wider than all others together, to about 1e-17.

        Where it is certain to be smaller than ``bounded_below``, a bound from above, which is too,
        and saves the convolution: exp(K(theta) - theta y), in the terms below.

        Each term's law is tilted, q(c) = p(c) exp(theta c) / E exp(theta C), so that the sum's mean
        comes to lie at ``observed``. There the convolution by FFT, whose error is about 1e-16 of
        the whole, is exact in relative terms, and the tilt is taken back:
        P = sum_(y >= observed) q(y) exp(K(theta) - theta y), K = sum_p log E exp(theta C_p).
        Any theta gives the same P; a good one loses no digits.

        Parameters
        ----------
        observed, bounded_below : ndarray, shape (n_laws,)
        """
        lacking = self.largest - observed
        found = (lacking >= 0).astype(np.float64)
        uncertain = (lacking >= 0) & (np.bincount(self.law, minlength=len(lacking)) > 0)
        least = np.broadcast_to(bounded_below, lacking.shape)[uncertain]
        found[uncertain] = self._among(uncertain)._tails(lacking[uncertain], least)
        return found

    def _tails(self, lacking: np.ndarray, least: np.ndarray) -> np.ndarray:
        """P(sum >= largest - lacking) of laws that vary."""
        tilt = self._tilts(lacking)
        weight = self.probability * np.exp(-tilt[self._law_of_entry] * self.below)
        total = self._by_term(weight)
        log_p = self._by_law(np.log(total)) + tilt * lacking
        tilted = weight / np.repeat(total, self._sizes)
        first_term = np.searchsorted(self.law, np.arange(len(lacking) + 1))
        first_entry = np.append(self.first, len(self.below))[first_term]
        for law in np.flatnonzero(log_p >= np.log(np.maximum(least, SMALLEST))).tolist():
            entries = slice(*first_entry[law : law + 2])
            first = self.first[slice(*first_term[law : law + 2])] - entries.start
            start, table = convolve(self.below[entries], tilted[entries], first)
            within = table[: max(lacking[law] + 1 - start, 0)].clip(min=0)
            # By how much each sum exceeds the observed one; the least likely weigh least.
            excess = lacking[law] - start - np.arange(len(within))
            # What a large table leaves out is added, so that no tail is too small for it.
            log_p[law] += np.log(within @ np.exp(-tilt[law] * excess) + NEGLIGIBLE)
        tails: np.ndarray = np.exp(np.clip(log_p, np.log(SMALLEST), 0.0))
        return tails

    def _tilts(self, lacking: np.ndarray) -> np.ndarray:
        """Tilts from 0 to ``STEEPEST`` whose means lie near largest - lacking, by Newton's method.

        The mean of what is lacking falls in the tilt, and its slope is the variance. Within half a
        standard deviation no digits are lost. Steps are kept between the bounds found so far.
        """
        tilt, low, high = (np.full(len(lacking), x) for x in (0.0, 0.0, STEEPEST))
        searched, laws = np.arange(len(lacking)), self
        for _ in range(MOST_STEPS):
            weight = laws.probability * np.exp(-tilt[searched][laws._law_of_entry] * laws.below)
            total, mean, square = laws._by_term(
                np.stack([weight, weight * laws.below, weight * laws.below**2])
            )
            mean, square = mean / total, square / total
            surplus = laws._by_law(mean) - lacking[searched]
            variance = laws._by_law(square - mean**2)
            far = np.abs(surplus) > 0.5 * np.sqrt(np.maximum(variance, 0.0))
            above = surplus > 0
            low[searched] = np.where(far & above, tilt[searched], low[searched])
            high[searched] = np.where(far & ~above, tilt[searched], high[searched])
            far &= high[searched] > 0
            if not far.any():
                break
            searched, laws = searched[far], laws._among(far)
            surplus, variance = surplus[far], variance[far]
            slope = np.divide(
                surplus, variance, out=np.full_like(surplus, np.inf), where=variance > 0
            )
            step, lower, upper = tilt[searched] + slope, low[searched], high[searched]
            tilt[searched] = np.where((lower < step) & (step < upper), step, (lower + upper) / 2)
        return tilt

    def _among(self, keep: np.ndarray) -> "SumLaws":
        """Those of the laws where the mask is True."""
        terms = keep[self.law]
        entries, sizes = np.repeat(terms, self._sizes), self._sizes[terms]
        number = np.cumsum(keep) - 1
        return SumLaws(
            self.below[entries],
            self.probability[entries],
            ragged.starts(sizes),
            number[self.law[terms]],
            self.largest[keep],
        )

    @cached_property
    def _sizes(self) -> np.ndarray:
        """Entries of each term."""
        return ragged.sizes_of(self.first, len(self.below))

    @cached_property
    def _law_of_entry(self) -> np.ndarray:
        return np.repeat(self.law, self._sizes)

    def _by_term(self, values: np.ndarray) -> np.ndarray:
        """Sums over the entries of each term, along the last axis."""
        if not len(self.first):
            return np.zeros((*values.shape[:-1], 0))
        sums: np.ndarray = np.add.reduceat(values, self.first, axis=-1)
        return sums

    def _by_law(self, values: np.ndarray) -> np.ndarray:
        """Sums over the terms of each law."""
        return np.bincount(self.law, values, len(self.largest))
