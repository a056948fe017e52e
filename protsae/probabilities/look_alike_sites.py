"""A feature's look-alike, another concept at which it is on, too: where it is near, and its rate.

A signal peptide is as hydrophobic as a transmembrane segment, so that a feature for the one is
often on at the other. How common look-alikes are differs between sets of proteins, and the base
rate of the concept itself does not say it.
"""

from dataclasses import dataclass

import numpy as np

NEAR = 20
"""Residues within which another feature is near: about the length of a signal peptide."""


@dataclass(frozen=True)
class LookAlike:
    """A concept, and of the features of the same SAE that lead with it the best on valid.

    Attributes
    ----------
    concept : str
    feature : int
    above : float
        Activation above which the feature is on.
    """

    concept: str
    feature: int
    above: float


def is_near(
    rows: np.ndarray, others: np.ndarray, lengths: np.ndarray, reach: int = NEAR
) -> np.ndarray:
    """Whether each row has one of the others within ``reach`` residues in its protein: bool, (n,).

    Parameters
    ----------
    rows, others : ndarray of int
        Rows of proteins that stand one after another; the others ascend.
    lengths : ndarray of int, shape (n_proteins,)
    reach : int

    Examples
    --------
    Proteins of five residues and of three; the last residue of the first one:

    >>> is_near(np.arange(8), np.array([4]), np.array([5, 3]), reach=2).tolist()
    [False, False, True, True, True, False, False, False]
    """
    ends = np.cumsum(lengths)
    protein = np.searchsorted(ends, rows, side="right")
    first = np.maximum(rows - reach, (ends - lengths)[protein])
    last = np.minimum(rows + reach, ends[protein] - 1)
    there: np.ndarray = np.searchsorted(others, first) < np.searchsorted(others, last, side="right")
    return there


def look_alike_factor(
    ratio: np.ndarray, valid_rate: np.ndarray | float, rate: np.ndarray | float
) -> np.ndarray:
    """How much more often a feature is wrong where its look-alike has another rate than on valid.

    (r q + 1 - q) / (r v + 1 - v), where the feature is on r times as often at residues with the
    look-alike as at others, of all without its own concept, and v of these on valid, q elsewhere,
    have the look-alike. A likelihood ratio is to be divided by it.

    Examples
    --------
    On 9 times as often at the look-alike, which is at 1 residue in 8 instead of none:

    >>> float(look_alike_factor(np.array(9.0), 0.0, 0.125))
    2.0
    """
    factor: np.ndarray = (ratio * rate + 1 - rate) / (ratio * valid_rate + 1 - valid_rate)
    return factor
