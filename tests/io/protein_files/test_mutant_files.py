"""Files of mutants as they come."""

import gzip
import re
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.protein_files.mutant_files import read_mutants


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("A2V\nK3R:L5F\n", id="one a line"),
        pytest.param("# mine\n\na2v\nk3r:l5f", id="comments, lower case, no last line end"),
        pytest.param("A2V\r\nK3R:L5F\r\n", id="CRLF"),
        pytest.param("\ufeffmutant\nA2V\nK3R:L5F\n", id="a byte order mark, one column"),
        pytest.param("mutant,DMS_score\nA2V,0.1\nK3R:L5F,\n", id="CSV"),
        pytest.param('n,"mutant"\r\n1,"A2V"\r\n2,"K3R:L5F"\r\n', id="CSV with quotes, CRLF"),
        pytest.param("score\tMutant\n0.1\tA2V\n0.2\tK3R:L5F\n", id="TSV"),
    ],
)
def test_mutants_of_a_file(content: str, tmp_path: Path) -> None:
    path = tmp_path / "scan"
    for data in (content.encode(), gzip.compress(content.encode())):
        path.write_bytes(data)
        assert [str(mutant) for _, mutant in read_mutants(path)] == ["A2V", "K3R:L5F"]


def test_each_says_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "scan.csv").write_text("mutant,score\n\nA2V,0.1\n")
    assert [where for where, _ in read_mutants(tmp_path / "scan.csv")] == [
        f"{tmp_path / 'scan.csv'}: line 3"
    ]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "scan: no mutants; expected mutants, one a line, or a table with a column 'mutant'"),
        ("mutant,score\n", "scan: no mutants; expected mutants"),
        ("variant,score\nA2V,1\n", "scan: line 1: no column 'mutant'; expected a header"),
        ("score,mutant\n1\n", "scan: line 2: 1 cells; expected a header with 'mutant'"),
        ("A2V\nA2\nW3*\n", "scan: line 2: 'A2' is no mutant; expected the residue"),
        ("A2V\nA2\nW3*\n", "(1 more lines are no mutants)"),
        ("mutant,score\nW3*,0\n", "scan: line 2: W3*: '*' is none of the 20 amino acids"),
    ],
)
def test_one_line_says_what_is_wrong(content: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "scan").write_text(content)
    with pytest.raises(UserError, match=re.escape(line)):
        read_mutants(tmp_path / "scan")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none: no such file; expected mutants, one a line"):
        read_mutants(tmp_path / "none")
