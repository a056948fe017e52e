"""Swiss-Prot flat text: positions, both feature syntaxes, and the same result as from JSON."""

import gzip
import io
import re
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.protein_files import swissprot
from protsae.io.protein_files.swissprot import read_entries
from protsae.io.uniprot import uniprot_json
from protsae.proteins.records import FEATURE_TYPES, Feature
from tests.helpers.shared_data import SHARED

DATA = Path(__file__).parents[2] / "data"
TEXT = (DATA / "entries.dat").read_text()


def read(text):
    return list(read_entries(io.StringIO(text), "x.dat"))


def test_entries():
    new, old = read(TEXT)
    assert (new.accession, new.entry_name) == ("T00001", "NEW1_TEST")
    assert (new.organism, new.taxon_id) == (
        "Exemplum novum (strain A / 1) (Test organism)",
        12345,
    )
    assert (len(new.sequence), len(old.sequence)) == (60, 40)
    assert (new.fragment, old.fragment) == (True, False)
    assert (old.organism, old.taxon_id) == ("Exemplum vetus", 54321)


def test_features_of_today():
    assert read(TEXT)[0].features == (
        Feature("SIGNAL", 1, 22, "", "ECO:0000255", end_mark="?"),
        Feature("CHAIN", 23, 60, "Made-up protein 1", start_mark="?"),
        Feature("TRANSIT", None, 30, "Mitochondrion"),
        Feature("PROPEP", 1, 5, start_mark="<"),
        Feature("REGION", 50, 60, "Disordered", end_mark=">"),
        Feature("HELIX", 7, 13, "", "ECO:0007829,ECO:0000269"),
        Feature("DISULFID", 11, 53, "Interchain"),
        Feature("BINDING", 17, 17, "Zn(2+); label 1; catalytic; via amide", "ECO:0000250"),
        Feature("MOD_RES", 7, 7, "Phosphoserine", isoform="T00001-2"),
        Feature("MOD_RES", 60, 60, "Cysteine amide"),
    )


def test_features_of_2012():
    """The words for evidence become the ECO codes that UniProt replaced them with."""
    assert read(TEXT)[1].features == (
        Feature("SIGNAL", 1, 10, "", "ECO:0000250"),
        Feature("CHAIN", 11, 40, "Made-up protein 2", "ECO:0000305"),
        Feature("TRANSMEM", 12, 29, "Helical; Name=1", "ECO:0000255"),
        Feature("METAL", 31, 31, "Calcium; via carbonyl oxygen"),
        Feature("NP_BIND", 33, 36, "ATP", "ECO:0000250"),
        Feature("CA_BIND", 37, 39),
        Feature("CONFLICT", 40, 40, "V -> E (in Ref. 1; AAA00000)"),
    )


def test_flat_text_and_json_say_the_same():
    """All features that entries.json and entries.dat share come out equal."""
    flat = set(read(TEXT)[0].features)
    handle = io.StringIO((DATA / "entries.json").read_text())
    from_json = set(next(iter(uniprot_json.read_entries(handle, "x.json"))).features)
    assert len(flat & from_json) == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT[: TEXT.index("FT   HELIX")], "at the first entry: Unexpected end of stream"),
        (TEXT[: TEXT.index("FT   METAL")], "after T00001: Unexpected end of stream"),
        (TEXT.replace("VKVC", "VKV"), "at the first entry: NEW1_TEST: 59 residues, .* says 60"),
        (TEXT.replace("1..?22", "one..22"), "at the first entry: "),
        (TEXT.replace("HELIX           7..13", "HELIX           7 to 13"), "at the first entry: "),
    ],
)
def test_damaged_files(text, message):
    with pytest.raises(UserError, match=rf"^x\.dat: not Swiss-Prot flat text {message}"):
        read(text)


def test_leading_blank_lines():
    assert [protein.accession for protein in read("\n \n" + TEXT)] == ["T00001", "T00002"]


def test_the_longest_entry():
    """Of 16,777,216 characters, and one more."""
    [start, end] = TEXT.split("//\n")[0].split("SQ   ", 1)
    blank = "CC   \n"
    fill = 16_777_216 - len(start + "SQ   " + end + "//\n")
    comment = blank + "CC   -!- " + "x" * (fill - len(blank) - 10) + "\n"
    most = start + comment + "SQ   " + end + "//\n"
    assert len(most) == 16_777_216
    assert [protein.accession for protein in read(most * 2)] == ["T00001"] * 2
    number = (most + most).count("\n")
    with pytest.raises(UserError) as error:
        read(most + most.replace("-!- x", "-!- xx"))
    assert str(error.value) == (
        f"x.dat: line {number}: an entry of more than 16,777,216 characters; expected '//' at the "
        "end of each; download the file again"
    )


def test_text_of_seqret_is_named():
    text = TEXT.replace("OS   Exemplum novum", ";\nOS   Exemplum novum", 1)
    number = text.split("\n").index(";") + 1
    with pytest.raises(UserError) as error:
        read(text)
    assert str(error.value) == (
        f"x.dat: line {number}: a line with ';' alone, as EMBOSS seqret writes it; expected "
        "Swiss-Prot flat text as UniProt gives it; use the file that seqret read"
    )


@pytest.mark.parametrize(
    ("found", "instead", "reason"),
    [
        pytest.param(
            "NCBI_TaxID=12345", "NCBI_TaxID=" + "9" * 30, "taxon is '9*'; exp", id="taxon"
        ),
        pytest.param("FT   SIGNAL", "FT              ", "list index out of range", id="no-feature"),
        pytest.param("AC   T00001", "A\u2028   T00001", "Unknown keyword", id="line-separator"),
    ],
)
def test_whatever_bio_trips_over_is_one_line(found, instead, reason):
    with pytest.raises(UserError) as error:
        read(TEXT.replace(found, instead, 1))
    assert re.fullmatch(
        rf"x\.dat: not Swiss-Prot flat text at the first entry: .*{reason}.*; download the file "
        "again",
        str(error.value),
    )
    assert str(error.value).isprintable()


def test_an_entry_without_end(monkeypatch):
    monkeypatch.setattr(swissprot, "_LONGEST_ENTRY", 9000)
    handle = io.StringIO(TEXT.split("//")[0] + "CC   x\n" * 100_000)
    with pytest.raises(UserError, match=r"^x\.dat: line \d+: an entry of more than 9,000 char"):
        list(read_entries(handle, "x.dat"))
    assert handle.tell() < 10_000


@pytest.mark.parametrize(
    ("name", "entries", "fragments"), [("flat_2012", 100, 2), ("flat_modern", 52, 4)]
)
def test_real_files(name, entries, fragments):
    path = SHARED / f"uniprot/{name}.dat.gz"
    if not path.is_file():
        pytest.skip("the real UniProt files are not beside the repository")
    proteins = read(gzip.decompress(path.read_bytes()).decode())
    assert len(proteins) == entries
    assert sum(protein.fragment for protein in proteins) == fragments
    assert {f.type for protein in proteins for f in protein.features} <= set(FEATURE_TYPES)
    assert not any("similarity" in f.description for p in proteins for f in p.features)
