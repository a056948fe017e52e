"""Numbers of residues: scales of amino acids, with their sources, and places in the chain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from Bio.SeqUtils import IsoelectricPoint, ProtParamData

from protsae.proteins.alphabet import LETTERS, STANDARD, letter_index

PH = 7.0
HISTIDINE_PKA = float(IsoelectricPoint.positive_pKs["H"])


@dataclass(frozen=True, eq=False)
class Scale:
    """One number for each amino acid.

    Parameters
    ----------
    name : str
        Short name, as in the tables.
    unit : str
        Unit of the values; ``"1"`` where there is none.
    source : str
        Where the values come from.
    values : ndarray, dtype=float64, shape=(26,)
        One value for each letter A to Z; NaN where the source has none (B, J, O, U, X, Z).
    """

    name: str
    unit: str
    source: str
    values: np.ndarray


def _values(by_letter: Mapping[str, float]) -> np.ndarray:
    values = np.full(len(LETTERS), np.nan)
    for letter in STANDARD:
        values[LETTERS.index(letter)] = by_letter[letter]
    values.setflags(write=False)
    return values


# AAindex BIGC670101, cm3/mol; times 1.66054 gives cubic angstroms per residue.
_VOLUME = dict(
    zip(
        "ARNDCQEGHILKMFPSTWYV",
        (
            *(52.6, 109.1, 75.7, 68.4, 68.3, 89.7, 84.7, 36.3, 91.9, 102.0),
            *(102.0, 105.1, 97.7, 113.9, 73.6, 54.9, 71.2, 135.4, 116.2, 85.1),
        ),
        strict=True,
    )
)

# Protonated share of histidine by Henderson-Hasselbalch: 1 / (1 + 10^(pH - pKa)).
_CHARGE = dict.fromkeys(STANDARD, 0.0) | {
    "K": 1.0,
    "R": 1.0,
    "D": -1.0,
    "E": -1.0,
    "H": 1 / (1 + 10 ** (PH - HISTIDINE_PKA)),
}

SCALES: dict[str, Scale] = {
    scale.name: scale
    for scale in (
        Scale(
            "hydropathy",
            "1",
            "Kyte & Doolittle 1982, J. Mol. Biol. 157:105 (Biopython ProtParamData.kd)",
            _values(ProtParamData.kd),
        ),
        Scale(
            "charge",
            "e",
            f"side chain at pH {PH:g}: K, R +1; D, E -1; H by its pKa {HISTIDINE_PKA} "
            "(Bjellqvist et al. 1994, Electrophoresis 15:529; Biopython IsoelectricPoint)",
            _values(_CHARGE),
        ),
        Scale(
            "volume",
            "cm3/mol",
            "residue volume, Bigelow 1967, J. Theor. Biol. 16:187 (AAindex BIGC670101)",
            _values(_VOLUME),
        ),
        Scale(
            "flexibility",
            "1",
            "normalised B-values, Vihinen et al. 1994, Proteins 19:141 "
            "(Biopython ProtParamData.Flex)",
            _values(ProtParamData.Flex),
        ),
    )
}
"""Scales by name."""

SCALE_COLUMNS = (*SCALES, "position", "n_distance", "c_distance")
"""Columns of ``scale_matrix``: the scales, the relative position and the distances to the ends."""

FARTHEST = 50
"""Residues from an end at and beyond which its distance no longer grows."""


def scale_values(sequence: str, scale: Scale) -> np.ndarray:
    """Value of each residue on a scale.

    Returns
    -------
    ndarray, dtype=float32, shape=(n_residues,)
        In ``scale.unit``; NaN for a letter without a value.

    Raises
    ------
    ValueError
        For a character that is no letter A to Z.

    Examples
    --------
    >>> scale_values("IRX", SCALES["hydropathy"]).tolist()
    [4.5, -4.5, nan]
    """
    return scale.values[letter_index(sequence)].astype(np.float32)


def relative_position(length: int) -> np.ndarray:
    """Place of each residue in its chain: (i - 1) / (L - 1) for i = 1 to L, 0 for L = 1.

    Returns
    -------
    ndarray, dtype=float32, shape=(length,)

    Examples
    --------
    >>> relative_position(3).tolist()
    [0.0, 0.5, 1.0]
    """
    return (np.arange(length) / max(length - 1, 1)).astype(np.float32)


def end_distances(length: int) -> np.ndarray:
    """Residues between each residue and the ends of its chain: min(i - 1, 50), min(L - i, 50).

    They saturate, so that a correlation speaks of the ends and not of the protein's length.

    Returns
    -------
    ndarray, dtype=float32, shape=(length, 2)
        Distance to the N-terminus and to the C-terminus.

    Examples
    --------
    >>> end_distances(3).tolist()
    [[0.0, 2.0], [1.0, 1.0], [2.0, 0.0]]
    """
    index = np.arange(length)
    distances = np.stack([index, index[::-1]], axis=1)
    return np.minimum(distances, FARTHEST).astype(np.float32)


def scale_matrix(sequences: Sequence[str]) -> np.ndarray:
    """Scales of the residues of several proteins, concatenated in that order.

    Returns
    -------
    ndarray, dtype=float32, shape=(n_residues, 7)
        Columns as in ``SCALE_COLUMNS``: hydropathy, charge (e), volume (cm3/mol), flexibility,
        relative position (0 to 1) and distances to the ends (residues, at most 50); NaN where a
        letter has no value.

    Raises
    ------
    ValueError
        For a character that is no letter A to Z.

    Examples
    --------
    >>> for row in scale_matrix(["GK"]):
    ...     print(*(f"{value:.1f}" for value in row))
    -0.4 0.0 36.3 1.0 0.0 0.0 1.0
    -3.9 1.0 105.1 1.1 1.0 1.0 0.0
    """
    index = letter_index("".join(sequences))
    lengths = [len(sequence) for sequence in sequences]
    matrix = np.empty((len(index), len(SCALE_COLUMNS)), dtype=np.float32)
    for column, scale in enumerate(SCALES.values()):
        matrix[:, column] = scale.values[index]
    if lengths:
        matrix[:, -3] = np.concatenate([relative_position(length) for length in lengths])
        matrix[:, -2:] = np.concatenate([end_distances(length) for length in lengths])
    return matrix
