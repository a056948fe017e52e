"""Section on the features that other seeds find, too, and those that they do not."""

from typing import Any

import pandas as pd

from protsae.features.recurrence import by_recurrence
from protsae.report.layer_names import layer_names

NAMES = {1: "recur", 0: "do not recur"}
"""Of the values of ``recurs``; where it is empty, nothing is known."""


def recurrence_section(features: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of the table: of each SAE with several seeds, features by whether they recur.

    Examples
    --------
    >>> recurrence_section(pd.DataFrame({"stability_cosine": [None], "q_value": [0.01],
    ...     "defined_by_sequence": [0], "f1": [0.5], "model": ["esm2"], "layer": [1],
    ...     "variant": ["topk"], "recurs": [None], "feature": [0], "verdict": [None],
    ...     "variance_share": [None]}))
    []
    """
    rows = by_recurrence(features)
    places = layer_names(list(zip(rows["model"], rows["layer"], strict=True)))
    words = [NAMES.get(value, "in too few clusters") for value in rows["recurs"].fillna(-1)]
    table = rows.assign(place=places, words=words).drop(columns="recurs").astype(object)
    shown = table.where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in shown]
