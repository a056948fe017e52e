"""Labels of entries, from JSON and from flat text."""

import gzip
import json
import re
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.protein_files.entry_labels import GoTerm, read_entry_labels
from tests.helpers.shared_data import SHARED

ENTRY = {
    "primaryAccession": "P00001",
    "proteinDescription": {
        "recommendedName": {"ecNumbers": [{"value": "3.4.21.4"}]},
        "alternativeNames": [{"ecNumbers": [{"value": "3.4.21.4"}]}],
        "contains": [{"recommendedName": {"ecNumbers": [{"value": "2.7.-.-"}]}}],
    },
    "uniProtKBCrossReferences": [
        {"database": "PDB", "id": "1ABC"},
        {
            "database": "GO",
            "id": "GO:0005576",
            "properties": [
                {"key": "GoTerm", "value": "C:extracellular region"},
                {"key": "GoEvidenceType", "value": "IDA:UniProtKB"},
            ],
        },
    ],
    "keywords": [{"id": "KW-0732", "name": "Signal"}, {"id": "KW-0378", "name": "Hydrolase"}],
    "comments": [
        {"commentType": "FUNCTION", "texts": []},
        {
            "commentType": "SUBCELLULAR LOCATION",
            "subcellularLocations": [
                {"location": {"value": "Secreted"}},
                {"location": {"value": "Cell membrane"}, "topology": {"value": "Single-pass"}},
            ],
        },
    ],
}

FLAT = """\
ID   ONE_HUMAN               Reviewed;           3 AA.
AC   P00001; Q00001;
DT   01-JAN-2000, integrated into UniProtKB/Swiss-Prot.
DT   01-JAN-2000, sequence version 1.
DT   01-JAN-2000, entry version 1.
DE   RecName: Full=One;
DE            EC=3.4.21.4 {ECO:0000269|PubMed:1};
DE   Contains:
DE     RecName: Full=Part;
DE              EC=2.7.-.-;
OS   Homo sapiens.
OC   Eukaryota.
OX   NCBI_TaxID=9606;
CC   -!- SUBCELLULAR LOCATION: Secreted {ECO:0000269}. Cell membrane {ECO:0000255};
CC       Single-pass. Note=Not in the nucleus. Ever.
DR   GO; GO:0005576; C:extracellular region; IDA:UniProtKB.
KW   Signal; Hydrolase {ECO:0000256}.
SQ   SEQUENCE   3 AA;  300 MW;  0000000000000000 CRC64;
     MKV
//
"""


def check(path: Path) -> None:
    [found] = read_entry_labels(path)
    assert found.accession == "P00001"
    assert found.ec == ("3.4.21.4", "2.7.-.-")
    assert found.go == (GoTerm("GO:0005576", "C:extracellular region", "IDA"),)
    assert found.keywords == ("Signal", "Hydrolase")
    assert found.locations == ("Secreted", "Cell membrane")


def test_json(tmp_path: Path) -> None:
    (tmp_path / "page.json").write_text(json.dumps({"results": [ENTRY]}))
    check(tmp_path / "page.json")


def test_flat_text(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "one.dat.gz", "wt") as file:
        file.write(FLAT)
    check(tmp_path / "one.dat.gz")


def test_an_entry_without_any(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text('{"primaryAccession": "P2"}')
    [found] = read_entry_labels(tmp_path / "one.json")
    assert (found.ec, found.go, found.keywords, found.locations) == ((), (), (), ())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (">P1\nMKV\n", "begins with '>P1.nMKV.n'; expected UniProt JSON or Swiss-Prot flat text"),
        ("", "empty file; expected UniProt JSON or"),
        ('[{"keywords": []}]', "entry 1 is not laid out as UniProt's REST JSON: no 'primaryAcc"),
        (
            '[{"primaryAccession": "P1", "keywords": [{"name": 3}]}]',
            r"entry 1 \(P1\) is not laid out as UniProt's REST JSON: expected text, found int",
        ),
    ],
)
def test_files_that_are_none(text: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(UserError, match=rf"x: {line}"):
        list(read_entry_labels(tmp_path / "x"))


def text_of(name: str) -> str:
    path = SHARED / "uniprot" / name
    if not path.exists():
        pytest.skip(f"no {path}: real entries of UniProt are not read")
    with gzip.open(path, "rt") as file:
        return file.read()


@pytest.mark.parametrize("name", ["rest_page_1.json.gz", "rest_page_2.json.gz"])
def test_real_pages(name: str) -> None:
    """As many EC numbers, GO terms and keywords as the raw text has, by a search for the words."""
    raw = json.loads(text_of(name))["results"]
    path = SHARED / "uniprot" / name
    found = {entry.accession: entry for entry in read_entry_labels(path)}
    assert len(found) == len(raw)
    for entry in raw:
        own = found[entry["primaryAccession"]]
        names = json.dumps(entry["proteinDescription"])
        assert set(own.ec) == set(re.findall(r'"value": "(\d+\.[\dn.-]+)"', names))
        text = json.dumps(entry["uniProtKBCrossReferences"])
        assert [term.id for term in own.go] == re.findall(r'"GO", "id": "(GO:\d+)"', text)
        assert len(own.keywords) == len(entry["keywords"])


@pytest.mark.parametrize("name", ["flat_2012.dat.gz", "flat_modern.dat.gz"])
def test_real_flat_files(name: str) -> None:
    entries = text_of(name).split("\n//\n")[:-1]
    found = list(read_entry_labels(SHARED / "uniprot" / name))
    assert len(found) == len(entries)
    for own, text in zip(found, entries, strict=True):
        assert set(own.ec) == set(re.findall(r"EC=(\d[\d.n-]*)", text))
        assert len(own.go) == text.count("\nDR   GO;")
        has = "-!- SUBCELLULAR LOCATION:" in text
        assert has or not own.locations
        assert not [place for place in own.locations if re.search(r"[{}()\[\]]|Note", place)]
