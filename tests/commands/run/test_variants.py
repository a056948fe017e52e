"""`protsae variants` as from the shell, on a whole tiny run."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import protsae
from protsae.cli import main
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.provenance import file_sha256
from protsae.schema.explained.variant_tables import VARIANT_FEATURES, VARIANTS
from protsae.screen.variant_lines import SUMS, WHAT_FEATURES_SAY, WHAT_IT_SAYS
from tests.helpers.finished_run import RESULTS, finished_run
from tests.helpers.python_module import run_module
from tests.helpers.tiny_esm import random_sequence

FILES = (*("variant_features.parquet", "variant_features.tsv", "variants.parquet", "variants.tsv"),)
PROTEIN = random_sequence(61)
ONE, OTHER = (f"{PROTEIN[i]}{i + 1}{'CA'[PROTEIN[i] == 'C']}" for i in (4, 30))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished_run(tmp_path_factory)


def variants(folder: Path, *words: object) -> int:
    return main(["variants", "--run", str(folder / RESULTS), *map(str, words)])


def tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    return (
        read_table(folder / "variants.parquet", VARIANTS),
        read_table(folder / "variant_features.parquet", VARIANT_FEATURES),
    )


def test_files_and_screen(folder: Path, tmp_path: Path) -> None:
    """As from the shell, a file of mutants with CRLF in lower case."""
    (tmp_path / "scan.tsv").write_text(f"mutant\tx\r\n{ONE.lower()}\t1\r\n{ONE}:{OTHER}\t2\r\n")
    words = ("variants", "--sequence", PROTEIN, "--table", str(tmp_path / "scan.tsv"))
    finished = run_module("protsae", *words, "--output", str(tmp_path / "out"), cwd=folder)
    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.splitlines()
    assert lines[0] == "sequence: 2 mutants"
    assert lines[-4:] == [
        WHAT_IT_SAYS,
        SUMS,
        WHAT_FEATURES_SAY,
        f"wrote {tmp_path / 'out'}/: variants and variant_features, of 2 mutants",
    ]
    shown = [line[2:].split(": log")[0] for line in lines if re.match(r"  [A-Z]\d", line)]
    scored, features = tables(tmp_path / "out")
    assert shown == scored.sort_values("masked_log_odds")["mutant"].tolist()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == list(FILES)
    assert scored["mutant"].tolist() == [ONE, f"{ONE}:{OTHER}"]
    assert scored["position"].fillna(0).tolist() == [5, 0]
    for name, table in (("variants", scored), ("variant_features", features)):
        text = pd.read_csv(tmp_path / "out" / f"{name}.tsv", sep="\t")
        assert text["mutant"].tolist() == table["mutant"].tolist()
        stated = read_metadata(tmp_path / "out" / f"{name}.parquet")
        assert stated["texts"] == {f"{name}.tsv": file_sha256(tmp_path / "out" / f"{name}.tsv")}


def test_features_are_those_that_the_run_explains(folder: Path, tmp_path: Path) -> None:
    """From codes of both sequences by Run.explainer, which stores layers in float16."""
    mutants = (ONE, OTHER)
    words = ("--sequence", PROTEIN, "--mutants", *mutants, "--top", 9999, "--output", tmp_path)
    assert variants(folder, "--model", folder / "esm2_tiny.pt", *words) == 0
    scored, features = tables(tmp_path)
    explainer = protsae.read_run(folder / RESULTS).explainer(str(folder / "esm2_tiny.pt"))
    before = explainer.codes(PROTEIN)
    for mutant, site in zip(mutants, (4, 30), strict=True):
        near = slice(max(0, site - 8), site + 9)
        after = explainer.codes(PROTEIN[:site] + mutant[-1] + PROTEIN[site + 1 :])
        sums = []
        for key, sae in explainer.saes.items():
            largest = sae.features["max_activation"].to_numpy()
            moved = abs(after[key].toarray()[near] - before[key].toarray()[near]).sum(0)
            expected = np.divide(moved, largest, out=np.zeros(len(largest)), where=largest > 0)
            sums.append(expected.sum())
            own = features.query("mutant == @mutant and layer == @key[0] and variant == @key[1]")
            found = np.zeros(len(largest))
            found[own["feature"]] = own["total_change"]
            # A feature near its threshold may be on in one precision and off in the other.
            assert np.median(abs(found - expected)) < 2e-3
        row = scored.query("mutant == @mutant").iloc[0]
        assert row["feature_change"] == pytest.approx(np.mean(sums), rel=0.05)
        own = features[features["mutant"] == mutant]
        total = own["total_change"].sum() / len(explainer.saes)
        assert total == pytest.approx(row["feature_change"], rel=1e-9)
        assert own["total_change"].is_monotonic_decreasing
        assert own["rank"].tolist() == [*range(1, len(own) + 1)]
        lost = own["change"] == "lost"
        assert ((own["activation_after"] == 0) == lost).all()
        assert own["position"].between(site + 1 - 8, site + 1 + 8).all()


def test_all_single_ones_with_features_of_the_worst(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--sequence", "MKX", "--all", "--features", 3, "--top", 2, "--output", tmp_path)
    assert variants(folder, "--model", folder / "esm2_tiny.pt", *words) == 0
    scored, features = tables(tmp_path)
    assert len(scored) == 2 * 19
    worst = set(scored.nsmallest(3, "masked_log_odds")["mutant"])
    assert set(scored[scored["feature_change"].notna()]["mutant"]) == worst
    assert set(features["mutant"]) == worst
    assert len(features) == 3 * 2
    assert "note: features are of the 3 of 38 mutants" in capsys.readouterr().out


def test_an_esm_alone_gives_the_same_log_odds(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where there is no run
    model, own = folder / "esm2_tiny.pt", ("--sequence", PROTEIN, "--mutants", ONE, OTHER)
    assert main(["variants", "--esm", str(model), *own, "--output", "alone"]) == 0
    assert variants(folder, "--model", model, *own, "--output", "of_run") == 0
    (alone, none), (of_run, _) = tables(tmp_path / "alone"), tables(tmp_path / "of_run")
    assert none.empty
    assert alone["feature_change"].isna().all()
    for name in ("masked_log_odds", "wild_type_log_odds"):
        np.testing.assert_allclose(alone[name], of_run[name], atol=1e-6)


def test_a_protein_of_the_run_by_its_accession(folder: Path, tmp_path: Path) -> None:
    protein = protsae.read_run(folder / RESULTS).proteins.iloc[0]
    accession, sequence = protein["accession"], protein["sequence"]
    mutant = f"{sequence[0]}1W"
    words = ("--model", folder / "esm2_tiny.pt", "--mutants", mutant)
    assert variants(folder, "--accession", accession, *words, "--output", tmp_path / "a") == 0
    assert variants(folder, "--protein", accession, *words, "--output", tmp_path / "p") == 0
    (tmp_path / "p.fasta").write_text(f">{accession}\n{sequence}\n")
    given = ("--fasta", tmp_path / "p.fasta", "--output", tmp_path / "b")
    assert variants(folder, *words, *given) == 0
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("--sequence", "MKV", "--mutants", "A2V"),
            r"--mutants: A2V: residue 2 of 'sequence' is K",
        ),
        (("--sequence", "MKV", "--mutants", "K9V"), r"--mutants: K9V: 'sequence' has 3 residues"),
        (("--sequence", "MKV", "--mutants", "K2*"), r"K2\*: '\*' is none of the 20 amino acids"),
        (
            ("--sequence", "MKV", "--table", "twice"),
            r"twice: line 2: K2V occurs twice, first in .*1;",
        ),
        (("--sequence", "MKV", "--table", "empty"), r"empty: no mutants; expected mutants, one a"),
        (("--sequence", "M*V", "--all"), r"--sequence: position 2 holds '\*'; expected letters"),
        (("--sequence", "XX", "--all"), r"sequence: none of its residues is one of the 20 amino"),
        (("--fasta", "two.fasta", "--all"), r"two\.fasta: more than one protein; expected one"),
        (("--accession", "Q", "--all"), r"no protein 'Q' among its \d+"),
        (
            ("--accession", "Q", "--all", "--esm", "x.pt"),
            r"--accession: only a run has proteins by",
        ),
        (("--sequence", "MKV", "--all", "--esm", "esm2_x.pt"), r"esm2_x\.pt: no such file"),
    ],
)
def test_one_line_says_what_is_wrong(
    words: tuple[str, ...],
    line: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And nothing is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "twice").write_text("K2V\nk2v\n")
    (tmp_path / "empty").touch()
    (tmp_path / "two.fasta").write_text(">a\nMKV\n>b\nMK\n")
    source = () if "--esm" in words else ("--run", str(folder / RESULTS))
    assert main(["variants", *source, "--output", "out", *words]) == 2
    said = capsys.readouterr().err
    assert re.match(f"protsae variants: .*{line}", said), said
    assert said.count("\n") == 1
    assert not list(tmp_path.rglob("out/*"))


@pytest.mark.parametrize("words", [("--all",), ("--sequence", "MK"), ("--features", "-1")])
def test_the_command_line_needs_a_protein_and_mutants(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["variants", *words])
    assert ended.value.code == 2
    assert "protsae variants: error: " in capsys.readouterr().err
