"""evaluation.json: the scores of one SAE."""

from pathlib import Path
from typing import Any

from protsae.errors import UserError
from protsae.io.json_files import read_document, write_document
from protsae.schema.saes.evaluation_tables import EVALUATION

HISTOGRAM = "density_histogram"
"""Key of the one score that is no column of the evaluation table."""


def write_evaluation(path: str | Path, document: dict[str, Any]) -> None:
    """Write the scores, and what they were computed from, with the version of the table."""
    stamp = {
        "stage": "evaluate",
        "table": EVALUATION.name,
        "table_version": EVALUATION.version,
    }
    write_document(path, {**document, **stamp})


def read_evaluation(path: str | Path) -> dict[str, Any]:
    """All that `write_evaluation` wrote.

    Raises
    ------
    UserError
        As `read_document`, or if it is of another version or lacks a score.
    """
    document = read_document(path)
    found = document.get("table"), document.get("table_version")
    missing = [name for name in (*EVALUATION.names, HISTOGRAM) if name not in document]
    if found != (EVALUATION.name, EVALUATION.version) or missing:
        lacks = f"; no {', '.join(map(repr, missing))}" if missing else ""
        raise UserError(
            f"{path}: holds {found[0]}, version {found[1]}{lacks}; expected {EVALUATION.name}, "
            f"version {EVALUATION.version} (docs/tables.md); run the evaluate stage again"
        )
    return document
