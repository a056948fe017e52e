"""docs/findings.md says what was found."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.findings import ONEHOT, SAE, SHUFFLED, markdown, verdict

DOCS = Path(__file__).parents[1] / "docs"


def test_tables_are_those_of_the_data() -> None:
    text = (DOCS / "findings.md").read_text()
    for table in markdown(DOCS / "findings"):
        assert table in text, f"put this into docs/findings.md:\n{table}"


@pytest.mark.parametrize(
    ("f1", "low", "q_value", "expected"),
    [
        pytest.param(0.8, 0.6, 0.01, "above", id="its interval lies above all"),
        pytest.param(0.8, 0.6, 0.06, "neither", id="but rotated labels are as good"),
        pytest.param(0.8, 0.4, 0.01, "neither", id="its interval holds another's F1"),
        pytest.param(0.35, 0.3, 0.01, "neither", id="it lies in another's interval"),
        pytest.param(0.25, 0.2, 0.01, "below", id="it lies under another's interval"),
    ],
)
def test_verdict(f1: float, low: float, q_value: float, expected: str) -> None:
    sae = pd.Series({"f1": f1, "f1_low": low, "q_value": q_value}, name=SAE)
    others = pd.DataFrame({"f1": [0.5, 0.1], "f1_low": [0.3, 0.0]}, index=[ONEHOT, SHUFFLED])
    assert verdict(sae, others) == expected
    assert verdict(None, others) == "none"
