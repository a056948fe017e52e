"""What people and accidents put into text files: exit 0, or one line and exit 2, and no more."""

import contextlib
import gzip
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protsae.cli import main
from protsae.errors import UserError
from protsae.io.protein_files.residue_labels import read_label_sets
from tests.helpers.stored_tables import load

DATA = Path(__file__).parents[1] / "data"
SEQUENCE = "MKTAYIAKQRCISFVKSHFSRQLEERLGLIEVQAPILSRV"
HEADER = "accession\ttype\tstart\tend\tdescription\n"
DROP = "correct the sequence, or drop such proteins with fetch.invalid: drop"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory, so that messages have short paths."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fetch(*arguments):
    """Exit status, lines of stdout, and lines of stderr without those of progress."""
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        status = main(["fetch", "--output", "out", *map(str, arguments)])
    lines = [line for line in error.getvalue().split("\n")[:-1] if not line.startswith("reading ")]
    return status, out.getvalue().splitlines(), lines


def entry(accession="P1", sequence=SEQUENCE, **more):
    return {"primaryAccession": accession, "sequence": {"value": sequence}, **more}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            f">a\n{SEQUENCE}\n>b\nMKT\xa0A\n".encode(),
            f"b: position 4 holds '\\xa0'; expected letters A to Z; {DROP}",
            id="no-break-space",
        ),
        pytest.param(
            f">a\n{SEQUENCE}\n>b\nMKT\xdfA\n".encode("latin-1"),
            f"b: position 4 holds 'ß'; expected letters A to Z; {DROP}",
            id="latin-1",
        ),
        pytest.param(
            f">a\n{SEQUENCE}\n>b\nMKT\u03b2A\n".encode(),
            f"b: position 4 holds 'β'; expected letters A to Z; {DROP}",
            id="greek",
        ),
        pytest.param(
            f">a\n{SEQUENCE}\n>b\nMK\0TA\n".encode(),
            f"b: position 3 holds '\\x00'; expected letters A to Z; {DROP}",
            id="nul",
        ),
        pytest.param(
            json.dumps([entry("a"), entry("b", "MK\ud800")]).encode(),
            f"b: position 3 holds '\\ud800'; expected letters A to Z; {DROP}",
            id="surrogate",
        ),
        pytest.param(
            json.dumps([entry("a"), entry("\ud800")]).encode(),
            "record 2: accession is '\\ud800'; expected characters that can be printed, and no "
            "blank; correct it, or drop such proteins with fetch.invalid: drop",
            id="accession-surrogate",
        ),
        pytest.param(
            json.dumps([entry("a"), entry("P\t2")]).encode(),
            "record 2: accession is 'P\\t2'; expected characters that can be printed, and no "
            "blank; correct it, or drop such proteins with fetch.invalid: drop",
            id="accession-tab",
        ),
    ],
)
def test_a_character_is_named_with_its_record_or_dropped(folder, content, message):
    Path("x").write_bytes(content)
    assert fetch("--input", "x") == (2, [], [f"protsae fetch: x: {message}"])
    status, out, error = fetch("--input", "x", "--invalid", "drop")
    assert (status, error) == (0, [])
    assert "proteins: 1 of 2 kept" in out
    assert load("out/fetched.parquet")["accession"].tolist() == ["a"]


def test_letters_of_other_scripts_in_headers(folder):
    header = ">sp|P1|A_B Epichlo\xeb OS=Epichlo\xeb \xdf OX=1\n"
    for encoding in ("utf-8", "latin-1", "utf-16"):
        Path("x").write_bytes((header + SEQUENCE).encode(encoding))
        assert fetch("--input", "x")[0] == 0
        assert load("out/fetched.parquet")["organism"].tolist() == ["Epichloë ß"]


