"""Tables of a whole run, bound to the SAEs that their rows are of."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from protsae.errors import UserError
from protsae.io.saes.sae_identity import IDENTITY, sae_sha256
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.schema.table import Table


def read_bound_table(
    results: Path,
    table: Table,
    columns: Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Read a table of a run, such as features.parquet.

    Parameters
    ----------
    results : Path
        Folder of the run.
    table, columns, where
        As of `read_table`.

    Raises
    ------
    UserError
        As `read_table`, and if its rows are of other SAEs than those of the run, or it was not made
        with the features.parquet beside it. SAEs that are not there, as where only tables were
        copied, are not missed.
    """
    path = results / f"{table.name}.parquet"
    rows = read_table(path, table, columns, where)
    stated = read_metadata(path)
    saes = stated.get("saes")
    if saes is None:
        raise UserError(
            f"{path}: does not state the SAEs that it is of; expected a table of this release; run "
            "the tables stage again"
        )
    for place, digest in saes.items():
        folder = results / "sae" / place
        if (folder / IDENTITY).is_file() and (found := sae_sha256(folder)) != digest:
            raise UserError(
                f"{path}: of SAE {digest[:12]} of {place}; expected {found[:12]}, the weights "
                "there are; run the workflow again"
            )
    beside = results / "features.parquet"
    of_features = read_metadata(beside) if beside.is_file() else stated
    for key in ("protein_set_sha256", "annotations_sha256", "saes"):
        if stated.get(key) != of_features.get(key):
            raise UserError(
                f"{path}: its {key} is not that of features.parquet beside it; run the tables "
                "stage again"
            )
    return rows
