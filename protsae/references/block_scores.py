"""Scores from the ranks of residues that stand in blocks of equals."""

import numpy as np


def curve_scores(n_above: np.ndarray, hits: np.ndarray) -> tuple[float, float]:
    """AP and AUROC from residues, and those with the concept, down to the end of each block.

    Neighbouring blocks without the concept may be taken as one.
    """
    n_residues, positives = int(n_above[-1]), int(hits[-1])
    if not positives:
        return np.nan, np.nan
    new_hits = _steps(hits)
    average_precision = float((new_hits / positives) @ (hits / np.maximum(n_above, 1)))
    negatives = n_residues - positives
    if not negatives:
        return average_precision, np.nan
    misses = n_above - hits
    # Twice the area, in whole numbers: exact below 3e9 residues.
    below = 2 * (negatives - misses) + _steps(misses)
    return average_precision, int(new_hits @ below) / (2 * positives * negatives)


def placements(n_above: np.ndarray, hits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a residue of each block lies among those of the other kind.

    Parameters
    ----------
    n_above, hits : ndarray of int, shape (..., n_blocks)
        As of `curve_scores`; some are hits and some are not.

    Returns
    -------
    placed, passed : ndarray, float64, shape (..., n_blocks)
        Share of those without the concept that lie below, and of those with it that lie above;
        equal ones count half. AUROC is the mean of ``placed`` over residues with the concept, and
        of ``passed`` over those without.

    Examples
    --------
    One with the concept, one without, one of each that are equal:

    >>> placed, passed = placements(np.array([1, 2, 4]), np.array([1, 1, 2]))
    >>> placed.tolist(), passed.tolist()
    ([1.0, 0.75, 0.25], [0.25, 0.5, 0.75])
    """
    misses = n_above - hits
    below = 2 * (misses[..., -1:] - misses) + _steps(misses)
    above = 2 * hits - _steps(hits)
    return below / (2 * misses[..., -1:]), above / (2 * hits[..., -1:])


def _steps(sums: np.ndarray) -> np.ndarray:
    """By how much each exceeds the one before it, the first one 0; `np.diff` takes twice as long.

    Examples
    --------
    >>> _steps(np.array([2, 5, 9])).tolist()
    [2, 3, 4]
    """
    steps = sums.copy()
    steps[..., 1:] -= sums[..., :-1]
    return steps
