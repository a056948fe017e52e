"""How large a quadratic form is for a random direction, exactly far into the tail."""

import numpy as np
from scipy.special import ndtr

MOST_STEPS = 200
"""Halvings of the interval that holds the saddle point, at most."""


def random_direction_p(
    vectors_ND: np.ndarray, direction_D: np.ndarray, root_DK: np.ndarray | None = None
) -> float:
    """P(sum_i (v_i . u)^2 >= sum_i (v_i . d)^2) for a random direction u; u and d of norm 1.

    u is uniform on the sphere or, with ``root``, distributed as x / |x| for x ~ N(0, root root^T).
    With t the sum for d it is the probability that z^T R^T (V^T V - t I) R z > 0 for independent
    standard normal z and R the root (by default I): one of a weighted sum of z_k^2, by the saddle
    point approximation of Lugannani and Rice. It is off by up to a tenth of p, and by up to three
    tenths in fewer than ten dimensions or where a few of them dominate the root.

    Parameters
    ----------
    vectors_ND : ndarray, shape (n, d_model)
        d_model is 3 at least.
    direction_D : ndarray, shape (d_model,)
        Need not be of norm 1; only its direction counts. A zero vector has probability 1.
    root_DK : ndarray, shape (d_model, n_dimensions), optional
        Of 3 dimensions at least; with none the probability is 1.

    References
    ----------
    Kuonen, Biometrika 86, 929 (1999): saddlepoint approximation for distributions of quadratic
    forms in normal variables.

    Examples
    --------
    One vector in three dimensions: the share of the sphere with |u_1| above 0.8 is 0.2.

    >>> along = np.array([[2.0, 0.0, 0.0]])
    >>> p = random_direction_p(along, np.array([0.8, 0.6, 0.0]))
    >>> bool(abs(p - 0.2) < 0.02)
    True
    """
    n, d_model = vectors_ND.shape
    norm = float(np.linalg.norm(direction_D))
    if norm == 0 or n == 0 or (root_DK is not None and not root_DK.size):
        return 1.0
    exact_ND = vectors_ND.astype(np.float64)
    observed = float(np.square(exact_ND @ (direction_D.astype(np.float64) / norm)).sum())
    if root_DK is not None:
        form_KK = (root_DK.T @ exact_ND.T) @ (exact_ND @ root_DK) - observed * root_DK.T @ root_DK
        return float(_positive_probability(np.linalg.eigvalsh(form_KK)))
    gram = exact_ND @ exact_ND.T if n < d_model else exact_ND.T @ exact_ND
    eigenvalues = np.zeros(d_model)
    eigenvalues[: len(gram)] = np.linalg.eigvalsh(gram).clip(min=0)
    return float(_positive_probability(eigenvalues - observed))


def _positive_probability(weights: np.ndarray) -> float:
    """P(sum_k w_k z_k^2 > 0), z independent standard normal."""
    scale = float(np.abs(weights).max())
    if scale == 0 or weights.min() >= 0:
        return 1.0
    if weights.max() <= 1e-12 * scale:
        return 0.0
    w = weights / scale
    # K(s) = -1/2 sum log(1 - 2 s w_k), between the poles; K'(s) grows, from below 0 to above.
    low, high = 1 / (2 * w.min()), 1 / (2 * w.max())
    for _ in range(MOST_STEPS):
        s = (low + high) / 2
        if (w / (1 - 2 * s * w)).sum() < 0:
            low = s
        else:
            high = s
    ratio = w / (1 - 2 * s * w)
    k = -0.5 * np.log1p(-2 * s * w).sum()
    k2, k3 = 2 * np.square(ratio).sum(), 8 * (ratio**3).sum()
    r = np.sign(s) * np.sqrt(max(-2 * k, 0.0))
    if abs(r) < 1e-3:  # at the mean the formula is 0 / 0; this is its limit
        return float(0.5 - k3 / (6 * np.sqrt(2 * np.pi) * k2**1.5))
    v = s * np.sqrt(k2)
    density = np.exp(-(r**2) / 2) / np.sqrt(2 * np.pi)
    return float(np.clip(ndtr(-r) + density * (1 / v - 1 / r), 0.0, 1.0))
