"""Lists in lists of YAML text, counted before PyYAML reads it: its time grows with their square."""

from itertools import accumulate

MAX_DEPTH = 100
"""Lists and mappings in one another in brackets, at most."""

_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def validate_depth(text: str | bytes) -> None:
    """Raise ValueError if brackets are nested more than `MAX_DEPTH` deep; those in quotes count.

    Examples
    --------
    >>> validate_depth("[[1], {a: []}]")
    >>> validate_depth("[" * 101)
    Traceback (most recent call last):
    ValueError: nested too deeply
    """
    found = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if max(accumulate(_STEPS.get(byte, 0) for byte in found), default=0) > MAX_DEPTH:
        raise ValueError("nested too deeply")
