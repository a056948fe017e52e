"""What the sequence alone says of a residue: amino acids around it, composition, place."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.proteins.alphabet import STANDARD
from protsae.references.residue_data import protein_blocks

FLANK = 7
"""Residues on each side whose amino acid has a column, as of the window reference."""

NEAR = 10
"""Residues on each side whose composition has."""

STEPS = (1, 3, 10, 20, 40, 80)
"""Distances from either end within which a residue is said to be near it."""

NAMES = (
    *(f"{letter}{offset:+d}" for offset in range(-FLANK, FLANK + 1) for letter in STANDARD),
    *(f"{letter}%" for letter in STANDARD),
    *(f"{end}<={step}" for end in "nc" for step in STEPS),
)
"""Columns: an amino acid at an offset (``G-1``), its share nearby (``G%``), and near the N- or
C-terminus (``n<=20``: one of the first 20 residues)."""


def sequence_columns(sequence: str) -> sparse.csr_array:
    """Columns of `NAMES` at every residue: float32, shape (n_residues, len(NAMES)).

    Examples
    --------
    >>> columns = sequence_columns("GAA").toarray()
    >>> [name for name, on in zip(NAMES, columns[1], strict=True) if on]
    ['G-1', 'A+0', 'A+1', 'A%', 'G%', 'n<=3', 'n<=10', 'n<=20', 'n<=40', 'n<=80', \
'c<=3', 'c<=10', 'c<=20', 'c<=40', 'c<=80']
    >>> round(float(columns[1][NAMES.index("A%")]), 3)
    0.667
    """
    n, n_letters = len(sequence), len(STANDARD)
    one_hot = np.zeros((n + 2 * FLANK, n_letters), np.float32)
    letters = np.array([STANDARD.find(letter) for letter in sequence])
    standard = np.flatnonzero(letters >= 0)
    one_hot[standard + FLANK, letters[standard]] = 1
    window = np.lib.stride_tricks.sliding_window_view(one_hot, 2 * FLANK + 1, axis=0)
    place = np.arange(n)
    before = np.concatenate([np.zeros((1, n_letters)), one_hot[FLANK : FLANK + n].cumsum(0)])
    first, last = np.maximum(place - NEAR, 0), np.minimum(place + NEAR + 1, n)
    composition = (before[last] - before[first]) / (last - first)[:, None]
    steps = np.array(STEPS)
    near = [distance[:, None] < steps for distance in (place, place[::-1])]
    parts = (window.transpose(0, 2, 1).reshape(n, -1), composition, *near)
    return sparse.csr_array(np.concatenate(parts, axis=1, dtype=np.float32))


class SequenceColumns:
    """`sequence_columns` of proteins, as `Codes`.

    Parameters
    ----------
    proteins : DataFrame
        Columns accession, sequence, length.
    """

    n_features = len(NAMES)

    def __init__(self, proteins: pd.DataFrame):
        self._proteins = proteins

    def blocks(
        self, accessions: set[str], max_rows: int
    ) -> Iterator[tuple[list[str], sparse.csr_array]]:
        """As of `Codes`."""
        own = self._proteins[self._proteins["accession"].isin(accessions)]
        for part in protein_blocks(own, max_rows):
            rows = [sequence_columns(sequence) for sequence in part["sequence"]]
            yield part["accession"].tolist(), sparse.csr_array(sparse.vstack(rows))
