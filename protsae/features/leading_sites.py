"""Of many residues the few that come first, for every group, one per homology cluster."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from protsae.statistics import ragged

PENDING = 200_000
"""Sites that wait to be sorted in: memory, not results."""


@dataclass(frozen=True, eq=False)
class Sites:
    """Residues, each in a group; arrays of one length.

    Attributes
    ----------
    group, cluster, protein, residue : ndarray of int64
        Whatever is chosen for, such as a feature; homology cluster; row of the protein table;
        0-based residue.
    rank : ndarray of float64
        The lowest come first.
    value : ndarray of float32
        Activation there.
    """

    group: np.ndarray
    cluster: np.ndarray
    protein: np.ndarray
    residue: np.ndarray
    rank: np.ndarray
    value: np.ndarray

    def __len__(self) -> int:
        return len(self.group)

    def take(self, rows: np.ndarray) -> Self:
        """The given ones: indices, or a mask."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """All of some, one after another."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class LeadingSites:
    """The sites of lowest rank in every group, at most one of each homology cluster.

    Of equal ranks the protein that stands first in the table comes first, in a protein the first
    residue. So it does not matter in which order, or how many at a time, sites are offered.

    Parameters
    ----------
    n_groups : int
    most : int
        Sites kept in a group, at most.

    Examples
    --------
    >>> leading = LeadingSites(n_groups=1, most=2)
    >>> cluster, rank = np.array([7, 7, 8, 9]), np.array([-5.0, -4, -1, -3])
    >>> leading.offer(Sites(np.zeros(4, int), cluster, np.arange(4), np.arange(4), rank, -rank))
    >>> leading.sites().cluster.tolist()
    [7, 9]
    """

    def __init__(self, n_groups: int, most: int):
        self._most = most
        self._last = np.full(n_groups, np.inf)
        self._parts: list[Sites] = []
        self._pending = 0

    def offer(self, sites: Sites) -> None:
        """Take in some more."""
        sites = sites.take(sites.rank <= self._last[sites.group])
        if len(sites):
            self._parts.append(sites)
            self._pending += len(sites)
        if self._pending > PENDING:
            self.sites()

    def sites(self) -> Sites:
        """Those kept, by group and rank."""
        if not self._parts:
            nothing = np.empty(0, np.int64)
            whole = nothing, nothing, nothing, nothing
            return Sites(*whole, np.empty(0), np.empty(0, np.float32))
        kept = self._leading(Sites.joined(self._parts))
        self._parts, self._pending = [kept], 0
        full = ragged.places(_sizes(kept.group)) == self._most - 1
        self._last[kept.group[full]] = kept.rank[full]
        return kept

    def _leading(self, sites: Sites) -> Sites:
        # Two numbers that are sorted by as one save a sort each.
        kind = _as_one(sites.group, sites.cluster)
        place = _as_one(sites.protein, sites.residue)
        order = np.lexsort((place, sites.rank, kind))
        order = order[ragged.changes(kind[order])]
        order = order[np.lexsort((place[order], sites.rank[order], sites.group[order]))]
        sites = sites.take(order)
        return sites.take(ragged.places(_sizes(sites.group)) < self._most)


def _as_one(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Numbers that are ordered as pairs of whole numbers are; none negative.

    Examples
    --------
    >>> _as_one(np.array([0, 1, 1]), np.array([9, 0, 3])).tolist()
    [9, 10, 13]
    """
    one: np.ndarray = first * (second.max(initial=0) + 1) + second
    return one


def _sizes(groups: np.ndarray) -> np.ndarray:
    """How often each number occurs in a row.

    Examples
    --------
    >>> _sizes(np.array([2, 2, 5])).tolist()
    [2, 1]
    """
    first = np.flatnonzero(ragged.changes(groups)) if len(groups) else np.empty(0, np.int64)
    return ragged.sizes_of(first, len(groups))


def drawn(*numbers: np.ndarray | int) -> np.ndarray:
    """Numbers in [0, 1) that look random, the same for the same integers.

    A draw that needs no state: what is drawn for one residue does not depend on what else is read.
    Each integer is mixed in by splitmix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195).

    Parameters
    ----------
    *numbers : ndarray of int, or int
        Not negative; broadcast against each other.

    Examples
    --------
    >>> bool(drawn(3, 5)[()] == drawn(3, 5)[()]), bool(drawn(3, 5)[()] == drawn(5, 3)[()])
    (True, False)
    """
    state = np.zeros(1, np.uint64)
    with np.errstate(over="ignore"):
        for number in numbers:
            state = state + np.asarray(number).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    uniform: np.ndarray = (state >> np.uint64(11)) * 2.0**-53
    return uniform
