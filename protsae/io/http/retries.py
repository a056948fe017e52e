"""How often, how patiently and how visibly a request is repeated."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic, sleep

from protsae.errors import UserError
from protsae.io.http.service import UNIPROT, Service

_FOR_EVER = 1e9  # seconds, thirty years
_SAID = 1.0  # seconds; a shorter pause is not worth a line
_DOUBLINGS = 30  # of the waiting time; more would overflow with thousands of attempts


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how patiently a request is repeated, and how much of an answer is taken.

    Attributes
    ----------
    attempts : int
        Repetitions after the first request.
    backoff : float
        Seconds; the waiting time doubles from one repetition to the next, unless the server says
        how long to wait (Retry-After).
    longest : float
        Seconds; the waiting time grows no further.
    longest_asked : float
        Seconds; the longest Retry-After that is obeyed. Beyond it the download stops.
    connect, silence : float
        Seconds until there is a connection, and between two pieces of an answer.
    answer : float
        Seconds for one answer, from its request to its last byte.
    page : float
        Seconds for one page, with all its repetitions and the time between them.
    largest_body : int
        Bytes of an answer as it is sent. It is held in memory; pages of 500 entries with all
        features have some megabytes.
    largest_document : int
        Bytes that it may unpack to: a megabyte for each of 500 entries, which only the largest of
        UniProt have. It is unpacked in pieces, so this bounds time, not memory.
    """

    attempts: int = 8
    backoff: float = 1.0
    longest: float = 120.0
    longest_asked: float = 600.0
    connect: float = 10.0
    silence: float = 120.0
    answer: float = 300.0
    page: float = 1800.0
    largest_body: int = 1 << 27
    largest_document: int = 1 << 29


class Passing(Exception):
    """A fault that may be gone when the request is repeated.

    Parameters
    ----------
    problem, detail : str
        What went wrong, ``"the answer was cut short"``, and more of it, if there is more.
    advice : str
        What to do if it lasts.
    asked : float, optional
        Seconds that the server asks to wait.
    """

    def __init__(
        self, problem: str, detail: str, advice: str = "run again", asked: float | None = None
    ) -> None:
        super().__init__(problem)
        self.problem, self.detail, self.advice, self.asked = problem, detail, advice, asked

    def __str__(self) -> str:
        """Problem and detail, if there is one."""
        return f"{self.problem} ({self.detail})" if self.detail else self.problem

    def lasting(self, times: int) -> str:
        """What to say when it has come ``times`` times and is given up."""
        if self.detail:
            what = f"{self.problem} {times} times ({self.detail})"
        else:
            what = f"still {self.problem}"
        return f"{what}; {self.advice} to go on from here"


class Waiting:
    """The time that one page has left, and the pauses between its repetitions.

    Parameters
    ----------
    server : str
        Its address, for error messages.
    say : callable
        Receives a line before each pause of a second or more.
    service : Service
        What it is called there.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        server: str,
        say: Callable[[str], None],
        service: Service = UNIPROT,
    ) -> None:
        self._policy, self._server, self._say, self._service = policy, server, say, service
        self._end = monotonic() + policy.page
        self._failed = 0

    def left(self) -> float:
        """Seconds that the next answer may take."""
        return min(self._policy.answer, max(self._end - monotonic(), 0.0))

    def pause(self, fault: Passing) -> None:
        """Wait until the request may be repeated.

        Raises
        ------
        UserError
            If it may not: too many repetitions, no time left, or the server asks to wait for
            longer than the policy allows.
        """
        policy, name = self._policy, self._service.name
        self._failed += 1
        seconds = policy.backoff * 2.0 ** min(self._failed - 1, _DOUBLINGS)
        seconds = min(policy.longest, seconds)
        asked = fault.asked or 0.0
        if asked > policy.longest_asked:
            raise UserError(
                f"{self._server}: {fault}; {name} asks to wait {in_seconds(asked)}, more than the "
                f"{in_seconds(policy.longest_asked)} that protsae waits; run again after that to "
                "go on from here"
            )
        if self._failed > policy.attempts:
            raise UserError(f"{self._server}: {fault.lasting(self._failed)}")
        if monotonic() + max(asked, seconds) >= self._end:
            raise UserError(
                f"{self._server}: {fault.lasting(self._failed)} (one {self._service.answer} may "
                f"take {in_seconds(policy.page)})"
            )
        of = f"{fault}; try {self._failed} of {policy.attempts + 1}"
        if asked >= max(seconds, _SAID):
            self._say(f"{name} asks to wait {in_seconds(asked)}; waiting ({of})")
        elif seconds >= _SAID:
            self._say(f"{name}: {of}; again in {in_seconds(seconds)}")
        sleep(max(asked, seconds))


def asked_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that a server asks to wait by Retry-After; None if it does not, or not clearly.

    A date counts from the server's own Date, as its clock may differ; one in the past asks for 0.

    Parameters
    ----------
    headers : mapping
        Of the answer.
    now : datetime, optional
        Stands in for a Date that is missing.

    Examples
    --------
    >>> asked_seconds({"Retry-After": "40"}), asked_seconds({"Retry-After": "-3"})
    (40.0, None)
    >>> date, later = "Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:30:00 GMT"
    >>> asked_seconds({"Date": date, "Retry-After": later})
    120.0
    """
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text)
    until = _date(text)
    if until is None:
        return None
    sent = _date(headers.get("Date", "")) or now or datetime.now(UTC)
    return max(0.0, (until - sent).total_seconds())


def in_seconds(seconds: float) -> str:
    """Seconds for a message.

    Examples
    --------
    >>> in_seconds(40), in_seconds(7200), in_seconds(0.02), in_seconds(1e300)
    ('40 s', '7,200 s', '0.02 s', 'more than 30 years')
    """
    if seconds > _FOR_EVER:
        return "more than 30 years"
    return f"{seconds:,.0f} s" if seconds >= 1 else f"{seconds:.2g} s"


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
