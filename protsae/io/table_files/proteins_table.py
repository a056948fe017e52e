"""Reading the tables of proteins, checked: every stage after fetch starts from one."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from protsae.errors import UserError
from protsae.io.table_files.parquet import read_metadata, read_table, validate_table
from protsae.proteins.split_names import PARTS, check_splits
from protsae.provenance import file_sha256, protein_set_sha256
from protsae.schema.protein_tables import FETCHED, FURTHER, PROTEINS
from protsae.schema.table import Table

APART_FROM = "apart_from"
"""What further.parquet calls the study whose valid and test have no relatives in it."""

_AGAIN = "run the stage that writes it again"


def read_split_proteins(path: str | Path) -> tuple[pd.DataFrame, str]:
    """The proteins of proteins.parquet and the checksum of the set.

    Raises
    ------
    UserError
        If the table is not one that `read_table` accepts, an accession occurs twice, a length is
        not that of its sequence, the proteins do not have the checksum that the table states, a
        split is none, or a homology cluster crosses one.
    """
    proteins = read_table(path, PROTEINS)
    checksum = _validate_set(path, PROTEINS, proteins)
    problems = _split_problems(proteins)
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise UserError(
            f"{path}: {problems[0]}{more}; homologous proteins must not face each other across a "
            "split; run the split stage again"
        )
    return proteins, checksum


def read_protein_set(path: str | Path) -> tuple[pd.DataFrame, str]:
    """The proteins of fetched.parquet or proteins.parquet, with the columns that both have.

    Raises
    ------
    UserError
        As `read_split_proteins`, but for the splits.
    """
    is_fetched = read_metadata(path).get("table") == FETCHED.name
    table = FETCHED if is_fetched else PROTEINS
    proteins = read_table(path, table, FETCHED.names)
    return proteins, _validate_set(path, table, proteins)


def read_further_proteins(
    path: str | Path, study: Mapping[str, Any] | None = None
) -> tuple[pd.DataFrame, str]:
    """The proteins of further.parquet and the checksum of the set.

    Parameters
    ----------
    study : mapping, optional
        The `study_stamp` of the proteins that these are used beside.

    Raises
    ------
    UserError
        As `read_protein_set`; or if it is not from these proteins' valid and test that relatives
        were left out.
    """
    proteins = read_table(path, FURTHER)
    checksum = _validate_set(path, FURTHER, proteins)
    found = read_metadata(path).get(APART_FROM, {})
    for key, expected in (study or {}).items():
        if found.get(key) != expected:
            raise UserError(
                f"{path}: free of relatives of other proteins: {key} is "
                f"{str(found.get(key))[:12]}; expected {str(expected)[:12]}, as of the proteins "
                "given; run the further stage again"
            )
    return proteins, checksum


def read_sequences(path: str | Path) -> tuple[pd.DataFrame, str]:
    """The proteins of proteins.parquet or further.parquet and the checksum of the set.

    Raises
    ------
    UserError
        As `read_split_proteins` and `read_further_proteins`.
    """
    if read_metadata(path).get("table") == FURTHER.name:
        return read_further_proteins(path)
    return read_split_proteins(path)


def read_previous_splits(path: str | Path) -> pd.DataFrame:
    """Accession, sequence, cluster and split of an earlier run's proteins.

    Raises
    ------
    UserError
        As `read_split_proteins`.
    """
    proteins = read_table(path, PROTEINS, ("accession", "length", "sequence", "cluster", "split"))
    _validate_set(path, PROTEINS, proteins)
    if problems := _split_problems(proteins):
        raise UserError(
            f"{path}: {problems[0]}; split.previous expects an unchanged proteins.parquet of an "
            "earlier run"
        )
    return proteins.drop(columns="length")


def study_stamp(
    proteins: pd.DataFrame, protein_set: str, annotations: str | Path | None = None
) -> dict[str, Any]:
    """What every result depends on, to be stated beside it: proteins, splits and annotations.

    Parameters
    ----------
    proteins : DataFrame
        As `read_split_proteins` gives them, with the checksum ``protein_set``.
    annotations : str or Path, optional
        annotations.parquet, for results that depend on it.

    Returns
    -------
    dict
        ``protein_set_sha256``; ``split_sha256``, over the lines
        ``accession<TAB>cluster<TAB>split``; and ``annotations_sha256``, of the file.
    """
    digest = hashlib.sha256()
    for row in zip(proteins["accession"], proteins["cluster"], proteins["split"], strict=True):
        digest.update(("\t".join(row) + "\n").encode())
    stamp = {"protein_set_sha256": protein_set, "split_sha256": digest.hexdigest()}
    if annotations is not None:
        stamp["annotations_sha256"] = file_sha256(annotations)
    return stamp


def _validate_set(path: str | Path, table: Table, proteins: pd.DataFrame) -> str:
    """The checksum of the set, recomputed; raise UserError if it is not the stated one."""
    twice = proteins["accession"].duplicated()
    if twice.any():
        raise UserError(
            f"{path}: protein {proteins['accession'][twice].iloc[0]} occurs twice; {_AGAIN}"
        )
    wrong = proteins["sequence"].str.len() != proteins["length"]
    if wrong.any():
        row = proteins[wrong].iloc[0]
        raise UserError(
            f"{path}: the length of {row['accession']} is {row['length']}, but its sequence has "
            f"{len(row['sequence'])} residues; {_AGAIN}"
        )
    found = protein_set_sha256(proteins["accession"], proteins["sequence"])
    stated = validate_table(path, table).get("protein_set_sha256")
    if found != stated:
        raise UserError(
            f"{path}: states the checksum {str(stated)[:12]} of its proteins, which have "
            f"{found[:12]}; {_AGAIN}"
        )
    return found


def _split_problems(proteins: pd.DataFrame) -> list[str]:
    unknown = sorted(set(proteins["split"]) - set(PARTS))
    return [f"split {name!r}, which is none" for name in unknown] + check_splits(proteins)
