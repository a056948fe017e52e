"""Text from elsewhere that must not break a line: of a table, a log or an error message."""

import re

_SHOWN = 40
_WHITE_SPACE = re.compile(r"[^\S ]")


def one_line(text: str) -> str:
    """The same text in printable characters: white space as blanks, all else escaped.

    Examples
    --------
    >>> one_line("Homo sapiens"), one_line("a\\tb\\x07\\ud800")
    ('Homo sapiens', 'a b\\\\x07\\\\ud800')
    """
    if text.isprintable():
        return text
    spaced = _WHITE_SPACE.sub(" ", text)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in spaced)


NOTE = "note: "
"""How a line begins that a stage wants everyone to see; the screen of a run shows it."""


def note(text: str) -> str:
    """A line about what was left out, changed or is in doubt, for the screen of the run.

    Examples
    --------
    >>> note("3 proteins left out")
    'note: 3 proteins left out'
    """
    return NOTE + one_line(text)


def cut(text: str, longest: int = 300) -> str:
    """The same text in one line, shortened if need be.

    Examples
    --------
    >>> cut("a\\nb"), cut("x" * 99, 12)
    ('a b', 'xxxxxxxxx...')
    """
    text = one_line(text[: longest + 1])
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def reason(error: BaseException, longest: int = 300) -> str:
    """What an exception of a parser or another library says, in one line.

    Examples
    --------
    >>> reason(OSError("truncated   file"))
    'truncated file'
    """
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return cut(" ".join(str(error).split()) or type(error).__name__, longest)


def shown(value: object) -> str:
    """A value found in a file, short enough for an error message.

    Examples
    --------
    >>> shown("x"), shown([1, 2]), shown({}), shown("A" * 99)
    ("'x'", 'a list of 2', 'an object of 0', "'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'... (99)")
    """
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    if isinstance(value, dict):
        return f"an object of {len(value):,}"
    if isinstance(value, int) and abs(value) >= 10**_SHOWN:
        return "a huge number"
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{value[:_SHOWN]!r}... ({len(value):,})"
    return repr(value)
