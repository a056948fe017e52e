"""Residues near the sites of a variant, and the windows that hold them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from protsae.interventions.neighbourhoods import FLANK, neighbourhood, window_parts
from protsae.proteins.substitutions import Mutant, Substitution


def at(*positions: int) -> Mutant:
    return Mutant(tuple(Substitution(position, "A", "C") for position in positions))


def test_both_ends_and_the_middle() -> None:
    assert neighbourhood(at(1), 30).tolist() == [*range(9)]
    assert neighbourhood(at(30), 30).tolist() == [*range(21, 30)]
    assert neighbourhood(at(15), 30).tolist() == [*range(6, 23)]
    assert neighbourhood(at(3, 100), 200).tolist() == [*range(11), *range(91, 108)]


@given(st.integers(1, 97), st.integers(4, 31), st.data())
def test_each_residue_is_of_one_window_that_keeps_it(
    length: int, context: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, context - 1))
    position = data.draw(st.integers(1, length))
    near = neighbourhood(at(position), length)
    assert set(near) == {i for i in range(length) if abs(i + 1 - position) <= FLANK}
    parts = window_parts(near, length, context, overlap)
    assert np.concatenate([part.residues for part in parts]).tolist() == near.tolist()
    for part in parts:
        assert ((part.rows >= 0) & (part.rows < part.window.length)).all()
