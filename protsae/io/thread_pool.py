"""Threads, started only where there is memory for them."""

import mmap
from concurrent.futures import ThreadPoolExecutor

THREAD_ROOM = 136 << 20
"""Bytes of address space that a thread may take at once: 8 MiB for its stack, and what the C
library sets aside for its objects."""


def thread_pool(n_threads: int) -> ThreadPoolExecutor:
    """A pool of threads.

    Raises
    ------
    OSError
        If there is no memory for them. Python waits for ever for a thread that finds none for its
        first objects, so that it is asked for before, and given back.

    Examples
    --------
    >>> with thread_pool(2) as pool:
    ...     list(pool.map(abs, [-3, 5]))
    [3, 5]
    """
    mmap.mmap(-1, n_threads * THREAD_ROOM).close()
    return ThreadPoolExecutor(n_threads)
