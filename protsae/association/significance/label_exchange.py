"""Which homology clusters take whose labels, where clusters exchange them; depends on no label."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from protsae.association.significance.concatenated_proteins import Chains
from protsae.statistics import ragged

LEAST_DONORS, MOST_DONORS, DONOR_SHARE = 12, 64, 0.25
"""Donors of each cluster: a quarter of all clusters, within these bounds."""
SIZE_WEIGHT = 1.5
"""What a factor in the number of relatives weighs beside the same factor in length, where donors
are chosen: larger clusters are better annotated."""


@dataclass(frozen=True, eq=False)
class Exchange:
    """Which cluster takes from which, protein by protein; depends on no label.

    Attributes
    ----------
    chains : Chains
    cluster : ndarray of int, shape (n_proteins,)
        Number of each protein's cluster among those that take part, from 0; -1 for the others.
    n_donors : int
    taker, giver, cell : ndarray of int, shape (n_takings,)
        Proteins, and the cell of the table of clusters and their donors: cluster * n_donors + draw.
    """

    chains: Chains
    cluster: np.ndarray
    n_donors: int
    taker: np.ndarray
    giver: np.ndarray
    cell: np.ndarray

    def of_nearest(self, n_donors: int) -> "Exchange":
        """With so many donors, the nearest ones."""
        if n_donors >= self.n_donors:
            return self
        cluster, draw = np.divmod(self.cell, self.n_donors)
        kept = draw < n_donors
        cell = (cluster * n_donors + draw)[kept]
        return replace(
            self, n_donors=n_donors, taker=self.taker[kept], giver=self.giver[kept], cell=cell
        )

    @cached_property
    def of_parts(self) -> "Exchange | None":
        """The same among the known parts, as if they were chains; none where all are whole."""
        parts = self.chains.known_parts
        whole = np.array_equal(parts.lengths, self.chains.lengths[self.chains.n_known > 0])
        return None if whole else Exchange.of(parts)

    @property
    def n_clusters(self) -> int:
        """Clusters that take part."""
        return int(self.cluster.max(initial=-1)) + 1

    @classmethod
    def of(cls, chains: Chains) -> "Exchange":
        """Choose the donors."""
        _, every = np.unique(chains.cluster, return_inverse=True)
        with_known = np.bincount(every, chains.n_known) > 0
        cluster = np.where(with_known[every], np.cumsum(with_known)[every] - 1, -1)
        members = np.flatnonzero(cluster >= 0)
        members = members[np.lexsort((chains.lengths[members], cluster[members]))]
        size = np.bincount(cluster[members], minlength=int(with_known.sum()))
        first = ragged.starts(size)
        log_length = np.log(np.bincount(cluster[members], chains.lengths[members]) / size)
        donors = nearest(np.stack([log_length, SIZE_WEIGHT * np.log(size)], axis=1))
        n_donors = donors.shape[1]
        # Every member of every cluster, with its relative in each donor.
        own, rank = cluster[members], ragged.places(size)
        given = donors[own]
        relative = (2 * rank[:, None] + 1) * size[given] // (2 * size[own][:, None])
        giver = members[first[given] + relative]
        cell = own[:, None] * n_donors + np.arange(n_donors)
        taker = np.repeat(members, n_donors)
        return cls(chains, cluster, n_donors, taker, giver.ravel(), cell.ravel())


def nearest(places: np.ndarray) -> np.ndarray:
    """The donors of each cluster: the nearest ones, itself first; of equally near ones any.

    Which of equally near ones is drawn with a fixed seed, so that they are not the same for all.

    Parameters
    ----------
    places : ndarray, shape (n_clusters, n_dimensions)

    Returns
    -------
    ndarray of int, shape (n_clusters, n_donors)
    """
    n_clusters = len(places)
    wanted = int(np.clip(DONOR_SHARE * n_clusters, LEAST_DONORS, MOST_DONORS))
    n_donors = min(wanted, n_clusters)
    found = np.empty((n_clusters, n_donors), dtype=np.int64)
    rng = np.random.default_rng(0)
    for begin in range(0, n_clusters, 1000):
        some = slice(begin, begin + 1000)
        distance = np.abs(places[some, None] - places[None]).sum(2)
        own = np.arange(n_clusters)[some]
        distance += 1e-9 * rng.random(distance.shape)
        distance[np.arange(len(own)), own] = -1.0
        found[some] = np.argsort(distance, axis=1)[:, :n_donors]
    return found
