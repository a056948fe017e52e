"""Pearson correlation of features with per-residue scales, by streaming."""

import numpy as np

from protsae.association.scores import ratio


class ScaleCorrelation:
    """Sums that give r = cov(a, y) / (sd(a) sd(y)) for every feature and scale.

    Residues where a scale is undefined (NaN) do not count for it.
    """

    def __init__(self, n_features: int, n_scales: int):
        shape = (n_scales, n_features)
        self._n = np.zeros((n_scales, 1))
        self._y, self._yy = np.zeros((n_scales, 1)), np.zeros((n_scales, 1))
        self._a, self._aa, self._ay = np.zeros(shape), np.zeros(shape), np.zeros(shape)

    def update(self, activations: np.ndarray, scales: np.ndarray) -> None:
        """Add residues: (n_residues, n_features) and (n_residues, n_scales)."""
        defined = (~np.isnan(scales)).astype(np.float64)
        y = np.nan_to_num(scales).astype(np.float64)
        self._n += defined.sum(0)[:, None]
        self._y += y.sum(0)[:, None]
        self._yy += (y**2).sum(0)[:, None]
        exact = activations.astype(np.float64)
        self._a += defined.T @ exact
        self._aa += defined.T @ exact**2
        self._ay += y.T @ exact

    @property
    def pearson(self) -> np.ndarray:
        """r, shape (n_scales, n_features); 0 where a feature or scale does not vary."""
        covariance = self._n * self._ay - self._a * self._y
        spread = self._spread(self._a, self._aa) * self._spread(self._y, self._yy)
        return ratio(covariance, np.sqrt(spread))

    def _spread(self, total: np.ndarray, squares: np.ndarray) -> np.ndarray:
        """n^2 var, exactly 0 where nothing but rounding is left of it."""
        spread = self._n * squares - total**2
        return np.where(spread > 1e-12 * self._n * squares, spread, 0.0)
