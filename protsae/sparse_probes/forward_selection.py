"""Which few columns explain a target best: forward regression, from inner products alone."""

from collections.abc import Callable

import numpy as np

NOTHING_LEFT = 1e-9
"""Share of a column's sum of squares that may remain beside those chosen, and yet count as 0."""

NONE = -1
"""Where no further column explains anything."""


def forward_selection(
    products: Callable[[np.ndarray], np.ndarray],
    squares: np.ndarray,
    cross: np.ndarray,
    n_steps: int,
) -> np.ndarray:
    """For each target, columns in the order in which they lower the squared error most.

    Each step takes the column j of the largest b_j^2 / D_j, the fall of the residual sum of squares
    if j joins those chosen: b_j is the product of column j with the residual, D_j the squared
    length of what is left of column j beside those chosen. For a target of 0 and 1 this is Fisher's
    discriminant, built one column at a time. A column that only repeats another is not taken.

    Parameters
    ----------
    products : function of ndarray of int, shape (m,), to ndarray, shape (n_columns, m)
        Inner products of all columns, centred, with these ones.
    squares : ndarray, shape (n_columns,)
        Squared lengths of the centred columns.
    cross : ndarray, shape (n_columns, n_targets)
        Inner products of the centred columns with the targets.
    n_steps : int

    Returns
    -------
    ndarray of int, shape (n_steps, n_targets)
        ``NONE`` once nothing is left that varies.

    References
    ----------
    Chen, Billings and Luo, Int. J. Control 50, 1873 (1989): orthogonal least squares.

    Examples
    --------
    The target is the sum of columns 0 and 1; column 2 is nearly the first one:

    >>> x = np.array([[1.0, 0, 0.9], [0, 1, 0.1], [1, 1, 0.9], [0, 0, 0]])
    >>> x, y = x - x.mean(0), x[:, [0]] + x[:, [1]]
    >>> forward_selection(lambda j: x.T @ x[:, j], (x * x).sum(0), x.T @ y, 2).ravel().tolist()
    [2, 1]
    """
    left = np.repeat(squares[None], cross.shape[1], axis=0)
    smallest = NOTHING_LEFT * squares
    explained = np.array(cross.T, dtype=np.float64)
    targets = np.arange(len(explained))
    chosen = np.full((n_steps, len(targets)), NONE)
    directions: list[np.ndarray] = []
    for step in range(n_steps):
        gain = np.where(left > smallest, explained**2 / np.maximum(left, smallest + 1e-300), NONE)
        best = gain.argmax(1)
        found = gain[targets, best] > 0
        chosen[step, found] = best[found]
        wanted, of_target = np.unique(best, return_inverse=True)
        direction = products(wanted)[:, of_target].T.astype(np.float64)
        for earlier in directions:
            direction -= earlier * earlier[targets, best][:, None]
        length = np.sqrt(np.where(found, left[targets, best], 1))[:, None]
        direction = np.where(found[:, None], direction / length, 0)
        explained -= direction * (explained[targets, best][:, None] / length)
        left -= direction**2
        left[targets, best] = 0
        directions.append(direction)
    return chosen
