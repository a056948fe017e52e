"""A logistic regression of proteins that do not all count alike."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve
from scipy.special import expit

TOLERANCE = 1e-8
"""Largest entry of the gradient at which the minimum counts as found."""

MAX_ITERATIONS = 100
CONSTANT = 1e-9
"""A column varies if its deviation is above this share of the largest."""


@dataclass(frozen=True, eq=False)
class WeightedProbe:
    """Logits x w + b.

    Attributes
    ----------
    weights : ndarray, float64, shape (d,)
        For rows in their own units.
    bias : float
    """

    weights: np.ndarray
    bias: float

    def logits(self, x: np.ndarray) -> np.ndarray:
        """Of rows (n, d): float64, shape (n,)."""
        found: np.ndarray = x @ self.weights + self.bias
        return found


def fit_weighted_probe(
    x: np.ndarray, label: np.ndarray, weight: np.ndarray, penalty: float
) -> WeightedProbe:
    """L2 logistic regression with a weight for each row, by Newton's method.

    With z the columns of x at weighted mean 0 and variance 1 (constant ones at 0) and p the weights
    over their sum, w and b minimise

        sum p (log(1 + exp(m)) - y m)  +  penalty / 2 |w|^2,   m = z w + b,

    which is scikit-learn's LogisticRegression with ``sample_weight`` p and C = 1 / penalty.

    Parameters
    ----------
    x : ndarray, shape (n_rows, d)
    label : ndarray of bool, shape (n_rows,)
        Both values, each with some weight.
    weight : ndarray, shape (n_rows,)
        None negative.
    penalty : float
        Above 0.

    Examples
    --------
    A row that counts twice is two rows:

    >>> x, label = np.array([[0.0], [1], [2], [3]]), np.array([False, True, False, True])
    >>> twice = fit_weighted_probe(x, label, np.array([1.0, 1, 1, 2]), 0.1)
    >>> rows = [0, 1, 2, 3, 3]
    >>> two = fit_weighted_probe(x[rows], label[rows], np.ones(5), 0.1)
    >>> bool(np.allclose(twice.logits(x), two.logits(x)))
    True
    """
    share = weight / weight.sum()
    mean = share @ x
    deviation = np.sqrt(share @ (x - mean) ** 2)
    varies = deviation > CONSTANT * deviation.max()
    scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=varies)
    z = np.column_stack([(x - mean) * scale, np.ones(len(x))])
    ridge = np.full(z.shape[1], penalty)
    ridge[-1] = 0  # the bias is free
    target = label.astype(np.float64)

    def loss(w: np.ndarray) -> float:
        m = z @ w
        return float(share @ (np.logaddexp(0, m) - target * m) + (ridge * w**2).sum() / 2)

    w = np.zeros(z.shape[1])
    for _ in range(MAX_ITERATIONS):
        p = expit(z @ w)
        gradient = z.T @ (share * (p - target)) + ridge * w
        if np.abs(gradient).max() < TOLERANCE:
            break
        hessian = (z.T * (share * p * (1 - p))) @ z + np.diag(ridge)
        step = solve(hessian, gradient, assume_a="pos")
        size, before = 1.0, loss(w)
        while size > 1e-6 and loss(w - size * step) > before - 1e-4 * size * (gradient @ step):
            size /= 2
        w = w - size * step
    own = w[:-1] * scale
    return WeightedProbe(own, float(w[-1] - mean @ own))
