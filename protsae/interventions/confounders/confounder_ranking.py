"""Which features or coordinates carry a confounder, apart from the label."""

import numpy as np

from protsae.statistics.weighted_ranks import mean_ranks


def confounder_scores(columns: np.ndarray, label: np.ndarray, confounder: np.ndarray) -> np.ndarray:
    """How well each column tells the confounder among proteins with the same label.

    With A_y the AUROC of a column for the confounder among the proteins with label y, and
    s_y = 2 A_y - 1, the score is min(|s_0|, |s_1|) if s_0 and s_1 have one sign, and else 0. What
    goes with the label alone has s_0 = s_1 = 0, however much label and confounder go together.

    Parameters
    ----------
    columns : ndarray, shape (n_proteins, n_columns)
        Mean activations of proteins.
    label, confounder : ndarray of bool, shape (n_proteins,)
        All four combinations occur.

    Returns
    -------
    ndarray, float64, shape (n_columns,)
        0 to 1.

    Examples
    --------
    >>> label, confounder = np.array([0, 0, 1, 1]) > 0, np.array([0, 1, 0, 1]) > 0
    >>> columns = np.array([[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0]]).T
    >>> confounder_scores(columns, label, confounder).tolist()
    [0.0, 1.0, 0.0]
    """
    sides = []
    for value in (False, True):
        own = label == value
        has = confounder[own]
        ranks = mean_ranks(columns[own], axis=0)
        n_has, n_lack = int(has.sum()), int((~has).sum())
        area = (ranks[has].sum(0) - n_has * (n_has + 1) / 2) / (n_has * n_lack)
        sides.append(2 * area - 1)
    low = np.minimum(*np.abs(sides))
    found: np.ndarray = np.where(sides[0] * sides[1] > 0, low, 0.0)
    return found


def ranked(scores: np.ndarray) -> np.ndarray:
    """Columns with a score above 0, the highest first; of equal ones the first.

    Examples
    --------
    >>> ranked(np.array([0.1, 0.0, 0.5, 0.1])).tolist()
    [2, 0, 3]
    """
    order = np.argsort(-scores, kind="stable")
    return order[scores[order] > 0]


def alike_features(
    rate: np.ndarray, chosen: np.ndarray, rng: np.random.Generator, n_nearest: int = 10
) -> np.ndarray:
    """For each chosen feature another, drawn from those that are active about as often.

    Parameters
    ----------
    rate : ndarray, shape (n_features,)
        How often each is active; those that never are, are not drawn.
    chosen : ndarray of int
    rng : Generator
    n_nearest : int
        It is drawn from the so many whose rate is nearest, of those not chosen and not drawn yet.

    Returns
    -------
    ndarray of int64
        As many as chosen, fewer where no more features are left.

    Examples
    --------
    >>> rate = np.array([0.5, 0.1, 0.0, 0.4, 0.11])
    >>> alike_features(rate, np.array([0, 1]), np.random.default_rng(0), 1).tolist()
    [3, 4]
    """
    left = np.setdiff1d(np.flatnonzero(rate > 0), chosen)
    drawn: list[int] = []
    for feature in chosen:
        if not len(left):
            break
        near = left[np.argsort(np.abs(rate[left] - rate[feature]), kind="stable")[:n_nearest]]
        drawn.append(int(rng.choice(near)))
        left = left[left != drawn[-1]]
    return np.array(drawn, dtype=np.int64)
