"""Formats told apart by content, plain or packed, whatever the file is called."""

import gzip
import re
from collections import Counter
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.protein_files.any_format import MatchCounts, read_proteins

DATA = Path(__file__).parents[2] / "data"
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
    matches = MatchCounts()
    proteins = list(read_proteins(tmp_path / "x.fasta", tmp_path / "x.tsv", matches))
    assert [len(protein.features) for protein in proteins] == [0, 1]
    assert matches == MatchCounts(3, Counter({"TURN": 2}), "T7", "T00001")
    assert str(matches) == "3 read, 2 of no protein (such as of T7; a protein: T00001)"


def test_annotations_of_no_protein_at_all(tmp_path):
    (tmp_path / "x.fasta").write_bytes(b">sp|P1|ONE_HUMAN\nMKV\n")
    row = "sp|P1|ONE_HUMAN\tHELIX\t1\t2\n"
    (tmp_path / "x.tsv").write_text(TSV.splitlines()[0] + "\n" + row)
    message = (
        f"{tmp_path}/x.tsv: none of its 1 accessions is in {tmp_path}/x.fasta; found "
        "'sp|P1|ONE_HUMAN' in the table and 'P1' in the FASTA file; name the proteins alike in both"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        list(read_proteins(tmp_path / "x.fasta", tmp_path / "x.tsv"))


def test_a_table_without_rows_is_none_of_other_proteins(tmp_path):
    (tmp_path / "x.fasta").write_bytes(FASTA)
    (tmp_path / "x.tsv").write_text(TSV.splitlines()[0])
    assert len(list(read_proteins(tmp_path / "x.fasta", tmp_path / "x.tsv"))) == 2


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ID   X56734; SV 1; linear; mRNA; STD; PLN; 1859 BP.\nXX\n", "EMBL"),
        ("LOCUS       X 90 aa\nORIGIN\n//\n", "GenBank"),
        ("CLUSTAL W (1.83) multiple sequence alignment\n\na MKV\n", "Clustal"),
        ("# STOCKHOLM 1.0\na MKV\n//\n", "Stockholm"),
        ("#NEXUS\nbegin data;\n", "NEXUS"),
        (" 2 3\na MKV\nb MKA\n", "PHYLIP"),
        (">P1;a\ntitle line\nMKV*\n", "PIR"),
        ("@a\nMKV\n+\nIII\n", "FASTQ"),
        ("##gff-version 3\n", "GFF"),
        ('<?xml version="1.0"?>\n<uniprot xmlns="x">', "UniProt XML"),
        ("<!DOCTYPE html><html>", "HTML"),
        ("HEADER    HYDROLASE\n", "PDB"),
        ("data_1ABC\n#\n", "mmCIF"),
        ("Entry\tSequence\nP1\tMKV\n", "a table, not sequences"),
        ("; my proteins\n>a\nMKV\n", "FASTA with a comment before the first record"),
    ],
)
def test_other_formats_are_named(tmp_path, text, name):
    path = tmp_path / "x"
    path.write_text(text)
    head = text.lstrip()[:20]
    with pytest.raises(UserError) as error:
        list(read_proteins(path))
    assert str(error.value) == (
        f"{path}: begins with {head!r}, as {name}; expected UniProt JSON, Swiss-Prot flat text or "
        "FASTA, plain or gzipped"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty file; expected UniProt JSON, Swiss-Prot flat text or FASTA"),
        (b" \n\n", "empty file"),
        (b"accession\tlength\n", r"begins with 'accession\\tlength"),
        (b"MKVLAA\n", "begins with 'MKVLAA"),
        (b"\n" * 5_000_000, "empty file"),
        (gzip.compress(FASTA * 999)[:-20], "gzip data cut short or damaged"),
        (b"\x1f\x8bnonsense", "gzip data cut short or damaged"),
    ],
)
def test_what_is_no_protein_file(tmp_path, content, message):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError, match=f"x: {message}"):
        list(read_proteins(tmp_path / "x"))


def test_blanks_before_the_first_record(tmp_path):
    """Fewer than a million (2^20)."""
    (tmp_path / "x").write_bytes(b"\n" * 1_048_575 + FASTA)
    assert len(list(read_proteins(tmp_path / "x"))) == 2
    (tmp_path / "x").write_bytes(b"\n" * 1_048_576 + FASTA)
    with pytest.raises(UserError, match="x: empty file"):
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
