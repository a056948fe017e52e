"""The residues around the sites of a variant, and the windows of the model that compute them."""

from dataclasses import dataclass

import numpy as np

from protsae.plm.esm2.tokens import Window, windows
from protsae.proteins.substitutions import Mutant

FLANK = 8
"""Residues on either side of a site at which changes are looked for."""


@dataclass(frozen=True)
class WindowPart:
    """Residues of a neighbourhood that one window keeps.

    Attributes
    ----------
    window : Window
        Of the protein.
    residues : int64, shape (n,)
        0-based in the protein.
    """

    window: Window
    residues: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """The residues, 0-based in the window."""
        rows: np.ndarray = self.residues - self.window.start
        return rows


def neighbourhood(mutant: Mutant, length: int) -> np.ndarray:
    """Residues within ± `FLANK` of a replaced one, 0-based and sorted, each once.

    Examples
    --------
    >>> from protsae.proteins.substitutions import parse_mutant
    >>> neighbourhood(parse_mutant("A2V:A4C"), 13).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    """
    near = np.zeros(length, dtype=bool)
    for position in mutant.positions:
        near[max(0, position - 1 - FLANK) : position + FLANK] = True
    return np.flatnonzero(near)


def window_parts(residues: np.ndarray, length: int, context: int, overlap: int) -> list[WindowPart]:
    """The windows that keep some of these residues, each with those that it keeps.

    Examples
    --------
    Residues 4 and 5 of ten, in windows of 6 that share 2, which meet between the two:

    >>> parts = window_parts(np.array([4, 5]), 10, 6, 2)
    >>> [(part.window.start, part.residues.tolist(), part.rows.tolist()) for part in parts]
    [(0, [4], [4]), (4, [5], [1])]
    """
    found = []
    for window in windows(0, length, context, overlap):
        kept = residues[(residues >= window.keep_start) & (residues < window.keep_stop)]
        if len(kept):
            found.append(WindowPart(window, kept))
    return found
