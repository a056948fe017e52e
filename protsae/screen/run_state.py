"""What is known of a run at any moment: a value, and the events that change it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from protsae.screen.rule_stages import STAGE_OF, TYPICAL_SECONDS

LEAST_MEASURED = 0.05
"""Share of the work that must have been measured before the time left is estimated."""


@dataclass(frozen=True)
class Job:
    """A job that has begun.

    Attributes
    ----------
    stage : str
    makes : str
        `what_is_made`.
    log : str
        Path of its log; empty if it has none.
    began : float
        Seconds, of any clock.
    """

    stage: str
    makes: str
    log: str
    began: float


@dataclass(frozen=True)
class RunState:
    """Jobs by stage: planned, running, done, failed.

    Attributes
    ----------
    planned, done, failed : mapping of str to int
        Jobs by stage. Planned are those that this call of Snakemake runs.
    seconds : mapping of str to float
        What the jobs that are done took, summed by stage.
    running : mapping of int to Job
        By Snakemake's number of the job.
    earlier : mapping of str to float
        Seconds of a job by stage, as benchmark files of an earlier run say.
    began, stages_began : float, mapping
        When the first job began, of all and of each stage.
    """

    planned: Mapping[str, int] = field(default_factory=dict)
    done: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    running: Mapping[int, Job] = field(default_factory=dict)
    earlier: Mapping[str, float] = field(default_factory=dict)
    began: float | None = None
    stages_began: Mapping[str, float] = field(default_factory=dict)

    @property
    def n_planned(self) -> int:
        """Jobs of all stages."""
        return sum(self.planned.values())

    @property
    def n_done(self) -> int:
        """Jobs that have ended well."""
        return sum(self.done.values())

    def is_done(self, stage: str) -> bool:
        """Whether all jobs of a stage have ended well."""
        return self.done.get(stage, 0) >= self.planned.get(stage, 0)


def planned(state: RunState, n_by_rule: Mapping[str, int]) -> RunState:
    """The plan is made: so many jobs of each rule; stages in the order of the pipeline.

    Examples
    --------
    >>> planned(RunState(), {"all": 1, "embed_shard": 4, "fetch": 1, "total": 6}).planned
    {'fetch': 1, 'embed': 4}
    """
    jobs = {stage: n_by_rule[rule] for rule, stage in STAGE_OF.items() if rule in n_by_rule}
    return replace(state, planned=jobs)


def job_began(state: RunState, number: int, job: Job) -> RunState:
    """A job has begun, perhaps not for the first time."""
    return replace(
        state,
        running={**state.running, number: job},
        began=job.began if state.began is None else state.began,
        stages_began={job.stage: job.began, **state.stages_began},
    )


def job_ended(state: RunState, number: int, now: float, *, well: bool) -> RunState:
    """A job has ended; one that is not known to run changes nothing."""
    job = state.running.get(number)
    if job is None:
        return state
    left = {other: found for other, found in state.running.items() if other != number}
    counts = state.done if well else state.failed
    counts = {**counts, job.stage: counts.get(job.stage, 0) + 1}
    if not well:
        return replace(state, running=left, failed=counts)
    took = state.seconds.get(job.stage, 0) + now - job.began
    return replace(state, running=left, done=counts, seconds={**state.seconds, job.stage: took})


def seconds_left(state: RunState, now: float) -> float | None:
    """The time left in all, by what jobs cost rather than by their number; None if not known.

    The cost of a job is the mean of its stage in this run. A stage of which none is done costs what
    its benchmark files of an earlier run say; without these, its typical cost (`TYPICAL_SECONDS`)
    times the ratio of measured to typical cost of the stages that are measured.
    The work left is then divided by how many jobs have run at once on average. While less than
    `LEAST_MEASURED` of the work is measured, there is no estimate.

    Examples
    --------
    Ten jobs of ``encode``, typically 3 s each, took 60 s two at a time: 6 s a job, twice the
    typical cost. One job of ``lookup`` is left, typically 32 s: 64 s of work, or 32 s if there were
    two to share it.

    >>> state = RunState(planned={"encode": 10, "lookup": 1}, done={"encode": 10})
    >>> seconds_left(replace(state, seconds={"encode": 60}, began=0), now=30)
    32.0
    """
    if state.began is None or now <= state.began:
        return None
    of_stage = {stage: state.seconds[stage] / n for stage, n in state.done.items()}
    measured = {**state.earlier, **of_stage}
    known = [stage for stage in measured if stage in TYPICAL_SECONDS]
    typical = sum(TYPICAL_SECONDS[stage] for stage in known)
    if not typical:
        return None
    ratio = sum(measured[stage] for stage in known) / typical
    costs = {stage: measured.get(stage, ratio * TYPICAL_SECONDS[stage]) for stage in state.planned}
    work = sum(costs[stage] * n for stage, n in state.planned.items())
    of_known = sum(costs[stage] * state.planned[stage] for stage in state.earlier if stage in costs)
    of_done = sum(costs[stage] * n for stage, n in state.done.items())
    if max(of_known, of_done) < LEAST_MEASURED * work:
        return None
    under_way = {number: now - job.began for number, job in state.running.items()}
    worked = sum(
        min(under_way[number], costs.get(job.stage, 0)) for number, job in state.running.items()
    )
    at_once = (sum(state.seconds.values()) + sum(under_way.values())) / (now - state.began)
    return max(0.0, work - of_done - worked) / max(at_once, 1.0)
