"""Concepts that follow from the sequence alone: letters, places, low complexity, motifs."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from protsae.concepts.concept import Concept
from protsae.concepts.sequence.amino_acid_classes import CLASS_SOURCE, CLASSES
from protsae.concepts.sequence.low_complexity import SOURCE as COMPLEXITY_SOURCE
from protsae.concepts.sequence.low_complexity import low_complexity
from protsae.concepts.sequence.prosite import MOTIFS, motif_labels
from protsae.proteins.alphabet import LETTERS, STANDARD, letter_index

END_RESIDUES = 10
"""Residues at each end that count as terminal."""

LETTER_CONCEPTS: tuple[Concept, ...] = (
    *(Concept(f"residue: {letter}", "residue", "sequence") for letter in STANDARD),
    *(Concept(f"class: {name}", "class", CLASS_SOURCE) for name in CLASSES),
)
POSITION_CONCEPTS: tuple[Concept, ...] = (
    Concept(f"position: N-terminal {END_RESIDUES}", "position", "sequence"),
    Concept(f"position: C-terminal {END_RESIDUES}", "position", "sequence"),
    Concept("position: first residue", "position", "sequence"),
)
MOTIF_CONCEPTS: tuple[Concept, ...] = (
    Concept("composition: low complexity", "composition", COMPLEXITY_SOURCE),
    *(Concept(f"motif: {motif.name}", "motif", f"PROSITE {motif.accession}") for motif in MOTIFS),
)
SEQUENCE_CONCEPTS: tuple[Concept, ...] = LETTER_CONCEPTS + POSITION_CONCEPTS + MOTIF_CONCEPTS
"""Columns of ``sequence_labels``, in this order."""


def _letter_table() -> np.ndarray:
    """Which letter has which concept: bool, shape (26, n_letter_concepts)."""
    letters = [*STANDARD, *CLASSES.values()]
    return np.array([[letter in members for members in letters] for letter in LETTERS])


_LETTER_TABLE = sparse.csr_array(_letter_table().astype(np.uint8))


def position_labels(length: int) -> np.ndarray:
    """Labels of the places in a chain: the first ten residues, the last ten, the first.

    Returns
    -------
    ndarray, dtype=uint8, shape=(length, 3)
        Columns as in ``POSITION_CONCEPTS``. In a chain of fewer than 20 residues a residue can
        be near both ends.

    Examples
    --------
    >>> position_labels(12)[[0, 5, 11]].tolist()
    [[1, 0, 1], [1, 1, 0], [0, 1, 0]]
    """
    index = np.arange(length)
    return np.stack(
        [index < END_RESIDUES, index >= length - END_RESIDUES, index == 0], axis=1
    ).astype(np.uint8)


def sequence_labels(sequences: Sequence[str]) -> sparse.csr_array:
    """Labels of the residues of several proteins, concatenated in that order.

    Returns
    -------
    csr_array, dtype=uint8, shape=(n_residues, n_sequence_concepts)
        Columns as in ``SEQUENCE_CONCEPTS``. The letters B, J, O, U, X and Z have no residue
        and no class label.

    Raises
    ------
    ValueError
        For a character that is no letter A to Z.

    Examples
    --------
    >>> labels = sequence_labels(["CX"])
    >>> [SEQUENCE_CONCEPTS[column].name for column in labels[[0]].indices[:3]]
    ['residue: C', 'class: hydrophobic', 'class: small']
    """
    letters = _LETTER_TABLE[letter_index("".join(sequences))]
    lengths = [len(sequence) for sequence in sequences]
    if not lengths:
        return sparse.csr_array((0, len(SEQUENCE_CONCEPTS)), dtype=np.uint8)
    positions = sparse.csr_array(np.concatenate([position_labels(length) for length in lengths]))
    intervals = [
        np.column_stack([low_complexity(sequence), motif_labels(sequence)])
        for sequence in sequences
    ]
    motifs = sparse.csr_array(np.concatenate(intervals))
    return sparse.csr_array(sparse.hstack([letters, positions, motifs], format="csr"))
