"""A run's progress as text: from its state to lines. Nothing is printed here."""

from collections import Counter
from collections.abc import Mapping, Sequence

from protsae.screen.rule_stages import STAGE_OF
from protsae.screen.run_state import RunState, seconds_left
from protsae.screen.wording import WIDTH, count, duration, fitted, listed, rough_duration

MOST_NOTES = 3
"""Notes of a stage that are shown in full."""

NOTE_LINES = 2
"""Lines that a note may take."""


def plan_lines(state: RunState) -> list[str]:
    """What this call of Snakemake is going to do, and what was done before it.

    Examples
    --------
    >>> for line in plan_lines(RunState(planned={"train": 1, "probe": 4}, earlier={"embed": 7.0})):
    ...     print(line)
    already there: embed
    to do: 5 jobs in 2 stages: train, probe
    """
    stages = list(state.planned)
    there = [stage for stage in state.earlier if stage not in stages]
    lines = fitted(", ".join(there), "already there: ") if there else []
    to_do = f"{count(state.n_planned, 'job')} in {count(len(stages), 'stage')}"
    return [*lines, *fitted(f"{to_do}: {', '.join(stages)}", "to do: ")]


def stage_done_line(state: RunState, stage: str, now: float) -> str:
    """One line on a stage whose jobs are all done.

    Examples
    --------
    >>> state = RunState(planned={"embed": 4}, done={"embed": 4}, stages_began={"embed": 5.0})
    >>> stage_done_line(state, "embed", now=80)
    'embed        4 of 4 jobs   done in 1 min 15 s'
    """
    took = duration(now - state.stages_began[stage])
    return f"{_head(state, stage)}   done in {took}{_left(state, now, '   ')}"


def live_lines(state: RunState, now: float, height: int, width: int = WIDTH) -> list[str]:
    """The part of a terminal that is written anew: one line a stage, and the time left.

    Parameters
    ----------
    height : int
        Lines there is room for; if that is fewer than stages, those without a job running go.

    Examples
    --------
    >>> from protsae.screen.run_state import Job
    >>> job = Job("embed", "esm2 shard 0", "", 4.0)
    >>> state = RunState(planned={"fetch": 1, "embed": 2}, done={"fetch": 1}, running={7: job})
    >>> for line in live_lines(state, 9.0, height=24):
    ...     print(line)
    fetch        1 of 1 job    done
    embed        0 of 2 jobs   now: esm2 shard 0
    1 of 3 jobs done
    """
    running: dict[str, list[str]] = {stage: [] for stage in state.planned}
    for job in state.running.values():
        running.setdefault(job.stage, []).append(job.makes)
    stages = list(state.planned)
    if len(stages) + 1 > height:
        stages = [stage for stage in stages if running[stage]]
    lines = []
    for stage in stages[: max(0, height - 1)]:
        if state.is_done(stage):
            doing = "done"
        elif running[stage]:
            doing = f"now: {listed([name or 'the whole run' for name in running[stage]])}"
        else:
            doing = ""
        lines.append(f"{_head(state, stage)}   {doing}".rstrip())
    total = f"{state.n_done:,} of {count(state.n_planned, 'job')} done{_left(state, now, '; ')}"
    return [line[:width] for line in [*lines, total]]


def note_lines(stage: str, notes: Sequence[str], n_before: int, log: str) -> list[str]:
    """New notes of a stage, below its line; of too many, where the others are.

    Examples
    --------
    >>> for line in note_lines("split", ["a", "b"], n_before=2, log="results/logs/split.log"):
    ...     print(line)
      split: a
      split: more notes are in results/logs/split.log
    """
    lines: list[str] = []
    for number, text in enumerate(notes, n_before):
        if number < MOST_NOTES:
            lines += fitted(text, f"  {stage}: ", NOTE_LINES)
        elif number == MOST_NOTES:
            lines.append(f"  {stage}: more notes are in {log}")
    return lines


def failure_lines(stage: str, makes: str, reason: str, log: str) -> list[str]:
    """A job that failed: what it was making, why, and its log. The reason is never cut.

    Examples
    --------
    >>> for line in failure_lines("embed", "esm2 shard 0", "protsae embed: no", "embed.log"):
    ...     print(line)
    FAILED: embed, esm2 shard 0
      protsae embed: no
      log: embed.log
    """
    what = f"FAILED: {stage}{', ' * bool(makes)}{makes}"
    return [what, *fitted(reason, "  "), *([f"  log: {log}"] if log else [])]


def end_line(state: RunState, now: float) -> str:
    """How it ended: what was done and, if there is any, what failed or did not run.

    Examples
    --------
    >>> end_line(RunState(planned={"embed": 4}, done={"embed": 4}, began=0.0), now=80)
    '4 jobs done in 1 min 20 s'
    >>> state = RunState(planned={"embed": 4}, done={"embed": 1}, failed={"embed": 2}, began=0.0)
    >>> end_line(state, now=80)
    '1 of 4 jobs done in 1 min 20 s; run it again to go on from here'
    """
    took = duration(now - (now if state.began is None else state.began))
    if state.n_done >= state.n_planned:
        return f"{count(state.n_done, 'job')} done in {took}"
    done = f"{state.n_done:,} of {count(state.n_planned, 'job')} done in {took}"
    return f"{done}; run it again to go on from here"


def dry_run_lines(n_by_rule: Mapping[str, int], reasons: Mapping[str, Counter[str]]) -> list[str]:
    """What would run: each rule, its number of jobs and why, targets last.

    Examples
    --------
    >>> why = {"fetch": Counter({"Missing output files": 1})}
    >>> for line in dry_run_lines({"all": 1, "fetch": 1, "total": 2}, why):
    ...     print(line)
    would run (dry run, nothing is made):
    fetch             1  missing output files
    all               1
    total             2
    """
    rules = [rule for rule in STAGE_OF if rule in n_by_rule]
    rules += sorted(n_by_rule.keys() - STAGE_OF.keys() - {"total"})
    lines = ["would run (dry run, nothing is made):"]
    for rule in [*rules, "total"]:
        why = ", ".join(f"{text[0].lower()}{text[1:]}" for text in sorted(reasons.get(rule, ())))
        line = f"{rule:<15} {n_by_rule.get(rule, 0):>3}"
        lines.append(f"{line}  {why}"[:WIDTH].rstrip() if rule in STAGE_OF else line)
    return lines


def reason_kinds(reason: str) -> list[str]:
    """The kinds of reasons that Snakemake gives for a job, without the names of files.

    Examples
    --------
    >>> reason_kinds("Missing output files: a.h5; Code has changed since last execution")
    ['Missing output files', 'Code has changed since last execution']
    """
    return [kind for part in reason.split("; ") if (kind := part.partition(":")[0].strip())]


def _head(state: RunState, stage: str) -> str:
    n_done, n_planned = state.done.get(stage, 0), state.planned.get(stage, 0)
    counted = f"{n_done:,} of {count(n_planned, 'job')}"
    return f"{stage:<12} {counted:<11}"


def _left(state: RunState, now: float, before: str) -> str:
    """The time left, where it is known and there is work left."""
    if state.n_done >= state.n_planned:
        return ""
    seconds = seconds_left(state, now)
    return "" if seconds is None else f"{before}{rough_duration(seconds)} left"
