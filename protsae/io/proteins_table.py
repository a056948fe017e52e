"""Reading proteins.parquet, the table that every later stage starts from."""

from pathlib import Path

import pandas as pd

from protsae.errors import UserError
from protsae.io.tables import read_metadata, read_table
from protsae.split import LEFT_OUT, SPLITS, check_splits

COLUMNS = (
    *("accession", "entry_name", "organism", "taxon_id", "length", "sequence"),
    *("cluster", "split", "has_relative_in_train"),
)


def read_split_proteins(path: str | Path) -> tuple[pd.DataFrame, str]:
    """The proteins and the checksum of the set.

    Raises
    ------
    UserError
        If the table is missing or incomplete, or a homology cluster crosses a split.
    """
    proteins = read_table(path, COLUMNS)
    problems = check_splits(proteins)
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise UserError(
            f"{path}: {problems[0]}{more}; homologous proteins must not face each other across a "
            "split; run the split stage again"
        )
    return proteins, str(read_metadata(path)["protein_set_sha256"])


def read_previous_splits(path: str | Path) -> pd.DataFrame:
    """Accession, sequence, cluster and split of an earlier run's proteins.

    Raises
    ------
    UserError
        If the table is missing or incomplete, or a homology cluster crosses a split.
    """
    proteins = read_table(path, ("accession", "sequence", "cluster", "split"))
    problems = check_splits(proteins)
    unknown = sorted(set(proteins["split"]) - {*SPLITS, LEFT_OUT})
    problems += [f"split {name!r}, which is none" for name in unknown]
    if problems:
        raise UserError(
            f"{path}: {problems[0]}; split.previous expects an unchanged proteins.parquet of an "
            "earlier run"
        )
    return proteins
