"""FASTA headers and sequences, and what is refused."""

import io
import re

import pytest

from protsae.errors import UserError
from protsae.io.protein_files.fasta import LONGEST_RECORD, read_entries
from protsae.proteins.records import Protein


def read(text):
    return list(read_entries(io.StringIO(text), "x.fasta"))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "sp|P12345|NAME_HUMAN A protein, chain 2 OS=Homo sapiens OX=9606 GN=X PE=1 SV=2",
            Protein("P12345", "NAME_HUMAN", "Homo sapiens", 9606, "MKV"),
        ),
        (
            "tr|A0A1|A0A1_ECOLI Odd (Fragment) OS=Escherichia coli (strain K12) OX=83333",
            Protein("A0A1", "A0A1_ECOLI", "Escherichia coli (strain K12)", 83333, "MKV", True),
        ),
        ("sp|P1-2|N_X Isoform 2 of A", Protein("P1-2", "N_X", "", None, "MKV")),
        ("mine OS=Not UniProt OX=1 (Fragment)", Protein("mine", "", "", None, "MKV")),
        ("sp|P12345", Protein("sp|P12345", "", "", None, "MKV")),
        ("gi|1|x|y", Protein("gi|1|x|y", "", "", None, "MKV")),
    ],
)
def test_headers(header, expected):
    assert read(f">{header}\nMK\nV\n") == [expected]


def test_sequences_as_written():
    text = ">a\nMk v\r\nA*\n\n>b\n>c x\nMK"
    assert [(p.accession, p.sequence) for p in read(text)] == [
        ("a", "MkvA*"),
        ("b", ""),
        ("c", "MK"),
    ]


@pytest.mark.parametrize(
    ("text", "accessions"),
    [
        pytest.param("\n \n\n>a\nMK\n", ["a"], id="leading-blank-lines"),
        pytest.param(">a\n\nM\n\n\nK\n>b\nMK\n", ["a", "b"], id="blank-lines-inside"),
        pytest.param("> a x\nMK\n", ["a"], id="blank-after-the-mark"),
        pytest.param(">Epichloß_é x\nMK\n", ["Epichloß_é"], id="letters-of-other-scripts"),
    ],
)
def test_what_is_read(text, accessions):
    found = read(text)
    assert [protein.accession for protein in found] == accessions
    assert {protein.sequence for protein in found} == {"MK"}


def test_what_is_left_for_the_filter():
    """Nothing that is no blank is lost: a no-break space, NUL, a form feed, a Greek letter."""
    assert read(">a\nM\xa0K\x00V\x0cβ \t\n")[0].sequence == "M\xa0K\x00V\x0cβ"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("; comment\n>a\nMK\n", "not FASTA: found '; comment\\n'; expected '>' and a name"),
        (
            ">a\nMK\n>\nMK\n",
            "record 2 has no name after '>'; expected an accession; name it",
        ),
        (">  \nMK\n", "record 1 has no name after '>'; expected an accession; name it"),
        (
            ">sp|P1|A_B x OX=" + "9" * 5000 + "\nMK\n",
            f"record 1: taxon is '{'9' * 40}'... (5,000); expected a number of NCBI's taxonomy; "
            "correct its OX=",
        ),
    ],
)
def test_what_is_no_fasta(text, message):
    with pytest.raises(UserError, match=f"^{re.escape('x.fasta: ' + message)}$"):
        read(text)


@pytest.mark.parametrize("line", ["M", "M\n", "\n"], ids=["one-line", "short-lines", "no-letters"])
def test_a_record_without_end(line):
    """The rest of the file is not read."""
    handle = io.StringIO(">a\nMK\n>b\n" + line * (2 * LONGEST_RECORD))
    with pytest.raises(UserError) as error:
        list(read_entries(handle, "x.fasta"))
    assert str(error.value) == (
        "x.fasta: record 2 is longer than 1,000,000 characters; expected proteins, no "
        "chromosomes; leave it out"
    )
    assert handle.tell() < LONGEST_RECORD + 20


def test_as_many_characters_as_a_record_may_have():
    """The header's line counts, with its mark and end; blanks before the first record do not."""
    blank, record = " " * 1_000_003 + "\n", ">b x\n" + "M" * 999_995
    assert [len(protein.sequence) for protein in read(f"{blank}>a\nMK\n{record}")] == [2, 999_995]
    with pytest.raises(
        UserError, match=r"^x\.fasta: record 2 is longer than 1,000,000 characters;"
    ):
        read(f"{blank}>a\nMK\n{record}M")


def test_a_mark_within_a_line_begins_no_record():
    (protein,) = read(">" * 1_000_000)
    assert protein.accession == ">" * 999_999
