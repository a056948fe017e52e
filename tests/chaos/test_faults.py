"""Full disks, limits and folders that cannot be written: one line, nothing left, and it goes on."""

import os
import random
import re
import shlex
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.levels import LEVEL, told
from tests.helpers.finished_run import (
    RESULTS,
    Job,
    copy_run,
    finished_run,
    jobs,
    run_command,
    run_job,
)

NO_MEMORY = "no memory"
"""All is taken but a little when the stage starts; its libraries are loaded by then."""
NEED_MOUNTS = {"full disk", "read-only folder"}
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
"""A process that may mount, and whose mounts end with it."""
CAN_MOUNT = not subprocess.run(
    [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
).returncode

Fault = Callable[[Job, Path, random.Random], tuple[str, tuple[str, ...]] | None]
"""Shell commands that bring a job into trouble, and what wraps it; None where that cannot be."""


def full_disk(job: Job, run: Path, draw: random.Random) -> tuple[str, tuple[str, ...]] | None:
    """A disk of the outputs that holds only a part of them."""
    folder = _own_folder(job, run)
    if not CAN_MOUNT or folder is None:
        return None
    size = sum((run / name).stat().st_size for name in job.outputs)
    kilobytes = max(4, round(draw.uniform(0, 0.8) * size / 1024))
    mount = f"mount -t tmpfs -o size={kilobytes}k tmpfs {shlex.quote(str(folder))} || exit 99; "
    return mount, NAMESPACE


def read_only(job: Job, run: Path, draw: random.Random) -> tuple[str, tuple[str, ...]] | None:
    """A folder of the outputs that cannot be written."""
    folder = _own_folder(job, run)
    if not CAN_MOUNT or folder is None:
        return None
    return f"mount -t tmpfs -o ro tmpfs {shlex.quote(str(folder))} || exit 99; ", NAMESPACE


def file_limit(job: Job, run: Path, draw: random.Random) -> tuple[str, tuple[str, ...]] | None:
    """No file may be longer than a part of the longest output."""
    longest = max((run / name).stat().st_size for name in job.outputs)
    blocks = round(draw.uniform(0.1, 0.9) * longest / 1024)
    return (f"ulimit -f {blocks}; ", ()) if blocks >= 2 else None  # the log takes one


EVERY: dict[str, Fault] = {
    "full disk": full_disk,
    "file-size limit": file_limit,
    "read-only folder": read_only,
}


def test_faults_are_told_in_one_line_and_survived(
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    record_property: Callable[..., None],
) -> None:
    finished = finished_run(tmp_path_factory)
    run = copy_run(finished, tmp_path / "run")
    draw = random.Random(2)
    plan = jobs(finished)
    counts: Counter[str] = Counter()
    faults: list[str] = []
    kinds = [*EVERY, NO_MEMORY]
    for number in range(LEVEL.faults):
        kind = kinds[number % len(kinds)]
        if kind in NEED_MOUNTS and not CAN_MOUNT:
            counts[f"{kind}, not possible here"] += 1
            continue
        trouble = None
        while trouble is None:
            job = draw.choice(plan)
            trouble = ("", ()) if kind == NO_MEMORY else EVERY[kind](job, run, draw)
        for name in job.outputs:
            (run / name).unlink()
        if kind == NO_MEMORY:
            ended = run_job(job, run, room=draw.randrange(1 << 20, 200 << 20))
        else:
            ended = run_command(job, run, *trouble)
        what = f"{job.rule}, {kind}: exits {ended.returncode}: {ended.stdout[-1500:]}{ended.stderr}"
        # Where threads find no memory either, Python begins the line with words of its own.
        lines = [line for line in ended.stdout.splitlines() if re.search(r"protsae [a-z]+: ", line)]
        # OpenBLAS ends the process itself, with a line of its own and exit status 1.
        by_signal = (
            ended.returncode < 0 or ended.returncode > 128 or "OpenBLAS error" in ended.stdout
        )
        if kind == NO_MEMORY and (by_signal or ended.returncode == 0):
            counts[f"{kind}: killed or enough"] += 1
        elif ended.returncode != 2 or len(lines) != 1 or "Traceback" in ended.stdout:
            faults.append(what)
        else:
            counts[kind] += 1
        again = run_job(job, run)
        if again.returncode:
            faults.append(f"{what}\nand then: {again.stdout[-1500:]}")
        for name in job.outputs:
            if (run / name).read_bytes() != (finished / name).read_bytes():
                faults.append(f"{what}\nand then: {name} differs")
        faults += [f"{what}\nleaves {path}" for path in (run / RESULTS).rglob(".*")]
    record_property("counts", told(f"{LEVEL.faults} faults", counts))
    assert not faults, "\n\n".join(faults)
    assert counts["file-size limit"] > 0


def _own_folder(job: Job, run: Path) -> Path | None:
    """The folder of a job's outputs, if all are in it and none of what it reads."""
    folders = {(run / name).parent for name in job.outputs}
    folder = Path(os.path.commonpath([run / name for name in job.outputs])) if folders else run
    folder = folder if folder.is_dir() else folder.parent
    reads = [run / name for name in (*job.inputs, job.log) if name]
    return None if any(path.is_relative_to(folder) for path in reads) else folder
