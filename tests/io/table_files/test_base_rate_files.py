"""Files of base rates: what is read, and one line for each mistake."""

import re
from pathlib import Path

import pandas as pd
import pytest

from protsae.errors import UserError
from protsae.io.table_files.base_rate_files import read_base_rates, write_base_rates

HEADER = "concept\tbase_rate\n"


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rates.tsv"
    rates = pd.DataFrame({"concept": ["SIGNAL", "DOMAIN: a, b"], "base_rate": [1 / 3, 1e-5]})
    write_base_rates(path, rates.assign(n_proteins=7), ["of mine", "in two lines"])
    assert path.read_text().startswith(
        "# of mine\n# in two lines\nconcept\tbase_rate\tn_proteins\n"
    )
    assert read_base_rates(path) == {"SIGNAL": 0.3333, "DOMAIN: a, b": 1e-5}


def test_the_ends_of_the_range_and_columns_in_any_order(tmp_path: Path) -> None:
    text = "note\tbase_rate\tconcept\n\tx\t0\n".replace("\tx\t0", "x\t0\tA") + "#\n\ny\t1\tB\n"
    assert read_base_rates(written(tmp_path / "r.tsv", text)) == {"A": 0, "B": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "A\t1.01\n", "line 2: base_rate is '1.01'; expected a number from 0 to 1"),
        (HEADER + "A\t-0.01\n", "line 2: base_rate is '-0.01'; expected a number from 0 to 1"),
        (HEADER + "A\tnan\n", "line 2: base_rate is 'nan'; expected a number from 0 to 1"),
        (HEADER + "A\tmany\n", "line 2: base_rate is 'many'; expected a number from 0 to 1"),
        (HEADER + "A\t0.1\nA\t0.2\n", "line 3: concept 'A' occurs twice; remove one"),
        (HEADER + "A\t0.1\t3\n", "line 2: 3 values; expected 2"),
        ("concept\trate\nA\t0.1\n", "line 1: no column 'base_rate'; expected a header with"),
        (HEADER, "no base rates; expected a line for each concept"),
        ("", "no base rates; expected a line for each concept"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path / "r.tsv", text)
    with pytest.raises(UserError, match=f"^{re.escape(str(path))}: {re.escape(message)}"):
        read_base_rates(path)
