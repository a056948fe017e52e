"""Communities of features: groups that are nearer to each other than to the others."""

import random

import igraph
import numpy as np

from protsae.neighbours.coactivation import Nearest

SMALLEST = 3
"""Features of a community; smaller ones are none."""


def communities(near: Nearest, seed: int) -> np.ndarray:
    """Communities of the graph in which each feature is joined to its neighbours.

    Leiden's algorithm maximises modularity, each edge weighted by how near its two features are
    (negative ones are left out).

    Parameters
    ----------
    near : Nearest
        Neighbours by decoder cosine.
    seed : int

    Returns
    -------
    ndarray of int, shape (n_features,)
        Number of the community, from 0, the largest first; -1 for a feature in none of at least
        ``SMALLEST``.

    References
    ----------
    Traag, Waltman & van Eck, Sci. Rep. 9, 5233 (2019), arXiv:1810.08473.

    Examples
    --------
    Two triangles:

    >>> which = np.array([[1, 2], [0, 2], [0, 1], [4, 5], [3, 5], [3, 4]])
    >>> communities(Nearest(which, np.full((6, 2), 0.5)), seed=0).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    n_features, count = near.which.shape
    own, other, weight = np.repeat(np.arange(n_features), count), near.which.ravel(), near.value
    joined = (other >= 0) & (weight.ravel() > 0)
    low, high = np.minimum(own, other)[joined], np.maximum(own, other)[joined]
    # A pair of mutual neighbours is one edge.
    edge, first = np.unique(low * n_features + high, return_index=True)
    graph = igraph.Graph(n_features, np.stack(np.divmod(edge, n_features), axis=1).tolist())
    igraph.set_random_number_generator(random.Random(seed))
    found = graph.community_leiden(
        "modularity", weights=weight.ravel()[joined][first].tolist(), n_iterations=-1
    )
    member = np.asarray(found.membership, dtype=np.int64)
    sizes = np.bincount(member)
    # The largest first; of equally large ones, that of the first feature.
    _, begins = np.unique(member, return_index=True)
    order = np.lexsort((begins, -sizes))
    number = np.empty(len(sizes), np.int64)
    number[order] = np.arange(len(sizes))
    return np.where(sizes[member] >= SMALLEST, number[member], -1)
