import gzip
import io
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from protsae.errors import UserError
from protsae.stages.explaining.given_proteins import checked_sequence, read_given
from protsae.stages.explaining.invalid_records import InvalidRecords

FASTA = ">sp|P01308|INS_HUMAN Insulin OS=Homo sapiens OX=9606\nMALWM\nrlLP*\n>two and more\nMJ\n"
FOUND = [("P01308", "MALWMRLLP"), ("two", "MJ")]


def test_proteins_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.fasta").write_text(FASTA)
    (tmp_path / "x.fasta.gz").write_bytes(gzip.compress(FASTA.encode()))
    assert list(read_given(tmp_path / "x.fasta")) == FOUND
    assert list(read_given(tmp_path / "x.fasta.gz")) == FOUND


@pytest.mark.parametrize("data", [FASTA.encode(), gzip.compress(FASTA.encode())])
def test_proteins_of_stdin(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    assert list(read_given("-")) == FOUND


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("", "no proteins found; expected FASTA records", id="empty"),
        pytest.param("MKV\n", "not FASTA: found 'MKV", id="no record"),
        pytest.param(">a\nMKV\n>a\nMK\n", "'a' occurs twice, in records 1 and 2", id="twice"),
        pytest.param(">a\nMKV\n>b\n", "'b': empty sequence", id="empty sequence"),
        pytest.param(">a\nMK*V\n", "'a': position 3 holds '*'; expected letters", id="stop"),
        pytest.param(">a\x07\nMK\n", "record 1: name is 'a\\x07'", id="bell"),
        pytest.param(">\nMKV\n", "record 1 has no name", id="no name"),
    ],
)
def test_what_is_refused(text: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "x.fasta").write_text(text)
    with pytest.raises(UserError, match=re.escape(f"x.fasta: {line}")):
        list(read_given(tmp_path / "x.fasta"))


EACH_FAULT = ">a\nMKV\n>b\nM-K\n>c\x07\nMK\n>a\nMKV\n>d\n*\n>b\nMK\n>e\nMC\n>f\nM?\n"


def test_records_that_cannot_be_used_are_dropped_and_counted(tmp_path: Path) -> None:
    """Of two records with one name the second, even if the first was dropped."""
    (tmp_path / "x.fasta").write_text(EACH_FAULT)
    invalid = InvalidRecords(are_dropped=True)
    assert list(read_given(tmp_path / "x.fasta", invalid)) == [("a", "MKV"), ("e", "MC")]
    assert invalid.notes == [
        "proteins dropped: 2 invalid character (b, f), 2 duplicate name (a, b), "
        "1 invalid name (c\\x07), 1 empty sequence (d)"
    ]


def test_nothing_was_dropped(tmp_path: Path) -> None:
    (tmp_path / "x.fasta").write_text(FASTA)
    invalid = InvalidRecords(are_dropped=True)
    assert list(read_given(tmp_path / "x.fasta", invalid)) == FOUND
    assert invalid.notes == []


def test_a_file_without_a_protein_that_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "x.fasta").write_text(">a\nM-K\n>b\nM1\n")
    line = re.escape(
        "x.fasta: none of 2 proteins can be used (2 invalid character (a, b)); correct their names "
        "and sequences"
    )
    with pytest.raises(UserError, match=f"{line}$"):
        list(read_given(tmp_path / "x.fasta", InvalidRecords(are_dropped=True)))


def test_an_error_says_how_to_drop_the_record(tmp_path: Path) -> None:
    (tmp_path / "x.fasta").write_text(">a\nM-K\n")
    line = "'a': position 2 holds '-'; .*; correct the sequence, or drop such proteins with "
    with pytest.raises(UserError, match=f"x.fasta: {line}--invalid drop$"):
        list(read_given(tmp_path / "x.fasta", InvalidRecords(are_dropped=False)))


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file; expected proteins in FASTA"):
        list(read_given(tmp_path / "x.fasta"))


def test_records_are_read_one_at_a_time(tmp_path: Path) -> None:
    """The first protein is there before a fault in the second is met."""
    (tmp_path / "x.fasta").write_text(">a\nMKV\n>b\nM-K\n")
    proteins = read_given(tmp_path / "x.fasta")
    assert next(proteins) == ("a", "MKV")
    with pytest.raises(UserError, match="position 2 holds '-'"):
        next(proteins)


@pytest.mark.parametrize("sequence", ["", " ", "*", "M1", "MÄ", "M\N{NO-BREAK SPACE}K"])
def test_sequences_that_are_none(sequence: str) -> None:
    with pytest.raises(UserError, match=r"^P1: "):
        checked_sequence(sequence, "P1")
