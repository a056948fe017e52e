"""Properties that follow from the sequence alone: letters, places, low complexity, motifs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from protsae.alphabet import LETTERS, STANDARD, letter_index
from protsae.concepts.classes import CLASS_SOURCE, CLASSES
from protsae.concepts.complexity import SOURCE as COMPLEXITY_SOURCE
from protsae.concepts.complexity import low_complexity
from protsae.concepts.motifs import MOTIFS, motif_labels


@dataclass(frozen=True, order=True)
class Property:
    """A yes/no property of a residue.

    Parameters
    ----------
    name : str
        Unique name, as in the tables: ``"residue: C"``, ``"SIGNAL"``, ``"DOMAIN: EGF-like"``.
    type : str
        ``"residue"``, ``"class"``, ``"position"``, ``"composition"``, ``"motif"``, a UniProt
        feature type such as ``"DOMAIN"``, or the name of a label set.
    source : str
        Where the labels come from.

    Examples
    --------
    >>> Property("residue: C", "residue", "sequence").name
    'residue: C'
    """

    name: str
    type: str
    source: str


END_RESIDUES = 10
"""Residues at each end that count as terminal."""

LETTER_PROPERTIES: tuple[Property, ...] = (
    *(Property(f"residue: {letter}", "residue", "sequence") for letter in STANDARD),
    *(Property(f"class: {name}", "class", CLASS_SOURCE) for name in CLASSES),
)
POSITION_PROPERTIES: tuple[Property, ...] = (
    Property(f"position: N-terminal {END_RESIDUES}", "position", "sequence"),
    Property(f"position: C-terminal {END_RESIDUES}", "position", "sequence"),
    Property("position: first residue", "position", "sequence"),
)
MOTIF_PROPERTIES: tuple[Property, ...] = (
    Property("composition: low complexity", "composition", COMPLEXITY_SOURCE),
    *(Property(f"motif: {motif.name}", "motif", f"PROSITE {motif.accession}") for motif in MOTIFS),
)
SEQUENCE_PROPERTIES: tuple[Property, ...] = (
    LETTER_PROPERTIES + POSITION_PROPERTIES + MOTIF_PROPERTIES
)
"""Columns of ``sequence_labels``, in this order."""

_SEQUENCE_TYPES = frozenset(property_.type for property_ in SEQUENCE_PROPERTIES)


def is_defined_by_sequence(property_type: str) -> bool:
    """Whether a rule on the sequence gives the properties of this type exactly.

    A detector of such a property finds what anyone can compute: no biology.

    Examples
    --------
    >>> is_defined_by_sequence("position"), is_defined_by_sequence("SIGNAL")
    (True, False)
    """
    return property_type in _SEQUENCE_TYPES


def are_defined_by_sequence(property_types: Iterable[str]) -> np.ndarray:
    """`is_defined_by_sequence` of each: bool, shape (n,).

    Examples
    --------
    >>> are_defined_by_sequence(["position", "SIGNAL"]).tolist()
    [True, False]
    """
    return np.array([is_defined_by_sequence(each) for each in property_types], dtype=bool)


def _letter_table() -> np.ndarray:
    """Which letter has which property: bool, shape (26, n_letter_properties)."""
    letters = [*STANDARD, *CLASSES.values()]
    return np.array([[letter in members for members in letters] for letter in LETTERS])


_LETTER_TABLE = sparse.csr_array(_letter_table().astype(np.uint8))


def position_labels(length: int) -> np.ndarray:
    """Labels of the places in a chain: the first ten residues, the last ten, the first.

    Returns
    -------
    ndarray, dtype=uint8, shape=(length, 3)
        Columns as in ``POSITION_PROPERTIES``. In a chain of fewer than 20 residues a residue can
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
    csr_array, dtype=uint8, shape=(n_residues, n_sequence_properties)
        Columns as in ``SEQUENCE_PROPERTIES``. The letters B, J, O, U, X and Z have no residue
        and no class label.

    Raises
    ------
    ValueError
        For a character that is no letter A to Z.

    Examples
    --------
    >>> labels = sequence_labels(["CX"])
    >>> [SEQUENCE_PROPERTIES[column].name for column in labels[[0]].indices[:3]]
    ['residue: C', 'class: hydrophobic', 'class: small']
    """
    letters = _LETTER_TABLE[letter_index("".join(sequences))]
    lengths = [len(sequence) for sequence in sequences]
    if not lengths:
        return sparse.csr_array((0, len(SEQUENCE_PROPERTIES)), dtype=np.uint8)
    positions = sparse.csr_array(np.concatenate([position_labels(length) for length in lengths]))
    stretches = [
        np.column_stack([low_complexity(sequence), motif_labels(sequence)])
        for sequence in sequences
    ]
    motifs = sparse.csr_array(np.concatenate(stretches))
    return sparse.csr_array(sparse.hstack([letters, positions, motifs], format="csr"))
