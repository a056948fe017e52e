"""Reading proteins.parquet, the table that every later stage starts from."""

from pathlib import Path

import pandas as pd

from protsae.errors import UserError
from protsae.io.tables import read_metadata, read_table
from protsae.split import check_splits

COLUMNS = (
    *("accession", "entry_name", "organism", "taxon_id", "length", "sequence"),
    *("cluster", "split"),
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
