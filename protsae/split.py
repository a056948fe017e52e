"""Train, valid and test that never share a homology cluster."""

import numpy as np
import pandas as pd

from protsae.errors import UserError

SPLITS = ("train", "valid", "test")


def assign_splits(
    cluster: np.ndarray, length: np.ndarray, valid: float, test: float, seed: int
) -> np.ndarray:
    """Split of each protein: whole clusters, near the wanted shares of residues.

    Clusters come in random order; each goes to the split that is farthest below its share,
    (wanted - assigned) / wanted in residues, train before valid before test at a tie. Clusters with
    more residues than the valid or test share go to train, before all others.

    Parameters
    ----------
    cluster : ndarray of int, shape (n_proteins,)
    length : ndarray of int, shape (n_proteins,)
    valid, test : float
        Shares of residues; the rest is train.

    Returns
    -------
    ndarray of str, shape (n_proteins,)

    Raises
    ------
    UserError
        If a split would be empty.

    Examples
    --------
    >>> cluster, length = np.array([0, 0, 2, 3]), np.array([30, 30, 20, 20])
    >>> assign_splits(cluster, length, valid=0.2, test=0.2, seed=0).tolist()
    ['train', 'train', 'test', 'valid']
    """
    clusters, member = np.unique(cluster, return_inverse=True)
    residues = np.bincount(member, weights=length)
    wanted = np.array([1 - valid - test, valid, test]) * residues.sum()
    assigned = np.zeros(3)
    split_of_cluster = np.zeros(len(clusters), dtype=np.int64)
    possible = wanted > 0
    order = np.random.default_rng(seed).permutation(len(clusters))
    only_train = residues > wanted[1:].max()
    for index in order[np.argsort(~only_train[order], kind="stable")]:
        fits = possible & ((residues[index] <= wanted) | (np.arange(3) == 0))
        below = np.where(fits, (wanted - assigned) / np.where(possible, wanted, 1), -np.inf)
        split_of_cluster[index] = int(np.argmax(below))
        assigned[split_of_cluster[index]] += residues[index]
    split = np.array(SPLITS, dtype=object)[split_of_cluster[member]]
    empty = [
        name for name, used in zip(SPLITS, possible, strict=True) if used and name not in split
    ]
    if empty:
        raise UserError(
            f"split: nothing left for {' and '.join(empty)}: {len(split)} proteins in "
            f"{len(clusters)} homology clusters; give more diverse proteins"
        )
    return split


def check_splits(proteins: pd.DataFrame) -> list[str]:
    """Problems of a protein table with columns cluster and split; empty if there are none.

    Examples
    --------
    >>> check_splits(pd.DataFrame({"cluster": ["P1", "P1"], "split": ["train", "test"]}))
    ['cluster P1 is in train and test']
    """
    found = proteins.groupby("cluster", sort=True)["split"].unique()
    return [
        f"cluster {cluster} is in {' and '.join(s for s in SPLITS if s in splits)}"
        for cluster, splits in found.items()
        if len(splits) > 1
    ]
