"""The proteins of a run with their splits, which every result is about."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from protsae.io.table_files.proteins_table import read_split_proteins, study_stamp


@dataclass(frozen=True)
class Study:
    """Proteins, homology clusters and splits.

    Attributes
    ----------
    proteins : DataFrame
        The table ``proteins``.
    protein_set : str
        Checksum of accessions and sequences.
    """

    proteins: pd.DataFrame
    protein_set: str

    @property
    def order(self) -> list[str]:
        """All accessions, as activations and codes have them."""
        return self.proteins["accession"].tolist()

    def of_split(self, split: str) -> pd.DataFrame:
        """Rows of the table."""
        return self.proteins[self.proteins["split"] == split]

    def names(self, split: str) -> set[str]:
        """Accessions of a split."""
        return set(self.of_split(split)["accession"])

    def stamp(self, annotations: str | Path | None = None) -> dict[str, Any]:
        """What a result is to state of the proteins, splits and annotations (`study_stamp`)."""
        return study_stamp(self.proteins, self.protein_set, annotations)


def read_study(path: str | Path) -> Study:
    """Read proteins.parquet.

    Raises
    ------
    UserError
        As `read_split_proteins`.
    """
    return Study(*read_split_proteins(path))
