"""Mutants as text, and whether they are of a protein."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protsae.errors import UserError
from protsae.proteins.alphabet import STANDARD
from protsae.proteins.substitutions import (
    Mutant,
    Substitution,
    parse_mutant,
    single_mutants,
    validate_mutants,
)

WILD_TYPE = "MKVLAXA"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("K2A", "MAVLAXA", id="single"),
        pytest.param(" k2a\r\n", "MAVLAXA", id="lower case, with the end of the line"),
        pytest.param("A7C:M1W", "WKVLAXC", id="two, the last and the first"),
    ],
)
def test_sequence_of_a_mutant(text: str, expected: str) -> None:
    assert parse_mutant(text).sequence(WILD_TYPE) == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A23", "'A23' is no mutant; expected the residue, its position and the new residue"),
        ("", "'' is no mutant; expected"),
        ("A0V", "'A0V' is no mutant; expected"),
        ("A23V,G40D", "'A23V,G40D' is no mutant; expected"),
        ("p.Ala23Val", "'p.Ala23Val' is no mutant; expected"),
        ("A23V:", "'A23V:' is no mutant; expected"),
        ("A٣V", "'A٣V' is no mutant; expected"),
        ("W26*", f"W26*: '*' is none of the 20 amino acids {STANDARD}; leave it out"),
        ("W26X", f"W26X: 'X' is none of the 20 amino acids {STANDARD}; leave it out"),
        ("X26W", f"X26W: 'X' is none of the 20 amino acids {STANDARD}; leave it out"),
        ("A23A", "A23A: replaces A by itself; leave it out"),
        ("A23V:A23G", "A23V:A23G: replaces residue 23 twice; expected each position once"),
    ],
)
def test_what_is_no_mutant(text: str, line: str) -> None:
    with pytest.raises(UserError, match=re.escape(line)):
        parse_mutant(text)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["L2V"], "here: L2V: residue 2 of 'P1' is K; expected L; check the numbers"),
        (["A8V"], "here: A8V: 'P1' has 7 residues; expected a position from 1 to 7"),
        (["K2V", "C6V"], "here: C6V: residue 6 of 'P1' is X; expected C"),
        (["K2V", "K2V"], "here: K2V occurs twice, first in here; remove one"),
        (["M1A:K2V", "K2V:M1A"], "here: K2V:M1A occurs twice, first in here; remove one"),
        (["L2V", "L3V", "K2A"], "which count from 1 (1 more do not fit either)"),
    ],
)
def test_mutants_of_another_protein(words: list[str], line: str) -> None:
    with pytest.raises(UserError, match=re.escape(line)):
        validate_mutants([("here", parse_mutant(word)) for word in words], "P1", WILD_TYPE)


def test_all_single_mutants_but_those_of_x() -> None:
    found = single_mutants("AXC")
    assert len(found) == 2 * 19
    assert found[0] == Mutant((Substitution(1, "A", "C"),))
    assert str(found[-1]) == "C3Y"


@given(
    st.text(STANDARD, min_size=1, max_size=11), st.lists(st.integers(0, 10), unique=True), st.data()
)
def test_text_and_sequence_agree(sequence: str, at: list[int], data: st.DataObject) -> None:
    """A mutant differs from the protein exactly where its text says, and reads back."""
    sites = [i for i in at if i < len(sequence)] or [0]
    new = [data.draw(st.sampled_from(STANDARD.replace(sequence[i], ""))) for i in sites]
    text = ":".join(f"{sequence[i]}{i + 1}{one}" for i, one in zip(sites, new, strict=True))
    mutant = parse_mutant(text.lower())
    assert str(mutant) == text
    changed = mutant.sequence(sequence)
    assert {i for i, (a, b) in enumerate(zip(sequence, changed, strict=True)) if a != b} == {*sites}
    assert [changed[i] for i in sites] == new
