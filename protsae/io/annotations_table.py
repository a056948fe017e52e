"""Reading annotations.parquet, the labels that UniProt gives residues."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from protsae.errors import UserError
from protsae.io.conformed import validate_version
from protsae.io.tables import read_table
from protsae.tables_schema import ANNOTATIONS

COLUMNS = ("accession", "type", "description", "start", "end", "evidence", "certain")


def read_annotations_table(path: str | Path) -> pd.DataFrame:
    """The annotated stretches, whole and in order.

    Raises
    ------
    UserError
        If the table is missing, is no table of protsae or another one, or is of a release that
        dropped features without exact ends, so that their residues would pass for negatives.
    """
    validate_version(path, ANNOTATIONS)
    if "certain" not in pq.read_schema(path).names:
        raise UserError(
            f"{path}: no column 'certain', as older releases of protsae wrote it; run the fetch "
            "stage again"
        )
    return read_table(path, COLUMNS)
