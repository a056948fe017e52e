"""``protsae base-rates``: shares worked out by hand, from every kind of file."""

import gzip
import re
from pathlib import Path

import pandas as pd
import pytest

from protsae.cli import main
from protsae.io.table_files.base_rate_files import read_base_rates
from protsae.schema.concept_tables import BASE_RATES
from tests.helpers.fenced import ROOT

ENTRIES = ROOT / "tests" / "data"
FASTA = f">P1\n{'MKC' + 'A' * 37}\n>P2\n{'MC' + 'A' * 58}\n>P3\nMKV\n"
"""40, 60 and 3 residues; the last is too short to be kept."""
FEATURES = (
    "accession\ttype\tstart\tend\tdescription\n"
    "P1\tSIGNAL\t1\t20\t\n"
    "P1\tHELIX\t11\t15\t\n"
    "P1\tTURN\t19\t20\t\n"
    "P2\tCHAIN\t1\t60\tall of it\n"
)


def count(output: Path, *flags: str) -> int:
    return main(["base-rates", "--output", str(output), "--min-proteins", "1", *flags])


@pytest.fixture
def fasta(tmp_path: Path) -> list[str]:
    (tmp_path / "p.fasta").write_text(FASTA)
    (tmp_path / "p.tsv").write_text(FEATURES)
    return ["--input", str(tmp_path / "p.fasta"), "--annotations", str(tmp_path / "p.tsv")]


def test_shares_by_hand(
    tmp_path: Path, fasta: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert count(tmp_path / "out.tsv", *fasta) == 0
    lines = (tmp_path / "out.tsv").read_text().splitlines()
    assert lines[0] == "# 2 proteins, 100 residues"
    assert lines[1] == "# organisms: not named 100.0 %"
    assert lines[2] == "# input: p.fasta; evidence: all"
    assert lines[4].split("\t") == BASE_RATES.names
    table = pd.read_csv(tmp_path / "out.tsv", sep="\t", comment="#").set_index("concept")
    assert table.loc["residue: C"].tolist() == ["residue", 0.02, 2, 100, 2]
    assert table.loc["SIGNAL"].tolist() == ["SIGNAL", 0.2, 20, 100, 1]
    # Structure is known from residue 11 to 20 of P1 alone.
    assert table.loc["HELIX"].tolist() == ["HELIX", 0.5, 5, 10, 1]
    assert read_base_rates(tmp_path / "out.tsv")["TURN"] == 0.2
    assert capsys.readouterr().out.splitlines() == [
        "proteins: 2 of 3 kept; left out: 1 shorter than 30 (P3)",
        "features: 3 kept; left out: 1 CHAIN",
        f"  {tmp_path}/p.tsv: 4 read, 0 of no protein, 0 outside the sequence",
        f"wrote {tmp_path}/out.tsv: {len(table)} concepts, 2 proteins",
    ]


def test_rare_concepts_are_left_out_and_counted(
    tmp_path: Path, fasta: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.tsv"
    assert count(output, *fasta, "--min-proteins", "2", "--note", "two of mine", "and more") == 0
    table = pd.read_csv(output, sep="\t", comment="#")
    assert (table["n_proteins"] == 2).all()
    assert "SIGNAL" not in set(table["concept"])
    assert output.read_text().startswith("# two of mine\n# and more\n# 2 proteins, 100 residues\n")
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(r"  \d+ concepts left out: in fewer than 2 proteins", last)


def test_tables_of_a_run_give_the_same(tmp_path: Path, fasta: list[str]) -> None:
    run = tmp_path / "run"
    assert main(["fetch", *fasta, "--output", str(run)]) == 0
    tables = [str(run / f"{name}.parquet") for name in ("fetched", "annotations")]
    assert count(tmp_path / "one.tsv", *fasta) == 0
    assert count(tmp_path / "two.tsv", "--input", tables[0], "--annotations", tables[1]) == 0
    assert read_base_rates(tmp_path / "one.tsv") == read_base_rates(tmp_path / "two.tsv")


def test_flat_text_and_json_gzipped_or_not(tmp_path: Path) -> None:
    for name in ("entries.dat", "entries.json"):
        packed = tmp_path / f"{name}.gz"
        packed.write_bytes(gzip.compress((ENTRIES / name).read_bytes()))
        rates = []
        for path in (ENTRIES / name, packed):
            assert count(tmp_path / "out.tsv", "--input", str(path)) == 0
            rates.append(read_base_rates(tmp_path / "out.tsv"))
        assert rates[0] == rates[1]
        assert rates[0]["residue: M"] > 0


def test_a_table_without_its_annotations(
    tmp_path: Path, fasta: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch", *fasta, "--output", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    path = tmp_path / "run" / "fetched.parquet"
    assert count(tmp_path / "out.tsv", "--input", str(path)) == 2
    assert capsys.readouterr().err == (
        f"protsae base-rates: {path}: give its annotations.parquet with --annotations; found none\n"
    )
    other = tmp_path / "other"
    (tmp_path / "p.fasta").write_text(FASTA.replace("MKC", "MKW"))
    assert main(["fetch", *fasta, "--output", str(other)]) == 0
    capsys.readouterr()
    wrong = other / "annotations.parquet"
    assert count(tmp_path / "out.tsv", "--input", str(path), "--annotations", str(wrong)) == 2
    assert "annotations of protein set" in capsys.readouterr().err
