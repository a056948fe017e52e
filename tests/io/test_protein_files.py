"""Formats told apart by content, plain or packed, whatever the file is called."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.protein_files import read_proteins

DATA = Path(__file__).parents[1] / "data"
FASTA = b">T00001 x\nMKV\n>T00002\nMKA\n"
TSV = "accession\ttype\tstart\tend\nT00002\tHELIX\t1\t2\nT7\tTURN\t1\t2\nT7\tTURN\t2\t3\n"


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("content", "accessions"),
    [
        ((DATA / "entries.json").read_bytes(), ["T00001", "T00003", "T00004"]),
        ((DATA / "entries.dat").read_bytes(), ["T00001", "T00002"]),
        (FASTA, ["T00001", "T00002"]),
        (b"\xef\xbb\xbf" + FASTA, ["T00001", "T00002"]),
    ],
    ids=["json", "flat text", "fasta", "fasta with byte order mark"],
)
def test_formats(tmp_path, content, accessions, pack):
    path = tmp_path / "a file.txt"
    path.write_bytes(pack(content))
    assert [protein.accession for protein in read_proteins(path)] == accessions


def test_annotations_and_those_that_fit_nothing(tmp_path):
    (tmp_path / "x.fasta").write_bytes(FASTA)
    (tmp_path / "x.tsv").write_text(TSV)
    unmatched = Counter()
    proteins = list(read_proteins(tmp_path / "x.fasta", tmp_path / "x.tsv", unmatched))
    assert [len(protein.features) for protein in proteins] == [0, 1]
    assert unmatched == {"TURN": 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty file; expected UniProt JSON, Swiss-Prot flat text or FASTA"),
        (b" \n\n", "empty file"),
        (b"accession\tlength\n", r"begins with 'accession\\tlength"),
        (b"MKVLAA\n", "begins with 'MKVLAA"),
        (b"\xff\xfe>\x00a\x00", "not UTF-8 text"),
        (gzip.compress(FASTA * 999)[:-20], "gzip data cut short or damaged"),
        (b"\x1f\x8bnonsense", "gzip data cut short or damaged"),
    ],
)
def test_what_is_no_protein_file(tmp_path, content, message):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError, match=f"x: {message}"):
        list(read_proteins(tmp_path / "x"))


def test_missing_files(tmp_path):
    with pytest.raises(UserError, match=r"x\.fasta: no such file; expected UniProt JSON"):
        list(read_proteins(tmp_path / "x.fasta"))
    with pytest.raises(UserError, match="is a folder; expected UniProt JSON"):
        list(read_proteins(tmp_path))
    (tmp_path / "x.fasta").write_bytes(FASTA)
    with pytest.raises(UserError, match=r"x\.tsv: no such file; expected a tab-separated table"):
        list(read_proteins(tmp_path / "x.fasta", tmp_path / "x.tsv"))


def test_annotations_beside_another_format(tmp_path):
    with pytest.raises(UserError, match=r"x\.tsv: annotations go with FASTA, but .*entries\.json"):
        list(read_proteins(DATA / "entries.json", tmp_path / "x.tsv"))
