import numpy as np
import pytest

from protsae.concepts.sequence.amino_acid_classes import CLASSES
from protsae.concepts.sequence.scales import (
    SCALE_COLUMNS,
    SCALES,
    end_distances,
    relative_position,
    scale_matrix,
    scale_values,
)
from protsae.proteins.alphabet import LETTERS, STANDARD

# Zamyatnin 1972, Prog. Biophys. Mol. Biol. 24:107, cubic angstroms: measured independently.
ZAMYATNIN = {"G": 60.1, "A": 88.6, "L": 166.7, "F": 189.9, "W": 227.8, "R": 173.4}


@pytest.mark.parametrize(
    ("scale", "letter", "expected"),
    [
        pytest.param("hydropathy", "I", 4.5, id="hydropathy-highest"),
        pytest.param("hydropathy", "R", -4.5, id="hydropathy-lowest"),
        pytest.param("hydropathy", "G", -0.4, id="hydropathy-glycine"),
        pytest.param("charge", "K", 1.0, id="charge-lysine"),
        pytest.param("charge", "R", 1.0, id="charge-arginine"),
        pytest.param("charge", "D", -1.0, id="charge-aspartate"),
        pytest.param("charge", "E", -1.0, id="charge-glutamate"),
        # 10^(7 - 5.98) = 10.4713; 1 / 11.4713 = 0.08717
        pytest.param("charge", "H", 0.08717, id="charge-histidine-partial"),
        pytest.param("charge", "C", 0.0, id="charge-cysteine"),
        pytest.param("volume", "G", 36.3, id="volume-smallest"),
        pytest.param("volume", "W", 135.4, id="volume-largest"),
        pytest.param("volume", "R", 109.1, id="volume-arginine"),
        pytest.param("volume", "V", 85.1, id="volume-last-of-the-list"),
        pytest.param("flexibility", "K", 1.102, id="flexibility-highest"),
        pytest.param("flexibility", "W", 0.904, id="flexibility-lowest"),
    ],
)
def test_published_values(scale: str, letter: str, expected: float) -> None:
    assert scale_values(letter, SCALES[scale])[0] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("scale", SCALES.values(), ids=list(SCALES))
def test_defined_for_the_standard_letters_only(scale) -> None:
    defined = [
        letter for letter, value in zip(LETTERS, scale.values, strict=True) if value == value
    ]
    assert "".join(defined) == STANDARD
    assert scale.source
    assert scale.unit


def test_volume_agrees_with_an_independent_measurement() -> None:
    """cm3/mol x 10^24 / Avogadro = cubic angstroms."""
    for letter, volume in ZAMYATNIN.items():
        ours = scale_values(letter, SCALES["volume"])[0] * 1e24 / 6.02214e23
        assert ours == pytest.approx(volume, rel=0.05)


def test_position_is_0_to_1_and_0_for_a_single_residue() -> None:
    assert relative_position(5).tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert relative_position(1).tolist() == [0]


def test_matrix_concatenates_proteins() -> None:
    sequences = ["MKX", "G", "HI"]
    matrix = scale_matrix(sequences)
    assert matrix.dtype == np.float32
    assert matrix.shape == (6, 7)
    assert (
        *("hydropathy", "charge", "volume", "flexibility"),
        *("position", "n_distance", "c_distance"),
    ) == SCALE_COLUMNS
    for column, name in enumerate(SCALE_COLUMNS[:4]):
        values = np.concatenate([scale_values(sequence, SCALES[name]) for sequence in sequences])
        np.testing.assert_array_equal(matrix[:, column], values)
    assert matrix[:, 4].tolist() == [0, 0.5, 1, 0, 0, 1]
    assert matrix[:, 5].tolist() == [0, 1, 2, 0, 0, 1]
    assert matrix[:, 6].tolist() == [2, 1, 0, 0, 1, 0]
    assert np.isnan(matrix[2, :4]).all()
    assert scale_matrix([]).shape == (0, 7)


def test_distances_to_the_ends_saturate_at_50() -> None:
    from_n, from_c = end_distances(103).T
    assert from_n.tolist() == [*range(50), *[50] * 53]
    assert from_c.tolist() == from_n.tolist()[::-1]
    assert end_distances(1).tolist() == [[0, 0]]


def test_a_strange_letter_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"position 2 holds '\*'"):
        scale_values("M*", SCALES["charge"])


def test_classes_hold_standard_letters_and_nest() -> None:
    for letters in CLASSES.values():
        assert set(letters) <= set(STANDARD)
        assert list(letters) == sorted(set(letters))
    assert set(CLASSES["charged"]) == set(CLASSES["positive"]) | set(CLASSES["negative"])
    assert set(CLASSES["tiny"]) < set(CLASSES["small"])
    assert set(CLASSES["charged"]) < set(CLASSES["polar"])
    assert set(CLASSES["aliphatic"]) < set(CLASSES["hydrophobic"])
    covered = set("".join(CLASSES.values()))
    assert covered == set(STANDARD)
