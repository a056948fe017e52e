"""L1 and L2 logistic regression, and ridge regression, at several penalties."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

CONSTANT = 1e-9
"""A column varies if its deviation is above this share of the largest."""

MAX_ITERATIONS = 2000


@dataclass(frozen=True)
class Penalty:
    """What weights cost.

    Attributes
    ----------
    norm : {"L1", "L2"}
        Of the weights of columns at mean 0 and variance 1.
    strength : float
        Of L2: penalty / 2 |w|^2 beside the mean loss of a row. Of L1: as a share of the least
        penalty at which all weights are 0.
    """

    norm: Literal["L1", "L2"]
    strength: float

    def __str__(self) -> str:
        return f"{self.norm} {self.strength:g}"


LOGISTIC = (
    *(Penalty("L1", share) for share in (0.5, 0.2, 0.1, 0.05, 0.02)),
    *(Penalty("L2", strength) for strength in (10.0, 1.0, 0.1, 0.01, 0.001)),
)
"""Tried for classes, the strongest of each norm first."""
RIDGE = tuple(Penalty("L2", strength) for strength in (100.0, 10.0, 1.0, 0.1, 0.01, 0.001))
"""Tried for numbers."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A linear score of rows: (x - mean) * scale weights + bias.

    Attributes
    ----------
    mean, scale : ndarray, float64, shape (n_columns,)
        Of the rows fitted; a constant column has scale 0.
    weights : ndarray, float64, shape (n_columns, n_outputs)
        For columns at mean 0 and variance 1.
    bias : ndarray, float64, shape (n_outputs,)
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def scores(self, x_NC: np.ndarray) -> np.ndarray:
        """Logits or numbers of rows: float64, shape (n_rows, n_outputs)."""
        found: np.ndarray = ((x_NC - self.mean) * self.scale) @ self.weights + self.bias
        return found


def fit_penalised(x_NC: np.ndarray, y_NK: np.ndarray, penalties: Sequence[Penalty]) -> list[Fit]:
    """A regression of each column of ``y_NK`` at each penalty.

    Parameters
    ----------
    x_NC : ndarray, shape (n_rows, n_columns)
    y_NK : ndarray, shape (n_rows, n_outputs)
        Bool: logistic regressions, each by itself. Float: ridge regressions, which take L2 alone.
    penalties : sequence of Penalty

    Returns
    -------
    list of Fit
        In the order of ``penalties``. An output that no row or every row has gets weights of 0.

    Notes
    -----
    scikit-learn's LogisticRegression (liblinear for L1, its bias all but free; L-BFGS for L2) with
    C = 1 / (n_rows penalty), and Ridge with alpha = n_rows penalty.

    Examples
    --------
    Half of the least penalty at which all weights are 0, 1/2 for a column of -1 and 1:

    >>> x, y = np.array([[0.0], [0], [1], [1]]), np.array([[0], [0], [1], [1]], bool)
    >>> [fit] = fit_penalised(x, y, [Penalty("L1", 0.5)])
    >>> fit.scores(x).ravel().round(3).tolist()  # +-log 3
    [-1.099, -1.099, 1.099, 1.099]
    """
    x = np.asarray(x_NC, dtype=np.float64)
    mean, deviation = x.mean(0), x.std(0)
    varies = deviation > CONSTANT * deviation.max(initial=0)
    scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=varies)
    z = (x - mean) * scale
    one = _logistic if y_NK.dtype == bool else _ridge
    fits = []
    for penalty in penalties:
        parts = [one(z, y, penalty) for y in y_NK.T]
        weights, bias = (np.stack(part, axis=-1) for part in zip(*parts, strict=True))
        fits.append(Fit(mean, scale, weights, bias))
    return fits


def _logistic(z: np.ndarray, y: np.ndarray, penalty: Penalty) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.linear_model import LogisticRegression  # half a second, for this alone

    n, n_with = len(y), int(y.sum())
    rate = (n_with + 0.5) / (n + 1)
    flat = np.zeros(z.shape[1]), np.array(np.log(rate / (1 - rate)))
    if n_with in (0, n):
        return flat
    strength = penalty.strength
    if penalty.norm == "L1":
        strength *= float(np.abs(z.T @ (y - y.mean())).max(initial=0)) / n
    if not strength:
        return flat
    settings: dict[str, float | str] = {
        "C": 1 / (n * strength),
        "max_iter": MAX_ITERATIONS,
        "tol": 1e-5,
    }
    if penalty.norm == "L1":
        # The bias is the weight of a column of 100s: its penalty is a hundredth of the others'.
        settings |= {"l1_ratio": 1.0, "solver": "liblinear", "intercept_scaling": 100.0}
    model = LogisticRegression(**settings, random_state=0).fit(z, y)
    return model.coef_[0], np.array(model.intercept_[0])


def _ridge(z: np.ndarray, y: np.ndarray, penalty: Penalty) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.linear_model import Ridge

    middle = y.mean()
    model = Ridge(alpha=len(y) * penalty.strength, fit_intercept=False).fit(z, y - middle)
    return model.coef_, np.array(middle)
