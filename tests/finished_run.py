"""One whole tiny run by Snakemake, made once for all tests, and the command of each of its jobs."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess, Popen

import pytest
import yaml

from tests.chaos.levels import LEVEL, QUICK
from tests.tiny_esm import save_tiny

ROOT = Path(__file__).parents[1]
RESULTS = "results"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
CONFIG = {
    "results": RESULTS,
    "cache": {"shards": 2},
    "embed": {"model": "esm2_tiny.pt", "layers": [1]},
    "random_layers": [1] if LEVEL.damaged > QUICK.damaged else [],
    "stream": {"batch": 64},
    "train": {
        "topk": {"architecture": "topk", "steps": 20, "expansion": 2, "k": 3},
        "relu": {"architecture": "relu", "steps": 20, "expansion": 2},
    },
    "evaluate": {"bootstrap": 20, "masks": 1, "max_proteins": 13, "sample": 101},
    "probe": {"sample": 2000},
    "annotate": {"bootstrap": 20, "min_clusters": 2},
}


@dataclass(frozen=True)
class Job:
    """A job of the run: its rule, its shell command, and its files as paths from the folder."""

    rule: str
    command: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    log: str


def finished_run(factory: pytest.TempPathFactory) -> Path:
    """Folder of the run, not to be changed; ``results`` in it, beside its configuration."""
    base = factory.getbasetemp()
    # With pytest-xdist the folder above is that of all workers.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished-run"
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".done").exists():
            (folder / "tiny.yaml").write_text(yaml.safe_dump(CONFIG))
            save_tiny(folder)
            snakemake(folder)
            (folder / "jobs.txt").write_text(snakemake(folder, "-n", "--forceall", "-p"))
            (folder / ".done").touch()
    return folder


def snakemake(folder: Path, *arguments: str) -> str:
    """Run the workflow of this repository in a folder; what it printed."""
    data = folder / "data"
    if not data.exists():
        data.symlink_to(ROOT / "data")
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "2"),
            *("--configfile", str(ROOT / "config.yaml"), "tiny.yaml", *arguments),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=1200,
    )
    assert finished.returncode == 0, finished.stdout
    return finished.stdout


def jobs(folder: Path) -> list[Job]:
    """Every job of a finished run that has a command, in the order of the plan."""
    found = []
    for text in re.split(r"\n(?=(?:local)?rule \w+:)", (folder / "jobs.txt").read_text()):
        head = re.match(r"(?:local)?rule (\w+):", text)
        fields = dict(re.findall(r"^    (input|output|log): (.*)$", text, re.MULTILINE))
        command = re.search(r"^(?:Shell command: |    shell:\n        )(.*)$", text, re.MULTILINE)
        if head and command and "log" in fields:
            paths = (tuple(fields.get(key, "").split(", ")) for key in ("input", "output"))
            found.append(Job(head[1], command[1], *paths, fields["log"].split()[0]))
    return found


def copy_run(folder: Path, target: Path) -> Path:
    """A copy of a finished run that may be changed."""
    shutil.copytree(folder, target, symlinks=True, ignore=shutil.ignore_patterns(".snakemake"))
    return target


def start_job(job: Job, folder: Path, before: str = "", wrapper: tuple[str, ...] = ()) -> Popen:
    """Start a job in a folder, in a session of its own, after the shell commands ``before``."""
    (folder / job.log).unlink(missing_ok=True)
    threads = re.search(r"--threads (\d+)", job.command)
    return Popen(
        [*wrapper, "bash", "-c", f"{before}set -euo pipefail; {job.command}"],
        cwd=folder,
        env={
            **os.environ,
            # As Snakemake does: sums by more threads differ in their last digits.
            **dict.fromkeys(THREADS, threads[1] if threads else "1"),
            "PYTHONPATH": str(ROOT),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run_job(
    job: Job, folder: Path, before: str = "", wrapper: tuple[str, ...] = ()
) -> CompletedProcess[str]:
    """Run a job's command to its end; ``stdout`` is its log."""
    started = start_job(job, folder, before, wrapper)
    _, errors = started.communicate(timeout=300)
    log = folder / job.log
    said = log.read_text(errors="replace") if log.exists() else ""
    return CompletedProcess([job.rule], started.returncode, said, errors)
