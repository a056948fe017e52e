"""FASTA headers, and the table of annotations beside a FASTA file."""

import io

import pytest

from protsae.errors import UserError
from protsae.io.annotations_tsv import read_annotations
from protsae.io.fasta import read_entries
from protsae.proteins import Feature, Protein

HEADER = "accession\ttype\tstart\tend\tdescription\n"


def read(text, annotations=None):
    return list(read_entries(io.StringIO(text), "x.fasta", annotations))


def table(text):
    return read_annotations(io.StringIO(text), "x.tsv")


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
    ("text", "message"),
    [
        ("; comment\n>a\nMK\n", "not FASTA: This FASTA file contains comments"),
        (">a\nMK\n>\nMK\n", "record 2 has no name after '>'"),
    ],
)
def test_what_is_no_fasta(text, message):
    with pytest.raises(UserError, match=rf"^x\.fasta: {message}[^\n]*$"):
        read(text)


def test_annotations_reach_their_protein():
    features = table(HEADER + "b\tHELIX\t1\t2\tnote\nb\tDisulfide bond\t1\t3\t\n")
    first, second = read(">a\nMKV\n>b\nMKV\n", features)
    assert first.features == ()
    assert second.features == (Feature("HELIX", 1, 2, "note"), Feature("DISULFID", 1, 3))


def test_unknown_positions_and_other_columns():
    text = 'source\tend\tstart\taccession\ttype\nme\t\t?\tP1\tSIGNAL\n\nyou\t3\t2\tP1\t"odd\n'
    assert table(text) == {"P1": [Feature("SIGNAL", None, None), Feature('"odd', 2, 3)]}


@pytest.mark.parametrize(
    ("start", "end", "feature"),
    [
        ("<1", ">30", Feature("SIGNAL", 1, 30, start_mark="<", end_mark=">")),
        ("?5", "?9", Feature("SIGNAL", 5, 9, start_mark="?", end_mark="?")),
        ("7", "", Feature("SIGNAL", 7, None)),
        ("?", "7", Feature("SIGNAL", None, 7)),
    ],
)
def test_positions_that_are_not_exact(start, end, feature):
    assert table(HEADER + f"P1\tSIGNAL\t{start}\t{end}\t\n") == {"P1": [feature]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "P1\tHELIX\t>1\t2\tx\n", "line 2: start is '>1'; .*, with '<' or '\\?' before"),
        (HEADER + "P1\tHELIX\t1\t<2\tx\n", "line 2: end is '<2'; .*, with '>' or '\\?' before"),
        (HEADER + "P1\tHELIX\t<\t2\tx\n", "line 2: start is '<'"),
        ("", "line 1: no column 'accession', 'type', 'start', 'end'; expected a header with"),
        ("accession\ttype\tstart\n", "line 1: no column 'end'; "),
        (HEADER + "P1\tHELIX\t1\t2\tx\nP1\tHELIX\t0\t2\tx\n", "line 3: start is '0'; expected a"),
        (HEADER + "P1\tHELIX\t1\t2.5\tx\n", "line 2: end is '2.5'; expected a whole number"),
        (HEADER + "P1\tHELIX\t-1\t2\tx\n", "line 2: start is '-1'"),
        (HEADER + "\tHELIX\t1\t2\tx\n", "line 2: accession is empty"),
        (HEADER + "P1\t\t1\t2\tx\n", "line 2: type is empty"),
        (HEADER + "P1\tHELIX\t1\n", "line 2: 3 values; expected 5, as the header"),
        (HEADER + "P1\tHELIX\t1\t2\tx\ty\n", "line 2: 6 values; expected 5"),
    ],
)
def test_wrong_tables_name_the_line(text, message):
    with pytest.raises(UserError, match=rf"^x\.tsv: {message}"):
        table(text)


def test_description_may_be_missing():
    assert table("accession\ttype\tstart\tend\nP1\tHELIX\t1\t2\n") == {
        "P1": [Feature("HELIX", 1, 2)]
    }
    assert table(HEADER + "P1\tHELIX\t1\t2\n") == {"P1": [Feature("HELIX", 1, 2)]}


def test_evidence_of_an_annotation() -> None:
    text = "accession\ttype\tstart\tend\tevidence\nP1\tSIGNAL\t1\t9\tECO:0000269\n"
    assert table(text)["P1"][0].evidence == "ECO:0000269"
