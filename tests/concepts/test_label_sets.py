import numpy as np
import pytest

from protsae.concepts.label_sets import LabelSet

# P1: H H ? E, P2: nothing known
STRUCTURE = LabelSet(
    "structure",
    ("H", "E", "C"),
    "PDB",
    {"P1": np.array([1, 1, 0, 2], np.uint8), "P2": np.zeros(2, np.uint8)},
)


def test_labels_follow_the_order_asked_for() -> None:
    labels = STRUCTURE.labels(["P2", "P1"], [2, 4])
    assert labels.dtype == np.uint8
    assert labels.toarray().tolist() == [
        [0, 0, 0],
        [0, 0, 0],
        [1, 0, 0],
        [1, 0, 0],
        [0, 0, 0],
        [0, 1, 0],
    ]


def test_known_are_the_labelled_residues() -> None:
    assert (
        STRUCTURE.known(["P1", "P9", "P2"], [4, 1, 2]).tolist()
        == [True, True, False, True] + [False] * 3
    )


def test_no_proteins() -> None:
    assert STRUCTURE.labels([], []).shape == (0, 3)
    assert STRUCTURE.known([], []).shape == (0,)


def test_a_protein_of_another_length() -> None:
    with pytest.raises(ValueError, match="P1: 4 labels of 'structure' for 5 residues"):
        STRUCTURE.labels(["P1"], [5])
