"""Loops that NumPy has no fast call for, compiled by numba."""

import functools
import pickle
from collections.abc import Callable
from typing import Any, TypeVar

Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(loop: Loop) -> Loop:
    """Compile a function of arrays and numbers at its first call, for the types it is called with.

    The compiled code is cached on disk for the next process, beside the module or in the user's
    cache folder (``NUMBA_CACHE_DIR`` names another one). If neither can be written, or the cached
    code cannot be read, each process compiles the function again.

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
        import numba

        try:
            code = code or numba.njit(cache=True)(loop)
            return code(*arguments)
        # No folder that can be written, a full one, or one with a damaged file.
        except (RuntimeError, OSError, EOFError, pickle.UnpicklingError):
            code = numba.njit(loop)
            return code(*arguments)

    return call  # type: ignore[return-value]


@compiled
def _same(number: int) -> int:
    return number


def start_compiler() -> None:
    """Import numba and let it get ready, half a second that the first call of a loop takes.

    For a process that others are forked from.
    """
    _same(0)
