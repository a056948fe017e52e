"""UniProt JSON: features and positions as UniProt writes them, and files of any size."""

import gzip
import io
import json
import re
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.uniprot import uniprot_json
from protsae.io.uniprot.uniprot_json import read_entries, read_page
from protsae.proteins.records import FEATURE_TYPES, Feature
from tests.helpers.shared_data import SHARED

TEXT = (Path(__file__).parents[2] / "data/entries.json").read_text()
ENTRIES = json.loads(TEXT)["results"]


def read(text):
    return list(read_entries(io.StringIO(text), "x.json"))


def page(text):
    return list(read_page(io.StringIO(text), "page 1"))


def test_an_entry():
    protein = read(TEXT)[0]
    assert (protein.accession, protein.entry_name) == ("T00001", "NEW1_TEST")
    assert (protein.organism, protein.taxon_id) == ("Exemplum novum", 12345)
    assert len(protein.sequence) == 60
    assert protein.fragment
    assert not protein.inactive


def test_positions_descriptions_and_evidence():
    assert read(TEXT)[0].features == (
        Feature("SIGNAL", 1, 22, end_mark="?"),
        Feature("CHAIN", 23, 60, "Made-up protein 1", start_mark="?"),
        Feature("TRANSIT", None, 30, "Mitochondrion"),
        Feature("PROPEP", 1, None, start_mark="<"),
        Feature("HELIX", 7, 13, "", "ECO:0007829,ECO:0000269"),
        Feature("DISULFID", 11, 53, "Interchain"),
        Feature("BINDING", 17, 17, "Zn(2+); label 1; catalytic; via amide", "ECO:0000250"),
        Feature("MOD_RES", 7, 7, "Phosphoserine", isoform="T00001-2"),
        Feature("METAL", 19, 19, "Calcium"),
        Feature("Frobnication", 5, 5),
        Feature("REGION", 50, 61, "Disordered"),
        Feature("MOD_RES", 60, 60, "Cysteine amide"),
    )


def test_an_inactive_entry_and_one_without_features():
    _, inactive, plain = read(TEXT)
    assert inactive.inactive == "deleted"
    assert inactive.sequence == ""
    assert plain.features == ()
    assert not plain.fragment


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        json.dumps(ENTRIES),
        " \n" + json.dumps({"results": ENTRIES}, indent=3) + "\n",
    ],
)
@pytest.mark.parametrize("chunk", [40, 1 << 20])
def test_layouts_in_small_and_large_pieces(text, chunk, monkeypatch):
    monkeypatch.setattr(uniprot_json, "_CHUNK", chunk)
    assert [protein.accession for protein in read(text)] == ["T00001", "T00003", "T00004"]


@pytest.mark.parametrize("rest", ["", "}", ',"more":[]}', ', "more": {"a": 1}}', "}\n\n"])
def test_what_may_follow_the_list(rest):
    text = '{"results": ' + json.dumps(ENTRIES)
    assert [protein.accession for protein in read(text + rest)] == ["T00001", "T00003", "T00004"]


@pytest.mark.parametrize("rest", ["]", ",", ",more:[]}", ',"more":[]}}', "; }"])
def test_what_may_not_follow_the_list(rest):
    with pytest.raises(UserError, match=r"^x\.json: text after the list of 3 entries: "):
        read('{"results": ' + json.dumps(ENTRIES) + rest)


def test_one_entry():
    assert [protein.accession for protein in read(json.dumps(ENTRIES[2]))] == ["T00004"]


@pytest.mark.parametrize("chunk", [40, 1 << 20])
def test_a_file_cut_short(chunk, monkeypatch):
    monkeypatch.setattr(uniprot_json, "_CHUNK", chunk)
    with pytest.raises(UserError, match=r"x\.json: not JSON, or cut short, after 2 entries"):
        read(TEXT[: TEXT.index("T00004_TEST")])


def test_an_error_message_at_the_end():
    with pytest.raises(UserError, match=r"text after the list of 3 entries: '}.*Error enc"):
        read(TEXT + "\n\nError encountered when streaming data. Please try again later.\n")


def test_a_broken_entry_does_not_draw_in_the_whole_file(monkeypatch):
    monkeypatch.setattr(uniprot_json, "_CHUNK", 100)
    monkeypatch.setattr(uniprot_json, "_LONGEST_ENTRY", 1000)
    handle = io.StringIO('[{"primaryAccession": nonsense}' + " " * 100_000)
    with pytest.raises(UserError, match="after 0 entries"):
        list(read_entries(handle, "x.json"))
    assert handle.tell() < 5000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"results": []}', "no UniProt entries found"),
        ("[]", "no UniProt entries found"),
        ("{", "not JSON"),
        ('{"a": 1}', "entry 1 is not laid out as UniProt's REST JSON: no 'primaryAccession'"),
        ("[3]", "entry 1 is not laid out"),
        ("[" * 100_000, "not JSON, or cut short, after 0 entries .nested too deeply.; download"),
        ('{"a":' * 100_000, "not JSON .nested too deeply.; download it again$"),
        ("[" + "9" * 5000 + "]", "not JSON, .*, after 0 entries .a number without end.; download"),
        ('[{"primaryAccession": 3}]', "entry 1 is not laid .*: expected text, found 3$"),
        (
            '[{"primaryAccession": "P1", "organism": {"taxonId": "x"}}]',
            ".*: taxon is 'x'; expected",
        ),
        (
            '[{"primaryAccession": "P1", "organism": {"taxonId": 1' + "0" * 30 + "}}]",
            r"entry 1 \(P1\) is not laid out .*: taxon is 10*; expected a number of NCBI's",
        ),
        ('[{"primaryAccession": "P1", "organism": {"taxonId": true}}]', ".*: taxon is True; "),
        (
            '[{"primaryAccession": "P1", "uniProtkbId": [1, 2]}]',
            ".*: expected text, found a list of 2",
        ),
        ('[{"primaryAccession": "P1", "features": [{"type": []}]}]', ".*: no 'location'"),
        (
            '[{"primaryAccession": "P1", "features": [{"type": 3, "location": {"start": {}, '
            '"end": {}}}]}]',
            ".*: expected text, found 3",
        ),
        (
            '[{"primaryAccession": "P1", "sequence": {"value": null}}]',
            ".*: expected text, found None",
        ),
        (
            '[{"primaryAccession": "P1", "sequence": {"value": "M"}, "features": [{"type": '
            '"Helix", "location": {"start": {"value": "1"}, "end": {"value": 2}}}]}]',
            ".*: expected a position, found '1'",
        ),
    ],
)
def test_what_is_no_uniprot_json(text, message):
    with pytest.raises(UserError, match=rf"x\.json: {message}"):
        read(text)


