"""Progress on stderr: plain lines in a log, a bar on a terminal."""

import re

import pytest

from protsae.io import progress as module
from protsae.io.progress import progress


def test_an_iterable_passes_through_and_ends_with_one_line(capsys):
    assert list(progress(["a", "b", "c"], "reading", "files")) == ["a", "b", "c"]
    assert capsys.readouterr().err == "reading: 3/3 files in 0 s\n"


def test_an_unknown_total(capsys):
    assert list(progress(iter(range(1200)), "reading", "files")) == list(range(1200))
    assert capsys.readouterr().err == "reading: 1,200 files in 0 s\n"


def test_lines_have_count_rate_and_time_left(capsys, monkeypatch):
    now = iter([0.0, 10.0, 10.0, 10.0, 11.0, 65.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(now))

    with progress(1000, "embedding", "proteins") as shown:
        shown.update(100)  # after 10 s: a line
        shown.update(50)  # after 11 s: none yet

    assert capsys.readouterr().err.splitlines() == [
        "embedding: 100/1,000 proteins, 10.0 proteins/s, 1:30 left",
        "embedding: 150/1,000 proteins in 1:05",
    ]


@pytest.mark.parametrize(
    ("total", "done", "line"),
    [
        pytest.param(None, 30, "reading: 30 files, 3.0 files/s", id="total not known"),
        pytest.param(7, 0, "reading: 0/7 files, 0.0 files/s", id="nothing done"),
        pytest.param(75, 30, "reading: 30/75 files, 3.0 files/s, 15 s left", id="both"),
    ],
)
def test_a_line_says_what_is_left_where_that_is_known(capsys, monkeypatch, total, done, line):
    shown = progress(total, "reading", "files")
    monkeypatch.setattr(shown, "_start", 0.0)
    monkeypatch.setattr(shown, "_last_line", 0.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: 10.0)
    shown.update(done)
    assert capsys.readouterr().err == f"{line}\n"


def test_no_final_line_when_the_work_fails(capsys):
    with pytest.raises(RuntimeError), progress(3, "reading"):
        raise RuntimeError
    assert capsys.readouterr().err == ""


def test_a_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: True)
    with progress(4, "reading", "files") as shown:
        shown.update(4)
    error = capsys.readouterr().err
    assert "\r" in error
    assert re.search(r"reading: 100%.*4/4", error)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (60, "1:00"), (3723, "1:02:03")]
)
def test_clock(seconds, text):
    assert module._clock(seconds) == text
