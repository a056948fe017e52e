"""Features as points in the plane, near where their neighbours are."""

import warnings

import numpy as np

from protsae.neighbours.coactivation import Nearest


def feature_map(near: Nearest, directions_FD: np.ndarray, seed: int) -> np.ndarray:
    """Coordinates of each feature, by UMAP of the neighbours by decoder cosine.

    Only who is near whom means something on it; distances between groups do not. The same seed
    gives the same map on one kind of processor.

    Parameters
    ----------
    near : Nearest
        Neighbours by decoder cosine.
    directions_FD : ndarray, shape (n_features, d_model)
        Decoder vectors, from which the first layout is made.
    seed : int

    Returns
    -------
    ndarray, float32, shape (n_features, 2)
        NaN for features without neighbours, and if there are fewer than 4 with some.

    References
    ----------
    McInnes, Healy & Melville, arXiv:1802.03426.
    """
    found = np.full((len(near.which), 2), np.nan, np.float32)
    placed = np.flatnonzero((near.which >= 0).all(1))
    if len(placed) < 4:
        return found
    number = np.full(len(near.which), -1)
    number[placed] = np.arange(len(placed))
    # UMAP counts a point among its own neighbours.
    which = np.column_stack([np.arange(len(placed)), number[near.which[placed]]])
    distance = np.column_stack([np.zeros(len(placed)), 1 - near.value[placed]]).astype(np.float32)
    with warnings.catch_warnings():
        # That TensorFlow is missing, new points cannot be placed later, a seed means one thread.
        warnings.simplefilter("ignore")
        # Imported here: it takes seconds, as it compiles.
        from umap import UMAP

        mapper = UMAP(
            n_neighbors=which.shape[1],
            metric="cosine",
            random_state=seed,
            n_jobs=1,
            precomputed_knn=(which, distance.clip(min=0)),
        )
        found[placed] = mapper.fit_transform(directions_FD[placed])
    return found
