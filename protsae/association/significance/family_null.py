"""Does a feature know the place in this protein, beyond what its homology cluster shares?"""

from dataclasses import dataclass

import numpy as np

from protsae.statistics import ragged

BATCH = 64
"""Permutations drawn at a time."""


def cluster_null(
    on: list[np.ndarray],
    labels: list[np.ndarray],
    pairs: np.ndarray,
    lengths: np.ndarray,
    cluster: np.ndarray,
    n_permutations: int,
    stop_after: int,
    seed: int,
) -> np.ndarray:
    """P-values where the proteins of a homology cluster exchange their labels.

    Protein p takes the labels of protein q of its cluster at the same relative place, by residue
    centres: residue i takes that of residue (2 i + 1) L_q // (2 L_p). Permutations are drawn until
    ``stop_after`` of them give at least the observed number of true positives, p = stop_after /
    drawn, or ``n_permutations`` are drawn, p = (exceedances + 1) / (n_permutations + 1). A pair's
    draws depend on ``seed`` and its indices, not on the other pairs.

    Parameters
    ----------
    on, labels : list of ndarray of int
        Ascending rows where each feature is on at its threshold, and where each concept holds.
    pairs : ndarray of int, shape (n_pairs, 2)
        Indices into ``on`` and ``labels``.
    lengths, cluster : ndarray of int, shape (n_proteins,)
        Proteins stand one after another.

    Returns
    -------
    ndarray, float64, shape (n_pairs,)
        NaN where each protein's count is the same with any relative's labels, as in clusters of
        one: the data then do not tell.

    References
    ----------
    Besag & Clifford, Biometrika 78, 301 (1991).

    Examples
    --------
    Two pairs of relatives, each on where it is labelled and its relative is not: only one of four
    exchanges is as good. In clusters of one there is nothing to exchange.

    >>> rows, lengths = [np.array([0, 7, 11, 19])], np.full(4, 5)
    >>> data = rows, rows, np.array([[0, 0]]), lengths
    >>> bool(0.2 < cluster_null(*data, np.array([3, 3, 8, 8]), 999, 999, seed=0)[0] < 0.3)
    True
    >>> cluster_null(*data, np.array([3, 4, 5, 8]), 999, 999, seed=0).tolist()
    [nan]
    """
    families = _Families.of(lengths, cluster)
    found = np.full(len(pairs), np.nan)
    for pair, (f, p) in enumerate(pairs.tolist()):
        exchange = families.exchange(on[f], labels[p])
        if exchange is not None:
            rng = np.random.default_rng([seed, f, p])
            found[pair] = _p_value(exchange, n_permutations, stop_after, rng)
    return found


@dataclass(frozen=True, eq=False)
class _Exchange:
    """True positives of each protein with the labels of each member of its cluster.

    Attributes
    ----------
    table : ndarray of int
        Row by row, each as long as the protein's cluster.
    start : ndarray of int, shape (n_takers,)
        Where each protein's row begins.
    own : ndarray of int, shape (n_takers,)
        Place of the protein in its cluster: with its own labels.
    member : ndarray of int, shape (n_takers,)
        Place of the protein in ``block``.
    block : ndarray of int, shape (n_members,)
        Number of the cluster of each member, ascending, for all clusters with a taker.
    """

    table: np.ndarray
    start: np.ndarray
    own: np.ndarray
    member: np.ndarray
    block: np.ndarray

    @property
    def observed(self) -> int:
        return int(self.table[self.start + self.own].sum())

    def draw(self, number: int, rng: np.random.Generator) -> np.ndarray:
        """True positives under random permutations, int, shape (number,)."""
        # Sorting by block, then by chance, permutes within blocks.
        order = np.argsort(self.block + rng.random((number, len(self.block))), axis=1)
        partner = order - np.searchsorted(self.block, self.block)
        drawn: np.ndarray = self.table[self.start + partner[:, self.member]].sum(axis=1)
        return drawn


@dataclass(frozen=True, eq=False)
class _Families:
    """Proteins by cluster; arrays of shape (n_proteins,), in the order of the proteins.

    Attributes
    ----------
    first, lengths : first row and number of rows.
    cluster : number of the cluster, from 0.
    local : place among the members of the cluster.
    size : number of members of the cluster.
    """

    first: np.ndarray
    lengths: np.ndarray
    cluster: np.ndarray
    local: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, lengths: np.ndarray, cluster: np.ndarray) -> "_Families":
        _, number, sizes = np.unique(cluster, return_inverse=True, return_counts=True)
        order = np.argsort(number, kind="stable")
        local = np.empty(len(order), dtype=np.int64)
        local[order] = ragged.places(sizes)
        return cls(ragged.starts(lengths), lengths, number, local, sizes[number])

    def exchange(self, on: np.ndarray, labels: np.ndarray) -> _Exchange | None:
        """Every protein that is on with every labelled relative; None where all are alike."""
        ends = self.first + self.lengths
        giver = np.unique(np.searchsorted(ends, labels, side="right"))
        giver = giver[np.argsort(self.cluster[giver], kind="stable")]
        n_givers = np.bincount(self.cluster[giver], minlength=len(self.first))
        of_on = np.searchsorted(ends, on, side="right")
        useful = (self.size[of_on] > 1) & (n_givers[self.cluster[of_on]] > 0)
        if not useful.any():
            return None
        on, of_on = on[useful], of_on[useful]
        taker, row = np.unique(of_on, return_inverse=True)
        start = ragged.starts(self.size[taker])

        # Each residue that is on, with each labelled protein of its cluster.
        repeats = n_givers[self.cluster[of_on]]
        place = ragged.ranges(ragged.starts(n_givers)[self.cluster[of_on]], repeats)
        source, residue = giver[place], ragged.groups(repeats)
        target = of_on[residue]
        centre = 2 * (on[residue] - self.first[target]) + 1
        within = centre * self.lengths[source] // (2 * self.lengths[target])
        has_label = np.zeros(ends[-1], dtype=bool)
        has_label[labels] = True
        hit = has_label[self.first[source] + within]
        cell = start[row[residue]] + self.local[source]
        table = np.bincount(cell[hit], minlength=int(self.size[taker].sum()))
        if (np.maximum.reduceat(table, start) == np.minimum.reduceat(table, start)).all():
            return None

        members = np.flatnonzero(np.isin(self.cluster, self.cluster[taker]))
        members = members[np.lexsort((self.local[members], self.cluster[members]))]
        place_of = np.empty(len(self.first), dtype=np.int64)
        place_of[members] = np.arange(len(members))
        block = self.cluster[members].astype(np.float64)
        return _Exchange(table, start, self.local[taker], place_of[taker], block)


def _p_value(
    exchange: _Exchange, n_permutations: int, stop_after: int, rng: np.random.Generator
) -> float:
    observed, exceeded = exchange.observed, 0
    for begin in range(0, n_permutations, BATCH):
        drawn = exchange.draw(min(BATCH, n_permutations - begin), rng)
        so_far = exceeded + np.cumsum(drawn >= observed)
        if so_far[-1] >= stop_after:
            return stop_after / (begin + int((so_far >= stop_after).argmax()) + 1)
        exceeded = int(so_far[-1])
    return (exceeded + 1) / (n_permutations + 1)
