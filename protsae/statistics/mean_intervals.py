"""95 % intervals of a mean, by Student's t."""

import numpy as np
from scipy.special import stdtrit


def mean_interval(values_N: np.ndarray) -> tuple[float, float]:
    """95 % interval of a mean, by Student's t; NaN of fewer than two values.

    Examples
    --------
    >>> low, high = mean_interval(np.array([1.0, 3.0]))
    >>> round(low, 4), round(high, 4)
    (-10.7062, 14.7062)
    """
    n = len(values_N)
    if n < 2:
        return np.nan, np.nan
    half = float(stdtrit(n - 1, 0.975)) * float(values_N.std(ddof=1)) / np.sqrt(n)
    return float(values_N.mean() - half), float(values_N.mean() + half)


def positive_mean_interval(values_N: np.ndarray) -> tuple[float, float]:
    """95 % interval of a mean of numbers that are not negative, by Student's t on its logarithm.

    m exp(+- t s / m), m the mean and s its standard error: where few of the numbers have most of
    the sum, it holds the truth more often than `mean_interval`. NaN of fewer than two values.

    Examples
    --------
    >>> low, high = positive_mean_interval(np.array([1.0, 3.0, 2.0]))
    >>> round(low, 4), round(high, 4), positive_mean_interval(np.zeros(3))
    (0.5776, 6.9255, (0.0, 0.0))
    """
    mean = float(values_N.mean()) if len(values_N) else 0.0
    low, high = mean_interval(values_N)
    if not mean:
        return low, high
    return mean * float(np.exp((low - mean) / mean)), mean * float(np.exp((high - mean) / mean))
