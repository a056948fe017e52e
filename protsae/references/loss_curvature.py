"""Variables in which the Hessian of each concept's logistic loss is about the identity."""

from dataclasses import dataclass

import numpy as np

LEADING = 96
"""Leading principal axes, the bias among them, on which curvature is a whole matrix.

On the others only its diagonal is taken. What a matrix costs grows with the cube of this number.
"""

CURVATURE_ROWS = 2048
"""Rows from which the curvature of a concept is estimated."""

LEAST_SPREAD = 1e-12
"""p (1 - p) that a row counts with at least, so that the sum over rows is above 0."""


@dataclass(frozen=True, eq=False)
class Curvature:
    """New variables of every concept, in which the Hessian of its loss is about the identity.

    The Hessian is sum_i s_i r_i r_i^T / n_known + ridge with rows r and s = p (1 - p). On the
    leading axes it is estimated as L L^T from rows drawn in proportion to s; on the others only
    its diagonal is taken, and as if s were the same in all rows.

    Attributes
    ----------
    unit : ndarray, shape (n_axes - n_leading, n_concepts)
        One over the root of the diagonal.
    inverse : ndarray, shape (n_concepts, n_leading, n_leading)
        L^-1.

    Examples
    --------
    Of one axis, on which all rows are 2 and count 1/4, the Hessian is 1, and with a ridge of 3 it
    is 4: a new variable is twice the weight.

    >>> rows, spread = np.full((5, 1), 2.0), np.full((1, 5), 0.25)
    >>> found = Curvature.at(rows, np.array([4.0]), spread, np.array([5.0]), np.array([[3.0]]))
    >>> found.step(np.array([[1.0]])).tolist(), found.slope(np.array([[1.0]])).tolist()
    ([[0.5]], [[0.5]])
    """

    unit: np.ndarray
    inverse: np.ndarray

    @classmethod
    def at(
        cls,
        rows: np.ndarray,
        eigenvalues: np.ndarray,
        spread: np.ndarray,
        n_known: np.ndarray,
        ridge: np.ndarray,
    ) -> "Curvature":
        """The curvature at some weights.

        Parameters
        ----------
        rows : ndarray, shape (n_rows, n_axes)
            On principal axes, by rising eigenvalue; the last is the bias.
        eigenvalues : ndarray, shape (n_axes,)
            Mean square of the rows on each axis.
        spread : ndarray, shape (n_concepts, n_rows)
            p (1 - p) there, from `spread_at`.
        n_known : ndarray, shape (n_concepts,)
            Rows whose label is known.
        ridge : ndarray, shape (n_axes, 1)
            Penalty on each weight.
        """
        n_others = max(len(eigenvalues) - LEADING, 0)
        leading = rows[:, n_others:]
        summed = spread.cumsum(1)
        total = summed[:, -1]
        # Every so much of the sum a row: one for each, and rows with more of it more often.
        steps = (np.arange(CURVATURE_ROWS) + 0.5) / CURVATURE_ROWS
        drawn = (leading[np.searchsorted(own, steps * own[-1])] for own in summed)
        hessian = np.stack([part.T @ part for part in drawn])
        hessian *= (total / n_known / CURVATURE_ROWS)[:, None, None]
        hessian += np.diag(ridge[n_others:, 0])
        diagonal = eigenvalues[:n_others, None] * (total / n_known) + ridge[:n_others]
        return cls(1 / np.sqrt(diagonal), np.linalg.inv(np.linalg.cholesky(hessian)))

    def step(self, variables: np.ndarray) -> np.ndarray:
        """Weights, (d + 1, n_concepts), of new variables: of the leading axes, L^-T times them."""
        n_others = len(self.unit)
        leading = self.inverse.swapaxes(1, 2) @ variables[n_others:].T[:, :, None]
        return np.vstack([variables[:n_others] * self.unit, leading[:, :, 0].T])

    def slope(self, gradient: np.ndarray) -> np.ndarray:
        """The gradient by the new variables of the gradient by weights."""
        n_others = len(self.unit)
        leading = self.inverse @ gradient[n_others:].T[:, :, None]
        return np.vstack([gradient[:n_others] * self.unit, leading[:, :, 0].T])


def spread_at(rows: np.ndarray, weights: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    """p (1 - p) at every row, `LEAST_SPREAD` at least and 0 where unknown.

    Parameters
    ----------
    rows : ndarray, shape (n_rows, n_axes)
    weights : ndarray, shape (n_axes, n_concepts)
    known : ndarray of bool, shape (n_rows, n_concepts), or None
        None: all are.

    Returns
    -------
    ndarray, shape (n_concepts, n_rows)

    Examples
    --------
    >>> known = np.array([[True], [False]])
    >>> spread_at(np.array([[0.0], [0.0]]), np.array([[1.0]]), known).tolist()
    [[0.25, 0.0]]
    """
    t = np.tanh(rows @ (weights / 2))  # p (1 - p) = (1 - t^2) / 4
    spread = (1 - np.square(t, out=t)) / 4
    np.maximum(spread, LEAST_SPREAD, out=spread)
    if known is not None:
        spread *= known
    return spread.T