def test_bytes_that_are_not_utf_8_are_told(folder):
    header = ">sp|P1|A_B Epichlo\xeb OS=Epichlo\xeb OX=1\n"
    table = "P1\tHELIX\t3\t9\t\xdf\n"
    told = "bytes that are not UTF-8 were read as Windows-1252 (first"
    Path("x").write_bytes((header + SEQUENCE).encode("latin-1"))
    assert fetch("--input", "x")[1][0] == f"note: x: {told} 'ë')"
    Path("x.tsv").write_bytes((HEADER + table).encode("latin-1"))
    lines = fetch("--input", "x", "--annotations", "x.tsv")[1]
    assert lines[:2] == [f"note: x.tsv: {told} 'ß')", f"note: x: {told} 'ë')"]
    Path("x").write_text(header + SEQUENCE)
    assert fetch("--input", "x")[1][0] == "proteins: 1 of 1 kept"


def test_names_and_descriptions_stay_in_one_line(folder):
    location = {"start": {"value": 3}, "end": {"value": 9}}
    feature = {"type": "Helix", "location": location, "description": "a\nb\udfff"}
    organism = {"scientificName": "Homo\tsapiens\r\n", "taxonId": 9606}
    Path("x").write_text(json.dumps([entry(organism=organism, features=[feature])]))
    assert fetch("--input", "x")[0] == 0
    assert load("out/fetched.parquet")["organism"].tolist() == ["Homo sapiens  "]
    assert load("out/annotations.parquet")["description"].tolist() == ["a b\\udfff"]


def test_inactive_and_empty_entries_are_named(folder):
    inactive = [{"primaryAccession": f"Q{n}", "entryType": "Inactive"} for n in range(5)]
    entries = [entry("P1"), *inactive, entry("P2", ""), {"primaryAccession": "P3"}]
    Path("x").write_text(json.dumps({"results": entries}))
    assert fetch("--input", "x")[1][:2] == [
        "proteins: 1 of 8 kept",
        "note: proteins dropped: 5 inactive entry (Q0, Q1, Q2, ...), 2 empty sequence (P2, P3)",
    ]


def test_records_of_fasta_without_sequence_are_named(folder):
    Path("x").write_text(f">a\n{SEQUENCE}\n>empty\n>b\n{SEQUENCE[1:]}\n>last\n")
    assert fetch("--input", "x")[1][:2] == [
        "proteins: 2 of 4 kept",
        "note: proteins dropped: 2 empty sequence (empty, last)",
    ]


def test_annotations_that_fit_no_protein_or_go_beyond_it(folder):
    Path("x.fasta").write_text(f">sp|P1|ONE_X\n{SEQUENCE}\n")
    rows = ["P1\tHELIX\t3\t9\t", "P1\tTURN\t39\t>41\t", "P1\tTURN\t41\t?\t", "ONE_X\tTURN\t1\t2\t"]
    Path("x.tsv").write_text(HEADER + "\n".join(rows))
    assert fetch("--input", "x.fasta", "--annotations", "x.tsv")[1][-2] == (
        "note: x.tsv: 4 read, 1 of no protein (such as of ONE_X; a protein: P1), 2 outside the "
        "sequence (P1: TURN 39..>41 of 40)"
    )
    Path("x.tsv").write_text(HEADER + rows[0])
    assert fetch("--input", "x.fasta", "--annotations", "x.tsv")[1][-2] == (
        "  x.tsv: 1 read, 0 of no protein, 0 outside the sequence"
    )
    Path("x.tsv").write_text(HEADER + rows[3])
    assert fetch("--input", "x.fasta", "--annotations", "x.tsv") == (
        2,
        [],
        [
            "protsae fetch: x.tsv: none of its 1 accessions is in x.fasta; found 'ONE_X' in the "
            "table and 'P1' in the FASTA file; name the proteins alike in both"
        ],
    )


def test_names_that_the_terminal_does_not_have(folder, monkeypatch):
    Path("x").write_text(f">a\n{SEQUENCE}\n>Epichlo\u03b2\n")
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", out)
    assert main(["fetch", "--output", "out", "--input", "x"]) == 0
    out.flush()
    assert b"note: proteins dropped: 1 empty sequence (Epichlo\\u03b2)\n" in out.buffer.getvalue()


