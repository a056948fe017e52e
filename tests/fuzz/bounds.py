"""Bounds of one input: processor time, memory, and what a refusal may look like."""

import ctypes
import gc
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 5
"""Processor time of an input, at most. Other jobs of a shared machine take none of it."""

MEGABYTES = 500
"""By which the largest memory so far may grow with an input."""

LONGEST_MESSAGE = 700
"""Characters of a refusal, at most."""


class _TooLongError(BaseException):
    """Not an Exception, so that no parser takes it for a finding of its own."""


@contextmanager
def bounded() -> Iterator[None]:
    """Fail if the body takes more than `SECONDS` or `MEGABYTES`."""

    def stop(*_: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGPROF, stop)
    peak = _peak()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with _little_memory():
            yield
    except _TooLongError:
        raise AssertionError(f"more than {SECONDS} s of processor time") from None
    except MemoryError:
        raise AssertionError("out of memory") from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    grown = (_peak() - peak) / 1e6
    if grown > MEGABYTES:
        _give_back()
        raise AssertionError(f"{grown:,.0f} MB more memory; expected {MEGABYTES} at most")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def _little_memory() -> Iterator[None]:
    """A ceiling above what the process has, so that a bomb fails and does not stop the machine."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    ceiling = pages * resource.getpagesize() + (6 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (ceiling, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _give_back() -> None:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def validate_refusal(message: str, names: tuple[str, ...]) -> None:
    """Raise AssertionError unless it is one printable line that names the file."""
    assert message.isprintable(), f"a line with {message!r}"
    assert len(message) <= LONGEST_MESSAGE, f"{len(message):,} characters: {message[:300]}"
    assert any(name in message for name in names), f"none of {names} in {message!r}"
