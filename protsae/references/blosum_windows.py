"""What the sequence around a residue is: substitution scores, and the window as one of its kind."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from Bio.Align import substitution_matrices

from protsae.proteins.alphabet import LETTERS, STANDARD, letter_index

N_LETTERS = len(LETTERS) + 1
"""The letters, and none: beyond the ends of a protein."""


def blosum_windows(sequences: Sequence[str], flank: int) -> np.ndarray:
    """BLOSUM62 scores against the 20 amino acids of every residue within ``flank`` of each.

    Beyond the ends all are 0. B, Z and X have rows of their own; U, O and J score as X.

    Returns
    -------
    ndarray, dtype=float32, shape=(n_residues, (2 flank + 1) 20)
        Residues of all sequences, one after another; offset -flank first.

    References
    ----------
    Henikoff & Henikoff 1992, PNAS 89:10915; the matrix is Biopython's copy of NCBI's.

    Examples
    --------
    C against C is 9, W against C -2:

    >>> blosum_windows(["CW"], flank=1)[0, 1::20].tolist()
    [0.0, 9.0, -2.0]
    """
    windows = _windows(sequences, flank)
    scores: np.ndarray = _blosum62()[windows].reshape(len(windows), -1)
    return scores


def window_types(sequences: Sequence[str], flank: int) -> np.ndarray:
    """One number for each distinct window of letters: 0 to ``N_LETTERS ** (2 flank + 1) - 1``.

    Returns
    -------
    ndarray, dtype=int64, shape=(n_residues,)

    Examples
    --------
    >>> window_types(["AAA", "CAA"], flank=1).tolist()
    [18954, 0, 26, 19008, 1458, 26]
    """
    windows = _windows(sequences, flank)
    powers = N_LETTERS ** np.arange(windows.shape[1])[::-1]
    types: np.ndarray = windows @ powers
    return types


def _windows(sequences: Sequence[str], flank: int) -> np.ndarray:
    """Letters around each residue, int64, shape (n_residues, 2 flank + 1)."""
    beyond = np.full(flank, len(LETTERS))
    found = [
        np.lib.stride_tricks.sliding_window_view(
            np.concatenate([beyond, letter_index(sequence), beyond]), 2 * flank + 1
        )
        for sequence in sequences
    ]
    return np.concatenate(found)


@cache
def _blosum62() -> np.ndarray:
    """Rows for the letters A to Z and a last one of zeros: float32, shape (27, 20)."""
    matrix = substitution_matrices.load("BLOSUM62")
    scores = np.zeros((N_LETTERS, len(STANDARD)), np.float32)
    for row, letter in zip(scores, LETTERS, strict=False):
        known = letter if letter in matrix.alphabet else "X"
        row[:] = [matrix[known, other] for other in STANDARD]
    return scores
