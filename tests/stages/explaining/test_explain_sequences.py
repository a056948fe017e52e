"""What a Python call asks of `explain`, before anything is computed."""

from typing import Any

import pytest

from protsae.errors import UserError
from protsae.stages.explaining.explain_sequences import explain_sequences
from protsae.stages.explaining.given_proteins import named_sequences


def test_a_table_that_is_none() -> None:
    """`name` is an attribute of what is found, but no table."""
    nothing: Any = None
    for table in ("features", "name"):
        with pytest.raises(UserError) as error:
            explain_sequences(nothing, "MKV", table)  # type: ignore[arg-type]
        assert str(error.value) == (
            f"table={table!r}: expected one of segments, predictions, residues"
        )


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["MKV"], "sequences to edit are a list; expected a sequence, or a mapping of names to"),
        (None, "sequences to edit are a NoneType; expected a sequence, or a mapping of names to"),
        ({}, "no sequences to edit; give one, or a mapping of names to them"),
        ({"P1": ""}, "P1: empty sequence; expected letters A to Z"),
    ],
)
def test_sequences_that_are_none(given: object, line: str) -> None:
    with pytest.raises(UserError) as error:
        named_sequences(given, "edit")
    assert str(error.value).startswith(line)
