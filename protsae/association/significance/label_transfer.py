"""Where labels of one chain lie in a chain of another length."""

import numpy as np

END_RESIDUES = 50
"""Residues at each end of a chain in which labels keep their distance to that end."""


def transferred(
    begin: np.ndarray,
    end: np.ndarray,
    giver: np.ndarray,
    taker: np.ndarray,
    anchor: str = "both",
) -> tuple[np.ndarray, np.ndarray]:
    """Where runs of chains of one length lie in chains of another.

    Anchored at both ends, each is there, with one residue at least. Anchored at the start (or at
    the end), it keeps its distance to it, and what would lie outside the chain is lost: end <=
    begin where nothing is left.

    Parameters
    ----------
    begin, end : ndarray of int, shape (n_runs,)
        First residue and the one after the last, 0-based, in the giver.
    giver, taker : ndarray of int, shape (n_runs,)
        Lengths of the chains.

    Examples
    --------
    From 200 residues to 150: the first ten stay, the last ten too; the middle lies in the middle.

    >>> begin, end = np.array([0, 190, 90]), np.array([10, 200, 110])
    >>> [x.tolist() for x in transferred(begin, end, np.full(3, 200), np.full(3, 150))]
    [[0, 140, 70], [10, 150, 80]]
    """
    if anchor != "both":
        shift = taker - giver if anchor == "end" else np.zeros_like(taker)
        return np.maximum(begin + shift, 0), np.minimum(end + shift, taker)
    low, high = (_image(x, giver, taker) for x in (begin, end))
    # Residue i has its centre at i + 1/2.
    first = np.ceil(low - 0.5 - 1e-9).astype(np.int64)
    last = np.ceil(high - 0.5 - 1e-9).astype(np.int64)
    lost = last <= first
    middle = np.floor((low + high) / 2).astype(np.int64)
    return np.where(lost, middle, first), np.where(lost, middle + 1, last)


def _image(place: np.ndarray, giver: np.ndarray, taker: np.ndarray) -> np.ndarray:
    """Place between residues, from 0 to the length of the giver, in the taker."""
    end = np.minimum(np.minimum(giver, taker) // 2, END_RESIDUES)
    between = np.maximum(giver - 2 * end, 1e-9)
    inner = end + (place - end) * (taker - 2 * end) / between
    at_end = np.where(place >= giver - end, taker - (giver - place), inner)
    return np.where(place <= end, place, at_end)
