"""Does a detector know the place? P-values where labels rotate within their known residues."""

from dataclasses import dataclass

import numpy as np

from protsae.association.significance.concatenated_proteins import Chains
from protsae.association.significance.p_values import BOUNDED_BELOW, Null, tail_bounds
from protsae.association.significance.periodicity import label_periods
from protsae.association.significance.rotation_overlap import Runs, overlaps
from protsae.statistics import ragged
from protsae.statistics.sums.sum_distribution import SumLaws

WHOLE_SHARE = 0.9
"""A concept that covers this share of the known residues of half of its proteins is one of whole
proteins: there is no place in them to know."""
LEAST_UNBROKEN = 0.1
"""Share of a protein's rotations that must be left by what they must not break; else less is asked
of them, since with labels or unknown residues everywhere no rotation would be left."""
PLACES_AT_ONCE = 2**18
"""Places of circles, of all detectors that are rotated together: memory, not results."""


def rotation_null(
    on: list[np.ndarray], labels: list[np.ndarray], pairs: np.ndarray, chains: Chains
) -> Null:
    """The null that a detector knows the protein but not the place in it.

    The known residues of each protein p, K_p of them, close to a circle, on which its labels rotate
    by S_p: they keep their lengths, spacing and protein. The statistic is the number of true
    positives, sum_p C_p(S_p) with C_p(s) = sum_i on_i label_(i+s mod K_p) over known residues; F1
    at a fixed threshold rises with it, as its margins stay. Its law is computed, not drawn.

    S_p is uniform on the rotations that break nothing, 0 among them: they carry no label over the
    end of the chain, and no run of labels lies over it or across a gap of unknown residues. Real
    runs never do, nor do domains full of short ones, so that they meet in the middle more
    often than under all K_p rotations. Where too few are left (``LEAST_UNBROKEN``), labels may be
    carried over the end; then runs may lie across gaps. Residues that a protein has at an end
    beyond what half of its labelled relatives have there, counted from the labels, take none
    either: what it gained has nothing of what its relatives share. Where labels are periodic
    (`label_periods`), only rotations by whole periods are taken, on a circle of whole periods, so
    that none breaks the phase; the last residues, too few for another period, are then left out,
    also of what the p-value compares.

    The homology cluster is the unit. Relatives share the places of labels and of what detectors
    see, but have other lengths and other known parts, so that no common number of residues rotates
    all of them alike. They are aligned by what matters, the overlap: all take the same quantile of
    their C_p (`SumLaws.of_draws`), the strongest way in which they can depend on each other.
    Clusters are independent.

    A concept of whole proteins (``WHOLE_SHARE``) has no place within them: p is NaN.

    Parameters
    ----------
    on, labels : list of ndarray of int
        Ascending rows of ``chains`` where each detector is on at its threshold, known or not; and
        where each concept holds, all of them known.
    pairs : ndarray of int, shape (n_pairs, 2)
        Indices into ``on`` and ``labels``.
    chains : Chains

    Examples
    --------
    Two proteins of 5 residues, on exactly at the one residue labelled; both must fall in place.
    If they are relatives, one rotation moves both:

    >>> rows, pair = [np.array([1, 6])], np.array([[0, 0]])
    >>> known, lengths = np.ones(10, bool), np.array([5, 5])
    >>> null = rotation_null(rows, rows, pair, Chains(lengths, np.array([0, 1]), known))
    >>> null.observed.tolist(), null.expected.round(9).tolist(), null.p_value.round(9).tolist()
    ([2], [0.4], [0.04])
    >>> relatives = Chains(lengths, np.array([0, 0]), known)
    >>> rotation_null(rows, rows, pair, relatives).p_value.round(9).tolist()
    [0.2]
    """
    null = Null.empty(len(pairs))
    for label in np.unique(pairs[:, 1]):
        rotated = RotatedLabels.of(labels[label], chains)
        members = np.flatnonzero(pairs[:, 1] == label)
        null.set(members, rotated.pair_nulls([on[detector] for detector in pairs[members, 0]]))
    return null


