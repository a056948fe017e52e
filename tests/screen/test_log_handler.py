"""The screen from hand-written records of Snakemake, on a file and on a terminal."""

import io
import logging
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from protsae.screen.log_handler import RESULTS, LogHandler

SETTINGS = {
    **{"printshellcmds": False, "nocolor": True, "quiet": None, "debug_dag": False},
    **{"verbose": False, "show_failed_logs": True, "stdout": False, "dryrun": False},
}


class Stream(io.StringIO):
    """A file, or a terminal."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> "Screen":
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "xterm")
    return Screen(monkeypatch)


class Screen:
    """A handler and what it has written; ``tell`` passes it one record."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.now = 1000.0

    def open(self, is_terminal: bool = False, **settings: Any) -> LogHandler:
        self.stream = Stream(is_terminal)
        self._monkeypatch.setattr(sys, "stderr", self.stream)
        self._monkeypatch.setattr(sys, "stdout", self.stream)
        self.handler = LogHandler(SimpleNamespace(**SETTINGS | settings), None)
        return self.handler

    def tell(self, event: LogEvent | None = None, text: str = "", level: int = 20, **fields: Any):
        record = logging.LogRecord("snakemake", level, "", 0, text, (), None)
        self.now += 10
        record.created = self.now
        vars(record).update(fields, **({"event": event} if event else {}))
        self.handler.emit(record)

    def begin(self, jobid: int, rule: str, log: str, **wildcards: str) -> None:
        self.tell(
            LogEvent.JOB_INFO,
            jobid=jobid,
            rule_name=rule,
            log=[log],
            wildcards=wildcards,
            reason="",
        )

    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


def test_a_run_in_a_file(screen: Screen) -> None:
    screen.open()
    Path("split.log").write_text("train: 5\nnote: 3 of 7 concepts will be scored\n")
    for shard in "01":
        Path(f"embed{shard}.log").write_text("note: 2 J read as X\n")
    screen.tell(text="results: out", **{RESULTS: "out"})
    screen.tell(text="Building DAG of jobs...")
    screen.tell(LogEvent.RUN_INFO, stats={"all": 1, "split": 1, "embed_shard": 2, "total": 4})
    screen.begin(1, "split", "split.log")
    screen.tell(LogEvent.JOB_FINISHED, job_id=1)
    for shard in "01":
        screen.begin(2 + int(shard), "embed_shard", f"embed{shard}.log", model="m", shard=shard)
    for number in (2, 3):
        screen.tell(LogEvent.JOB_FINISHED, job_id=number)
    screen.begin(4, "all", "")
    screen.tell(LogEvent.JOB_FINISHED, job_id=4)
    screen.tell(text="Complete log(s): " + str(Path.cwd() / ".snakemake/log/x.log"))
    screen.handler.close()
    screen.handler.close()  # logging closes it once more when Python ends
    *lines, end, log = screen.lines()
    assert lines == [
        "to do: 3 jobs in 2 stages: split, embed",
        "split        1 of 1 job    done in 10 s   less than a minute left",
        "  split: 3 of 7 concepts will be scored",
        "  embed: 2 J read as X",
        "embed        2 of 2 jobs   done in 30 s",
    ], "each note once, when it is first seen"
    assert end.startswith("3 jobs done in ")
    assert log == "Full log: .snakemake/log/x.log"


def test_a_job_that_fails_says_why(screen: Screen) -> None:
    screen.open()
    Path("train.log").write_text("training\nprotsae train: k = 9 exceeds the 7 features\n")
    screen.tell(LogEvent.RUN_INFO, stats={"train_saes": 2, "total": 2})
    screen.begin(1, "train_saes", "train.log", model="esm2", layer="03")
    error = "RuleException:\nCalledProcessError in file x.smk, line 3:\nCommand 'long'"
    screen.tell(LogEvent.ERROR, error, level=logging.ERROR, exception="RuleException")
    screen.tell(LogEvent.JOB_ERROR, "", 40, jobid=1, rule_name="train_saes", log=["train.log"])
    screen.tell(text="Exiting because a job execution failed. Look above", level=logging.ERROR)
    screen.handler.close()
    assert screen.lines()[1:4] == [
        "FAILED: train, esm2 layer 3",
        "  protsae train: k = 9 exceeds the 7 features",
        "  log: train.log",
    ]
    assert screen.lines()[4].startswith("0 of 2 jobs done in ")
    assert screen.lines()[4].endswith("; run it again to go on from here")
    assert len(screen.lines()) == 5


