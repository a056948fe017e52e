"""The plugin of Snakemake that shows a run on one page.

Snakemake tells what happens through log records with an ``event``; the handler keeps a `RunState`
and writes what `progress_lines` makes of it. Snakemake's own output is in its log file as ever, and
on the screen instead of this if a user asks for what this does not show (`_shows_nothing`).
"""

import logging
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from protsae.errors import UserError
from protsae.one_line import one_line
from protsae.screen import progress_lines as say
from protsae.screen.job_logs import read_notes, read_reason
from protsae.screen.rule_stages import STAGE_OF, what_is_made
from protsae.screen.run_state import Job, RunState, job_began, job_ended, planned
from protsae.screen.stage_costs import cost_lines, read_costs
from protsae.screen.terminal import Terminal
from protsae.screen.wording import WIDTH, fitted

RESULTS = "protsae_results"
"""Attribute of the record by which the workflow says where its results are."""

LEAST_SILENCE, SHARE_SILENCE = 60.0, 0.25
"""In a file, progress is reported after this many seconds without any line, and no sooner than this
share of the time so far: often at first, and still only a few lines in a run of days."""

_CHATTER = (
    *("Assuming ", "Building DAG", "Complete log", "Config file ", "Elapsed time", "Using "),
    "host: ",
)
"""Prefixes of lines that Snakemake prints in every run."""

_TOLD = (
    "CalledProcessError in file",
    "At least one job did not complete",
    "Exiting because a job execution failed",
)
"""Phrases of errors that only repeat that a job has failed, which `_fail` reports."""
_FULL_LOG = "Complete log(s): "
_NOTHING = "Nothing to be done"


