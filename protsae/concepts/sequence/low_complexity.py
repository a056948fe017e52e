"""Low complexity: intervals of few different amino acids, by the entropy of a sliding window."""

import numpy as np

from protsae.proteins.alphabet import STANDARD, letter_index

WINDOW = 12
"""Residues in a window."""
LOW_ENTROPY = 2.2
"""Bits at or below which a window is of low complexity."""

SOURCE = (
    f"entropy of a window of {WINDOW} residues at most {LOW_ENTROPY} bits: trigger of SEG, Wootton "
    "& Federhen 1993, Comput. Chem. 17:149"
)

_STANDARD = letter_index(STANDARD)


def window_entropy(sequence: str) -> np.ndarray:
    """Entropy of the amino acids of each window, in bits: H = -sum_a (n_a / w) log2(n_a / w).

    Returns
    -------
    ndarray, dtype=float64, shape=(max(n_residues - 11, 0),)
        One value for each window of w = 12 residues, by its first residue; NaN for a window that
        holds a letter that is no standard amino acid.

    Examples
    --------
    >>> window_entropy("AAAAAAAAAAAA").tolist(), window_entropy("AAAAAAGGGGGG").tolist()
    ([0.0], [1.0])
    """
    if len(sequence) < WINDOW:
        return np.zeros(0)
    is_letter = letter_index(sequence)[:, None] == _STANDARD
    before = np.zeros((len(sequence) + 1, len(STANDARD)), dtype=np.int64)
    np.cumsum(is_letter, axis=0, out=before[1:])
    counts = before[WINDOW:] - before[:-WINDOW]
    # n log2 n for n = 0 .. 12, of which a window's 20 are summed up.
    n = np.arange(WINDOW + 1)
    terms = n * np.log2(np.maximum(n, 1))
    entropy = np.log2(WINDOW) - terms[counts].sum(axis=1) / WINDOW
    return np.where(counts.sum(axis=1) == WINDOW, entropy, np.nan)


def low_complexity(sequence: str) -> np.ndarray:
    """Residues that lie in at least one window of low entropy: bool, shape (n_residues,).

    This is the first step of SEG alone: windows are neither extended nor trimmed.

    Examples
    --------
    >>> low_complexity("ACDEFGHIKLMN" + "Q" * 12).nonzero()[0].tolist()  # 5 others, 7 Q: 1.9 bits
    [7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]
    """
    starts = np.flatnonzero(window_entropy(sequence) <= LOW_ENTROPY)
    steps = np.zeros(len(sequence) + 1, dtype=np.int64)
    np.add.at(steps, starts, 1)
    np.add.at(steps, starts + WINDOW, -1)
    return np.cumsum(steps[:-1]) > 0
