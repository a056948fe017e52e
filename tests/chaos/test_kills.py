"""Stages and Snakemake killed at random moments: the next run ends with the same bytes."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from protsae.run.verify_run import verify_run
from tests.chaos.levels import LEVEL, shares, told
from tests.helpers.finished_run import (
    RESULTS,
    ROOT,
    WORDS,
    Job,
    copy_run,
    finished_run,
    jobs,
    run_job,
    snakemake,
    start_job,
)

LOGS = (f"{RESULTS}/logs", f"{RESULTS}/benchmarks")
OF_SNAKEMAKE = 20
"""One kill in so many is of Snakemake and all that it has started."""
SECONDS: dict[str, float] = {}
"""How long the jobs of each rule took when they were timed."""


@pytest.mark.parametrize(("part", "n_kills"), shares(LEVEL.kills - LEVEL.kills // OF_SNAKEMAKE))
def test_killed_stages_are_run_again(
    part: int,
    n_kills: int,
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    record_property: Callable[..., None],
) -> None:
    finished = finished_run(tmp_path_factory)
    run = copy_run(finished, tmp_path / "run")
    draw = random.Random(part)
    plan = jobs(finished)
    rules = sorted({job.rule for job in plan})
    draw.shuffle(rules)
    counts: Counter[str] = Counter()
    faults: list[str] = []
    for number in range(n_kills):
        rule = rules[number % len(rules)]
        job = draw.choice([job for job in plan if job.rule == rule])
        seconds = draw.uniform(0, _seconds(job, run))
        for name in job.outputs:
            (run / name).unlink()
        is_whole = _kill(job, run, seconds)
        counts["before its end" if is_whole else "too late"] += 1
        ended = run_job(job, run)
        if ended.returncode:
            faults.append(f"{rule}: {ended.stdout[-2000:]}")
        faults += [
            f"{rule}: {name} differs" for name in job.outputs if _differs(finished, run, name)
        ]
        faults += [f"{rule} leaves {path}" for path in (run / RESULTS).rglob(".*")]
    record_property("counts", told(f"{counts.total()} stages killed", counts))
    assert not faults, "\n".join(faults)
    assert counts["before its end"] > counts.total() // 5


@pytest.mark.skipif(
    LEVEL.kills < OF_SNAKEMAKE, reason="too few kills at this level: run make test-chaos"
)
@pytest.mark.parametrize("number", range(LEVEL.kills // OF_SNAKEMAKE))
def test_a_killed_snakemake_goes_on(
    number: int,
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    record_property: Callable[..., None],
) -> None:
    finished = finished_run(tmp_path_factory)
    for name in ("tiny.yaml", "esm2_tiny.pt", "esm2_tiny-contact-regression.pt"):
        shutil.copy(finished / name, tmp_path)
    (tmp_path / "data").symlink_to(ROOT / "data")
    started = subprocess.Popen(
        [sys.executable, "-m", "snakemake", *WORDS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(random.Random(number).uniform(5, 60))
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    n_left = sum(path.is_file() for path in (tmp_path / RESULTS).rglob("*"))
    snakemake(tmp_path, "--unlock")
    snakemake(tmp_path, "--rerun-incomplete")
    assert verify_run(tmp_path / RESULTS, 2).problems == []
    for path in sorted((finished / RESULTS).rglob("*")):
        name = str(path.relative_to(finished))
        if path.is_file() and not name.startswith(LOGS):
            assert not _differs(finished, tmp_path, name), name
    record_property("counts", f"Snakemake killed when there were {n_left} files")


def _kill(job: Job, run: Path, seconds: float) -> bool:
    """Kill a job's whole session so long after its start; whether it was still running."""
    started = start_job(job, run)
    started.join(seconds)
    is_running = started.exitcode is None
    if is_running and started.pid is not None:
        with suppress(ProcessLookupError):  # not yet a session of its own
            os.killpg(started.pid, signal.SIGKILL)
        started.kill()
    started.join()
    return is_running


def _seconds(job: Job, run: Path) -> float:
    """How long a job of this rule takes when nothing kills it."""
    if job.rule not in SECONDS:
        start = time.perf_counter()
        run_job(job, run)
        SECONDS[job.rule] = time.perf_counter() - start
    return SECONDS[job.rule]


def _differs(finished: Path, run: Path, name: str) -> bool:
    found = run / name
    return not found.is_file() or found.read_bytes() != (finished / name).read_bytes()
