"""What the stages of a run took: from the benchmark file that Snakemake writes for every job."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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


def read_costs(results: Path) -> list[StageCost]:
    """Of every stage with a benchmark file, in the order of the pipeline.

    A file that cannot be read counts as none: it is no part of the results.
    """
    found = []
    for stage in STAGES:
        folder = results / "benchmarks"
        paths = [folder / f"{stage}.tsv", *sorted((folder / stage).rglob("*.tsv"))]
        rows = [row for path in paths if (row := _read(path)) is not None]
        if rows:
            wall, cpu, memory = zip(*rows, strict=True)
            found.append(StageCost(stage, len(rows), sum(wall), sum(cpu), max(memory)))
    return found


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


def _read(path: Path) -> tuple[float, float, float] | None:
    """Seconds by the clock and of the processor, and bytes of memory."""
    try:
        with path.open(newline="") as handle:
            row = next(csv.DictReader(handle, delimiter="\t"), {})
        wall = float(row["s"])
        return wall, _number(row["cpu_time"]), _number(row["max_rss"]) * 2**20
    except (OSError, KeyError, ValueError):
        return None


def _number(text: str) -> float:
    """A job that was over before Snakemake looked at it has none: ``NA``, or ``-``."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0