class LogHandler(LogHandlerBase):
    """Snakemake makes one for each run, passes it every record and closes it at the end."""

    def __post_init__(self) -> None:
        self._screen = Terminal(sys.stdout if self.common_settings.stdout else sys.stderr)
        self._state = RunState()
        self._results = Path("results")
        self._n_by_rule: dict[str, int] = {}
        self._reasons: dict[str, Counter[str]] = {}
        self._notes: dict[str, list[str]] = {}
        self._other: list[str] = []
        self._said: set[str] = set()
        self._full_log = ""
        self._ended = False
        self._last_line = time.time()
        self._wake = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    @property
    def writes_to_stream(self) -> bool:
        """Whether it takes the place of Snakemake's own output."""
        return not self._shows_nothing

    @property
    def writes_to_file(self) -> bool:
        """Snakemake has a log file of its own."""
        return False

    @property
    def has_filter(self) -> bool:
        """It chooses by event."""
        return True

    @property
    def has_formatter(self) -> bool:
        """It writes all text itself."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """The stages are known."""
        return False

    @property
    def _shows_nothing(self) -> bool:
        """Whether the user asked for output that only Snakemake has."""
        asked = self.common_settings
        return bool(asked.verbose or asked.printshellcmds or asked.debug_dag)

    @property
    def _is_quiet(self) -> bool:
        """Whether progress is not wanted (``--quiet``, or ``--quiet progress``)."""
        quiet = [str(kind).lower() for kind in self.common_settings.quiet or ()]
        return "all" in quiet or "progress" in quiet

    def emit(self, record: logging.LogRecord) -> None:
        """Show what a record says, if anything."""
        if self._shows_nothing:
            return
        try:
            self._take(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """The run is over: show how it ended."""
        if not self._ended and not self._shows_nothing:
            self._ended = True
            self._wake.set()
            self._screen.add(self._last_lines())
        super().close()

    def _take(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        fields = vars(record)
        if RESULTS in fields:
            self._results = Path(fields[RESULTS])
        elif event == LogEvent.RUN_INFO:
            self._plan(fields["stats"])
        elif event == LogEvent.JOB_INFO:
            self._begin(fields, record.created)
        elif event == LogEvent.JOB_FINISHED:
            self._finish(fields["job_id"], record.created)
        elif event == LogEvent.JOB_ERROR:
            self._fail(fields, record.created)
        elif event is None or event == LogEvent.ERROR:
            self._tell(record)

    def _plan(self, n_by_rule: dict[str, int]) -> None:
        self._n_by_rule = dict(n_by_rule)
        self._state = planned(self._state, self._n_by_rule)
        if self.common_settings.dryrun or self._ticker.is_alive():
            return
        earlier = {cost.stage: cost.wall / cost.n_jobs for cost in read_costs(self._results)}
        self._state = RunState(planned=self._state.planned, earlier=earlier)
        if not self._is_quiet:
            self._write(say.plan_lines(self._state))
        self._ticker.start()

    def _begin(self, fields: dict, now: float) -> None:
        rule = fields["rule_name"]
        if self.common_settings.dryrun:
            counted = self._reasons.setdefault(rule, Counter())
            counted.update(say.reason_kinds(fields["reason"]))
        elif rule in STAGE_OF:
            made = what_is_made(dict(fields["wildcards"] or {}))
            job = Job(STAGE_OF[rule], made, (fields["log"] or [""])[0], now)
            self._state = job_began(self._state, fields["jobid"], job)
            self._refresh()

    def _finish(self, number: int, now: float) -> None:
        job = self._state.running.get(number)
        if job is None:
            return
        self._state = job_ended(self._state, number, now, well=True)
        lines: list[str] = []
        if self._state.is_done(job.stage) and not self._screen.is_live and not self._is_quiet:
            lines.append(say.stage_done_line(self._state, job.stage, now))
        seen = [text for notes in self._notes.values() for text in notes]
        new = [text for text in read_notes(job.log) if text not in seen]
        known = self._notes.setdefault(job.stage, [])
        lines += say.note_lines(job.stage, new, len(known), job.log)
        known += new
        self._write(lines)

    def _fail(self, fields: dict, now: float) -> None:
        job = self._state.running.get(fields["jobid"])
        stage = STAGE_OF.get(fields["rule_name"], fields["rule_name"])
        log = (fields["log"] or [""])[0]
        self._state = job_ended(self._state, fields["jobid"], now, well=False)
        self._write(say.failure_lines(stage, job.makes if job else "", read_reason(log), log))

    def _tell(self, record: logging.LogRecord) -> None:
        """Show messages that are no events: warnings and errors; remember where the full log is."""
        text = record.getMessage() if record.msg is not None else ""
        if text.startswith(_FULL_LOG):
            self._full_log = _relative(text.removeprefix(_FULL_LOG))
        elif text.startswith(_NOTHING):
            self._write(
                [
                    "nothing to do: what is asked for is there and up to date",
                    f"what was found: protsae summary {self._results}",
                ]
            )
            self._other = []
        elif record.levelno >= logging.WARNING:
            self._warn(text)
        elif not text.startswith(_CHATTER) and not self._n_by_rule:
            self._other.append(text)

    def _warn(self, text: str) -> None:
        """Show errors in full, except those of a failed job, which `_fail` has reported."""
        is_told = any(phrase in text for phrase in _TOLD)
        if text and not is_told and text not in self._said:
            self._said.add(text)
            lines = [line for part in text.splitlines() for line in fitted(one_line(part), "")]
            self._write(lines)

    def _last_lines(self) -> list[str]:
        if self.common_settings.dryrun and self._n_by_rule:
            return say.dry_run_lines(self._n_by_rule, self._reasons)
        if not self._n_by_rule:
            # Not a run: what was asked for, such as a list of rules, is what Snakemake said.
            return [line for text in self._other for line in text.splitlines()]
        if self._state.n_planned and self._state.began is None:
            return []  # stopped before the first job, for a reason that has been told
        lines = [say.end_line(self._state, time.time())]
        if self._state.n_done < self._state.n_planned or "report" not in self._state.done:
            costs = [cost for cost in read_costs(self._results) if cost.stage in self._state.done]
            lines += cost_lines(costs)
        else:
            try:
                # It takes pandas a second to load, so only here.
                from protsae.screen.run_summary import summary_lines

                lines += summary_lines(self._results)
            except UserError as error:
                lines += fitted(str(error), "")
        if self._full_log:
            lines.append(f"Full log: {self._full_log}")
        return lines

    def _write(self, lines: list[str]) -> None:
        if lines:
            self._screen.add(lines)
            self._last_line = time.time()
        self._refresh()

    def _refresh(self) -> None:
        if self._screen.is_live and self._ticker.is_alive() and not self._is_quiet:
            columns, rows = self._screen.size()
            width = min(columns, WIDTH)
            self._screen.show(say.live_lines(self._state, time.time(), rows, width))

    def _tick(self) -> None:
        """Update the time left every second; in a file, report progress now and then."""
        while not self._wake.wait(1.0):
            if self._screen.is_live:
                self._refresh()
            elif not self._is_quiet and self._is_silent():
                self._write([say.live_lines(self._state, time.time(), 1)[-1]])

    def _is_silent(self) -> bool:
        now = time.time()
        so_far = 0.0 if self._state.began is None else now - self._state.began
        return now - self._last_line > max(LEAST_SILENCE, SHARE_SILENCE * so_far)


def _relative(path: str) -> str:
    """A path from the current folder, where it lies below it."""
    here = f"{Path.cwd()}/"
    return path.removeprefix(here)
