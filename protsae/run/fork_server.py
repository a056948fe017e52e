"""Forks jobs from one process that has imported their modules, so that each import is paid once.

Most jobs of the default run take only seconds, and importing PyTorch, SciPy and pandas takes up to
three of them. Snakemake still decides which job runs when: its shell calls ``protsae``, which hands
the job over, passes on signals and returns the exit status. Without a server, or if the job has
several threads, it runs in its own process. The results are the same.
"""

import atexit
import contextlib
import ctypes
import json
import os
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from protsae.errors import UserError

SOCKET = "PROTSAE_FORK_SERVER"
"""Variable of the environment: the path of the server's socket."""

THREADS = "OMP_NUM_THREADS"
"""Snakemake sets it, and its like for other libraries, to a job's threads. Libraries read it once,
as they are loaded: those of the server are loaded for one thread."""

_SERVER = "import sys; from protsae.cli import fork_jobs; fork_jobs(sys.argv[1])"
_STREAMS = (0, 1, 2)
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LENGTH = struct.Struct("!I")
_LONGEST_PATH = 100
"""Bytes in the path of a socket; Linux takes 107."""
_PATIENCE = 10.0
"""Seconds until a request has come in whole; it does so at once."""
_TAKEN = b"+"
"""What the server answers once the job's process is there; its exit status follows."""
_PR_SET_PDEATHSIG = 1
"""Of Linux's prctl: which signal a process gets when its parent ends."""


