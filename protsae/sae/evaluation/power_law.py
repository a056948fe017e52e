"""How reconstruction error and dead features change with width, sparsity and training."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

SPARE_POINTS = 2
"""SAEs that a fit needs beyond its parameters."""


@dataclass(frozen=True)
class PowerLaw:
    """y = floor + scale prod_i (x_i / geometric mean of x_i)^-exponent_i, fitted in log y.

    Attributes
    ----------
    names : tuple of str
        ``floor``, ``scale``, then one for each variable that varies.
    values, low, high : ndarray, shape (n_parameters,)
        Fitted, and the nominal 95 % interval from resampled residuals, too narrow for few points.
    r_squared : float
        Share of the variance of log y that the fit explains.
    n_points : int
    """

    names: tuple[str, ...]
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    r_squared: float
    n_points: int


def fit_power_law(
    variables: dict[str, np.ndarray], y: np.ndarray, n_resamplings: int = 200, seed: int = 0
) -> PowerLaw:
    """Fit by least squares of log y, with floor and scale not negative.

    Parameters
    ----------
    variables : dict of name to ndarray, shape (n_points,)
        Positive. Those that hardly vary (within 1 %) have no exponent.
    y : ndarray, shape (n_points,)
        Positive.

    Raises
    ------
    ValueError
        If there are fewer points than parameters and ``SPARE_POINTS`` more.

    Examples
    --------
    >>> width = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    >>> law = fit_power_law({"width": width}, 0.1 + 0.5 * width**-1.0)
    >>> law.names, law.values.round(3)[[0, 2]].tolist()
    (('floor', 'scale', 'width'), [0.1, 1.0])
    """
    logs = {name: np.log(x) for name, x in variables.items()}
    logs = {name: log - log.mean() for name, log in logs.items() if np.ptp(log) > 0.01}
    names = ("floor", "scale", *logs)
    needed = len(names) + SPARE_POINTS
    if len(y) < needed:
        raise ValueError(f"{len(y)} SAEs for {len(names)} parameters; expected {needed} or more")
    log_x_VN, log_y = np.array(list(logs.values())).reshape(-1, len(y)), np.log(y)
    values = _fit(log_x_VN, log_y)
    predicted = _predict(values, log_x_VN)
    residuals = log_y - predicted
    # Residuals of a fit are smaller than the errors that they stand for.
    residuals = residuals * np.sqrt(len(y) / (len(y) - len(names)))
    rng = np.random.default_rng(seed)
    drawn = np.array(
        [
            _fit(log_x_VN, predicted + rng.choice(residuals, len(y)), start=values)
            for _ in range(n_resamplings)
        ]
    )
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    explained = 1 - np.square(log_y - predicted).sum() / np.square(log_y - log_y.mean()).sum()
    return PowerLaw(names, values, low, high, float(explained), len(y))


def _predict(values: np.ndarray, log_x_VN: np.ndarray) -> np.ndarray:
    floor, scale, *exponents = values
    return np.log(floor + scale * np.exp(-np.array(exponents) @ log_x_VN) + 1e-300)


def _fit(log_x_VN: np.ndarray, log_y: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """The best of a fit that begins with half of the least y as floor and one with none."""
    least = float(np.exp(log_y).min())
    slopes = np.linalg.lstsq(np.vstack([np.ones(len(log_y)), -log_x_VN]).T, log_y, rcond=None)[0]
    starts = [start] if start is not None else []
    starts += [np.array([f * least, np.exp(slopes[0]), *slopes[1:]]) for f in (0.5, 1e-3)]
    lower = np.array([0.0, 0.0, *[-np.inf] * len(log_x_VN)])
    fits = [
        least_squares(
            lambda v: _predict(v, log_x_VN) - log_y,
            np.maximum(s, lower + 1e-12),
            bounds=(lower, np.inf),
            x_scale=np.maximum(np.abs(s), 1e-3),
        )
        for s in starts
    ]
    found: np.ndarray = min(fits, key=lambda fit: fit.cost).x
    return found
