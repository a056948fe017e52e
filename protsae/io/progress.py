"""Progress of long work on stderr: a bar on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import Self, TypeVar, overload

from tqdm import tqdm

T = TypeVar("T")

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Counts finished units of work and shows them; use as a context manager.

    Parameters
    ----------
    total : int or None
        Units of work in all; None when that is not known.
    description : str
        What is being done, e.g. ``"fetching"``.
    unit : str
        What is counted, plural, e.g. ``"proteins"``.

    Examples
    --------
    >>> with Progress(3, "embedding", "proteins") as bar:
    ...     bar.update(3)
    """

    def __init__(self, total: int | None, description: str, unit: str = "items") -> None:
        self.total, self.description, self.unit = total, description, unit
        self.done = 0
        self._start = self._last_line = time.monotonic()
        self._bar: tqdm | None = None
        if sys.stderr.isatty():
            self._bar = tqdm(total=total, desc=description, unit=f" {unit}")

    def update(self, n: int = 1) -> None:
        """Count ``n`` more finished units."""
        self.done += n
        if self._bar is not None:
            self._bar.update(n)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self._write_line()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
        elif kind is None:
            self._write_line(final=True)

    def _write_line(self, final: bool = False) -> None:
        seconds = time.monotonic() - self._start
        of = f"/{self.total:,}" if self.total is not None else ""
        line = f"{self.description}: {self.done:,}{of} {self.unit}"
        if final:
            line += f" in {_clock(seconds)}"
        else:
            rate = self.done / seconds
            line += f", {rate:,.1f} {self.unit}/s"
            if self.total is not None and rate:
                line += f", {_clock((self.total - self.done) / rate)} left"
        print_beside(line)


@overload
def progress(work: int | None, description: str, unit: str = ...) -> Progress: ...
@overload
def progress(work: Iterable[T], description: str, unit: str = ...) -> Iterator[T]: ...


def progress(
    work: Iterable[T] | int | None, description: str, unit: str = "items"
) -> Iterator[T] | Progress:
    """Show the progress of ``work``: a bar if stderr is a terminal, otherwise plain lines.

    A plain line comes at most every 10 seconds, with count, rate and time left, and one at the end.

    Parameters
    ----------
    work : iterable, int or None
        What to iterate over, or the number of units (None: not known) of work that is reported by
        ``update``.

    Returns
    -------
    iterator over ``work``, or a `Progress` to use in a ``with`` block

    Examples
    --------
    >>> sum(progress([1, 2, 3], "adding", "numbers"))
    6
    """
    if work is None or isinstance(work, int):
        return Progress(work, description, unit)
    return _followed(work, description, unit)


def print_beside(line: str) -> None:
    """Print a line on stderr; a bar that is there moves down."""
    tqdm.write(line, file=sys.stderr)
    sys.stderr.flush()


def _followed(work: Iterable[T], description: str, unit: str) -> Iterator[T]:
    total = len(work) if isinstance(work, Sized) else None
    with Progress(total, description, unit) as shown:
        for item in work:
            yield item
            shown.update()


def _clock(seconds: float) -> str:
    """Hours, minutes and seconds, without leading zeros: ``1:02:03``, ``2:03``, ``3 s``."""
    whole = round(seconds)
    minutes, hours = whole // 60, whole // 3600
    if hours:
        return f"{hours}:{minutes % 60:02}:{whole % 60:02}"
    return f"{minutes}:{whole % 60:02}" if minutes else f"{whole} s"
