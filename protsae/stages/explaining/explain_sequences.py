"""A table of what is active in some sequences, for Python."""

from collections.abc import Mapping
from typing import Literal, get_args

import pandas as pd

from protsae.errors import UserError
from protsae.stages.explaining.explainer import Explainer
from protsae.stages.explaining.given_proteins import named_sequences

ExplainedTable = Literal["segments", "predictions", "residues"]


def explain_sequences(
    explainer: Explainer, sequences: str | Mapping[str, str], table: ExplainedTable
) -> pd.DataFrame:
    """Explain a sequence, or sequences by name.

    Parameters
    ----------
    table : {"segments", "predictions", "residues"}
        Which table.

    Raises
    ------
    UserError
        If there is no such table, or as `named_sequences`.
    """
    if table not in get_args(ExplainedTable):
        raise UserError(f"table={table!r}: expected one of {', '.join(get_args(ExplainedTable))}")
    clean = named_sequences(sequences, "explain")
    found = [getattr(explained, table) for explained in explainer.explained_each(clean.items())]
    return pd.concat(found, ignore_index=True)
