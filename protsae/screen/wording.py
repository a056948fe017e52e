"""Numbers and lists as a person says them, and lines that fit the page."""

import textwrap
from collections.abc import Sequence

WIDTH = 100
"""Characters of a line on the screen, at most."""


def duration(seconds: float) -> str:
    """How long something took.

    Examples
    --------
    >>> duration(0.4), duration(75), duration(7380)
    ('1 s', '1 min 15 s', '2 h 3 min')
    """
    whole = max(1, round(seconds))
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def rough_duration(seconds: float) -> str:
    """How long something will take, no more exact than an estimate is.

    Examples
    --------
    >>> rough_duration(20), rough_duration(70), rough_duration(100), rough_duration(9000)
    ('less than a minute', 'about 1 min', 'about 2 min', 'about 2.5 h')
    """
    if seconds < 50:
        return "less than a minute"
    if seconds < 90 * 60:
        minutes = round(seconds / 60)
        return f"about {minutes if minutes < 20 else round(minutes, -1)} min"
    return f"about {round(seconds / 1800) / 2:g} h"


def count(n: int, one: str, many: str = "") -> str:
    """A number and its noun.

    Examples
    --------
    >>> count(1, "job"), count(1200, "job"), count(2, "child", "children")
    ('1 job', '1,200 jobs', '2 children')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first names, and how many more there are.

    Examples
    --------
    >>> listed(["a", "b"]), listed(["a", "b", "c", "d"], 2)
    ('a, b', 'a, b and 2 more')
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def fitted(text: str, first: str, most_lines: int | None = None, width: int = WIDTH) -> list[str]:
    """Text behind ``first``, in lines of the page; what follows the last line is cut.

    Examples
    --------
    >>> for line in fitted("one two three four", "- ", 2, width=9):
    ...     print(line)
    - one two
      ...
    """
    return textwrap.wrap(
        text or " ",
        width,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        max_lines=most_lines,
        placeholder=" ...",
        break_on_hyphens=False,
    )
