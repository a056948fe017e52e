"""Directions of activations that tell a confounder, and activations without them."""

from dataclasses import dataclass

import numpy as np

from protsae.interventions.confounders.weighted_probe import fit_weighted_probe


@dataclass(frozen=True, eq=False)
class LinearReading:
    """Numbers read off activations: r = (x - mean) R.

    Attributes
    ----------
    mean_D : ndarray, float64, shape (d_model,)
    read_DK : ndarray, float64, shape (d_model, n)
    """

    mean_D: np.ndarray
    read_DK: np.ndarray

    def __call__(self, x_ND: np.ndarray) -> np.ndarray:
        """Of activations (n_proteins, d_model): shape (n_proteins, n)."""
        found: np.ndarray = (x_ND - self.mean_D) @ self.read_DK
        return found


def mean_difference(x_ND: np.ndarray, label: np.ndarray, confounder: np.ndarray) -> np.ndarray:
    """Unit direction of the mean with the confounder less that without, within labels.

    The difference is taken among proteins with the same label, and the two are averaged.

    Returns
    -------
    ndarray, float64, shape (1, d_model)
        0 where there is no difference.

    Examples
    --------
    >>> x = np.array([[0.0, 0], [0, 2], [9, 0], [9, 2]])
    >>> label, confounder = np.array([0, 0, 1, 1]) > 0, np.array([0, 1, 0, 1]) > 0
    >>> mean_difference(x, label, confounder).tolist()
    [[0.0, 1.0]]
    """
    sides = [
        x_ND[(label == value) & confounder].mean(0) - x_ND[(label == value) & ~confounder].mean(0)
        for value in (False, True)
    ]
    return _unit(np.mean(sides, axis=0))[None]


def probe_directions(
    x_ND: np.ndarray, confounder: np.ndarray, weight: np.ndarray, n: int, penalty: float
) -> np.ndarray:
    """Directions of one probe of the confounder after another, each on what the last left.

    Iterative null-space projection: a probe is fitted, its direction is taken away, and so on.

    Parameters
    ----------
    weight : ndarray, shape (n_proteins,)
        Of each protein.
    n : int
        How many, at most d_model.
    penalty : float
        Of the probes.

    Returns
    -------
    ndarray, float64, shape (n, d_model)
        Orthonormal rows.

    References
    ----------
    Ravfogel et al., Null It Out (2020), arXiv:2004.07667.
    """
    basis = np.zeros((0, x_ND.shape[1]))
    for _ in range(min(n, x_ND.shape[1])):
        left = x_ND - (x_ND @ basis.T) @ basis
        probe = fit_weighted_probe(left, confounder, weight, penalty)
        own = probe.weights - (probe.weights @ basis.T) @ basis
        own = own - (own @ basis.T) @ basis  # once more, against rounding
        if np.linalg.norm(own) == 0:
            break
        basis = np.vstack([basis, _unit(own)])
    return basis


def least_squares_erasure(
    x_ND: np.ndarray, confounder: np.ndarray, weight: np.ndarray
) -> tuple[LinearReading, np.ndarray]:
    """LEACE: the smallest change of x after which no linear probe can tell the confounder.

    x' = x - c (c^T S^+ (x - m)) / (c^T S^+ c), with the weighted mean m and covariance S of x, and
    c its covariance with the confounder. Then the covariance of x' with the confounder is 0, and
    E|x' - x|^2 is the least, in the metric S^+, of all affine maps that do so.

    Parameters
    ----------
    x_ND : ndarray, shape (n_proteins, d_model)
    confounder : ndarray of bool, shape (n_proteins,)
    weight : ndarray, shape (n_proteins,)
        With equal weight of all cells the covariance is not that of the label.

    Returns
    -------
    reading : LinearReading
        r = (x - m) S^+ c / (c^T S^+ c), shape (n_proteins, 1).
    write_KD : ndarray, float64, shape (1, d_model)
        c, so that x' = x - r c.

    References
    ----------
    Belrose et al., LEACE (2023), arXiv:2306.03819, theorem 4.3, for one yes/no concept.

    Examples
    --------
    >>> x, confounder = np.array([[0.0, 1], [1, 0], [2, 1], [3, 0]]), np.array([0, 0, 1, 1]) > 0
    >>> read, write = least_squares_erasure(x, confounder, np.ones(4))
    >>> left = x - read(x) @ write
    >>> bool(np.allclose(left[:2].mean(0), left[2:].mean(0)))
    True
    """
    share = weight / weight.sum()
    mean = share @ x_ND
    centred = x_ND - mean
    covariance = (centred.T * share) @ centred
    c = (share * (confounder - share @ confounder)) @ centred
    read = np.linalg.pinv(covariance, hermitian=True) @ c
    size = float(c @ read)
    if size > 0:
        read = read / size
    return LinearReading(mean, read[:, None]), c[None]


def _unit(direction: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(direction)
    found: np.ndarray = direction / norm if norm > 0 else direction
    return found
