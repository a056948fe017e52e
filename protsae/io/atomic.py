"""Outputs appear whole or not at all: write beside the target, then rename."""

import glob
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protsae.errors import UserError

_MARK = ".tmp-"
_PREFIX = f"{_MARK}{socket.gethostname()}-"
"""Of another machine it cannot be told which processes are alive."""
_UMASK = os.umask(0)
os.umask(_UMASK)


@contextmanager
def atomic_path(target: str | Path, leftovers: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``target``; rename it onto ``target`` when the block succeeds.

    The temporary keeps the target's suffixes, so that writers which look at them behave. If the
    block raises, the temporary is removed and the target is left as it was. What a killed process
    of this machine has left for the same target is removed first. Whatever mode a writer gives it,
    the target may be read by whom the umask lets read it.

    Parameters
    ----------
    leftovers : bool
        Look for what killed processes have left. This lists the folder, so whoever writes many
        files into one calls `remove_leftovers` first instead.

    Raises
    ------
    UserError
        If there is a folder of that name, or a device, which would be gone.

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
    if target.exists() and not target.is_file():
        kind = "a folder" if target.is_dir() else "a device or pipe"
        raise UserError(f"{target}: is {kind}; expected a file, or a name that is free")
    target.parent.mkdir(parents=True, exist_ok=True)
    if leftovers:
        remove_leftovers(target.parent, target.name)
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


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for temporary files, gone when the block ends; those of killed processes go, too.

    Examples
    --------
    >>> with scratch_folder() as folder:
    ...     folder.is_dir()
    True
    >>> folder.exists()
    False
    """
    prefix = f"protsae-{socket.gethostname()}-"
    for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        process = path.name.removeprefix(prefix).split("-")[0]
        if process.isdecimal() and not _is_alive(int(process)):
            shutil.rmtree(path, ignore_errors=True)  # another user's stays
    with tempfile.TemporaryDirectory(prefix=f"{prefix}{os.getpid()}-") as folder:
        yield Path(folder)


def validate_writable(folder: Path) -> None:
    """Find out before long work whether its outputs can be written.

    Raises
    ------
    OSError
        If no file can be made in the folder; in the nearest one above it, if it is yet to be made.
    """
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    with tempfile.TemporaryFile(dir=nearest):
        pass


def validate_output_folder(folder: str | Path) -> None:
    """Find out before long work whether a command can write into its ``--output``.

    Raises
    ------
    UserError
        If it is a file.
    OSError
        As `validate_writable`.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--output {folder}: is a file; expected a folder, or a name that is free")
    validate_writable(folder)


def is_temporary(name: str) -> bool:
    """Whether a file of this name is one that `atomic_path` has not renamed, of any machine."""
    return name.startswith(_MARK)


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Remove temporaries whose process is no more: of the target ``name``, or of all."""
    ending = "*" if name is None else glob.escape(name)
    for path in folder.glob(f"{_PREFIX}*-{ending}"):
        rest = path.name.removeprefix(_PREFIX)
        process = rest.split("-")[0] if name is None else rest.removesuffix(f"-{name}")
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
