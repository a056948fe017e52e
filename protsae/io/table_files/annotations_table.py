"""Reading annotations.parquet, the labels that UniProt gives residues."""

from pathlib import Path

import pandas as pd

from protsae.errors import UserError
from protsae.io.table_files.parquet import read_table, validate_table
from protsae.schema.protein_tables import ANNOTATIONS


def read_annotations_table(path: str | Path, protein_set: str) -> pd.DataFrame:
    """The annotated intervals, whole and in order.

    Parameters
    ----------
    protein_set : str
        Checksum of the proteins that it is used with.

    Raises
    ------
    UserError
        If the table is not one that `read_table` accepts, or if it is of other proteins.
    """
    found = str(validate_table(path, ANNOTATIONS).get("protein_set_sha256"))
    if found != protein_set:
        raise UserError(
            f"{path}: annotations of protein set {found[:12]}, but the proteins given are "
            f"{protein_set[:12]}; fetch and split again"
        )
    return read_table(path, ANNOTATIONS)
