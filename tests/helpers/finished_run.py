"""One whole tiny run by Snakemake, made once for all tests, and the command of each of its jobs."""

import fcntl
import mmap
import os
import re
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch
import yaml
from threadpoolctl import threadpool_limits

from protsae.cli import command, take_blas_buffers
from tests.chaos.levels import LEVEL, QUICK
from tests.helpers.fenced import ROOT
from tests.helpers.forked import plan, start
from tests.helpers.python_module import run_module
from tests.helpers.tiny_esm import save_tiny

LONGEST = 300
"""Seconds that a job may take."""
RESULTS = "results"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
CONFIG = {
    "results": RESULTS,
    "fetch": {"max_length": 199},
    "cache": {"shards": 2},
    "embed": {"model": "esm2_tiny.pt", "layers": [1]},
    "permuted_layers": [1] if LEVEL.damaged > QUICK.damaged else [],
    "trainer": {"batch": 64},
    "train": {
        "topk": {"architecture": "topk", "steps": 20, "expansion": 2, "k": 3},
        "batchtopk": {"architecture": "batchtopk", "steps": 20, "expansion": 2, "k": 3},
        "relu": None,
        "frozen": None,
    },
    "evaluate": {"bootstrap": 20, "masks": 1, "max_proteins": 13, "optimal_codes": 13},
    "probe": {"train_residues": 2000},
    "sparse_probe": {"layers": [1], "saes": [], "sizes": [1, 3], "train_residues": 2000},
    "concepts": {"min_clusters": 2},
    "annotate": {"bootstrap": 20},
    # UMAP compiles for seconds in every job.
    "neighbours": {"map": False},
}
WORDS = ("-s", str(ROOT / "Snakefile"), "--cores", "2", "--configfile")
WORDS += (str(ROOT / "config.yaml"), "tiny.yaml")


@dataclass(frozen=True)
class Job:
    """A job of the run: its rule, its shell command, and its files as paths from the folder."""

    rule: str
    command: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    log: str

    @property
    def threads(self) -> int:
        """As many as its command says, or one."""
        said = re.search(r"--threads (\d+)", self.command)
        return int(said[1]) if said else 1


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
            (folder / "data").symlink_to(ROOT / "data")
            snakemake(folder)
            planned = plan("snakemake", *WORDS, "-n", "--forceall", "-p", cwd=folder)
            (folder / "jobs.txt").write_text(planned.stdout)
            (folder / ".done").touch()
    return folder


def snakemake(folder: Path, *arguments: str) -> None:
    """Run the workflow of this repository to its end, in a folder with data and ``tiny.yaml``."""
    finished = run_module("snakemake", *WORDS, *arguments, cwd=folder)
    assert finished.returncode == 0, finished.stdout + finished.stderr


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


def start_job(job: Job, folder: Path, room: int | None = None) -> ForkServerProcess:
    """Start a job in a folder, in a session of its own; it has imported what all jobs need.

    ``room`` is how many bytes more it may take than it has when it starts.
    """
    return start(_run, job, folder, room)


def run_job(job: Job, folder: Path, room: int | None = None) -> CompletedProcess[str]:
    """Run a job to its end, or until it hangs; ``stdout`` is its log."""
    started = start_job(job, folder, room)
    started.join(LONGEST)
    if started.exitcode is None:
        started.kill()
        started.join()
        raise AssertionError(f"{job.rule} hangs")
    return CompletedProcess([job.rule], started.exitcode, _said(job, folder), "")


def run_command(
    job: Job, folder: Path, before: str = "", wrapper: tuple[str, ...] = ()
) -> CompletedProcess[str]:
    """Run a job as Snakemake does, by its shell command, after the shell commands ``before``."""
    (folder / job.log).unlink(missing_ok=True)
    ended = subprocess.run(
        [*wrapper, "bash", "-c", f"{before}set -euo pipefail; {job.command}"],
        cwd=folder,
        env={
            **os.environ,
            # As Snakemake does: sums by more threads differ in their last digits.
            **dict.fromkeys(THREADS, str(job.threads)),
            "PYTHONPATH": str(ROOT),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
    )
    return CompletedProcess([job.rule], ended.returncode, _said(job, folder), ended.stderr)


def _said(job: Job, folder: Path) -> str:
    log = folder / job.log
    return log.read_text(errors="replace") if log.exists() else ""


def _run(job: Job, folder: Path, room: int | None) -> None:
    os.setsid()
    os.chdir(folder)
    log = os.open(job.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    # The libraries are loaded already, and no longer look for the variables.
    os.environ.update(dict.fromkeys(THREADS, str(job.threads)))
    threadpool_limits(job.threads)
    torch.set_num_threads(job.threads)
    words = re.sub(r" (2>&1 \| tee|>) .*", "", job.command)
    arguments = subprocess.check_output(["bash", "-c", f"printf '%s\\0' {words}"], text=True)
    sys.argv = arguments.split("\0")[:-1]
    take_blas_buffers()  # as the stage does, when it has loaded its libraries
    held = None if room is None else _leave(room)
    status = command()
    del held
    sys.exit(status)


def _leave(room: int) -> mmap.mmap:
    """Take all address space up to protsae's least limit, or what is in use, but ``room`` bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    in_use = pages * resource.getpagesize()
    limit = max(2 << 30, in_use + (64 << 20)) + room
    held = mmap.mmap(-1, limit - in_use - room)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    return held
