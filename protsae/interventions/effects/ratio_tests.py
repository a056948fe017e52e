"""Is a direction read more than a random one, and at sites of other proteins, too?

The ratio of a site is d_model cos^2 of the angle between the direction and the gradients there: a
random direction has 1.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtrc, betaincinv, stdtr

from protsae.statistics.random_directions import random_direction_p


@dataclass(frozen=True)
class RatioTests:
    """p-values of a direction's mean ratio.

    Attributes
    ----------
    direction : float
        Share of random directions that reach it at these sites.
    cluster : float
        That it is above 1 at other sites, too: twice the smaller of `above_one_p`, `many_large_p`.
    covariance : float
        Share of random directions with the covariance of the activations that reach it.
    """

    direction: float
    cluster: float
    covariance: float

    @classmethod
    def of(cls, alike_NSD: np.ndarray, unit_D: np.ndarray, root_DK: np.ndarray) -> "RatioTests":
        """Test a direction.

        Parameters
        ----------
        alike_NSD : ndarray, float64, shape (n_sites, n_draws, d_model)
            From `alike_gradients`.
        unit_D : ndarray, float64, shape (d_model,)
            Of norm 1.
        root_DK : ndarray, float64, shape (d_model, n_dimensions)
            Of `Surroundings`.

        Examples
        --------
        >>> along_first = np.tile([2.0, 0.0, 0.0, 0.0], (5, 1, 1))
        >>> found = RatioTests.of(along_first, np.eye(4)[0], np.eye(4))
        >>> found.cluster, found.covariance == found.direction < 1e-3
        (0.0, True)
        """
        d_model = len(unit_D)
        flat = alike_NSD.reshape(-1, d_model)
        ratio_N = np.square(alike_NSD @ unit_D).sum(1)
        return cls(
            random_direction_p(flat, unit_D),
            min(1.0, 2 * min(above_one_p(ratio_N), many_large_p(ratio_N, d_model))),
            random_direction_p(flat, unit_D, root_DK),
        )


def above_one_p(ratio_N: np.ndarray) -> float:
    """One-sided p that a mean is above 1, by Student's t on its logarithm; 1 where it is not.

    t = log m / (standard error of m / m), with one degree of freedom less than sites.

    Parameters
    ----------
    ratio_N : ndarray, shape (n_sites,)
        None negative; each site of another homology cluster.

    Examples
    --------
    >>> round(above_one_p(np.array([2.0, 3.0, 2.5, 2.0])), 4), above_one_p(np.full(4, 0.5))
    (0.0017, 1.0)
    """
    n, mean = len(ratio_N), float(ratio_N.mean())
    if n < 2 or mean <= 1:
        return 1.0
    error = float(ratio_N.std(ddof=1)) / np.sqrt(n) / mean
    return float(stdtr(n - 1, -np.log(mean) / error)) if error > 0 else 0.0


LARGE = 0.99
"""Share of random directions below the ratio that counts as large at a site."""


def many_large_p(ratio_N: np.ndarray, d_model: int) -> float:
    """p that more sites than 1 - `LARGE` have a ratio that so few random directions reach there.

    One gradient g and a random unit vector u have d (u . g)^2 / |g|^2 ~ d Beta(1/2, (d - 1) / 2).
    Of several gradients the sum has a shorter tail, so that fewer sites than that exceed its
    quantile. Binomial.

    Parameters
    ----------
    ratio_N : ndarray, shape (n_sites,)
        Each of another homology cluster.

    Examples
    --------
    Three of ten sites:

    >>> ratio = np.array([9.0, 9.0, 9.0, 0, 0, 0, 0, 0, 0, 0])
    >>> bool(abs(many_large_p(ratio, 128) - 1.138e-4) < 1e-6)
    True
    """
    least = d_model * float(betaincinv(0.5, (d_model - 1) / 2, LARGE))
    n_large = int((ratio_N > least).sum())
    return float(bdtrc(n_large - 1, len(ratio_N), 1 - LARGE)) if n_large else 1.0
