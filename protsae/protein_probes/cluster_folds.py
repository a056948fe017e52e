"""Folds of proteins that never share a homology cluster."""

import warnings

import numpy as np
import pandas as pd

from protsae.errors import UserError
from protsae.protein_probes.target import Target

N_STRATA = 5
"""Quantiles of a number that folds share evenly."""


def cluster_folds(target: Target, cluster: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Fold of each protein: whole homology clusters, with every class in about equal shares.

    scikit-learn's StratifiedGroupKFold; numbers are stratified by their quintiles.

    Parameters
    ----------
    target : Target
        All of its values known.
    cluster : ndarray, shape (n_proteins,)

    Returns
    -------
    ndarray of int, shape (n_proteins,)
        From 0.

    Raises
    ------
    UserError
        If there are fewer clusters than folds.

    Examples
    --------
    >>> from protsae.protein_probes.target import read_target
    >>> target = read_target("soluble", [1, 1, 0, 0, 1, 0])
    >>> fold = cluster_folds(target, np.array([7, 7, 8, 8, 9, 9]), n_folds=3, seed=0)
    >>> fold[0] == fold[1], fold[2] == fold[3], len(set(fold.tolist()))
    (np.True_, np.True_, 3)
    """
    from sklearn.model_selection import StratifiedGroupKFold  # half a second, for this alone

    n_clusters = len(np.unique(cluster))
    if n_clusters < n_folds:
        raise UserError(
            f"label {target.name}: {len(cluster):,} proteins in {n_clusters:,} homology clusters "
            f"for {n_folds} folds; give more proteins or fewer folds"
        )
    strata = target.values
    if target.kind == "number":
        strata = pd.qcut(pd.Series(strata).rank(method="first"), N_STRATA, labels=False).to_numpy()
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    fold = np.empty(len(cluster), dtype=np.int64)
    with warnings.catch_warnings():  # of classes with few members, which are counted elsewhere
        warnings.filterwarnings("ignore", message="The least populated class")
        parts = splitter.split(strata, strata.astype(np.int64), cluster)
        for number, (_, own) in enumerate(parts):
            fold[own] = number
    return fold
