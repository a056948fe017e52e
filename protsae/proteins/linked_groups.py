"""Groups of proteins that are linked, directly or through others."""

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components


def linked_groups(links: np.ndarray, n: int) -> np.ndarray:
    """Index of the first member of each one's connected component: int64, shape (n,).

    Parameters
    ----------
    links : ndarray of int, shape (n_links, 2)
        Pairs, in any order.
    n : int

    Examples
    --------
    >>> linked_groups(np.array([[4, 1], [1, 3]]), 5).tolist()
    [0, 1, 2, 1, 1]
    """
    graph = sparse.coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(n, n))
    _, number = connected_components(graph, directed=False)
    _, first = np.unique(number, return_index=True)
    index: np.ndarray = first[number]
    return index
