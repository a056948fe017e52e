from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from protsae.alphabet import STANDARD
from protsae.cli import main
from protsae.commands import split as stage
from protsae.io.proteins_table import COLUMNS, read_split_proteins
from protsae.io.tables import read_metadata, write_table
from protsae.provenance import protein_set_sha256

N_FAMILIES, LENGTH = 7, 61


def fetched(folder: Path, n_families: int = N_FAMILIES) -> Path:
    """Families of two relatives and one unrelated protein each, as fetch writes them."""
    rng = np.random.default_rng(0)
    sequences = []
    for _ in range(n_families):
        ancestor, other = rng.choice(list(STANDARD), (2, LENGTH))
        relative = ancestor.copy()
        relative[::7] = "A"
        sequences += ["".join(letters) for letters in (ancestor, relative, other)]
    names = [f"P{i:05d}" for i in range(len(sequences))]
    table = pd.DataFrame({"accession": names, "sequence": sequences})
    table = table.assign(entry_name="", organism="", taxon_id=1, length=LENGTH, extra=0)
    write_table(folder / "fetched.parquet", table, {"stage": "fetch"})
    return folder / "fetched.parquet"


def split(source: Path, target: Path, *flags: str) -> int:
    return main(["split", "--input", str(source), "--output", str(target), *flags])


def test_clusters_splits_and_checksum(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "proteins" / "proteins.parquet"
    assert split(fetched(tmp_path), target) == 0
    proteins, checksum = read_split_proteins(target)
    assert proteins.columns.tolist() == list(COLUMNS)
    # Relatives share the first one's name; unrelated proteins have their own.
    names = proteins["accession"].tolist()
    expected = [names[i - 1] if i % 3 == 1 else names[i] for i in range(3 * N_FAMILIES)]
    assert proteins["cluster"].tolist() == expected
    assert set(proteins["split"]) == {"train", "valid", "test"}
    assert checksum == protein_set_sha256(proteins["accession"], proteins["sequence"])
    assert read_metadata(target)["settings"]["identity"] == 0.3
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in printed] == ["train", "valid", "test"]
    n_train = int((proteins["split"] == "train").sum())
    assert printed[0].startswith(f"train: {n_train} proteins, {n_train * LENGTH:,} residues, ")


def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clusters without MMseqs2: every protein its own."""
    monkeypatch.setattr(
        stage, "cluster_sequences", lambda sequences, *_, **__: np.arange(len(sequences))
    )


def test_same_settings_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand(monkeypatch)
    source = fetched(tmp_path)
    for name in ("one", "two"):
        assert split(source, tmp_path / name, "--seed", "3") == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert split(source, tmp_path / "other", "--seed", "4") == 0
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()


def test_too_few_families(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stage, "cluster_sequences", lambda *_, **__: np.zeros(3, dtype=np.int64))
    assert split(fetched(tmp_path, n_families=1), tmp_path / "proteins.parquet") == 2
    assert capsys.readouterr().err == (
        "protsae split: split: nothing left for valid and test: 3 proteins in 1 homology clusters; "
        "give more diverse proteins\n"
    )
    assert not (tmp_path / "proteins.parquet").exists()


def test_shares_that_leave_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--valid", "0.5", "--test", "0.5")
    assert split(fetched(tmp_path), tmp_path / "proteins.parquet", *flags) == 2
    assert capsys.readouterr().err == (
        "protsae split: command line: valid + test must leave a share above 0 for train\n"
    )
