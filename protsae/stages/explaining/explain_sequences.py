"""A table of what is active in some sequences, for Python."""

from collections.abc import Mapping
from typing import Literal

import pandas as pd

from protsae.errors import UserError
from protsae.stages.explaining.explainer import Explainer
from protsae.stages.explaining.given_proteins import ALONE, checked_sequence

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
        If there is none, or one is empty or has another character than letters.
    """
    named = {ALONE: sequences} if isinstance(sequences, str) else sequences
    if not named:
        raise UserError("no sequences to explain; give one, or a mapping of names to them")
    clean = {name: checked_sequence(sequence, name) for name, sequence in named.items()}
    found = [getattr(explained, table) for explained in explainer.explained_each(clean.items())]
    return pd.concat(found, ignore_index=True)
