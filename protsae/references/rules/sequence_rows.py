"""Residues of several proteins one after another: letters, places, local sums."""

from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import numpy as np

from protsae.concepts.sequence.low_complexity import low_complexity
from protsae.concepts.sequence.prosite import ELEMENTS, MOTIFS, element_labels, motif_labels
from protsae.concepts.sequence.scales import SCALES
from protsae.proteins.alphabet import letter_index
from protsae.statistics import ragged

End = Literal["N", "C", "nearest"]
ENDS: tuple[End, ...] = ("N", "C", "nearest")
"""Ends of the chain that places are counted from: the first, the last, whichever is nearer."""

HYDROPATHY_FLANK = 9
"""Residues on each side over which hydropathy is averaged: windows of 19, as for membrane helices
(Kyte & Doolittle 1982)."""

# The scale is in tenths, so that sums and thresholds are whole numbers and nothing is rounded.
_TENTHS = np.nan_to_num(np.round(10 * SCALES["hydropathy"].values)).astype(np.int64)
_HAS_HYDROPATHY = ~np.isnan(SCALES["hydropathy"].values)
LOWEST, HIGHEST = -45, 45
"""Hydropathy of arginine and of isoleucine, in tenths."""


class SequenceRows:
    """Residues of several proteins, one after another, and what rules ask of them.

    Attributes
    ----------
    letters : ndarray, dtype=uint8, shape=(n_residues,)
        Number of each letter, A to Z from 0.

    Examples
    --------
    >>> rows = SequenceRows(["MKC", "WY"])
    >>> rows.distance("N").tolist(), rows.distance("C").tolist()
    ([0, 1, 2, 0, 1], [2, 1, 0, 1, 0])
    """

    def __init__(self, sequences: Sequence[str]):
        self._sequences = tuple(sequences)
        self.letters = letter_index("".join(sequences))
        lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
        self._from_n = ragged.places(lengths)
        self._from_c = np.repeat(lengths, lengths) - 1 - self._from_n

    def __len__(self) -> int:
        return len(self.letters)

    def distance(self, end: End) -> np.ndarray:
        """Residues between each residue and an end of its chain: int64, shape (n_residues,)."""
        if end == "nearest":
            return np.minimum(self._from_n, self._from_c)
        return self._from_n if end == "N" else self._from_c

    def window_sums(self, values: np.ndarray, flank: int) -> np.ndarray:
        """Sums over the residues of the same chain that are at most ``flank`` away.

        Parameters
        ----------
        values : ndarray of int, shape (n_residues, ...)

        Returns
        -------
        ndarray, dtype=int64, shape as ``values``

        Examples
        --------
        >>> SequenceRows(["MKC", "WY"]).window_sums(np.array([1, 2, 4, 8, 16]), 1).tolist()
        [3, 7, 6, 24, 24]
        """
        before = np.zeros((len(values) + 1, *values.shape[1:]), dtype=np.int64)
        np.cumsum(values, axis=0, out=before[1:])
        row = np.arange(len(self))
        ends = row + np.minimum(self._from_c, flank) + 1
        sums: np.ndarray = before[ends] - before[row - np.minimum(self._from_n, flank)]
        return sums

    def window_sizes(self, flank: int) -> np.ndarray:
        """Residues that `window_sums` sums over: int64, shape (n_residues,)."""
        return np.minimum(self._from_n, flank) + np.minimum(self._from_c, flank) + 1

    def hydropathy(self) -> np.ndarray:
        """Mean hydropathy within `HYDROPATHY_FLANK`, in tenths, rounded down.

        Letters without a value do not count.

        Returns
        -------
        ndarray, dtype=int64, shape=(n_residues,)
            ``LOWEST`` to ``HIGHEST``; one less where no letter around has a value.
        """
        sizes = self.window_sums(_HAS_HYDROPATHY[self.letters], HYDROPATHY_FLANK)
        sums = self.window_sums(_TENTHS[self.letters], HYDROPATHY_FLANK)
        return np.where(sizes > 0, sums // np.maximum(sizes, 1), LOWEST - 1)

    @cached_property
    def motifs(self) -> np.ndarray:
        """Residues within a match of each of ``MOTIFS``: bool, shape (n_residues, n_motifs)."""
        none = np.zeros((0, len(MOTIFS)), dtype=bool)
        return np.concatenate([none, *(motif_labels(one) > 0 for one in self._sequences)])

    @cached_property
    def motif_elements(self) -> np.ndarray:
        """Residues that are each of ``ELEMENTS`` in a match: bool, shape (n_residues, n)."""
        none = np.zeros((0, len(ELEMENTS)), dtype=bool)
        return np.concatenate([none, *(element_labels(one) for one in self._sequences)])

    @cached_property
    def low_complexity(self) -> np.ndarray:
        """Residues of low complexity: bool, shape (n_residues,)."""
        none = np.zeros(0, dtype=bool)
        return np.concatenate([none, *(low_complexity(one) for one in self._sequences)])
