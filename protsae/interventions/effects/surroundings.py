"""How gradients and activations vary over all sites of a layer."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Surroundings:
    """How gradients and activations vary over all sites of a layer.

    Attributes
    ----------
    whitening_DD : ndarray, float64, shape (d_model, d_model)
        W = C^(-1/2) of the second moments C of the gradients, each site alike, with a
        hundredth of their mean eigenvalue added: of g W no direction is larger than another over
        all sites. Symmetric, so that it turns gradients no more than it must.
    root_DK : ndarray, float64, shape (d_model, n_dimensions)
        R R^T is the covariance of the activations, its variances `capped`.
    """

    whitening_DD: np.ndarray
    root_DK: np.ndarray


def surroundings(drawn_NSD: np.ndarray, covariance_DD: np.ndarray) -> Surroundings:
    """From gradients at many sites, of `Gradients.drawn`, and the covariance of activations.

    Examples
    --------
    Gradients are three times as large along one axis as along the other; whitened, as large:

    >>> drawn = np.array([[[3.0, 0.0], [0.0, 1.0]], [[-3.0, 0.0], [0.0, 1.0]]])
    >>> found = surroundings(drawn, np.diag([4.0, 0.0]))
    >>> np.square(drawn @ found.whitening_DD).mean((0, 1)).round().tolist(), found.root_DK.tolist()
    ([5.0, 5.0], [[2.0], [0.0]])
    """
    d_model = drawn_NSD.shape[2]
    flat = alike_gradients(drawn_NSD).reshape(-1, d_model)
    values_D, axes_DD = np.linalg.eigh(flat.T @ flat / len(flat))
    scale_D = 1 / np.sqrt(values_D.clip(min=0) + WHITENING_FLOOR * values_D.mean())
    variances_D, natural_DD = np.linalg.eigh(covariance_DD)
    kept = variances_D > LEAST_VARIANCE * variances_D.max()
    root_DK = natural_DD[:, kept] * np.sqrt(capped(variances_D[kept]))
    return Surroundings((axes_DD * scale_D) @ axes_DD.T, root_DK)


WHITENING_FLOOR = 0.01
"""Share of the mean eigenvalue that is added to all, so that what is hardly any stays so."""

LEAST_VARIANCE = 1e-9
"""Principal directions of activations with less of the largest one's variance are rounding."""

MOST_VARIANCE = 0.1
"""Largest share of the variance that one principal direction keeps."""


def capped(variances_K: np.ndarray) -> np.ndarray:
    """Variances, cut so that none is more than `MOST_VARIANCE` of their sum.

    Large models have a few coordinates with a hundred times the variance of others. Uncut, random
    directions would be those coordinates, and any other direction would seem to do more than they.
    In fewer than 20 dimensions the share is 2 / their number.

    Parameters
    ----------
    variances_K : ndarray, shape (n_dimensions,)
        Above 0.

    Examples
    --------
    >>> capped(np.array([900.0, *39 * [1.0]]))[:2].round(2).tolist()
    [4.33, 1.0]
    """
    share = max(MOST_VARIANCE, 2 / len(variances_K)) if len(variances_K) else 1.0
    found = variances_K
    while len(found) and found.max() > share * found.sum() * (1 + 1e-9):
        found = np.minimum(found, share * found.sum())
    return found


def alike_gradients(drawn_NSD: np.ndarray) -> np.ndarray:
    """Gradients of norm sqrt(d_model) at every site, over its draws together."""
    drawn = drawn_NSD.astype(np.float64)
    size_N = np.sqrt(np.square(drawn).sum((1, 2)) / drawn.shape[2])
    alike: np.ndarray = drawn / np.where(size_N > 0, size_N, 1)[:, None, None]
    return alike
