"""Notes and reasons in logs."""

from pathlib import Path

from protsae.one_line import note
from protsae.screen.job_logs import read_notes, read_reason


def test_notes(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(
        f"a\n  {note('one')}\n{note('two')}\n{note('one')}\nnot a note: b\n\xff".encode()
    )
    assert read_notes(str(path)) == ["one", "two"]
    assert read_notes(str(tmp_path / "none")) == []
    assert read_notes("") == []


def test_reasons(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("Traceback\n  File x\nValueError: no\n\n")
    assert read_reason(str(path)) == "no reason given, killed perhaps; its log ends: ValueError: no"
    path.write_text("protsae train: k is too large\nslurmstepd: error\n")
    assert read_reason(str(path)) == "protsae train: k is too large"
    path.write_text("")
    assert read_reason(str(path)).startswith(f"{path} says nothing")
