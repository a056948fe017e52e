"""Outputs appear whole or not at all: write beside the target, then rename."""

import glob
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = f".tmp-{socket.gethostname()}-"
"""Of another machine it cannot be told which processes are alive."""
_UMASK = os.umask(0)
os.umask(_UMASK)


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target``; rename it onto ``target`` when the block succeeds.

    The temporary keeps the target's suffixes, so that writers which look at them behave. If the
    block raises, the temporary is removed and the target is left as it was. What a killed process
    of this machine has left for the same target is removed first. Whatever mode a writer gives it,
    the target may be read by whom the umask lets read it.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "table.tsv"
    >>> with atomic_path(target) as temporary:
    ...     _ = temporary.write_text("a\\n")
    >>> target.read_text()
    'a\\n'
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(target)
    temporary = target.with_name(f"{_PREFIX}{os.getpid()}-{target.name}")
    try:
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.chmod(0o666 & ~_UMASK)
        temporary.replace(target)
    except BaseException:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        temporary.unlink(missing_ok=True)
        raise


def is_temporary(name: str) -> bool:
    """Whether a file of this name is one that `atomic_path` has not renamed, of any machine."""
    return name.startswith(".tmp-")


def _remove_leftovers(target: Path) -> None:
    """Remove temporaries of this target whose process is no more."""
    for path in target.parent.glob(f"{_PREFIX}*-{glob.escape(target.name)}"):
        process = path.name.removeprefix(_PREFIX).removesuffix(f"-{target.name}")
        if process.isdecimal() and not _is_alive(int(process)):
            path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
