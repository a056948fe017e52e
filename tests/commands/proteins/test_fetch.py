"""The stage through its command line: what it writes, and one line for each mistake."""

import gzip
import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from protsae.cli import main
from protsae.io.http.client import RetryPolicy
from protsae.io.table_files.parquet import read_metadata
from protsae.io.uniprot import uniprot_rest
from protsae.one_line import note
from protsae.proteins.nucleic_acids import nucleic_notes
from protsae.schema.protein_tables import ANNOTATIONS
from tests.helpers.stored_tables import load
from tests.helpers.uniprot_server import Fault, UniProtServer

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "data/sample/proteins.json.gz"
DATA = ROOT / "tests/data"
SEQUENCE = "MKTAYIAKQRCISFVKSHFSRQLEERLGLIEVQAPILSRV"
TABLES = ["annotations.parquet", "fetched.parquet", "provenance.json"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory, so that messages have short paths."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fetch(*arguments):
    return main(["fetch", "--output", "out", *map(str, arguments)])


def provenance():
    return json.loads(Path("out/provenance.json").read_text())


def write_fasta(*sequences, path="x.fasta"):
    Path(path).write_text("".join(f">P{n}\n{s}\n" for n, s in enumerate(sequences, start=1)))
    return path


def test_the_sample(folder, capsys):
    assert fetch("--input", SAMPLE) == 0

    proteins, annotations = load("out/fetched.parquet"), load("out/annotations.parquet")
    assert list(proteins) == [
        "accession",
        "entry_name",
        "organism",
        "taxon_id",
        "length",
        "sequence",
    ]
    assert list(annotations) == ANNOTATIONS.names
    stamp = read_metadata("out/annotations.parquet")
    assert (stamp["table"], stamp["table_version"]) == (ANNOTATIONS.name, ANNOTATIONS.version)
    assert read_metadata("out/fetched.parquet")["table"] == "fetched"
    assert annotations["certain"].dtype == bool
    assert (len(proteins), len(annotations)) == (231, 4330)
    assert (proteins["length"] == proteins["sequence"].str.len()).all()
    assert proteins["taxon_id"].dtype == "Int64"
    assert capsys.readouterr().out.splitlines() == [
        "proteins: 231 of 231 kept",
        "features: 4,330 of 26 types kept",
        "wrote out/fetched.parquet, annotations.parquet and provenance.json",
    ]


def test_provenance_of_the_sample(folder):
    fetch("--input", SAMPLE)

    found = provenance()
    proteins = load("out/fetched.parquet")
    lines = "".join(
        f"{row.accession}\t{row.sequence}\n" for row in proteins.itertuples(index=False)
    )
    assert found["protein_set_sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    assert found["source"] == {
        "input": str(SAMPLE),
        "sha256": hashlib.sha256(SAMPLE.read_bytes()).hexdigest(),
    }
    assert found["settings"]["min_length"] == 30
    assert found["counts"]["proteins"] == {"read": 231, "kept": 231, "dropped": {}, "changed": {}}
    assert found["counts"]["features"]["merged_into_BINDING"] == {"METAL": 256, "NP_BIND": 14}
    assert found["counts"]["features"]["kept"]["BINDING"] == 256 + 14 + 129
    for name in ("fetched", "annotations"):
        metadata = read_metadata(f"out/{name}.parquet")
        assert metadata["protein_set_sha256"] == found["protein_set_sha256"]


def test_the_sample_is_the_one_its_readme_describes():
    digest = hashlib.sha256(SAMPLE.read_bytes()).hexdigest()
    assert digest in (SAMPLE.parent / "README.md").read_text()


def test_the_same_input_gives_the_same_bytes(folder):
    contents = []
    for _ in range(2):
        fetch("--input", SAMPLE)
        contents.append([Path("out", name).read_bytes() for name in TABLES])
    assert contents[0] == contents[1]


def test_annotations_follow_the_proteins(folder):
    fetch("--input", SAMPLE)
    order = {a: n for n, a in enumerate(load("out/fetched.parquet")["accession"])}
    annotations = load("out/annotations.parquet")
    keys = list(zip(annotations["accession"].map(order), annotations["start"], strict=True))
    assert keys == sorted(keys)


@pytest.mark.parametrize("name", ["entries.json", "entries.dat"])
def test_every_feature_is_kept_or_has_a_reason(folder, capsys, name):
    assert fetch("--input", DATA / name, "--fragments", "keep") == 0

    features = provenance()["counts"]["features"]
    left_out = features["left_out"]
    if name == "entries.json":
        assert provenance()["counts"]["proteins"]["dropped"] == {"inactive entry: deleted": 1}
        assert features["kept"] == {"BINDING": 2, "DISULFID": 1, "HELIX": 1, "MOD_RES": 1}
        assert features["uncertain"] == {"PROPEP": 1, "SIGNAL": 1, "TRANSIT": 1}
        assert left_out == {
            "CHAIN": {"covers nearly the whole protein": 1},
            "Frobnication": {"unknown feature type": 1},
            "MOD_RES": {"positions refer to an isoform": 1},
            "REGION": {"outside the sequence": 1},
        }
        assert capsys.readouterr().out.splitlines() == [
            "proteins: 2 of 3 kept",
            "note: proteins dropped: 1 inactive entry: deleted (T00003)",
            "features: 5 of 4 types kept",
            "  without exact ends, so that residues are unknown: 1 PROPEP, 1 SIGNAL, 1 TRANSIT",
            "note: features left out: 1 CHAIN, 1 Frobnication, 1 MOD_RES, 1 REGION",
            "  because: 1 covers nearly the whole protein, 1 unknown feature type, "
            "1 positions refer to an isoform, 1 outside the sequence",
            "note: 1 outside the sequence (T00001: REGION 50..61 of 60)",
            "wrote out/fetched.parquet, annotations.parquet and provenance.json",
        ]
    n_left_out = sum(sum(reasons.values()) for reasons in left_out.values())
    n_features = sum(features["kept"].values()) + sum(features["uncertain"].values()) + n_left_out
    assert n_features == {"entries.json": 12, "entries.dat": 17}[name]


def test_dna_among_proteins_is_kept_and_told_of(folder, capsys):
    write_fasta(SEQUENCE, "ATGAAAACCGCGTATATTGCGAAACAGCGTTGC")
    assert fetch("--input", "x.fasta") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["proteins: 2 of 2 kept", *map(note, nucleic_notes(1))]


def test_fasta_with_annotations_and_none(folder):
    write_fasta(SEQUENCE, SEQUENCE[::-1])
    Path("x.tsv").write_text(
        "accession\ttype\tstart\tend\tdescription\nP2\tDisulfide bond\t3\t9\tx\nP9\tHELIX\t1\t2\t\n"
    )
    assert fetch("--input", "x.fasta", "--annotations", "x.tsv") == 0

    pd.testing.assert_frame_equal(
        load("out/annotations.parquet").astype(object),
        pd.DataFrame(
            [["P2", "DISULFID", "x", 3, 9, "", True]],
            columns=ANNOTATIONS.names,
            dtype=object,
        ),
    )
    assert load("out/fetched.parquet")["taxon_id"].isna().all()
    found = provenance()
    assert found["counts"]["features"]["left_out"] == {
        "HELIX": {"accession not in the FASTA file": 1}
    }
    assert (
        found["source"]["annotations_sha256"]
        == hashlib.sha256(Path("x.tsv").read_bytes()).hexdigest()
    )

    assert fetch("--input", "x.fasta") == 0
    assert len(load("out/annotations.parquet")) == 0


def test_features_without_exact_ends_are_in_the_table_as_uncertain(folder, capsys):
    """From a table beside FASTA, by hand; the sequence has 40 residues."""
    write_fasta(SEQUENCE)
    Path("x.tsv").write_text(
        "accession\ttype\tstart\tend\n"
        "P1\tSIGNAL\t1\t?\nP1\tCHAIN\t23\t40\nP1\tDOMAIN\t<1\t30\nP1\tDOMAIN\t35\t>40\n"
        "P1\tDOMAIN\t?3\t9\nP1\tDISULFID\t38\t?\n"
    )
    assert fetch("--input", "x.fasta", "--annotations", "x.tsv") == 0
    columns = ["type", "start", "end", "certain"]
    assert load("out/annotations.parquet")[columns].values.tolist() == [
        ["DOMAIN", 1, 9, False],
        ["SIGNAL", 1, 22, False],
        ["DOMAIN", 1, 30, True],
        ["DOMAIN", 35, 40, True],
        ["DISULFID", 38, 38, True],
        ["DISULFID", 39, 40, False],
    ]
    counts = provenance()["counts"]["features"]
    assert counts["kept"] == {"DISULFID": 1, "DOMAIN": 2}
    assert counts["uncertain"] == {"DISULFID": 1, "DOMAIN": 1, "SIGNAL": 1}
    assert capsys.readouterr().out.splitlines()[1:3] == [
        "features: 3 of 2 types kept",
        "  without exact ends, so that residues are unknown: 1 DISULFID, 1 DOMAIN, 1 SIGNAL",
    ]


FLAT_AND_JSON = ["SIGNAL", "HELIX", "DISULFID"]


def test_flat_text_and_json_give_the_same_annotations(folder):
    """SIGNAL 1..?22 beside CHAIN ?23..60: 1 and 60 are exact."""
    found = []
    for name in ("entries.dat", "entries.json"):
        fetch("--input", DATA / name, "--fragments", "keep")
        table = load("out/annotations.parquet")
        table = table[(table["accession"] == "T00001") & table["type"].isin(FLAT_AND_JSON)]
        found.append(table.drop(columns="evidence").reset_index(drop=True))
    pd.testing.assert_frame_equal(*found)
    columns = ["type", "start", "end", "certain"]
    assert found[0][columns].values.tolist() == [
        ["SIGNAL", 1, 60, False],
        ["HELIX", 7, 13, True],
        ["DISULFID", 11, 53, True],
    ]


def test_handled_as_documented(folder, capsys):
    """Lower case and a stop codon are mended, a 5,000-residue protein is left out; all counted."""
    write_fasta(SEQUENCE.lower(), SEQUENCE[1:] + "*", "W" * 5000)
    assert fetch("--input", "x.fasta") == 0

    assert list(load("out/fetched.parquet")["sequence"]) == [SEQUENCE, SEQUENCE[1:]]
    assert capsys.readouterr().out.splitlines()[:3] == [
        "proteins: 2 of 3 kept",
        "note: proteins dropped: 1 longer than 2000 (P3)",
        "note: proteins changed: 1 final * removed, 1 lower case to upper",
    ]


EXPECTED = "expected UniProt JSON, Swiss-Prot flat text or FASTA, plain or gzipped"


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (None, [], f"x.fasta: no such file; {EXPECTED}"),
        ("", [], f"x.fasta: empty file; {EXPECTED}"),
        (
            "length\t3\n",
            [],
            f"x.fasta: begins with 'length\\t3\\n', as a table, not sequences; {EXPECTED}",
        ),
        (
            f">P1\n{SEQUENCE}\n>P2\nMKV*AY\n",
            [],
            "x.fasta: P2: position 4 holds '*'; expected letters A to Z; correct the sequence, "
            "or drop such proteins with fetch.invalid: drop",
        ),
        (
            f">P1\n1{SEQUENCE}\n",
            [],
            "x.fasta: P1: position 1 holds '1'; expected letters A to Z; correct the sequence, "
            "or drop such proteins with fetch.invalid: drop",
        ),
        (
            f">P1\n{SEQUENCE}\n>P1\n{SEQUENCE}A\n",
            [],
            "x.fasta: accession P1 occurs twice, in records 1 and 2; remove one, or keep the "
            "first with fetch.duplicate_accessions: first",
        ),
        (
            ">P1\n" + "W" * 5000 + "\n",
            [],
            "x.fasta: none of 1 proteins is left (1 longer than 2000); "
            "widen the limits under 'fetch' in the configuration",
        ),
        (
            f">P1\n{SEQUENCE}\n",
            ["--annotations", "none.tsv"],
            "none.tsv: no such file; expected a tab-separated table",
        ),
        (
            f">P1\n{SEQUENCE}\n",
            ["--query", "reviewed:true"],
            "command line: query goes with input 'uniprot', and only with it",
        ),
        (
            f">P1\n{SEQUENCE}\n",
            ["--min-length", "90", "--max-length", "80"],
            "command line: min_length must not exceed max_length",
        ),
    ],
)
def test_mistakes_end_in_one_line(folder, capsys, content, arguments, message):
    if content is not None:
        Path("x.fasta").write_text(content)
    assert fetch("--input", "x.fasta", *arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if not line.startswith("reading ")] == [
        f"protsae fetch: {message}"
    ]
    assert not Path("out").exists() or list(Path("out").iterdir()) == []


