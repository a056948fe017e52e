"""Loops that NumPy has no fast call for, compiled by numba."""

import functools
import pickle
import types
from collections.abc import Callable
from typing import Any, TypeVar

Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(loop: Loop) -> Loop:
    """Compile a function of arrays and numbers at its first call, for the types it is called with.

    It may call other compiled functions of its module. The compiled code is cached on disk for the
    next process, beside the module or in the user's cache folder (``NUMBA_CACHE_DIR`` names another
    one). If neither can be written, or the cached code cannot be read, each process compiles the
    function again.

    Examples
    --------
    >>> import numpy as np
    >>> @compiled
    ... def largest_step(values):
    ...     largest = 0.0
    ...     for place in range(1, len(values)):
    ...         largest = max(largest, abs(values[place] - values[place - 1]))
    ...     return largest
    >>> largest_step(np.array([1.0, 5.0, 2.0]))
    4.0
    """

    code: Callable[..., Any] | None = None

    @functools.wraps(loop)
    def call(*arguments: Any) -> Any:
        nonlocal code
        try:
            code = code or _code_of(loop, cache=True)
            return code(*arguments)
        # No folder that can be written, a full one, or one with a damaged file.
        except (RuntimeError, OSError, EOFError, pickle.UnpicklingError):
            code = _code_of(loop, cache=False)
            return code(*arguments)

    _LOOPS[call] = loop
    return call  # type: ignore[return-value]


_LOOPS: dict[Callable[..., Any], Callable[..., Any]] = {}
"""What each compiled function is compiled from."""


def _code_of(loop: Callable[..., Any], cache: bool) -> Callable[..., Any]:
    """Of numba, with that of the compiled functions that the loop calls by name."""
    import numba

    known = loop.__globals__
    named = {name: known.get(name) for name in loop.__code__.co_names}
    calls = {name: value for name, value in named.items() if callable(value) and value in _LOOPS}
    own = {name: _code_of(_LOOPS[call], cache) for name, call in calls.items()}
    whole = types.FunctionType(loop.__code__, {**known, **own})
    return numba.njit(cache=cache)(functools.update_wrapper(whole, loop))


@compiled
def _same(number: int) -> int:
    return number


def start_compiler() -> None:
    """Import numba and let it get ready, half a second that the first call of a loop takes.

    For a process that others are forked from.
    """
    _same(0)
