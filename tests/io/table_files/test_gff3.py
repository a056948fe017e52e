"""Lines are read back by what the specification says, with Python's own decoder of % codes."""

from urllib.parse import unquote

import pytest

from protsae.io.table_files.gff3 import HEADER, REGION, attributes_text, region_line, sequence_line

AWKWARD = ["a b", "a;b=c&d,e", "100 %", "tab\tnew\nline", ">P1", "1 → 2", "a%3Bb"]


@pytest.mark.parametrize("text", AWKWARD)
def test_names_and_attributes_come_back(text: str) -> None:
    attributes = {"Name": text, "layer": 3, "f1": 0.1234567, "none": None, "nan": float("nan")}
    line = region_line(text, 2, 9, 0.1234567, attributes_text(attributes))
    assert line.endswith("\n")
    assert line.count("\n") == 1
    columns = line.rstrip("\n").split("\t")
    assert len(columns) == 9
    assert unquote(columns[0]) == text
    assert columns[1:8] == ["protsae", REGION, "2", "9", "0.1235", ".", "."]
    pairs = [pair.split("=") for pair in columns[8].split(";")]
    assert {key: unquote(value) for key, value in pairs} == {
        "Name": text,
        "layer": "3",
        "f1": "0.1235",
    }
    assert not columns[0].startswith(">")
    assert " " not in columns[0]


def test_no_score_is_a_dot() -> None:
    assert region_line("P1", 1, 1, None, "Name=x").split("\t")[5] == "."


def test_directives() -> None:
    assert HEADER == "##gff-version 3\n"
    assert sequence_line("P1", 137) == "##sequence-region P1 1 137\n"
