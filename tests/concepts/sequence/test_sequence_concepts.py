import numpy as np

from protsae.concepts.concept import SEQUENCE_TYPES
from protsae.concepts.sequence.sequence_concepts import (
    SEQUENCE_CONCEPTS,
    position_labels,
    sequence_labels,
)
from protsae.proteins.alphabet import LETTERS, STANDARD

COLUMN = {concept.name: column for column, concept in enumerate(SEQUENCE_CONCEPTS)}
RESIDUES = [COLUMN[f"residue: {letter}"] for letter in STANDARD]


def test_every_standard_letter_has_exactly_one_identity() -> None:
    labels = sequence_labels([LETTERS]).toarray()
    identities = labels[:, RESIDUES].sum(axis=1)
    assert identities.tolist() == [int(letter in STANDARD) for letter in LETTERS]
    assert labels[LETTERS.index("W"), COLUMN["residue: W"]] == 1


def test_classes_of_lysine() -> None:
    labels = sequence_labels(["K"]).toarray()[0]
    names = [p.name for p, value in zip(SEQUENCE_CONCEPTS, labels, strict=True) if value]
    classes = [name for name in names if name.startswith("class")]
    assert classes == ["class: hydrophobic", "class: polar", "class: positive", "class: charged"]


def test_unknown_letters_have_places_but_no_class() -> None:
    labels = sequence_labels(["XBZJUO"]).toarray()
    n_letter_concepts = COLUMN["position: N-terminal 10"]
    assert labels[:, :n_letter_concepts].sum() == 0
    assert labels[:, COLUMN["position: N-terminal 10"]].all()


def test_places_in_a_long_chain() -> None:
    n_terminal, c_terminal, first = position_labels(23).T
    assert np.flatnonzero(n_terminal).tolist() == list(range(10))
    assert np.flatnonzero(c_terminal).tolist() == list(range(13, 23))
    assert np.flatnonzero(first).tolist() == [0]


def test_places_in_a_chain_of_one() -> None:
    assert position_labels(1).tolist() == [[1, 1, 1]]


def test_places_start_anew_in_each_protein() -> None:
    labels = sequence_labels(["MKC", "GA"])
    assert labels.dtype == np.uint8
    assert labels.shape == (5, len(SEQUENCE_CONCEPTS))
    first = labels.toarray()[:, COLUMN["position: first residue"]]
    assert first.tolist() == [1, 0, 0, 1, 0]


def test_no_proteins_give_no_rows() -> None:
    assert sequence_labels([]).shape == (0, len(SEQUENCE_CONCEPTS))


def test_names_are_unique() -> None:
    assert len(COLUMN) == len(SEQUENCE_CONCEPTS) == 20 + 9 + 3 + 1 + 9


def test_motifs_and_low_complexity_stay_within_a_protein() -> None:
    """RG of the first protein and D of the second are no RGD; nor are 6 + 6 Q a window."""
    labels = sequence_labels(["ARG", "DARGD", "QQQQQQ", "QQQQQQ"]).toarray()
    assert np.flatnonzero(labels[:, COLUMN["motif: RGD"]]).tolist() == [5, 6, 7]
    assert not labels[:, COLUMN["composition: low complexity"]].any()


def test_their_types_are_those_that_the_sequence_defines() -> None:
    assert {concept.type for concept in SEQUENCE_CONCEPTS} == SEQUENCE_TYPES
