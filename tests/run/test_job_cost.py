"""What a job took, as its log says it, beside what the operating system says to its parent."""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from protsae.run.job_cost import JOB, JobCost, cost_line, read_cost

FETCH = "import sys; from protsae.cli import command; sys.exit(command())"


def fetched(folder: Path, **environment: str) -> Path:
    """The log of a job that reads one protein."""
    fasta, log = folder / "one.fasta", folder / "fetch.log"
    fasta.write_text(">P1\nMKVLAT" + "ACDEFGHIKL" * 5 + "\n")
    words = ["fetch", "--input", str(fasta), "--output", str(folder / "proteins")]
    with log.open("wb") as handle:
        subprocess.run(
            [sys.executable, "-c", FETCH, *words],
            stdout=handle,
            stderr=handle,
            check=True,
            env=os.environ | environment,
        )
    return log


def test_a_job_says_what_it_took(tmp_path: Path) -> None:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    cost = read_cost(fetched(tmp_path, **{JOB: "1"}))
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert cost is not None
    # All but how Python begins and ends.
    assert 0.2 * wall < cost.wall < wall
    assert cost.cpu == pytest.approx(cpu, abs=0.4 * cpu)
    assert 2e7 < cost.memory < 3e8


def test_other_commands_say_nothing(tmp_path: Path) -> None:
    log = fetched(tmp_path, **{JOB: ""})
    assert "took" not in log.read_text()
    assert read_cost(log) is None


def test_the_line_is_read_at_the_end_of_a_log_only(tmp_path: Path) -> None:
    cost, log = JobCost(3.25, 2.5, 7e6), tmp_path / "a.log"
    for before, after, expected in (
        ("", "", cost),
        ("note: x\n" * 3000, "\n", cost),
        ("", "\nTerminated\n", None),
        ("it ", "", None),
    ):
        log.write_text(before + cost_line(cost) + after)
        assert read_cost(log) == expected
    assert read_cost(tmp_path / "none.log") is None
