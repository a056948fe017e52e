"""SHAP values of a linear probe on the features of an SAE, in closed form.

A probe reads y = w . x + c from activations x = b_dec + sum_f a_f W_dec[f] + e, so it is linear in
the features: y = sum_f w_f a_f + w . e + w . b_dec + c with w_f = w . W_dec[f]. Taken as
independent of each other, as in interventional SHAP, feature f has the SHAP value

    phi_f = w_f (a_f - E a_f),

with E over background residues; the error has w . (e - E e). They sum to y - E y. That features are
independent is an assumption, which features of an SAE do not meet: what two of them share is split
by the probe's weights, not by what each would say alone.
"""

from collections.abc import Callable, Iterable

import numpy as np


def linear_shap(weights_F: np.ndarray, rows_NF: np.ndarray, mean_F: np.ndarray) -> np.ndarray:
    """phi = w (a - E a) of each feature in each row.

    Parameters
    ----------
    weights_F : ndarray, shape (n_features,)
        Of a linear model.
    rows_NF : ndarray, shape (n, n_features)
    mean_F : ndarray, shape (n_features,)
        Means of the background.

    Returns
    -------
    ndarray, float64, shape (n, n_features)

    References
    ----------
    Lundberg & Lee 2017, arXiv:1705.07874, corollary 1 (linear SHAP).

    Examples
    --------
    >>> linear_shap(np.array([2.0, -1.0]), np.array([[3.0, 1.0]]), np.array([1.0, 4.0])).tolist()
    [[4.0, 3.0]]
    """
    found: np.ndarray = (rows_NF.astype(np.float64) - mean_F) * weights_F
    return found


def feature_weights(weights_D: np.ndarray, decoder_FD: np.ndarray) -> np.ndarray:
    """Weights of the features in a probe of the activations: w . W_dec[f], float64, (n_features,).

    Examples
    --------
    >>> feature_weights(np.array([2.0, 1.0]), np.array([[1.0, 0.0], [1.0, 1.0]])).tolist()
    [2.0, 3.0]
    """
    found: np.ndarray = decoder_FD.astype(np.float64) @ weights_D
    return found


def feature_means(
    blocks: Iterable[np.ndarray], encode: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Means of the features and of the activations over blocks of background residues.

    Parameters
    ----------
    blocks : iterable of ndarray, float32, shape (n, d_model)
    encode : function
        Activations to features, (n, n_features).

    Returns
    -------
    mean_F, mean_D : ndarray, float64
    """
    sums, n = None, 0
    for rows_ND in blocks:
        own = [part.sum(0, dtype=np.float64) for part in (encode(rows_ND), rows_ND)]
        sums = own if sums is None else [a + b for a, b in zip(sums, own, strict=True)]
        n += len(rows_ND)
    assert sums is not None
    return sums[0] / n, sums[1] / n