def test_an_error_of_the_workflow_is_told_in_full_and_once(screen: Screen) -> None:
    screen.open()
    for _ in range(2):
        screen.tell(LogEvent.ERROR, "LockException:\nunlock it " + "x " * 60, level=logging.ERROR)
    screen.handler.close()
    assert screen.lines()[0] == "LockException:"
    assert " ".join(screen.lines()[1:]).split() == ["unlock", "it", *"x" * 60]
    assert max(map(len, screen.lines())) <= 100


def test_a_terminal_shows_the_stages_and_keeps_the_notes(screen: Screen) -> None:
    screen.open(is_terminal=True)
    Path("split.log").write_text("note: 3 of 7 concepts will be scored\n")
    screen.tell(LogEvent.RUN_INFO, stats={"split": 1, "embed_shard": 2, "total": 3})
    screen.begin(1, "split", "split.log")
    assert "split        0 of 1 job    now: the whole run\n" in screen.stream.getvalue()
    screen.tell(LogEvent.JOB_FINISHED, job_id=1)
    screen.begin(2, "embed_shard", "none.log", model="m", shard="0001")
    screen.handler.close()
    left = shown(screen.stream.getvalue())
    assert left[:2] == [
        "to do: 3 jobs in 2 stages: split, embed",
        "  split: 3 of 7 concepts will be scored",
    ]
    assert len(left) == 3, "lines on progress are gone at the end"


def shown(written: str) -> list[str]:
    """What a terminal shows of it: each "n lines up and clear" takes n lines away."""
    lines: list[str] = []
    for n, text in re.findall(r"(?:\x1b\[(\d+)A\x1b\[J)?([^\x1b]*)", written):
        lines = lines[: len(lines) - int(n or 0)] + text.splitlines()
    return lines


def test_a_dry_run_is_a_table(screen: Screen) -> None:
    screen.open(dryrun=True, stdout=True)
    screen.tell(LogEvent.RUN_INFO, stats={"all": 1, "train_saes": 9, "total": 10})
    reason = "Missing output files: a, b; Params have changed since last execution"
    for number in range(9):
        screen.tell(
            LogEvent.JOB_INFO,
            **{"jobid": number, "rule_name": "train_saes", "log": [], "wildcards": {}},
            reason=reason,
        )
    screen.handler.close()
    assert screen.lines() == [
        "would run (dry run, nothing is made):",
        "train_saes        9  missing output files, params have changed since last execution",
        "all               1",
        "total            10",
    ]


def test_nothing_to_do(screen: Screen) -> None:
    screen.open()
    screen.tell(text="results: out", **{RESULTS: "out"})
    screen.tell(text="Nothing to be done (all requested files are present and up to date).")
    screen.handler.close()
    assert screen.lines() == [
        "nothing to do: what is asked for is there and up to date",
        "what was found: protsae summary out",
    ]


def test_what_is_no_run_is_what_snakemake_says(screen: Screen) -> None:
    screen.open()
    screen.tell(text="Building DAG of jobs...")
    screen.tell(text="Unlocked working directory.")
    screen.handler.close()
    assert screen.lines() == ["Unlocked working directory."]


@pytest.mark.parametrize("asked", ["verbose", "printshellcmds", "debug_dag"])
def test_snakemakes_own_output_comes_back(screen: Screen, asked: str) -> None:
    handler = screen.open(**{asked: True})
    screen.tell(LogEvent.RUN_INFO, stats={"fetch": 1})
    handler.close()
    assert not handler.writes_to_stream
    assert screen.lines() == []


def test_quiet_runs_show_only_what_matters(screen: Screen) -> None:
    screen.open(quiet={"progress"})
    Path("f.log").write_text("note: 1 protein dropped\n")
    screen.tell(LogEvent.RUN_INFO, stats={"fetch": 1, "total": 1})
    screen.begin(1, "fetch", "f.log")
    screen.tell(LogEvent.JOB_FINISHED, job_id=1)
    assert screen.lines() == ["  fetch: 1 protein dropped"]
    screen.handler.close()
