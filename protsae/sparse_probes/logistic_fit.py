"""Logistic regression on a few columns, by Newton's method."""

import numpy as np

RIDGE = 1e-4
"""L2 penalty on weights of columns of variance 1, per residue: the weakest of ``probe.penalties``.
It only keeps weights finite where columns tell a concept exactly."""

MOST_STEPS = 50
CONVERGED = 1e-4
"""What a step lowers the loss by, as a share of it, at which it is the last. Steps converge
quadratically, so what is left after it is some 1e-8."""

CHUNK_ROWS = 4096
"""Rows worked on at a time: they stay in the processor's cache."""


def fit_logistic(
    rows: np.ndarray, n: np.ndarray, positives: np.ndarray, start: np.ndarray | None = None
) -> np.ndarray:
    """Weights and bias that minimise the penalised log loss.

        sum_i n_i log(1 + exp(m_i)) - y_i m_i  +  N RIDGE / 2 sum_j var_j w_j^2,   m = x w + b

    n_i residues share row i, y_i of them have the concept; N is the sum of n. scikit-learn takes
    five times as long, and a stage has thousands of such fits.

    Parameters
    ----------
    rows : ndarray, shape (n_rows, k)
    n, positives : ndarray, shape (n_rows,)
    start : ndarray, shape (k + 1,), optional
        Where the search starts; by default at the log odds.

    Returns
    -------
    ndarray, float64, shape (k + 1,)
        w, then b. Without weights, at the log odds, if no or all residues have the concept.

    Examples
    --------
    >>> rows, n = np.array([[0.0], [1.0]]), np.array([4.0, 4.0])
    >>> fit_logistic(rows, n, np.array([1.0, 3.0])).round(2).tolist()
    [2.2, -1.1]
    """
    total, positive = float(n.sum()), float(positives.sum())
    rate = (positive + 0.5) / (total + 1)
    at_odds = np.append(np.zeros(rows.shape[1]), np.log(rate / (1 - rate)))
    if positive in (0, total):
        return at_odds
    x = np.ones((len(rows), len(at_odds)))
    x[:, :-1] = rows
    mean = n @ x / total
    ridge = total * RIDGE * np.maximum(n @ x**2 / total - mean**2, 0)
    weights = at_odds if start is None else np.array(start, dtype=np.float64)
    loss, gradient, curvature = _moments(x, n, positives, weights, ridge)
    for _ in range(MOST_STEPS):
        step = np.linalg.solve(curvature, gradient)
        fall, size = float(gradient @ step) / 2, 1.0
        if fall <= CONVERGED * loss:
            break
        found = _moments(x, n, positives, weights - step, ridge)
        while found[0] > loss - size * fall / 2:
            size /= 2
            found = _moments(x, n, positives, weights - size * step, ridge)
        weights = weights - size * step
        loss, gradient, curvature = found
    return weights - step


def _moments(
    x: np.ndarray, n: np.ndarray, positives: np.ndarray, weights: np.ndarray, ridge: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """The penalised loss, its gradient and its second derivatives by the weights."""
    loss, gradient = float(ridge @ weights**2) / 2, ridge * weights
    curvature = np.diag(ridge)
    for first in range(0, len(x), CHUNK_ROWS):
        part = slice(first, first + CHUNK_ROWS)
        own, counts, hits = x[part], n[part], positives[part]
        margin = own @ weights
        tail = np.exp(-np.abs(margin))
        loss += float(counts @ (np.maximum(margin, 0) + np.log1p(tail)) - hits @ margin)
        chance = np.where(margin > 0, 1, tail) / (1 + tail)
        gradient += own.T @ (counts * chance - hits)
        scaled = np.sqrt(counts * chance * (1 - chance))[:, None] * own
        curvature += scaled.T @ scaled
    return loss, gradient, curvature
