"""The table of annotations beside a FASTA file, as people and spreadsheets write it."""

import io
import re

import pytest

from protsae.errors import UserError
from protsae.io.protein_files.annotations_tsv import read_annotations
from protsae.io.text_files import LONGEST_LINE
from protsae.proteins.records import Feature

HEADER = "accession\ttype\tstart\tend\tdescription\n"
ROW = {"P1": [Feature("HELIX", 3, 9, "x")]}


def table(text):
    return read_annotations(io.StringIO(text), "x.tsv")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Accession\tTYPE\tStart\tEnd\tDescription\nP1\tHELIX\t3\t9\tx\n", id="case"),
        pytest.param(HEADER + "P1 \t HELIX\t 3\t9 \tx \n", id="blanks"),
        pytest.param(HEADER + "P1\tHELIX\t3.0\t9.00\tx\n", id="floats"),
        pytest.param(HEADER + '"P1"\t"HELIX"\t"3"\t"9"\t"x"\n', id="quotes"),
        pytest.param(HEADER + ' "P1" \tHELIX\t "3" \t9\tx\n', id="blanks-around-quotes"),
        pytest.param(
            '"accession"\t"type"\t"start"\t"end"\t"description"\nP1\tHELIX\t3\t9\tx', id="h"
        ),
        pytest.param(HEADER + "\nP1\tHELIX\t3\t9\tx\n\t\t\t\t\n  \n", id="empty-rows"),
        pytest.param("\n\n" + HEADER + "P1\tHELIX\t3\t9\tx\n", id="leading-blank-lines"),
        pytest.param(HEADER[:-1] + "\t\t\nP1\tHELIX\t3\t9\tx\t\t\n", id="last-columns-empty"),
        pytest.param(HEADER[:-1] + "\t\nP1\tHELIX\t3\t9\tx\n", id="last-column-empty"),
        pytest.param(HEADER + "P1\tHELIX\t3\t9\tx\t\t \n", id="last-cells-empty"),
        pytest.param("\t" + HEADER + "0\tP1\tHELIX\t3\t9\tx\n", id="index-of-pandas"),
        pytest.param((HEADER + "P1\tHELIX\t3\t9\tx\n").replace("\n", "\r\n"), id="crlf"),
    ],
)
def test_habits_of_spreadsheets_and_pandas(text):
    assert table(text) == ROW


@pytest.mark.parametrize(
    ("cell", "description"),
    [
        ('"SH3, ""odd"""', 'SH3, "odd"'),
        ('"a\tb"', "a\tb"),
        ('5"-end', '5"-end'),
        ('"odd', '"odd'),
        ('a "b" c', 'a "b" c'),
        ("β-sheet", "β-sheet"),
        ("y" * 140_000, "y" * 140_000),
    ],
)
def test_descriptions(cell, description):
    assert table(HEADER + f"P1\tDOMAIN\t3\t9\t{cell}\n")["P1"][0].description == description


def test_unknown_positions_and_other_columns():
    text = (
        "source\tend\tstart\taccession\ttype\tdescription\n"
        'me\t\t?\tP1\tSIGNAL\t\n\nyou\t3\t2\tP1\tHELIX\t"odd\n'
    )
    assert table(text) == {"P1": [Feature("SIGNAL", None, None), Feature("HELIX", 2, 3, '"odd')]}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        *(("SIGNAL", "SIGNAL"), ("signal", "SIGNAL"), ("Signal peptide", "SIGNAL")),
        *(("Beta strand", "STRAND"), ("DNA-binding region", "DNA_BIND"), ("CHAIN", "CHAIN")),
        ('"disulfide\tbond"', "DISULFID"),
    ],
)
def test_a_type_by_its_key_or_by_uniprots_names(name: str, key: str) -> None:
    assert [found.type for found in table(HEADER + f"P1\t{name}\t1\t2\tx\n")["P1"]] == [key]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("SIGNL", "; did you mean SIGNAL?"), ("zinc fingr", "; did you mean ZN_FING?"), ("5'", "")],
)
def test_a_type_that_uniprot_does_not_have(name: str, meant: str) -> None:
    message = (
        f"x.tsv: line 2: type is {name!r}; expected a feature type of UniProt, such as SIGNAL or "
        f"'Signal peptide'{meant}"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        table(HEADER + f"P1\t{name}\t1\t2\tx\n")


@pytest.mark.parametrize(
    ("start", "end", "feature"),
    [
        ("<1", ">30", Feature("SIGNAL", 1, 30, start_mark="<", end_mark=">")),
        ("?5", "?9", Feature("SIGNAL", 5, 9, start_mark="?", end_mark="?")),
        ("7", "", Feature("SIGNAL", 7, None)),
        ("?", "7", Feature("SIGNAL", None, 7)),
        ("< 1.0", " >30 ", Feature("SIGNAL", 1, 30, start_mark="<", end_mark=">")),
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
        (HEADER + "P1\tHELIX\t1\t2\tx\ty\n", "line 2: 6 values; expected 5, as the header, and"),
        (HEADER + 'P1\tHELIX\t1\t2\t"a\nb"\n', "line 3: 1 values; .* no line break in a cell"),
        (HEADER + "P1\tHELIX\t1\t1e2\tx\n", "line 2: end is '1e2'"),
        (
            HEADER + "P1\tHELIX\t1\t" + "9" * 5000,
            r"line 2: end is '9{40}'\.\.\. \(5,000\); expected",
        ),
        (HEADER + "P1\tHELIX\t\u0661\t2\tx\n", "line 2: start is '\u0661'"),
        (
            HEADER + "P\x001\tHELIX\t1\t2\tx\n",
            r"line 2: accession is 'P\\x001'; expected characters that can be printed; correct it$",
        ),
        ("accession\ttype\tstart\tend\tStart\n", "line 1: column 'start' comes twice; remove one$"),
        (
            "accession,type,start,end\nP1,HELIX,3,9\n",
            "line 1: no column 'accession', 'type', 'start', 'end'; found columns separated by "
            "','; expected a header with accession, type, start, end, description, separated by "
            "tabs$",
        ),
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


def test_a_line_without_end() -> None:
    handle = io.StringIO(HEADER + "P1\tHELIX\t1\t2\t" + "x" * (LONGEST_LINE + 99))
    message = (
        "x.tsv: line 2: longer than 16,777,216 characters; expected one record a line; check the "
        "file"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        read_annotations(handle, "x.tsv")
