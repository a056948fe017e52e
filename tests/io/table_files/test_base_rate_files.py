from pathlib import Path

import pandas as pd
import pytest

from protsae.errors import UserError
from protsae.io.table_files.base_rate_files import read_base_rates, write_base_rates

HEADER = "concept\tbase_rate\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rates.tsv"
    path.write_text(text)
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rates.tsv"
    table = pd.DataFrame(
        {"concept": ['BINDING: "x"', "SIGNAL"], "base_rate": [1 / 3, 0], "n_known": [3, 7]}
    )
    write_base_rates(path, table, ["of mine", "7 proteins"])
    assert path.read_text().startswith("# of mine\n# 7 proteins\nconcept\tbase_rate\tn_known\n")
    assert read_base_rates(path) == {'BINDING: "x"': 0.3333, "SIGNAL": 0.0}


def test_columns_in_any_order_and_others_beside_them(tmp_path: Path) -> None:
    path = written(tmp_path, "# x\n\nbase_rate\tn\tconcept\n0.5\t7\tSIGNAL\n")
    assert read_base_rates(path) == {"SIGNAL": 0.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "concept,base_rate\nSIGNAL,1\n",
            "line 1: no column 'concept', 'base_rate'; expected a header with concept and "
            "base_rate, separated by tabs (docs/tables.md)",
            id="commas",
        ),
        pytest.param(
            HEADER + "x" * 200_000 + "\t0.5\n",
            "line 2: field larger than field limit (131072); expected cells separated by tabs",
            id="a-huge-cell",
        ),
        pytest.param(
            "# a\n" + HEADER + "SIGNAL\t1.5\n",
            "line 3: base_rate is '1.5'; expected a number from 0 to 1",
            id="per cent",
        ),
        pytest.param(
            HEADER + "SIGNAL\tnan\n",
            "line 2: base_rate is 'nan'; expected a number from 0 to 1",
            id="not a number",
        ),
        pytest.param(
            HEADER + "SIGNAL\t\n",
            "line 2: base_rate is ''; expected a number from 0 to 1",
            id="empty",
        ),
        pytest.param(HEADER + "SIGNAL\n", "line 2: 1 values; expected 2", id="short"),
        pytest.param(
            HEADER + "A\t0\nB\t0\nA\t1\n",
            "line 4: concept 'A' occurs twice; remove one",
            id="twice",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UserError) as error:
        read_base_rates(path)
    assert str(error.value) == f"{path}: {message}"


def test_no_rates_and_no_file(tmp_path: Path) -> None:
    path = written(tmp_path, "# nothing\n")
    with pytest.raises(UserError, match="no base rates; expected a line for each concept"):
        read_base_rates(path)
    with pytest.raises(UserError, match="no such file; expected a tab-separated table"):
        read_base_rates(tmp_path / "none.tsv")
