"""The one exception for mistakes that a user can make and mend."""

import re
import resource

from protsae.one_line import one_line


class UserError(Exception):
    """Bad input or settings: ends a command with one line on stderr and exit status 2.

    The message names the file and record, what was found, what was expected and what to do.
    Anything else that is raised is a bug of ours and shows its traceback. What a message quotes
    from a file is shown in printable characters.

    Examples
    --------
    >>> str(UserError("x.fasta: no sequences found; expected FASTA records starting with '>'"))
    "x.fasta: no sequences found; expected FASTA records starting with '>'"
    >>> str(UserError("x.h5: format \x01; expected protsae-activations"))
    'x.h5: format \\\\x01; expected protsae-activations'
    """

    def __init__(self, message: str):
        super().__init__(one_line(message))


_NO_MEMORY = re.compile(
    r"out of memory|can.?t allocate|cannot allocate|unable to allocate|memory allocation failed"
    r"|alloc of size \d+ failed|can't start new thread|failed to launch worker thread"
    r"|failed to map segment",
    re.IGNORECASE,
)


def is_no_memory(error: BaseException) -> bool:
    """Whether a library says that there is no memory, or none for another thread.

    Examples
    --------
    >>> is_no_memory(OSError("Failed to launch worker thread: Resource temporarily unavailable"))
    True
    >>> is_no_memory(OSError("truncated file"))
    False
    """
    if isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)):
        return True
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    # What Python itself says where there is not even memory for an exception.
    silent = isinstance(error, SystemError) and "without" in str(error)
    return silent and limit != resource.RLIM_INFINITY