def test_a_bomb_of_one_line(folder):
    with gzip.open("x", "wb", compresslevel=1) as bomb:
        bomb.write(b">a\n")
        for _ in range(100):
            bomb.write(bytes(1 << 20).replace(b"\0", b"M"))
    assert fetch("--input", "x") == (
        2,
        [],
        [
            "protsae fetch: x: record 1 is longer than 1,000,000 characters; expected proteins, no "
            "chromosomes; leave it out"
        ],
    )


ANYTHING = st.binary(max_size=12) | st.sampled_from(
    [
        *(b"\n", b"\t", b" ", b'"', b">", b"\0", b"\xff\xfe", b"\xc3", b"\x1f\x8b", b"//\n"),
        *(
            b"ID   ",
            b"9" * 5000,
            b"[" * 5000,
            b"null",
            b"-1",
            b"true",
            b"nan",
            b"\\ud800",
            b'"x\\t"',
        ),
    ]
)
LABELS = (
    '{"format": "protsae-labels", "format_version": 1, "set": "s", "classes": {"H": "x"}}\n'
    f'{{"set": "s", "accession": "P1", "sequence": "{SEQUENCE}", "labels": "{"H" * 40}"}}\n'
).encode()
JSON = json.dumps([entry("P1", features=[{"type": "Helix", "location": {"start": {}, "end": {}}}])])
GOOD = {
    "fasta": f">sp|P1|A_B x OS=y OX=9\n{SEQUENCE}\n>b\n{SEQUENCE[1:]}\n".encode(),
    "json": JSON.encode(),
    "pages": (DATA / "entries.json").read_bytes(),
    "swissprot": (DATA / "entries.dat").read_bytes(),
    "tsv": (HEADER + 'P1\tHELIX\t3\t<9\t"x"\nP1\tTURN\t?3\t9\ty\n').encode(),
    "labels": LABELS,
    "nothing": b"",
}


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """A good file with up to three stretches replaced by anything; now and then in UTF-16."""
    text = good
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(ANYTHING) + text[at + draw(st.integers(0, 30)) :]
    if draw(st.integers(0, 9)) == 0:
        text = text.decode("latin-1").encode("utf-16")
    return draw(st.sampled_from([text, text, text, gzip.compress(text, mtime=0)]))


@pytest.mark.parametrize("kind", [kind for kind in GOOD if kind != "labels"])
@settings(max_examples=20)
@given(data=st.data())
def test_any_bytes_are_read_or_refused_in_one_line(kind, data):
    content = data.draw(damaged(GOOD[kind]))
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        Path("x").write_bytes(content)
        arguments = ["--input", "x", "--min-length", "1"]
        if kind == "tsv":
            Path("x.fasta").write_bytes(GOOD["fasta"])
            arguments = ["--input", "x.fasta", "--annotations", "x"]
        status, _, error = fetch(*arguments)
        assert status in (0, 2)
        assert len(error) == (status == 2)
        assert all(line.startswith("protsae fetch: ") for line in error)
        if status == 0:
            proteins, annotations = map(load, ("out/fetched.parquet", "out/annotations.parquet"))
            for table in (proteins, annotations):
                assert all(str(cell).isprintable() for cell in table.astype(object).to_numpy().flat)


@settings(max_examples=150)
@given(content=damaged(LABELS))
def test_any_bytes_as_labels(content):
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "x"
        path.write_bytes(content)
        try:
            sets, _ = read_label_sets([path], {"P1": SEQUENCE})
        except UserError as error:
            assert "\n" not in str(error)  # noqa: PT017
            assert len(str(error)) < 400  # noqa: PT017
        else:
            assert all(p.name.isprintable() for labels in sets for p in labels.concepts)
