"""Predicted concepts as files, protein by protein: Parquet, text and JSON."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from protsae.io.atomic import atomic_path
from protsae.io.table_files.growing_tables import GrowingTable, growing_table
from protsae.schema.explained.prediction_tables import PREDICTIONS, RESIDUES
from protsae.schema.table import records
from protsae.stages.explaining.explainer import Explained

DOCUMENT = "predictions.json"


class PredictionWriter:
    """Takes what is predicted in one protein after another; made by `open_predictions`."""

    def __init__(self, predictions: GrowingTable, residues: GrowingTable, text: TextIO) -> None:
        self._predictions, self._residues, self._text = predictions, residues, text
        self._before = "[\n"

    def append(self, explained: Explained) -> None:
        """Write the predictions of a protein."""
        self._predictions.append(explained.predictions)
        self._residues.append(explained.residues)
        document = json.dumps(protein_document(explained), ensure_ascii=False, allow_nan=False)
        self._text.write(self._before + document)
        self._before = ",\n"

    def close(self) -> None:
        """End the JSON document."""
        self._text.write(("[" if self._before == "[\n" else "\n") + "]\n")


@contextmanager
def open_predictions(folder: Path, metadata: Mapping[str, Any]) -> Iterator[PredictionWriter]:
    """Write predictions and residues as tables, and predictions.json; they appear at the end."""
    with ExitStack() as stack:
        predictions, residues = (
            stack.enter_context(growing_table(folder, table, metadata))
            for table in (PREDICTIONS, RESIDUES)
        )
        path = stack.enter_context(atomic_path(folder / DOCUMENT))
        text = stack.enter_context(path.open("w", encoding="utf-8", newline="\n"))
        writer = PredictionWriter(predictions, residues, text)
        yield writer
        writer.close()


def protein_document(explained: Explained) -> dict[str, Any]:
    """A protein and the concepts predicted in it, as JSON: each with its feature and segments."""
    concepts = []
    for _, rows in groupby(records(explained.predictions), itemgetter("concept")):
        own = list(rows)
        segments = [{name: _value(row[name]) for name in _OF_SEGMENT} for row in own]
        concepts.append({**{n: _value(own[0][n]) for n in _OF_CONCEPT}, "segments": segments})
    return {
        "protein": explained.name,
        "length": len(explained.sequence),
        "sequence": explained.sequence,
        "concepts": concepts,
    }


_OF_CONCEPT = (
    *("concept", "label", "calibration", "assumed_base_rate", "base_rate_from"),
    *("look_alike_rate", "layer", "variant", "feature", "valid_f1", "f1", "f1_low", "f1_high"),
    *("q_value", "verdict", "best_baseline", "best_baseline_f1"),
    *("stability", "random_stability", "recurs"),
)
_OF_SEGMENT = (
    *("start", "end", "peak", "probability", "probability_low", "probability_high"),
    *("look_alike", "expected_residues", "activation"),
)


def _value(value: Any) -> Any:
    """As JSON has it: numbers with four significant digits, None where there is none."""
    if pd.isna(value):
        return None
    return float(f"{value:.4g}") if isinstance(value, float) else value