def covers_proteins(rows: np.ndarray, chains: Chains) -> bool:
    """Whether a concept, by the rows where it holds, is one of whole proteins.

    It covers `WHOLE_SHARE` of the known residues of the median protein that has it.
    """
    size = np.bincount(chains.protein[rows], minlength=chains.n_proteins)
    present = size > 0
    covered = np.median(size[present] / chains.n_known[present]) if present.any() else 0.0
    return bool(covered >= WHOLE_SHARE)


@dataclass(frozen=True, eq=False)
class RotatedLabels:
    """A concept's labels under the rotations that keep them whole, in the proteins that have any.

    Places are those of the circles of these proteins, one after another: their known residues,
    up to the last whole period.

    Attributes
    ----------
    place : ndarray of int, shape (n_residues,)
        Of each row its place; -1 where it has none.
    holds : ndarray of bool, shape (n_residues,)
        Rows with the label.
    labels : Runs
    lengths : ndarray of int, shape (n_labelled,)
        Places of each circle.
    cluster : ndarray of int, shape (n_labelled,)
        Homology cluster of each, from 0.
    allowed : ndarray of bool, shape (n_places,)
        Rotations by 0, 1, ... of each circle that are taken.
    has_label : ndarray of bool, shape (n_places,)
    share : ndarray of float, shape (n_places,)
        Share of the rotations taken that put the label there.
    whole : bool
        The concept is one of whole proteins.
    """

    place: np.ndarray
    holds: np.ndarray
    labels: Runs
    lengths: np.ndarray
    cluster: np.ndarray
    allowed: np.ndarray
    has_label: np.ndarray
    share: np.ndarray
    whole: bool

    @classmethod
    def of(cls, rows: np.ndarray, chains: Chains) -> "RotatedLabels":
        """From the rows where the concept holds."""
        holds = np.zeros(len(chains.known), dtype=bool)
        holds[rows] = True
        runs = Runs.of_rows(rows, chains.lengths)
        size = runs.sizes(chains.n_proteins)
        present = size > 0
        begin = chains.known_place[chains.first[runs.protein] + runs.begin]
        labels = Runs(runs.protein, begin, begin + runs.end - runs.begin).among(present)
        n_known = chains.n_known[present]
        periods = label_periods(labels, n_known)
        # By how much a rotation may miss a whole period: a tenth of a run.
        slack = 0.1 * size[present] / np.bincount(labels.protein)
        lengths = whole_periods(n_known, periods, slack)
        labels = labels.before(lengths)
        first = ragged.starts(lengths)
        number = np.cumsum(present) - 1
        used = chains.known & present[chains.protein]
        used[used] = chains.known_place[used] < lengths[number[chains.protein[used]]]
        place = np.full(len(chains.known), -1, dtype=np.int32)
        place[used] = first[number[chains.protein[used]]] + chains.known_place[used]
        gap_protein, gap = chains.segments
        inside = present[gap_protein]
        gaps = Runs(number[gap_protein[inside]], gap[inside], gap[inside] + 1).before(lengths)
        _, cluster = np.unique(chains.cluster[present], return_inverse=True)
        allowed = _allowed(labels, gaps, lengths, cluster) & _in_phase(periods, slack, lengths)
        has_label = np.zeros(int(lengths.sum()), dtype=bool)
        has_label[place[rows[place[rows] >= 0]]] = True
        # What C counts with the allowed rotations as "on": of these, those that label a place.
        times = overlaps(Runs.of_rows(np.flatnonzero(allowed), lengths), labels, lengths)
        share = times / np.repeat(_sums(allowed, first), lengths)
        whole = covers_proteins(rows, chains)
        return cls(place, holds, labels, lengths, cluster, allowed, has_label, share, whole)

    @property
    def nbytes(self) -> int:
        """Of memory."""
        arrays = self.place, self.holds, self.allowed, self.has_label, self.share
        runs = self.labels.protein, self.labels.begin, self.labels.end
        return sum(array.nbytes for array in (*arrays, *runs))

    def pair_nulls(self, rows_on: list[np.ndarray]) -> np.ndarray:
        """Of each detector observed and expected true positives, and the p-value: (n, 3)."""
        step = max(1, PLACES_AT_ONCE // max(1, len(self.share)))
        parts = [rows_on[i : i + step] for i in range(0, len(rows_on), step)]
        return np.concatenate([np.empty((0, 3)), *(self._pair_nulls(part) for part in parts)])

    def _pair_nulls(self, rows_on: list[np.ndarray]) -> np.ndarray:
        n, n_proteins = len(rows_on), len(self.lengths)
        observed = np.array([np.count_nonzero(self.holds.take(rows)) for rows in rows_on])
        places = [self.place.take(rows) for rows in rows_on]
        places = [own.compress(own >= 0) for own in places]
        detector = ragged.groups(np.array([len(own) for own in places]))
        place = np.concatenate(places)
        expected = np.bincount(detector, self.share.take(place), n)
        if self.whole:
            return np.stack([observed, expected, np.full(n, np.nan)], axis=1)
        # Detector after detector, as if each had proteins of its own.
        on = Runs.of_rows(place + len(self.share) * detector, np.tile(self.lengths, n))
        protein = np.repeat(on.protein, on.end - on.begin)
        share = np.bincount(protein, self.share.take(place), n * n_proteins).reshape(n, n_proteins)
        n_on = on.sizes(n * n_proteins).reshape(n, n_proteins)
        n_labelled = self.labels.sizes(n_proteins)
        least, most = (n_on + n_labelled - self.lengths).clip(0), np.minimum(n_on, n_labelled)
        within = np.bincount(detector, self.has_label.take(place), n).astype(np.int64)
        mean, least, most = (self._by_cluster(x) for x in (share, least, most))
        p_value = tail_bounds(mean, least, most, within)
        undecided = p_value >= BOUNDED_BELOW
        if undecided.any():
            tails = self._tails(on, (n_on > 0) & undecided[:, None], within)
            p_value[undecided] = tails[undecided]
        return np.stack([observed, expected, p_value], axis=1)

    def _by_cluster(self, values: np.ndarray) -> np.ndarray:
        """Sums over the proteins of each cluster, shape (n_detectors, n_clusters)."""
        n, n_clusters = len(values), int(self.cluster.max(initial=-1)) + 1
        cell = n_clusters * np.arange(n)[:, None] + self.cluster
        return np.bincount(cell.ravel(), values.ravel(), n * n_clusters).reshape(n, n_clusters)

    def _tails(self, on: Runs, both: np.ndarray, within: np.ndarray) -> np.ndarray:
        """P(C >= within) of each detector, of what it has in some proteins.

        ``both``, shape (n_detectors, n_proteins), says in which.
        """
        n, n_proteins = both.shape
        chosen, lengths = both.ravel(), np.tile(self.lengths, n)
        labels = Runs.joined([self.labels] * n, [n_proteins] * n).among(chosen)
        shared = overlaps(on.among(chosen), labels, lengths[chosen])
        allowed = np.tile(self.allowed, n)[np.repeat(chosen, lengths)]
        n_allowed = _sums(allowed, ragged.starts(lengths[chosen]))
        law, protein = np.nonzero(both)
        laws = SumLaws.of_draws(shared[allowed], n_allowed, law, n, self.cluster[protein])
        return laws.at_least(within, BOUNDED_BELOW)


def whole_periods(lengths: np.ndarray, periods: np.ndarray, slack: np.ndarray) -> np.ndarray:
    """Most residues, at most ``lengths``, that are a whole number of periods, give or take slack.

    All where the period is 0, or where so few would be left that half a chain is lost.

    Parameters
    ----------
    lengths : ndarray of int, shape (n_proteins,)
    periods, slack : ndarray of float, shape (n_proteins,)
        Residues.

    Examples
    --------
    Five times 3.6 is 18; a slack of 0.4 lets 6 times 3.6, or 21.6, pass for 22:

    >>> periods = np.array([0, 7, 3.6, 3.6])
    >>> whole_periods(np.array([20, 20, 23, 23]), periods, np.array([0.1, 0.1, 0.1, 0.4])).tolist()
    [20, 14, 18, 22]
    """
    found = lengths.copy()
    for protein in np.flatnonzero(periods > 0):
        tried = np.arange(lengths[protein], lengths[protein] // 2, -1)
        fits = _misses(tried, periods[protein]) <= slack[protein]
        if fits.any():
            found[protein] = tried[fits.argmax()]
    return found


def _misses(places: np.ndarray, period: np.ndarray | float) -> np.ndarray:
    """Residues to the nearest whole number of periods."""
    misses: np.ndarray = np.abs(places - np.round(places / period) * period)
    return misses


def _in_phase(periods: np.ndarray, slack: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Rotations by a whole number of periods, give or take slack; all where there is no period."""
    rotation = ragged.places(lengths)
    step = np.repeat(np.where(periods > 0, periods, 1.0), lengths)
    return _misses(rotation, step) <= np.repeat(slack, lengths)


def _allowed(labels: Runs, gaps: Runs, lengths: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """Rotations that break as little as possible: of each protein those that stand first in this
    list and are enough. Nothing carried into gained ends (`_with_gains`), over the end, and no run
    across a gap; nothing over the end and no run across a gap; no run over the end or across a gap;
    no run over the end."""
    every = np.arange(len(lengths))
    ends = Runs(every, np.zeros_like(lengths), lengths)
    first = ragged.starts(lengths)
    at_ends = _unbroken(labels, ends, lengths)
    at_gaps = at_ends & _unbroken(labels, gaps, lengths)
    hulls = labels.hulls()
    together = at_gaps & _unbroken(hulls, ends, lengths)
    shared = at_gaps & _unbroken(_with_gains(hulls, lengths, cluster), ends, lengths)
    allowed = at_ends
    for stricter in (at_gaps, together, shared):
        enough = _sums(stricter, first) >= LEAST_UNBROKEN * lengths
        allowed = np.where(np.repeat(enough, lengths), stricter, allowed)
    return allowed


def _with_gains(hulls: Runs, lengths: np.ndarray, cluster: np.ndarray) -> Runs:
    """Hulls of labels with the residues that their protein has gained at either end.

    It has gained those before its first label that are more than the median of its cluster (of an
    even number the lower one), and so after its last.
    """
    own = cluster[hulls.protein]
    left, right = hulls.begin, lengths[hulls.protein] - hulls.end
    spare = [(room - _lower_medians(room, own)).clip(0) for room in (left, right)]
    return Runs(hulls.protein, hulls.begin - spare[0], hulls.end + spare[1])


def _lower_medians(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Of each value the lower median of its group."""
    order = np.lexsort((values, group))
    _, number, sizes = np.unique(group, return_inverse=True, return_counts=True)
    medians = values[order][ragged.starts(sizes) + (sizes - 1) // 2]
    return medians[number]


def _unbroken(labels: Runs, gaps: Runs, lengths: np.ndarray) -> np.ndarray:
    """Rotations after which no gap, ``gaps.begin``, lies inside a run: a run [b, e) that rotates
    by s lies at [b - s, e - s), with g inside for s = b - g + 1 to e - g - 1, on the circle."""
    n_gaps = np.bincount(gaps.protein, minlength=len(lengths))
    repeats = n_gaps[labels.protein]
    gap = ragged.ranges(ragged.starts(n_gaps)[labels.protein], repeats)
    protein = np.repeat(labels.protein, repeats)
    circle = lengths[protein]
    size = np.repeat(labels.end - labels.begin, repeats) - 1
    start = (np.repeat(labels.begin, repeats) + 1 - gaps.begin[gap]) % circle
    stop = start + size
    first = ragged.starts(lengths)[protein]
    n_places = int(lengths.sum())
    change = np.zeros(n_places + 1, dtype=np.int64)
    np.add.at(change, first + start, 1)
    np.add.at(change, first + np.minimum(stop, circle), -1)
    over = stop > circle
    np.add.at(change, first[over], 1)
    np.add.at(change, (first + stop - circle)[over], -1)
    unbroken: np.ndarray = np.cumsum(change)[:n_places] == 0
    return unbroken


def _sums(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    if not len(first):
        return np.zeros(0, dtype=np.int64)
    sums: np.ndarray = np.add.reduceat(values, first, dtype=np.int64)
    return sums
