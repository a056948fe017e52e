import hashlib
import re
from pathlib import Path

import pandas as pd
import pytest

from protsae.errors import UserError
from protsae.io.table_files.proteins_table import (
    APART_FROM,
    read_further_proteins,
    read_previous_splits,
    read_protein_set,
    read_sequences,
    read_split_proteins,
    study_stamp,
)
from protsae.schema.protein_tables import FETCHED, FURTHER
from tests.helpers.stored_tables import load, store, store_wrong
from tests.helpers.tiny_run import protein_rows, write_proteins


def test_proteins_and_their_checksum(tmp_path: Path) -> None:
    proteins = protein_rows(n_proteins=5)
    checksum = write_proteins(tmp_path / "proteins.parquet", proteins)
    found, found_checksum = read_split_proteins(tmp_path / "proteins.parquet")
    pd.testing.assert_frame_equal(found, proteins, check_dtype=False)
    assert found_checksum == checksum


@pytest.mark.parametrize(
    ("clusters", "problem"),
    [
        (["A", "A", "B", "C", "D"], "cluster A is in train and valid"),
        (["A", "A", "A", "B", "B"], "cluster A is in train and valid and test (and 1 more)"),
    ],
)
def test_homologues_across_a_split(tmp_path: Path, clusters: list[str], problem: str) -> None:
    path = tmp_path / "proteins.parquet"
    write_proteins(path, protein_rows(n_proteins=5).assign(cluster=clusters))
    message = (
        f"{path}: {problem}; homologous proteins must not face each other across a split; run the "
        "split stage again"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        read_split_proteins(path)


def test_the_table_of_fetch_has_no_splits(tmp_path: Path) -> None:
    path = tmp_path / "fetched.parquet"
    store(path, protein_rows(5)[FETCHED.names])
    found, checksum = read_protein_set(path)
    assert (found["accession"].tolist(), len(checksum)) == ([f"P{i:05d}" for i in range(5)], 64)
    message = f"{path}: holds the fetched table, version 1; expected proteins, version 2"
    with pytest.raises(UserError, match=f"^{re.escape(message)}"):
        read_split_proteins(path)


def test_sequences_are_those_of_a_study_or_further_ones(tmp_path: Path) -> None:
    further = protein_rows(3, length=23)[FURTHER.names]
    store(tmp_path / "further.parquet", further)
    checksum = write_proteins(tmp_path / "proteins.parquet", protein_rows(5))
    found, further_checksum = read_sequences(tmp_path / "further.parquet")
    assert found["sequence"].tolist() == further["sequence"].tolist()
    found, found_checksum = read_sequences(tmp_path / "proteins.parquet")
    assert (len(found), found_checksum) == (5, checksum)
    assert further_checksum != checksum


def test_further_proteins_are_free_of_relatives_of_one_study(tmp_path: Path) -> None:
    path = tmp_path / "further.parquet"
    proteins = protein_rows(5)
    study = study_stamp(proteins, write_proteins(tmp_path / "proteins.parquet", proteins))
    store(path, protein_rows(3, length=23)[FURTHER.names], {APART_FROM: study})
    assert len(read_further_proteins(path, study)[0]) == 3
    message = (
        f"{path}: free of relatives of other proteins: split_sha256 is "
        f"{study['split_sha256'][:12]}; expected abcdefghijkl, as of the proteins given; run the "
        "further stage again"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        read_further_proteins(path, {**study, "split_sha256": "abcdefghijklmnopqrstuvwxyz"})


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"accession": "P00003"}, "protein P00003 occurs twice"),
        ({"length": 30}, "the length of P00001 is 30, but its sequence has 29 residues"),
        ({"split": "tset"}, "split 'tset', which is none"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_rows_that_contradict_each_other(
    tmp_path: Path, change: dict[str, object], problem: str
) -> None:
    path = tmp_path / "proteins.parquet"
    rows = protein_rows(5)
    for column, value in change.items():
        rows.loc[1, column] = value
    store(path, rows)
    for read in (read_split_proteins, read_previous_splits):
        with pytest.raises(UserError, match=f"^{re.escape(f'{path}: {problem}; ')}"):
            read(path)


def test_a_sequence_that_changed(tmp_path: Path) -> None:
    """As written by another program, which keeps the metadata and gives new page checksums."""
    path = tmp_path / "proteins.parquet"
    write_proteins(path, protein_rows(5))
    rows = load(path)
    rows.loc[2, "sequence"] = rows.loc[2, "sequence"][::-1]
    store_wrong(path, rows)
    problem = r"states the checksum \w{12} of its proteins, which have \w{12}; run the stage"
    for read in (read_split_proteins, read_protein_set, read_previous_splits):
        with pytest.raises(UserError, match=f"^{re.escape(str(path))}: {problem}"):
            read(path)


def test_the_study_is_proteins_splits_and_annotations(tmp_path: Path) -> None:
    """sha256sum of the lines "P1 tab A tab train" and "P2 tab B tab test", each with a newline."""
    proteins = pd.DataFrame(
        {"accession": ["P1", "P2"], "cluster": ["A", "B"], "split": ["train", "test"]}
    )
    (tmp_path / "a").write_bytes(b"")
    assert study_stamp(proteins, "7", tmp_path / "a") == {
        "protein_set_sha256": "7",
        "split_sha256": hashlib.sha256(b"P1\tA\ttrain\nP2\tB\ttest\n").hexdigest(),
        "annotations_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
    moved = study_stamp(proteins.assign(split=["test", "train"]), "7")
    assert moved["split_sha256"] != study_stamp(proteins, "7")["split_sha256"]