def test_a_truncated_gzip_file(folder, capsys):
    Path("x.gz").write_bytes(gzip.compress(SAMPLE.read_bytes())[:-30])
    assert fetch("--input", "x.gz") == 2
    error = capsys.readouterr().err
    assert error.startswith("protsae fetch: x.gz: ")
    assert error.count("\n") == 1


def test_a_mistake_leaves_older_results_alone(folder):
    fetch("--input", SAMPLE)
    before = {path: path.read_bytes() for path in Path("out").iterdir()}
    write_fasta(SEQUENCE, "MK*V")
    assert fetch("--input", "x.fasta") == 2
    assert {path: path.read_bytes() for path in Path("out").iterdir()} == before


def test_uniprot_from_the_command_line(folder, capsys, monkeypatch):
    monkeypatch.setattr(uniprot_rest, "PAGE_SIZE", 100)
    monkeypatch.setattr(uniprot_rest, "RETRIES", RetryPolicy(2, 0.01))
    entries = json.loads(gzip.decompress(SAMPLE.read_bytes()))["results"]
    with UniProtServer(entries, [Fault(2, "cut"), Fault(3, 503, times=3)]) as server:
        arguments = ["--input", "uniprot", "--query", "reviewed:true", "--api", server.url]
        assert fetch(*arguments) == 2
        assert capsys.readouterr().err == (
            f"protsae fetch: {server.url}: still HTTP 503: Too Many Requests: please try again in "
            "a few minutes.; run again later to go on from here\n"
        )
        assert [path.name for path in Path("out").iterdir()] == ["pages"]
        server.asked.clear()
        assert fetch(*arguments) == 0
    assert server.asked == [0, 3]
    assert "out/pages: 200 of 231 proteins are there; going on" in capsys.readouterr().err

    assert sorted(path.name for path in Path("out").iterdir()) == sorted([*TABLES, "pages"])
    assert provenance()["source"] == {
        "input": "uniprot",
        "api": server.url,
        "query": "reviewed:true",
        "uniprot_release": "2026_03",
        "entries": 231,
    }
    from_uniprot = load("out/fetched.parquet"), load("out/annotations.parquet")
    fetch("--input", SAMPLE)
    from_file = load("out/fetched.parquet"), load("out/annotations.parquet")
    for one, other in zip(from_uniprot, from_file, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_inactive_and_empty_entries_from_uniprot(folder, capsys):
    """All count towards the announced total; none is kept."""
    reasons = ("DELETED", "MERGED", "DEMERGED", "DELETED")
    entries = [{"primaryAccession": "P1", "sequence": {"value": SEQUENCE}}] + [
        {
            "entryType": "Inactive",
            "primaryAccession": f"Q{n}",
            "inactiveReason": {"inactiveReasonType": reason, "mergeDemergeTo": ["P1"]},
        }
        for n, reason in enumerate(reasons)
    ]
    entries.append({"primaryAccession": "P2", "sequence": {"value": ""}})
    with UniProtServer(entries) as server:
        assert fetch("--input", "uniprot", "--query", "a", "--api", server.url) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "proteins: 1 of 6 kept",
        "note: proteins dropped: 2 inactive entry: deleted (Q0, Q3), "
        "1 inactive entry: merged (Q1), 1 inactive entry: demerged (Q2), 1 empty sequence (P2)",
    ]
    assert provenance()["source"]["entries"] == 6


def test_help_has_an_example(capsys):
    with pytest.raises(SystemExit) as end:
        main(["fetch", "--help"])
    assert end.value.code == 0
    assert "protsae fetch --input mine.fasta --annotations mine.tsv" in capsys.readouterr().out
