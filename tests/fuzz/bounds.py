"""Bounds of one input: processor time, memory, and what a refusal may look like."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 5
"""Processor time of an input, at most. Other jobs of a shared machine take none of it."""

MEGABYTES = 500
"""More memory than before, at any time while an input is read, at most."""

CEILING = 6 << 30
"""Bytes that may be asked for at all, so that a bomb fails and does not stop the machine."""

LONGEST_MESSAGE = 700
"""Characters of a refusal, at most."""

_PROCESS = Path("/proc/self")  # of Linux; elsewhere only time is bounded


class _TooLongError(BaseException):
    """Not an Exception, so that no parser takes it for a finding of its own."""


@contextmanager
def bounded() -> Iterator[None]:
    """Fail if the body takes more than `SECONDS` or `MEGABYTES`, whatever else comes of it."""

    def stop(*_: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGPROF, stop)
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


@contextmanager
def _little_memory() -> Iterator[None]:
    if not _PROCESS.exists():
        yield
        return
    (_PROCESS / "clear_refs").write_text("5")  # the peak is what is in use now
    peak = _bytes("VmHWM:")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_bytes("VmSize:") + CEILING, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        grown = (_bytes("VmHWM:") - peak) / 1e6
        assert grown <= MEGABYTES, f"{grown:,.0f} MB more memory; expected {MEGABYTES} at most"


def _bytes(key: str) -> int:
    status = (_PROCESS / "status").read_text()
    return 1024 * int(status.partition(key)[2].split()[0])


def validate_refusal(message: str, names: tuple[str, ...]) -> None:
    """Raise AssertionError unless it is one printable line that names the file."""
    assert message.isprintable(), f"a line with {message!r}"
    assert len(message) <= LONGEST_MESSAGE, f"{len(message):,} characters: {message[:300]}"
    assert any(name in message for name in names), f"none of {names} in {message!r}"
