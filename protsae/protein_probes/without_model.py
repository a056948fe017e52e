"""What needs no model: the base rate, and the label of the nearest homologue."""

import numpy as np

from protsae.protein_probes.nested_probe import HeldOut, outputs
from protsae.protein_probes.target import Target


def held_out_base_rate(target: Target, fold: np.ndarray) -> HeldOut:
    """Every protein of a fold alike: the shares of the classes, or the mean, of the other folds.

    Decided: yes of yes/no (never yes has F1 0), the commonest of classes, the mean of a number.
    """
    y = outputs(target)
    scores = np.empty(y.shape)
    decided = np.empty(len(y))
    for number in np.unique(fold):
        train, test = fold != number, fold == number
        scores[test] = y[train].mean(0)
        decided[test] = _commonest(target, train)
    return HeldOut(scores, decided)


def held_out_transfer(
    target: Target, fold: np.ndarray, homologues: np.ndarray
) -> tuple[HeldOut, np.ndarray]:
    """The label of each protein's nearest homologue in the other folds.

    Without one, a protein has the score of `held_out_base_rate`.

    Parameters
    ----------
    homologues : ndarray of int, shape (n_pairs, 2)
        A protein and one that it is aligned with, the best first for each.

    Returns
    -------
    held_out : HeldOut
    source : ndarray of int, shape (n_proteins,)
        The homologue; -1 where there is none.

    Examples
    --------
    Protein 0 is aligned with 1 of its own fold, and with 2 of the other:

    >>> from protsae.protein_probes.target import read_target
    >>> target = read_target("soluble", [1, 0, 1, 0])
    >>> pairs = np.array([[0, 1], [0, 2], [3, 3]])
    >>> found, source = held_out_transfer(target, np.array([0, 0, 1, 1]), pairs)
    >>> source.tolist(), found.scores.ravel().tolist()
    ([2, -1, -1, -1], [1.0, 0.5, 0.5, 0.5])
    """
    found, y = held_out_base_rate(target, fold), outputs(target)
    source = np.full(len(y), -1, dtype=np.int64)
    if len(homologues):
        query, other = homologues[fold[homologues[:, 0]] != fold[homologues[:, 1]]].T
        queries, first = np.unique(query, return_index=True)
        source[queries] = other[first]
    has = source >= 0
    found.scores[has] = y[source[has]]
    found.decided[has] = target.values[source[has]]
    return found, source


def _commonest(target: Target, rows: np.ndarray) -> float:
    own = target.values[rows]
    if target.kind == "yes/no":
        return 1.0
    if target.kind == "number":
        return float(own.mean())
    return float(np.bincount(own.astype(np.int64)).argmax())
