"""How strongly a feature is on, in a few bins, and where its concept is: counts by cluster."""

from dataclasses import dataclass

import numpy as np

from protsae.statistics.cluster_intervals import MIN_CLUSTERS


@dataclass(frozen=True, eq=False)
class BinnedCounts:
    """Residues whose label is known, by homology cluster.

    Attributes
    ----------
    tp, on : ndarray of int, shape (n_clusters, n_bins)
        Residues at which the feature is in a bin of activation, with the concept and all.
    positives, known : ndarray of int, shape (n_clusters,)
        Residues with the concept, and all.
    """

    tp: np.ndarray
    on: np.ndarray
    positives: np.ndarray
    known: np.ndarray

    @property
    def base_rate(self) -> float:
        """Share of the residues that have the concept."""
        return float(self.positives.sum() / self.known.sum())

    @property
    def n_clusters(self) -> int:
        """Homology clusters with the concept."""
        return int((self.positives > 0).sum())

    def joined(self, first: np.ndarray) -> "BinnedCounts":
        """The same in fewer bins, of which the ones given are the first of each."""
        tp, on = (np.add.reduceat(x, first, axis=1) for x in (self.tp, self.on))
        return BinnedCounts(tp, on, self.positives, self.known)

    def beside(self, other: "BinnedCounts") -> "BinnedCounts":
        """These bins, then those of ``other``, of the same clusters."""
        tp, on = np.hstack([self.tp, other.tp]), np.hstack([self.on, other.on])
        return BinnedCounts(tp, on, self.positives, self.known)


def count_bins(
    value: np.ndarray,
    has_concept: np.ndarray,
    cluster: np.ndarray,
    edges: np.ndarray,
    positives: np.ndarray,
    known: np.ndarray,
) -> BinnedCounts:
    """Counts of one feature.

    Parameters
    ----------
    value : ndarray of float, shape (n_on,)
        Activations, of residues whose label is known; those above the first edge count.
    has_concept, cluster : ndarray of bool and of int, shape (n_on,)
        Of these residues.
    edges : ndarray of float, shape (n_bins,)
        Rising; bin i is above edge i, up to and with edge i + 1.
    positives, known : ndarray of int, shape (n_clusters,)
        Of all residues.

    Examples
    --------
    Two clusters; bins above 1 and above 2:

    >>> value, cluster = np.array([0.5, 1.5, 2.0, 9.0]), np.array([0, 0, 1, 1])
    >>> has = np.array([True, True, False, True])
    >>> sums = np.array([3, 1]), np.array([8, 9])
    >>> counts = count_bins(value, has, cluster, np.array([1.0, 2]), *sums)
    >>> counts.on.tolist(), counts.tp.tolist()
    ([[1, 0], [1, 1]], [[1, 0], [0, 1]])
    """
    bins = bin_of_activation(value, edges)
    is_on, shape = bins >= 0, (len(known), len(edges))
    cell = np.ravel_multi_index((cluster[is_on], bins[is_on]), shape)
    size = shape[0] * shape[1]
    tp, on = (
        np.bincount(cells, minlength=size).reshape(shape)
        for cells in (cell[has_concept[is_on]], cell)
    )
    return BinnedCounts(tp, on, positives, known)


def first_bins(on: np.ndarray, least: int = MIN_CLUSTERS) -> np.ndarray:
    """Where to join neighbouring bins, so that each has so many clusters where the feature is on.

    From the lowest; what is left at the top joins the last. One bin if there are too few clusters.

    Parameters
    ----------
    on : ndarray of int, shape (n_clusters, n_bins)

    Returns
    -------
    ndarray of int
        Numbers of the bins that begin a joined one.

    Examples
    --------
    >>> first_bins(np.array([[1, 0, 1, 1], [0, 1, 1, 0]]), least=2).tolist()
    [0, 2]
    """
    first, n_bins = [0], on.shape[1]
    for place in range(1, n_bins + 1):
        enough = np.count_nonzero(on[:, first[-1] : place].any(1)) >= least
        if enough and place < n_bins:
            first.append(place)
        elif not enough and place == n_bins and len(first) > 1:
            first.pop()
    return np.array(first)


def bin_of_activation(value: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Bin of each activation, as in `count_bins`; -1 where the feature is off."""
    return np.searchsorted(edges, value, side="left") - 1