def test_an_entry_that_is_too_long(monkeypatch):
    monkeypatch.setattr(uniprot_json, "_CHUNK", 100)
    monkeypatch.setattr(uniprot_json, "_LONGEST_ENTRY", 1000)
    handle = io.StringIO('{"primaryAccession": "' + "P" * 100_000)
    message = 'x.json: one entry of more than 1,000 characters; expected {"results": [...]} or a '
    with pytest.raises(UserError, match=f"^{re.escape(message)}"):
        list(read_entries(handle, "x.json"))
    assert handle.tell() < 5000


def test_the_longest_single_entry():
    """As many characters are read as tell the format, 2^20, and 2^24 more."""
    entry = '{"primaryAccession": "P1"}'
    most = entry.ljust(17_825_792)
    assert [protein.accession for protein in read(most)] == ["P1"]
    with pytest.raises(UserError, match=r"^x\.json: one entry of more than 16,777,216 characters;"):
        read(most + " ")


def test_a_long_accession_is_cut_in_messages():
    with pytest.raises(UserError) as error:
        read('[{"primaryAccession": "' + "A" * 9999 + '", "uniProtkbId": 3}]')
    assert str(error.value) == (
        f"x.json: entry 1 ({'A' * 57}...) is not laid out as UniProt's REST JSON: expected text, "
        "found 3"
    )


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ({"inactiveReasonType": "DELETED"}, "deleted"),
        ({"inactiveReasonType": "MERGED", "mergeDemergeTo": ["P1"]}, "merged"),
        ({"inactiveReasonType": "DEMERGED", "mergeDemergeTo": ["P1", "P2"]}, "demerged"),
        ({"inactiveReasonType": "\x1b[2J"}, "inactive"),
        ({"inactiveReasonType": ["DELETED"]}, "inactive"),
        ({}, "inactive"),
        (None, "inactive"),
    ],
)
def test_why_an_entry_is_inactive(reason, expected):
    entry = {"entryType": "Inactive", "primaryAccession": "Q1", "inactiveReason": reason}
    [protein] = read(json.dumps([entry]))
    assert (protein.inactive, protein.sequence, protein.features) == (expected, "", ())


@pytest.mark.parametrize(
    "rest",
    ["", ', "sequence": {}', ', "sequence": {"length": 0}', ', "sequence": null, "features": null'],
)
def test_an_entry_without_sequence_is_read_as_empty(rest):
    [protein] = read('[{"primaryAccession": "P1"' + rest + "}]")
    assert (protein.accession, protein.sequence) == ("P1", "")


def test_a_page():
    assert [p.accession for p in page(TEXT)] == ["T00001", "T00003", "T00004"]
    assert page('{"results": []}') == []
    assert page('{"results": [], "suggestions": [{"query": "a"}]}\n') == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html>", "page 1: not JSON"),
        ("[]", "page 1: no list 'results'"),
        ('{"results": 3}', "page 1: no list 'results'"),
        ('{"results": [{}]}', "page 1: entry 1 is not laid out"),
        ('{"a": 1, "results": []}', "page 1: no list 'results'; expected the JSON of a UniProt"),
        ('{"results": [}', "page 1: not JSON, or cut short, after 0 entries"),
        ('{"results": [], "a"', "page 1: text after the list of 0 entries: ', \"a\"'; expected"),
        ('{"results": []}, {}', "page 1: text after the list of 0 entries"),
        ('{"results": [], "a":' + "[" * 9999, "page 1: text after the list of 0 entries"),
    ],
)
def test_what_is_no_page(text, message):
    with pytest.raises(UserError, match=message):
        page(text)


def test_the_real_pages():
    folder = SHARED / "uniprot"
    if not folder.is_dir():
        pytest.skip("the real UniProt pages are not beside the repository")
    proteins = [
        protein
        for path in sorted(folder.glob("rest_page_*.json.gz"))
        for protein in read(gzip.decompress(path.read_bytes()).decode())
    ]
    assert len(proteins) == 104
    assert sum(protein.fragment for protein in proteins) == 5
    assert {f.type for protein in proteins for f in protein.features} <= set(FEATURE_TYPES)
