"""Scores of a detector from counts, and which pair of feature and concept goes together."""

import numpy as np


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """numerator / denominator, 0 where the denominator is 0; float64, broadcast.

    Examples
    --------
    >>> ratio(np.array([1, 0]), np.array([2, 0])).tolist()
    [0.5, 0.0]
    """
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator != 0)


def f1_score(true_positives: np.ndarray, on: np.ndarray, positives: np.ndarray) -> np.ndarray:
    """2 TP / (on + positives), the harmonic mean of TP / on and TP / positives.

    Examples
    --------
    >>> float(f1_score(np.array(3), np.array(4), np.array(6)))
    0.6
    """
    return ratio(2 * true_positives, on + positives)


def harmonic_mean(precision: np.ndarray, recall: np.ndarray) -> np.ndarray:
    """2 P R / (P + R), 0 where both are 0.

    With precision by residue and recall by instance this is the domain-adjusted F1.

    Examples
    --------
    >>> float(harmonic_mean(np.array(0.5), np.array(1.0)))
    0.6666666666666666
    """
    return ratio(2 * precision * recall, precision + recall)


def matthews_correlation(
    true_positives: np.ndarray, on: np.ndarray, positives: np.ndarray, n_residues: np.ndarray | int
) -> np.ndarray:
    """Pearson's r of on with the concept, both 0 or 1; 0 where either does not vary.

    (n TP - on positives) / sqrt(on (n - on) positives (n - positives)).

    Examples
    --------
    Four residues; on at the first two, the concept at the first only:

    >>> float(matthews_correlation(np.array(1), np.array(2), np.array(1), 4))
    0.5773502691896258
    """
    # Exact while whole: n^2 fits int64 below 3e9 residues. The product under the root may not.
    covariance = n_residues * true_positives - on * positives
    spread = [np.sqrt(x * (n_residues - x), dtype=np.float64) for x in (on, positives)]
    return ratio(covariance, spread[0] * spread[1])


def lift(
    true_positives: np.ndarray, on: np.ndarray, positives: np.ndarray, n_residues: np.ndarray | int
) -> np.ndarray:
    """Precision over base rate, (TP / on) / (positives / n); 1 for always on, 0 if undefined.

    Examples
    --------
    >>> float(lift(np.array(1), np.array(2), np.array(1), 4))
    2.0
    """
    return ratio(true_positives * n_residues, on * positives)


def always_on_f1(base_rate: np.ndarray) -> np.ndarray:
    """F1 of a detector that is on everywhere: 2 p / (1 + p).

    Examples
    --------
    >>> float(always_on_f1(np.array(1 / 3)))
    0.5
    """
    return 2 * base_rate / (1 + base_rate)


def gain_over(f1: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """(F1 - floor) / (1 - floor): 1 is perfect, 0 no better than the floor."""
    return ratio(f1 - floor, 1 - floor)


def best_thresholds(f1: np.ndarray) -> np.ndarray:
    """Index of the threshold with the highest F1, the lowest at a tie.

    Parameters
    ----------
    f1 : ndarray, shape (n_thresholds, n_concepts, n_features)

    Returns
    -------
    ndarray, dtype=int64, shape=(n_concepts, n_features)
    """
    return f1.argmax(0)


def take_threshold(values: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """``values[threshold[p, f], p, f]`` for every pair, shape (n_concepts, n_features).

    ``values`` has shape (n_thresholds, n_concepts, n_features), or (n_thresholds, n_features) for
    what does not depend on the concept.
    """
    if values.ndim == 2:
        values = np.broadcast_to(values[:, None, :], (len(values), *threshold.shape))
    return np.take_along_axis(values, threshold[None], axis=0)[0]


CALLED_Q = 0.05
"""Largest q-value at which a pair counts as found: the false discovery rate."""

CAPTURE_F1 = 0.5
"""Lowest F1 at which a concept counts as captured."""


def reaches(f1: np.ndarray, always_on: np.ndarray) -> np.ndarray:
    """Whether F1 is at least ``CAPTURE_F1`` and above that of a detector that is always on.

    Examples
    --------
    >>> reaches(np.array([0.6, 0.6, 0.4]), np.array([0.2, 0.67, 0.2])).tolist()
    [True, False, False]
    """
    captured: np.ndarray = (f1 >= CAPTURE_F1) & (f1 > always_on)
    return captured
