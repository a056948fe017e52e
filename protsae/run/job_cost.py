"""What a job of the workflow took: the last line of its log."""

import os
import re
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

JOB = "PROTSAE_JOB"
"""Variable of the environment that the Snakefile sets: a command then ends by its cost."""

_LINE = re.compile(r"took ([\d.]+) s, ([\d.]+) s of processor time, ([\d.]+) MB of memory")
_TAIL = 4096
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class JobCost:
    """What a process and those that it waited for took.

    Attributes
    ----------
    wall, cpu : float
        Seconds: by the clock, and of processor time, user and system.
    memory : float
        Bytes: the largest resident set of any one of the processes.
    """

    wall: float
    cpu: float
    memory: float


def cost_until_now(began: float) -> JobCost:
    """Of this process; `began` is when it did, by `time.monotonic`."""
    times = os.times()
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _RSS_UNIT
    return JobCost(time.monotonic() - began, sum(times[:4]), max(_own_peak(), children))


def _own_peak() -> int:
    """Bytes of the largest resident set.

    On Linux that of `getrusage` is at least what the parent had when it began this process.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def cost_line(cost: JobCost) -> str:
    """The line of the log.

    Snakemake's own benchmark files would not do: it looks at a job every 30 s, so that the
    processor time of one of 44 s is that of its first 15, and a peak between two looks is missed.

    Examples
    --------
    >>> cost_line(JobCost(7.04, 7.968, 1.1e9))
    'took 7.04 s, 7.97 s of processor time, 1100 MB of memory'
    """
    return (
        f"took {cost.wall:.2f} s, {cost.cpu:.2f} s of processor time, "
        f"{cost.memory / 1e6:.0f} MB of memory"
    )


def read_cost(log: Path) -> JobCost | None:
    """The cost that a log ends with; None if it ends otherwise, as that of a killed job does."""
    try:
        with log.open("rb") as handle:
            handle.seek(max(0, log.stat().st_size - _TAIL))
            lines = handle.read().decode(errors="replace").splitlines()
    except OSError:
        return None
    found = _LINE.fullmatch(lines[-1]) if lines else None
    if not found:
        return None
    wall, cpu, megabytes = map(float, found.groups())
    return JobCost(wall, cpu, megabytes * 1e6)
