"""What the stages of a run took: from the last line of every job's log."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from protsae.run.job_cost import JobCost, read_cost
from protsae.run.layout import STAGES
from protsae.screen.wording import count, duration

COLUMNS = 2
"""Stages beside each other on the page."""


@dataclass(frozen=True)
class StageCost:
    """What the jobs of a stage took.

    Attributes
    ----------
    stage : str
    n_jobs : int
    wall, cpu : float
        Seconds, summed over jobs: by the clock, and of processor time.
    memory : float
        Bytes, the largest resident set of a job.
    """

    stage: str
    n_jobs: int
    wall: float
    cpu: float
    memory: float


def stage_jobs(results: Path) -> dict[str, list[JobCost]]:
    """What each finished job took, by stage, in the order of the pipeline."""
    folder = results / "logs"
    found = {}
    for stage in STAGES:
        paths = [folder / f"{stage}.log", *sorted((folder / stage).rglob("*.log"))]
        costs = [cost for path in paths if (cost := read_cost(path)) is not None]
        if costs:
            found[stage] = costs
    return found


def read_costs(results: Path) -> list[StageCost]:
    """What each stage with a finished job took, in the order of the pipeline."""
    return [
        StageCost(
            stage,
            len(jobs),
            sum(job.wall for job in jobs),
            sum(job.cpu for job in jobs),
            max(job.memory for job in jobs),
        )
        for stage, jobs in stage_jobs(results).items()
    ]


def cost_lines(costs: Sequence[StageCost]) -> list[str]:
    """Time and memory of the stages, and of the run; empty if nothing was measured.

    Examples
    --------
    >>> costs = [StageCost("fetch", 1, 2, 1, 150e6), StageCost("train", 9, 150, 110, 1.2e9)]
    >>> for line in cost_lines(costs):
    ...     print(line)
    Processor time and most memory of a job: 1 min 51 s, 1.2 GB
      fetch          1 job         1 s    0.1 GB    train         9 jobs  1 min 50 s    1.2 GB
    """
    if not costs:
        return []
    most = max(cost.memory for cost in costs)
    total = duration(sum(cost.cpu for cost in costs))
    cells = [
        f"{cost.stage:<12} {count(cost.n_jobs, 'job'):>7} {duration(cost.cpu):>11}"
        f" {cost.memory / 1e9:>6.1f} GB"
        for cost in costs
    ]
    n_rows = math.ceil(len(cells) / COLUMNS)
    lines = ["  " + "    ".join(cells[row::n_rows]) for row in range(n_rows)]
    return [f"Processor time and most memory of a job: {total}, {most / 1e9:.1f} GB", *lines]
