"""evaluation.json is of this version and has every score."""

from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.json_files import write_document
from protsae.io.saes.evaluations import HISTOGRAM, read_evaluation, write_evaluation
from protsae.schema.saes.evaluation_tables import EVALUATION

SCORES = dict.fromkeys((*EVALUATION.names, HISTOGRAM), 1)
STAMP = {"table": EVALUATION.name, "table_version": EVALUATION.version}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "e.json", SCORES)
    assert read_evaluation(tmp_path / "e.json") == {**SCORES, **STAMP, "stage": "evaluate"}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({**SCORES, **STAMP, "table_version": 1}, f"holds {EVALUATION.name}, version 1; expected"),
        ({**SCORES, **STAMP, "table": "other"}, "holds other, version"),
        ({}, "holds None, version None; no 'model', "),
        (
            {**dict.fromkeys(EVALUATION.names, 1), **STAMP},
            f"version {EVALUATION.version}; no '{HISTOGRAM}'; expected",
        ),
    ],
)
def test_other_documents(tmp_path: Path, document: dict[str, object], message: str) -> None:
    path = tmp_path / "e.json"
    write_document(path, document)
    with pytest.raises(UserError, match=message):
        read_evaluation(path)
