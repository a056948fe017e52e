"""Does a feature know the place in this protein, beyond what its homology cluster shares?"""

from dataclasses import dataclass

import numpy as np

from protsae.association.significance.concatenated_proteins import Chains
from protsae.statistics import ragged

BATCH = 64
"""Permutations drawn at a time."""


def cluster_null(
    on: list[np.ndarray],
    labels: list[np.ndarray],
    pairs: np.ndarray,
    chains: Chains,
    n_permutations: int,
    stop_after: int,
    seed: int,
) -> np.ndarray:
    """P-values where the proteins of a homology cluster exchange their labels.

    Protein p takes the labels of protein q of its cluster at the same relative place, by residue
    centres: residue i takes that of residue (2 i + 1) L_q // (2 L_p). Where the label there is not
    known, residue i keeps its own: what is not known is no difference between relatives. Proteins
    without a known residue take no part. Permutations are drawn until ``stop_after`` of them give
    at least the observed number of true positives, p = stop_after /
    drawn, or ``n_permutations`` are drawn, p = (exceedances + 1) / (n_permutations + 1). A pair's
    draws depend on ``seed`` and its indices, not on the other pairs.

    Parameters
    ----------
    on, labels : list of ndarray of int
        Ascending rows of ``chains`` where each feature is on at its threshold, known or not; and
        where each concept holds, all of them known.
    pairs : ndarray of int, shape (n_pairs, 2)
        Indices into ``on`` and ``labels``.
    chains : Chains

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

    >>> rows, lengths, known = [np.array([0, 7, 11, 19])], np.full(4, 5), np.ones(20, bool)
    >>> data = rows, rows, np.array([[0, 0]])
    >>> relatives = Chains(lengths, np.array([3, 3, 8, 8]), known)
    >>> bool(0.2 < cluster_null(*data, relatives, 999, 999, seed=0)[0] < 0.3)
    True
    >>> strangers = Chains(lengths, np.array([3, 4, 5, 8]), known)
    >>> cluster_null(*data, strangers, 999, 999, seed=0).tolist()
    [nan]
    """
    families = _Families.of(chains)
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
    chains : Chains
    cluster : number of the cluster, from 0; a protein without known residues is alone.
    local : place among the members of the cluster.
    size : number of members of the cluster.
    """

    chains: Chains
    cluster: np.ndarray
    local: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, chains: Chains) -> "_Families":
        _, number = np.unique(chains.cluster, return_inverse=True)
        alone = chains.n_known == 0
        number = np.where(alone, len(number) + np.arange(len(number)), number)
        _, number, sizes = np.unique(number, return_inverse=True, return_counts=True)
        order = np.argsort(number, kind="stable")
        local = np.empty(len(order), dtype=np.int64)
        local[order] = ragged.places(sizes)
        return cls(chains, number, local, sizes[number])

    def exchange(self, on: np.ndarray, labels: np.ndarray) -> _Exchange | None:
        """Every protein that is on with every relative's labels; None where all are alike."""
        chains = self.chains
        on = on[chains.known[on]]
        giver = np.unique(chains.protein[labels])
        n_givers = np.bincount(self.cluster[giver], minlength=chains.n_proteins)
        of_on = chains.protein[on]
        useful = (self.size[of_on] > 1) & (n_givers[self.cluster[of_on]] > 0)
        if not useful.any():
            return None
        on, of_on = on[useful], of_on[useful]
        taker = np.unique(of_on)
        start = ragged.starts(self.size[taker])
        has_label = np.zeros(len(chains.known), dtype=bool)
        has_label[labels] = True
        own = on[has_label[on]]
        partly_known = np.flatnonzero((chains.n_known > 0) & (chains.n_known < chains.lengths))
        # A relative's label, or, where it is not known, one's own.
        met = (
            (*self._met(on, giver), has_label),
            (*self._met(own, partly_known), ~chains.known),
        )
        cells = []
        for protein, source, place, counted in met:
            hit = counted[place]
            row = np.searchsorted(taker, protein[hit])
            cells.append(start[row] + self.local[source[hit]])
        table = np.bincount(np.concatenate(cells), minlength=int(self.size[taker].sum()))
        if (np.maximum.reduceat(table, start) == np.minimum.reduceat(table, start)).all():
            return None

        members = np.flatnonzero(np.isin(self.cluster, self.cluster[taker]))
        members = members[np.lexsort((self.local[members], self.cluster[members]))]
        place_of = np.empty(chains.n_proteins, dtype=np.int64)
        place_of[members] = np.arange(len(members))
        block = self.cluster[members].astype(np.float64)
        return _Exchange(table, start, self.local[taker], place_of[taker], block)

    def _met(
        self, rows: np.ndarray, relatives: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Each row with each of these proteins that is of its cluster: protein, relative, and the
        row there at the same relative place."""
        chains = self.chains
        relatives = relatives[np.argsort(self.cluster[relatives], kind="stable")]
        number = np.bincount(self.cluster[relatives], minlength=chains.n_proteins)
        own = self.cluster[chains.protein[rows]]
        repeats = number[own]
        source = relatives[ragged.ranges(ragged.starts(number)[own], repeats)]
        rows = np.repeat(rows, repeats)
        protein = chains.protein[rows]
        centre = 2 * (rows - chains.first[protein]) + 1
        within = centre * chains.lengths[source] // (2 * chains.lengths[protein])
        return protein, source, chains.first[source] + within


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
