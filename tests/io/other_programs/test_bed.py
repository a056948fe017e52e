from pathlib import Path

import pytest
from Bio import Align

from protsae.io.other_programs.bed import LONGEST_NAME, bed_line, escaped


def test_biopython_reads_it(tmp_path: Path) -> None:
    """Its parser of BED: target, interval, name, score and the thick part."""
    path = tmp_path / "x.bed"
    path.write_text(
        bed_line("P1", 2, 9, 5, "TRANSMEM: Helical|6/topk/2", 0.5)
        + bed_line("Q2", 11, 11, 11, "6/topk/3", 0.0)
    )
    with path.open() as file:
        first, second = Align.parse(file, "bed")
    assert (first.target.id, first.query.id) == ("P1", "TRANSMEM:_Helical|6/topk/2")
    assert first.coordinates[0].tolist() == [1, 9]
    assert (first.score, first.thickStart, first.thickEnd) == (500, 4, 5)
    assert (second.target.id, second.score) == ("Q2", 0)
    assert second.coordinates[0].tolist() == [10, 11]
    assert (second.thickStart, second.thickEnd) == (10, 11)


@pytest.mark.parametrize(("score", "written"), [(0.0, "0"), (0.9996, "1000"), (1.5, "1000")])
def test_scores_are_0_to_1000(score: float, written: str) -> None:
    assert bed_line("P1", 1, 1, 1, "x", score).split("\t")[4] == written


def test_no_name_breaks_a_line() -> None:
    line = bed_line("a b\tc", 1, 2, 1, "x" * 999 + "\n", 1.0)
    fields = line.removesuffix("\n").split("\t")
    assert fields[0] == "a_b%09c"
    assert fields[3] == "x" * LONGEST_NAME
    assert len(fields) == 8
    assert escaped("\x7f\n") == "%7F%0A"
