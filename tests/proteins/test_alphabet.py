"""The 26 letters and their one-hot code."""

import re

import numpy as np
import pytest
from Bio.Data import IUPACData
from hypothesis import given
from hypothesis import strategies as st

from protsae.proteins.alphabet import LETTERS, STANDARD, letter_index, one_hot


def test_the_letters_are_iupacs_extended_alphabet():
    assert "".join(sorted(IUPACData.extended_protein_letters)) == LETTERS
    assert IUPACData.protein_letters == STANDARD


def test_every_letter_has_its_own_column():
    assert np.array_equal(one_hot(LETTERS), np.eye(26))


@given(st.text(LETTERS, max_size=53))
def test_one_hot_goes_back_to_the_sequence(sequence):
    code = one_hot(sequence)
    assert code.shape == (len(sequence), 26)
    assert (code.sum(axis=1) == 1).all()
    assert "".join(LETTERS[column] for column in code.argmax(axis=1)) == sequence
    assert letter_index(sequence).tolist() == [LETTERS.index(letter) for letter in sequence]


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32])
def test_dtype(dtype):
    assert one_hot("MKT", dtype).dtype == dtype


# What a neighbour of A-Z in ASCII, a stop, a gap, and a letter whose code ends in that of A are.
@pytest.mark.parametrize(
    "wrong", ["*", "-", "@", "[", "a", "z", "1", " ", "\n", "\u0141", "\U0001d400"]
)
@pytest.mark.parametrize("at", [1, 3, 5])
def test_any_other_character_is_refused_with_its_position(wrong, at):
    sequence = "MKTA"[: at - 1] + wrong + "MKTA"[at - 1 :]
    message = f"position {at} holds {wrong!r}; expected a letter A to Z"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        letter_index(sequence)
