"""Runs of residues within proteins, and how they meet when rotated."""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy import fft

from protsae.statistics import ragged

BLOCK_RESIDUES = 50_000
"""Residues whose overlaps are computed at a time: the arrays then stay in a core's cache."""
TERMS_PER_RESIDUE = 3
"""Pairs of places to a residue above which Fourier transforms take less time than pairs."""


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of residues within proteins, in order; three int64 arrays of one length.

    Attributes
    ----------
    protein : ndarray
        Index of the protein.
    begin, end : ndarray
        First residue and the one after the last, 0-based, counted within the protein.
    """

    protein: np.ndarray
    begin: np.ndarray
    end: np.ndarray

    @classmethod
    def of_rows(cls, rows: np.ndarray, lengths: np.ndarray) -> "Runs":
        """Runs of ascending rows of proteins that stand one after another.

        Examples
        --------
        >>> runs = Runs.of_rows(np.array([1, 2, 3, 6]), np.array([3, 5]))
        >>> list(zip(runs.protein.tolist(), runs.begin.tolist(), runs.end.tolist()))
        [(0, 1, 3), (1, 0, 1), (1, 3, 4)]
        """
        ends = np.cumsum(lengths)
        rows = np.asarray(rows, dtype=np.int64)
        opens = np.zeros(int(lengths.sum()), dtype=bool)
        opens[(ends - lengths)[lengths > 0]] = True
        new = np.ones(len(rows), dtype=bool)
        new[1:] = (rows[1:] != rows[:-1] + 1) | opens[rows[1:]]
        first = np.flatnonzero(new)
        last = np.append(first[1:], len(rows)) - 1 if len(rows) else first
        protein = np.searchsorted(ends, rows[first], side="right")
        before = (ends - lengths)[protein]
        return cls(protein, rows[first] - before, rows[last] - before + 1)

    @classmethod
    def joined(cls, parts: list["Runs"], n_proteins: list[int]) -> "Runs":
        """Runs of blocks of proteins, one block after another.

        Examples
        --------
        >>> one = Runs(np.array([1]), np.array([4]), np.array([5]))
        >>> Runs.joined([one, one], [3, 2]).protein.tolist()
        [1, 4]
        """
        first = np.cumsum([0, *n_proteins])[:-1]
        protein = [part.protein + n for part, n in zip(parts, first, strict=True)]
        begin, end = [part.begin for part in parts], [part.end for part in parts]
        return cls(*(np.concatenate([np.zeros(0, np.int64), *x]) for x in (protein, begin, end)))

    def among(self, keep: np.ndarray) -> "Runs":
        """Runs of the proteins where the mask is True, numbered anew."""
        chosen = keep[self.protein]
        number = np.cumsum(keep) - 1
        return Runs(number[self.protein[chosen]], self.begin[chosen], self.end[chosen])

    def between(self, first: int, stop: int) -> "Runs":
        """Runs of proteins first, first + 1, ..., stop - 1, which are numbered from 0.

        Examples
        --------
        >>> runs = Runs(np.array([0, 2, 2, 5]), np.array([1, 3, 6, 0]), np.array([5, 4, 8, 2]))
        >>> runs.between(1, 3).protein.tolist(), runs.between(1, 3).begin.tolist()
        ([1, 1], [3, 6])
        """
        mine = slice(*np.searchsorted(self.protein, [first, stop]).tolist())
        return Runs(self.protein[mine] - first, self.begin[mine], self.end[mine])

    def hulls(self) -> "Runs":
        """From the first run of each protein to its last.

        Examples
        --------
        >>> runs = Runs(np.array([0, 0, 2]), np.array([1, 6, 3]), np.array([5, 8, 4]))
        >>> hulls = runs.hulls()
        >>> list(zip(hulls.protein.tolist(), hulls.begin.tolist(), hulls.end.tolist()))
        [(0, 1, 8), (2, 3, 4)]
        """
        opens = np.flatnonzero(ragged.changes(self.protein))
        closes = np.append(opens, len(self.protein))[1:] - 1
        return Runs(self.protein[opens], self.begin[opens], self.end[closes])

    def before(self, lengths: np.ndarray) -> "Runs":
        """What of the runs lies before residue ``lengths[protein]``.

        Examples
        --------
        >>> runs = Runs(np.array([0, 0]), np.array([1, 6]), np.array([5, 8]))
        >>> runs.before(np.array([4])).end.tolist()
        [4]
        """
        inside = self.begin < lengths[self.protein]
        end = np.minimum(self.end, lengths[self.protein])
        return Runs(self.protein[inside], self.begin[inside], end[inside])

    def sizes(self, n_proteins: int) -> np.ndarray:
        """Number of residues in runs, by protein."""
        size = self.end - self.begin
        return np.bincount(self.protein, size, n_proteins).astype(np.int64)

    def residues(self) -> "Places":
        """Every residue in a run, each with sign 1."""
        size = self.end - self.begin
        place = ragged.ranges(self.begin, size)
        return Places(np.repeat(self.protein, size), place, np.ones(len(place)))

    def edges(self, lengths: np.ndarray) -> "Places":
        """Every change: +1 where a run begins, -1 after its end, which may be residue 0 again."""
        protein = np.repeat(self.protein, 2)
        place = np.stack([self.begin, self.end], axis=1).ravel() % lengths[protein]
        return Places(protein, place, np.tile([1.0, -1.0], len(self.protein)))


@dataclass(frozen=True, eq=False)
class Places:
    """Signed places in proteins, by protein; three arrays of one length."""

    protein: np.ndarray
    place: np.ndarray
    sign: np.ndarray

    def meet(self, others: "Places", lengths: np.ndarray) -> np.ndarray:
        """Product of signs where others, rotated, come to lie on these; float64.

        Protein after protein, for rotations by 0, 1, ..., L - 1: summed over all pairs of places.
        """
        number = np.bincount(self.protein, minlength=len(lengths))
        repeats = number[others.protein]
        partner = ragged.ranges(ragged.starts(number)[others.protein], repeats)
        first = ragged.starts(lengths)[others.protein]
        shift = np.repeat(others.place, repeats) - self.place[partner]
        shift += np.where(shift < 0, np.repeat(lengths[others.protein], repeats), 0)
        shift += np.repeat(first, repeats)
        weight = np.repeat(others.sign, repeats) * self.sign[partner]
        return np.bincount(shift, weight, int(lengths.sum())).astype(np.float64)


def overlaps(on: Runs, labels: Runs, lengths: np.ndarray) -> np.ndarray:
    """Residues in both where labels are rotated by 0, 1, ..., L_p - 1, one protein after another.

    C_p(s) is piecewise linear, so its second difference 2 C(s) - C(s+1) - C(s-1) is 0 but where an
    edge of a label meets an edge of a run: as many terms as pairs of edges, not of residues. Two
    sums give it back up to constants, which sum_s (C(s) - C(s+1)) = 0 and
    sum_s C(s) = (residues on) (residues labelled) fix. Where residues are so scattered that they
    have fewer pairs than their edges, they are counted one by one; where both have very many, by
    Fourier transforms. All three are exact.

    Examples
    --------
    >>> lengths = np.array([5])
    >>> one, two = Runs.of_rows(np.array([0]), lengths), Runs.of_rows(np.array([3, 4]), lengths)
    >>> overlaps(one, two, lengths).tolist()
    [0, 0, 0, 1, 1]
    """
    shared = np.zeros(int(lengths.sum()), dtype=np.int32)
    first = ragged.starts(lengths)
    blocks = np.append(np.flatnonzero(ragged.changes(first // BLOCK_RESIDUES)), len(lengths))
    for block in itertools.pairwise(blocks.tolist()):
        part = _meet(on.between(*block), labels.between(*block), lengths[slice(*block)])
        begin = first[block[0]]
        shared[begin : begin + len(part)] = part
    return shared


def _n_edges(on: Runs, labels: Runs, lengths: np.ndarray) -> int:
    """Pairs of an edge of a run and one of a label, in the same protein."""
    n_runs = [np.bincount(runs.protein, minlength=len(lengths)) for runs in (on, labels)]
    return int(4 * (n_runs[0] @ n_runs[1]))


def _meet(on: Runs, labels: Runs, lengths: np.ndarray) -> np.ndarray:
    """As ``overlaps``; by residues or edges in whole numbers throughout, exact in float64."""
    product = on.sizes(len(lengths)) * labels.sizes(len(lengths))
    n_edges = _n_edges(on, labels, lengths)
    if min(product.sum(), n_edges) > TERMS_PER_RESIDUE * lengths.sum():
        return _correlate(on, labels, lengths)
    if product.sum() <= n_edges:
        return on.residues().meet(labels.residues(), lengths)
    first = ragged.starts(lengths)
    bends = on.edges(lengths).meet(labels.edges(lengths), lengths)
    steps = _sums_within(bends, first, lengths)
    steps -= np.repeat(np.add.reduceat(steps, first) / lengths, lengths)
    counts = steps - _sums_within(steps, first, lengths)
    missing = (product - np.add.reduceat(counts, first)) / lengths
    shared: np.ndarray = counts + np.repeat(missing, lengths)
    return shared


def _correlate(on: Runs, labels: Runs, lengths: np.ndarray) -> np.ndarray:
    """As ``overlaps``, by the correlation theorem: C = irfft(conj(rfft(on)) rfft(labels)).

    The labels stand twice in a row, so that rotation is a shift. float32 errs by less than 0.1 for
    the longest protein known (35,000 residues), and whole numbers are what is looked for.
    """
    # Proteins of about one length are transformed together: within a quarter of the shortest.
    order = np.argsort(lengths, kind="stable")
    rising = lengths[order]
    step = np.floor(np.log(rising) / np.log(1.25)), np.cumsum(rising) // BLOCK_RESIDUES
    groups = np.split(order, np.flatnonzero(np.any(np.diff(step, axis=1), axis=0)) + 1)
    sizes = [fft.next_fast_len(2 * int(lengths[group].max()), real=True) for group in groups]
    # The groups' tables stand one after another; each protein's row begins here:
    row = np.empty(len(lengths), dtype=np.int64)
    ends = np.cumsum([len(group) * size for group, size in zip(groups, sizes, strict=True)])
    for group, size, end in zip(groups, sizes, ends, strict=True):
        row[group] = end - size * np.arange(len(group), 0, -1)
    tables = np.zeros((2, int(ends[-1])), np.float32)
    for table, runs in zip(tables, (on, labels), strict=True):
        places = runs.residues()
        at = row[places.protein] + places.place
        table[at] = 1
    tables[1, at + lengths[places.protein]] = 1
    found = []
    for group, size, end in zip(groups, sizes, ends, strict=True):
        spectra = fft.rfft(tables[:, end - len(group) * size : end].reshape(2, -1, size))
        counts = fft.irfft(spectra[0].conj() * spectra[1], size)
        found.append(np.rint(counts[np.arange(size) < lengths[group][:, None]]))
    rows = ragged.ranges(ragged.starts(lengths)[order], rising)
    shared = np.empty(len(rows), np.int32)
    shared[rows] = np.concatenate(found)
    return shared


def _sums_within(values: np.ndarray, first: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Cumulative sums that begin anew in each protein."""
    sums = np.cumsum(values)
    before = sums[first] - values[first]
    return sums - np.repeat(before, lengths)