def start_fork_server() -> None:
    """Start a server for all jobs of this process; it ends when this process does.

    On Linux only: elsewhere not all libraries survive a fork. Nor is there one where a folder for
    temporary files or a process cannot be had.
    """
    if sys.platform != "linux":
        return
    try:
        folder = Path(tempfile.mkdtemp(prefix="protsae-"))
    except OSError:
        return
    path = folder / "jobs"
    if len(os.fsencode(path)) > _LONGEST_PATH:
        folder.rmdir()
        return
    one_thread = dict.fromkeys((THREADS, "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    try:
        server = subprocess.Popen(
            [sys.executable, "-P", "-c", _SERVER, str(path)],
            stdin=subprocess.PIPE,  # closed when this process ends, however it does
            env=os.environ | one_thread,
            start_new_session=True,  # Ctrl-C reaches a job once, through ``protsae``
        )
    except OSError:
        folder.rmdir()
        return
    os.environ[SOCKET] = str(path)
    atexit.register(_stop, server, folder)


def _stop(server: "subprocess.Popen[bytes]", folder: Path) -> None:
    assert server.stdin is not None
    server.stdin.close()
    server.wait()
    shutil.rmtree(folder, ignore_errors=True)  # it is still there if the server was killed


def run_forked(words: Sequence[str]) -> int | None:
    """Run a command in a process that the server forks.

    Parameters
    ----------
    words : sequence of str
        Those after ``protsae``.

    Returns
    -------
    int or None
        The exit status; 128 + n if signal n ended the process. None if no server takes the job, and
        nothing has happened.

    Raises
    ------
    UserError
        If the server is killed while the command runs.
    """
    path = os.environ.get(SOCKET)
    if not path or os.environ.get(THREADS) != "1":
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
            _send(connection, words)
            taken = connection.recv(1)
        except OSError:  # its run is over, or on another machine; or no current folder is left
            return None
        if not taken:
            return None
        for number in _PASSED_ON:
            signal.signal(number, lambda number, _: connection.sendall(bytes([number])))
        status = b""
        with contextlib.suppress(ConnectionError):
            status = connection.recv(1)
    if not status:
        raise UserError("the process that forks jobs was killed; run it again")
    return status[0]


def _send(connection: socket.socket, words: Sequence[str]) -> None:
    request = {"words": list(words), "folder": str(Path.cwd()), "environment": dict(os.environ)}
    text = json.dumps(request).encode()
    socket.send_fds(connection, [_LENGTH.pack(len(text))], _STREAMS)
    connection.sendall(text)


class ForkServer:
    """Takes requests of `run_forked` until standard input ends and all of its jobs are done.

    A job that it cannot fork, it does not take.

    Parameters
    ----------
    preload : function
        Imports what a job needs, given its words; called here, before the fork. If it raises, the
        job is not taken: the process of its own tells why, with modules that are whole.
    run : function
        Runs the command of ``sys.argv`` and returns the exit status; called in the process.
    """

    def __init__(self, preload: Callable[[Sequence[str]], None], run: Callable[[], int]) -> None:
        self._preload, self._run = preload, run
        # Unlike epoll, poll does not mind that a fork holds the same connections for a moment.
        self._selector = selectors.PollSelector()
        self._connections: set[socket.socket] = set()

    def serve(self, path: str) -> None:
        """Listen at this path, whose folder is deleted in the end."""
        with self._selector, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            self._selector.register(listener, selectors.EVENT_READ, self._accept)
            self._selector.register(0, selectors.EVENT_READ, partial(self._close, listener))
            while self._selector.get_map():
                for key, _ in self._selector.select():
                    # One of the same moment may have closed it.
                    if self._selector.get_map().get(key.fd) is key:
                        key.data(key.fileobj)
        shutil.rmtree(Path(path).parent, ignore_errors=True)  # something may have cleaned up

    def _close(self, listener: socket.socket, stdin: int) -> None:
        self._selector.unregister(stdin)
        self._selector.unregister(listener)
        listener.close()

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:  # too many files are open: later
            return
        streams: list[int] = []
        try:
            job = self._started(connection, streams, listener)
        except Exception:  # the client is gone, or there is no room for a process, or memory
            self._connections.discard(connection)
            connection.close()
            return
        finally:
            for stream in streams:
                os.close(stream)
        self._selector.register(connection, selectors.EVENT_READ, partial(self._pass_on, job))
        self._selector.register(
            job.sentinel, selectors.EVENT_READ, partial(self._finish, job, connection)
        )

    def _started(
        self, connection: socket.socket, streams: list[int], listener: socket.socket
    ) -> Any:
        """The process of a job; ``streams`` gets its streams."""
        import multiprocessing  # the client has no need of it

        request = _received(connection, streams)
        self._preload(request["words"])
        self._connections.add(connection)
        job = multiprocessing.get_context("fork").Process(
            target=self._run_job, args=(request, streams, listener)
        )
        job.start()
        with contextlib.suppress(OSError):  # the client may be gone, which ends the job
            connection.send(_TAKEN)
        return job

    def _pass_on(self, job: Any, connection: socket.socket) -> None:
        """Signals, one byte each; where the client is gone, its job ends as well."""
        numbers = b""
        with contextlib.suppress(ConnectionError):
            numbers = connection.recv(16)
        if not numbers:
            self._selector.unregister(connection)
        for number in numbers or [signal.SIGTERM]:
            os.kill(job.pid, number)

    def _finish(self, job: Any, connection: socket.socket, sentinel: int) -> None:
        self._selector.unregister(sentinel)
        if connection in self._selector.get_map():
            self._selector.unregister(connection)
        job.join()
        code = job.exitcode
        with contextlib.suppress(OSError), connection:  # the client may be gone
            connection.send(bytes([code if code >= 0 else 128 - code]))
        self._connections.remove(connection)
        job.close()

    def _run_job(
        self, request: dict[str, Any], streams: Sequence[int], listener: socket.socket
    ) -> None:
        """In the forked process: become what the client would have been."""
        # Without the server, nothing would tell the job that its client has gone.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        for other in (listener, *self._connections):
            other.close()
        for stream, own in zip(streams, _STREAMS, strict=True):
            os.dup2(stream, own)
            os.close(stream)
        # Those of the server remember whether they were files or pipes, or are None.
        sys.stdin = os.fdopen(0, closefd=False)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.argv = ["protsae", *request["words"]]
        sys.exit(self._run())


def _received(connection: socket.socket, streams: list[int]) -> dict[str, Any]:
    """A request; ``streams`` gets the streams that come with it, even if it is not whole."""
    connection.settimeout(_PATIENCE)
    head, found, _, _ = socket.recv_fds(connection, _LENGTH.size, len(_STREAMS))
    streams.extend(found)
    if len(head) < _LENGTH.size or len(streams) < len(_STREAMS):
        raise ValueError("not a request")
    (length,) = _LENGTH.unpack(head)
    text = bytearray()
    while len(text) < length:
        part = connection.recv(length - len(text))
        if not part:
            raise ValueError("not a whole request")
        text += part
    connection.settimeout(None)
    return json.loads(text)
