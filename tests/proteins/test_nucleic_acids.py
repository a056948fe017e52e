"""What is taken for DNA or RNA."""

import gzip
import json
from pathlib import Path

import pytest

from protsae.proteins.nucleic_acids import SHORTEST, may_be_nucleic, nucleic_notes

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        ("ACGTUN" * 5, True),
        ("A" * SHORTEST, True),
        ("A" * (SHORTEST - 1), False),
        ("ACGT" * 50 + "M", False),
        ("", False),
    ],
)
def test_long_and_of_six_letters(sequence: str, expected: bool) -> None:
    assert may_be_nucleic(sequence) is expected


def test_no_protein_of_the_sample_is_suspected() -> None:
    with gzip.open(ROOT / "data/sample/proteins.json.gz") as file:
        entries = json.load(file)["results"]
    assert len(entries) == 231
    assert not any(may_be_nucleic(entry["sequence"]["value"]) for entry in entries)


def test_nothing_is_said_of_none() -> None:
    assert nucleic_notes(0) == []
