"""Moves of few clusters between parts so that each part gets its share of residues and concepts."""

import numpy as np
from scipy import sparse

TOLERANCE = 0.01
"""A part may be off by this share of all residues, or by a mean cluster if that is more; twice as
much weighs like a concept that is missing from a part."""

ENOUGH_CLUSTERS, ENOUGH_RESIDUES = 3, 10
"""What a concept needs in valid and in test to be scored by default (``ConceptSettings``)."""

MAX_MOVES = 10_000
"""Each move lowers the cost, so that this only bounds the time."""

LOOK_AHEAD = 20
"""First moves after which a second one is tried, where no single one is better."""

_LEAST_GAIN = 1e-9


def balance_parts(
    part: np.ndarray, residues: np.ndarray, shares: np.ndarray, concepts: sparse.csr_array
) -> np.ndarray:
    """Parts in which no concept falls short, if moves of single clusters can bring that about.

    Starts from ``part`` and makes the move, or two moves, that lower the cost, until none do. With
    n_sc clusters that have concept c in part s, w_sc wanted, L_s residues of L, and share p_s,

        cost = sum_sc (max(0, w_sc - n_sc) / w_sc)^2
             + sum_s (max(0, |L_s / L - p_s| - t) / t)^2,    t = max(TOLERANCE, 1 / n_clusters)

    Wanted are, of the n_c clusters with the concept, floor(p_s n_c), and in valid and test no fewer
    than it takes to be scored (`wanted_clusters`). All clusters count as one more concept, of which
    each part wants one at least.

    Parameters
    ----------
    part : ndarray of int, shape (n_clusters,)
        0 train, 1 valid, 2 test.
    residues : ndarray of int, shape (n_clusters,)
    shares : ndarray of float, shape (3,)
        Wanted shares of residues; sum 1. A cluster larger than the share of valid or test never
        moves there.
    concepts : csr_array of int, shape (n_clusters, n_concepts)
        Residues of each cluster that have the concept.

    Returns
    -------
    ndarray of int, shape (n_clusters,)

    Examples
    --------
    Ten clusters of 10 residues each; five have a concept, and valid has none of them:

    >>> concepts = sparse.csr_array(np.array([[5]] * 4 + [[0]] * 5 + [[5]]))
    >>> start = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2, 2])
    >>> balance_parts(start, np.full(10, 10), np.array([0.6, 0.2, 0.2]), concepts).tolist()
    [1, 0, 0, 0, 0, 0, 0, 1, 2, 2]
    """
    balance = _Balance(part, residues, shares, concepts)
    for _ in range(MAX_MOVES):
        moves = balance.better()
        if not moves:
            break
        for cluster, target in moves:
            balance.move(cluster, target)
    return balance.part


class _Balance:
    """Parts of clusters, and what each move of one would change of the cost."""

    def __init__(
        self,
        part: np.ndarray,
        residues: np.ndarray,
        shares: np.ndarray,
        concepts: sparse.csr_array,
    ) -> None:
        n_clusters = len(part)
        self.part, self.residues, self.shares = part.copy(), residues, shares
        self.tolerance = max(TOLERANCE, 1 / n_clusters)
        # That there is a cluster at all counts as one more concept, so that no part stays empty.
        self.has = sparse.csr_array(
            sparse.hstack([concepts > 0, np.ones((n_clusters, 1))], format="csr", dtype=np.float64)
        )
        every = np.maximum(np.floor(shares * n_clusters), shares > 0)
        self.wanted = np.concatenate([wanted_clusters(concepts, shares), every[:, None]], axis=1)
        self.count = np.stack([self.has[part == s].sum(axis=0) for s in range(3)])
        self.held = np.bincount(part, weights=residues, minlength=3)
        self.closed = residues[:, None] > shares * residues.sum()
        self.closed[:, 0] = False

    def better(self) -> list[tuple[int, int]]:
        """The move that lowers the cost the most; if none does, two that do so together, or []."""
        change = self._changes()
        order = np.argsort(change, axis=None, kind="stable")[:LOOK_AHEAD]
        first = [divmod(int(index), 3) for index in order]
        if change[first[0]] < -_LEAST_GAIN:
            return first[:1]
        for move in first:
            if not np.isfinite(change[move]):
                break
            source = int(self.part[move[0]])
            self.move(*move)
            second = self._changes()
            self.move(move[0], source)
            if change[move] + second.min() < -_LEAST_GAIN:
                return [move, divmod(int(np.argmin(second)), 3)]
        return []

    def move(self, cluster: int, target: int) -> None:
        """Move a cluster to a part."""
        row, source = self.has[[cluster]].toarray()[0], self.part[cluster]
        self.count[source] -= row
        self.count[target] += row
        self.held[source] -= self.residues[cluster]
        self.held[target] += self.residues[cluster]
        self.part[cluster] = target

    def _changes(self) -> np.ndarray:
        """Change of the cost by each move: float64, shape (n_clusters, 3); infinite for none."""
        now, level = self._shortfall(self.count), self._deviation(self.held)
        size = self.residues[:, None]
        leaving = self.has @ (self._shortfall(self.count - 1) - now).T
        leaving += self._deviation(self.held - size) - level
        joining = self.has @ (self._shortfall(self.count + 1) - now).T
        joining += self._deviation(self.held + size) - level
        cluster = np.arange(len(self.part))
        change: np.ndarray = leaving[cluster, self.part][:, None] + joining
        change[self.closed] = np.inf
        change[cluster, self.part] = np.inf
        return change

    def _shortfall(self, count: np.ndarray) -> np.ndarray:
        cost: np.ndarray = (np.maximum(self.wanted - count, 0) / np.maximum(self.wanted, 1)) ** 2
        return cost

    def _deviation(self, held: np.ndarray) -> np.ndarray:
        off = np.abs(held / self.residues.sum() - self.shares)
        cost: np.ndarray = (np.maximum(off - self.tolerance, 0) / self.tolerance) ** 2
        return cost


def wanted_clusters(concepts: sparse.csr_array, shares: np.ndarray) -> np.ndarray:
    """Clusters with each concept that each part should have, float64, shape (3, n_concepts).

    The share of those there are, rounded down. Valid and test get ``ENOUGH_CLUSTERS`` at least, or
    as many as have ``ENOUGH_RESIDUES`` on average, where that leaves one for train.

    Examples
    --------
    >>> seven = sparse.csr_array(np.array([[5], [5], [5], [5], [5], [5], [5], [0]]))
    >>> wanted_clusters(seven, np.array([0.6, 0.2, 0.2])).ravel().tolist()
    [1.0, 3.0, 3.0]
    """
    n_clusters = (concepts > 0).sum(axis=0)
    wanted: np.ndarray = np.floor(shares[:, None] * n_clusters + 1e-9)
    least = np.ceil(ENOUGH_RESIDUES * n_clusters / np.maximum(concepts.sum(axis=0), 1))
    least = np.maximum(least, ENOUGH_CLUSTERS)
    least = np.where(2 * least < n_clusters, least, 0)
    wanted[1:] = np.where(shares[1:, None] > 0, np.maximum(wanted[1:], least), 0)
    wanted[0] = np.minimum(wanted[0], n_clusters - wanted[1:].sum(axis=0))
    return wanted
