"""Does a detector know more than the position? P-values where clusters exchange their labels."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from protsae.association.significance.concatenated_proteins import Chains
from protsae.association.significance.label_exchange import LEAST_DONORS, Exchange
from protsae.association.significance.label_transfer import transferred
from protsae.association.significance.p_values import BOUNDED_BELOW, Null, tail_bounds
from protsae.association.significance.rotation_overlap import Runs
from protsae.statistics import ragged
from protsae.statistics.sums.sum_distribution import SumLaws

ANCHORS = ("both", "start", "end")
"""How labels are placed in chains of another length; see `transferred`."""
MOST_RUNS = 1_000_000
"""Runs of labels that are handed on for one concept: beyond, the nearest donors only, but not fewer
than ``LEAST_DONORS``."""
CELLS_AT_ONCE = 2**17
"""Donors of clusters, of all detectors that are counted together: memory, not results."""
LEAST_AT_ONCE = 16
"""Detectors that are counted together however many donors there are."""
RESOLVED = 0.05
"""Where no overlap, however good, has a p-value this small, the position cannot be tested."""


def position_null(
    on: list[np.ndarray], labels: list[np.ndarray], pairs: np.ndarray, chains: Chains
) -> Null:
    """The null that a detector knows where in chains the concept is, but not in which of them.

    Each homology cluster takes the labels, and with them the known residues, of a donor drawn
    uniformly from the clusters most like it in length and number of relatives, itself and those
    without the label included. Draws are independent, so that the law of the true positives is a
    convolution over clusters, computed as in `rotation_null`. Clusters of which no residue is known
    neither give nor take.

    The places: residues within ``END_RESIDUES`` of an end (and at most half the shorter chain) keep
    their distance to it, those between their relative place: a residue takes the label at the image
    of its centre. A run that would fall between two centres takes the nearer residue, so that no
    label is lost in shorter chains; longer ones lengthen it. What keeps a distance of more than 50
    residues to an end is not met this way, so that the p-value is the largest of three: as above,
    with all labels at their distance to the start, and to the end (if the first is small). Where
    chains are known in a part only, from the first to the last known residue, it is the largest of
    four: what is studied is often a domain, whose own ends neither labels nor detectors reach. The
    parts then take the place of the chains, with donors of similar length of part.
    Relatives are ordered by length: of n that take from m, the j-th takes from number
    floor((2 j + 1) m / (2 n)), so that every member of a large cluster has a donor, and a small one
    gives the same labels several times.

    Parameters and result as of `rotation_null`; p is NaN where even the best donors everywhere
    would have a p-value above ``RESOLVED``: too few clusters to tell. It is 1 where all donors give
    the same: the position explains everything.

    Examples
    --------
    On at the first residue of all 24 proteins, which is labelled in all: position explains it.
    On and labelled in the same 6 only, it does not: about a quarter of the donors of each are.

    >>> lengths, first = np.full(24, 30), np.arange(24) * 30
    >>> chains = Chains(lengths, np.arange(24), np.ones(720, bool))
    >>> pair = np.array([[0, 0]])
    >>> position_null([first], [first], pair, chains).p_value.tolist()
    [1.0]
    >>> bool(position_null([first[:6]], [first[:6]], pair, chains).p_value[0] < 1e-2)
    True
    """
    exchange = Exchange.of(chains)
    null = Null.empty(len(pairs))
    for label in np.unique(pairs[:, 1]):
        laws = PositionLaws.of(labels[label], exchange)
        members = np.flatnonzero(pairs[:, 1] == label)
        null.set(members, laws.pair_nulls([on[detector] for detector in pairs[members, 0]]))
    return null


@dataclass(frozen=True, eq=False)
class GivenLabels:
    """A concept's labels as every cluster has them from each of its donors.

    Attributes
    ----------
    n_donors : int
    observed : ndarray of bool, shape (n_residues,)
        Where the concept holds.
    edges : csr_array, dtype=int32, shape=(n_clusters * n_donors, n_residues + 1)
        Of each cell the runs given: -1 at the first row of each, 1 at the row after its last. With
        how many residues before each row are on, the product counts those on within runs.
    times : ndarray of int, shape (n_residues,)
        How many of a cluster's donors label each row, in the smallest type: it is kept.
    largest : ndarray of int, shape (n_clusters,)
        Most residues that a donor labels in each cluster.
    """

    n_donors: int
    observed: np.ndarray
    edges: sparse.csr_array
    times: np.ndarray
    largest: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, exchange: Exchange, anchor: str = "both") -> "GivenLabels":
        """From the rows where the concept holds."""
        chains = exchange.chains
        n_rows = len(chains.known)
        runs = Runs.of_rows(rows, chains.lengths)
        n_runs = np.bincount(runs.protein, minlength=chains.n_proteins)
        n_given = max(1, int(n_runs[exchange.giver].sum()))
        affordable = MOST_RUNS * exchange.n_donors // n_given
        exchange = exchange.of_nearest(max(LEAST_DONORS, affordable))
        repeats = n_runs[exchange.giver]
        taking = ragged.groups(repeats)
        run = ragged.ranges(ragged.starts(n_runs)[exchange.giver], repeats)
        taker = exchange.taker[taking]
        own = chains.lengths[taker]
        giver = chains.lengths[exchange.giver[taking]]
        begin, end = transferred(runs.begin[run], runs.end[run], giver, own, anchor)
        inside = end > begin
        begin, end = ((x + chains.first[taker])[inside] for x in (begin, end))
        change = np.bincount(begin, minlength=n_rows + 1) - np.bincount(end, minlength=n_rows + 1)
        cell = exchange.cell[taking][inside]
        shape = exchange.n_clusters, exchange.n_donors
        labelled = np.bincount(cell, end - begin, shape[0] * shape[1]).reshape(shape)
        observed = np.zeros(n_rows, dtype=bool)
        observed[rows] = True
        times = np.cumsum(change)[:n_rows]
        largest = labelled.max(1, initial=0).astype(np.int64)
        edges = _edges(begin, end, cell, (shape[0] * shape[1], n_rows + 1))
        times = times.astype(np.min_scalar_type(int(times.max(initial=0))))
        return cls(exchange.n_donors, observed, edges, times, largest)

    @property
    def nbytes(self) -> int:
        """Of memory, without what other concepts share."""
        edges = self.edges.data.nbytes + self.edges.indices.nbytes + self.edges.indptr.nbytes
        return edges + self.observed.nbytes + self.times.nbytes

    def pair_nulls(self, on: "OnRows", least: np.ndarray | None = None) -> np.ndarray:
        """Of each detector observed and expected true positives, and the p-value: (n, 3).

        A p-value that a bound shows to be below ``least``, shape (n,), is not computed: the bound,
        which is below it, too, stands in its place. By default ``BOUNDED_BELOW``.
        """
        if least is None:
            least = np.full(len(on.every), BOUNDED_BELOW)
        times = np.array([on.sums(detector, self.times) for detector in range(len(on.every))])
        mean = times / max(1, self.n_donors)
        most = np.minimum(on.n_on, self.largest)
        observed = np.array([np.count_nonzero(self.observed.take(rows)) for rows in on.every])
        p_value = tail_bounds(mean, np.zeros_like(most), most, observed)
        undecided = np.flatnonzero(p_value >= least)
        if len(undecided):
            hits = np.stack([self.edges @ on.before(detector) for detector in undecided.tolist()])
            p_value[undecided] = _p_values(
                hits.reshape(len(undecided), len(self.largest), self.n_donors),
                *(of_all[undecided] for of_all in (on.n_on, most, observed, least)),
            )
        return np.stack([observed, mean.sum(1), p_value], axis=1)


def _edges(
    begin: np.ndarray, end: np.ndarray, cell: np.ndarray, shape: tuple[int, int]
) -> sparse.csr_array:
    order = np.argsort(cell, kind="stable")
    column = np.stack([begin[order], end[order]], axis=1).astype(np.int32).ravel()
    sign = np.tile(np.array([-1, 1], dtype=np.int32), len(order))
    row_ends = 2 * np.cumsum(np.bincount(cell, minlength=shape[0]))
    return sparse.csr_array((sign, column, np.append(0, row_ends)), shape=shape)


def _p_values(
    hits: np.ndarray, n_on: np.ndarray, most: np.ndarray, observed: np.ndarray, least: np.ndarray
) -> np.ndarray:
    """Of detectors, from the residues that are on and labelled by each donor of each cluster."""
    if not most.any():
        return np.full(len(hits), np.nan)
    takes = most > 0
    # Runs that a shorter chain has pushed together may count a residue twice.
    table = np.minimum(hits, n_on[:, :, None])
    varies = takes & (table != table[:, :, :1]).any(2)
    certain = np.where(takes & ~varies, table[:, :, 0], 0).sum(1)
    law, _ = np.nonzero(varies)
    sizes = np.full(len(law), table.shape[2])
    laws = SumLaws.of_draws(table[varies].ravel(), sizes, law, len(hits))
    untold = varies.any(1) & (laws.log_p_of_largest() > np.log(RESOLVED)) | ~takes.any(1)
    return np.where(untold, np.nan, laws.at_least(observed - certain, least))


@dataclass(frozen=True, eq=False)
class OnRows:
    """Where some detectors are on, as every way to hand on labels needs it.

    Attributes
    ----------
    every : list of ndarray of int
        Rows where each is on.
    rows, cluster : list of ndarray of int
        Those in clusters that take part, and their clusters.
    n_on : ndarray of int, shape (n_detectors, n_clusters)
        Of these, by cluster.
    n_residues : int
    """

    every: list[np.ndarray]
    rows: list[np.ndarray]
    cluster: list[np.ndarray]
    n_on: np.ndarray
    n_residues: int

    @classmethod
    def of(cls, every: list[np.ndarray], exchange: Exchange) -> "OnRows":
        """From the rows where each is on."""
        of_row = [exchange.cluster.take(exchange.chains.protein.take(rows)) for rows in every]
        rows = [own.compress(cluster >= 0) for own, cluster in zip(every, of_row, strict=True)]
        cluster = [own.compress(own >= 0) for own in of_row]
        n_on = [np.bincount(own, minlength=exchange.n_clusters) for own in cluster]
        shape = len(every), exchange.n_clusters
        return cls(
            every, rows, cluster, np.reshape(n_on, shape).astype(int), len(exchange.chains.known)
        )

    def sums(self, detector: int, values: np.ndarray) -> np.ndarray:
        """Of the values of the rows where a detector is on, by cluster."""
        n_clusters = self.n_on.shape[1]
        return np.bincount(self.cluster[detector], values.take(self.rows[detector]), n_clusters)

    def among(self, chosen: np.ndarray) -> "OnRows":
        """Some of the detectors."""
        every, rows, cluster = (
            [each[detector] for detector in chosen]
            for each in (self.every, self.rows, self.cluster)
        )
        return OnRows(every, rows, cluster, self.n_on[chosen], self.n_residues)

    def before(self, detector: int) -> np.ndarray:
        """How many rows come before each residue, and in all: int32, (n_residues + 1,)."""
        rows = self.rows[detector]
        number = np.arange(len(rows) + 1, dtype=np.int32)
        return np.repeat(number, np.diff(rows, prepend=-1, append=self.n_residues))


@dataclass(frozen=True, eq=False)
class PositionLaws:
    """A concept's labels handed on in each of the ``ANCHORS``' ways, and within known parts.

    Attributes
    ----------
    exchange : Exchange
    ways : tuple of GivenLabels
    within : GivenLabels or None
        In the rows of ``exchange.of_parts``; none where chains are known to both ends.
    """

    exchange: Exchange
    ways: tuple[GivenLabels, ...]
    within: GivenLabels | None

    @classmethod
    def of(cls, rows: np.ndarray, exchange: Exchange) -> "PositionLaws":
        """From the rows where the concept holds."""
        ways = tuple(GivenLabels.of(rows, exchange, anchor) for anchor in ANCHORS)
        parts = exchange.of_parts
        if parts is None:
            return cls(exchange, ways, None)
        inside = exchange.chains.in_parts(rows)
        return cls(exchange, ways, GivenLabels.of(inside, parts))

    @property
    def nbytes(self) -> int:
        """Of memory, without what other concepts share."""
        within = 0 if self.within is None else self.within.nbytes
        return sum(way.nbytes for way in self.ways) + within

    def pair_nulls(self, rows_on: list[np.ndarray]) -> np.ndarray:
        """Of each detector observed true positives; of all ways the largest mean and p-value.

        Where the first way cannot test the pair (NaN), or its p-value is above ``RESOLVED``, so
        that no other can make it a finding, its own.

        Returns
        -------
        ndarray, float64, shape (n_detectors, 3)
        """
        n_cells = max(1, self.exchange.n_clusters * self.ways[0].n_donors)
        step = max(LEAST_AT_ONCE, CELLS_AT_ONCE // n_cells)
        parts = [rows_on[i : i + step] for i in range(0, len(rows_on), step)]
        return np.concatenate([np.empty((0, 3)), *(self._pair_nulls(part) for part in parts)])

    def _pair_nulls(self, rows_on: list[np.ndarray]) -> np.ndarray:
        first, *others = self.ways
        on = OnRows.of(rows_on, self.exchange)
        found = first.pair_nulls(on)
        small = np.flatnonzero(found[:, 2] <= RESOLVED)
        if not len(small):
            return found
        on = on.among(small)
        ways = [(way, on) for way in others]
        parts = self.exchange.of_parts
        if self.within is not None and parts is not None:
            inside = [self.exchange.chains.in_parts(rows) for rows in on.every]
            ways.append((self.within, OnRows.of(inside, parts)))
        for way, rows in ways:
            # Only a p-value above the largest so far counts.
            law = way.pair_nulls(rows, np.maximum(found[small, 2], BOUNDED_BELOW))
            found[small, 1] = np.maximum(found[small, 1], law[:, 1])
            found[small, 2] = np.fmax(found[small, 2], law[:, 2])
        return found
