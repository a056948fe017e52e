"""Forks jobs from one process that has imported their modules, so that each import is paid once.

A job of the default run takes seconds, two to three of which go into importing PyTorch, SciPy and
pandas. Snakemake still decides which job runs when: its shell calls ``protsae``, which hands the
job over, passes on signals and returns the exit status. Without a server, or with other threads
than the server's libraries were loaded for, the job runs in its own process. The results are the
same.
"""

import atexit
import contextlib
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


def start_fork_server() -> None:
    """Start a server for all jobs of this process; it ends when this process does.

    On Linux only: elsewhere not all libraries survive a fork.
    """
    if sys.platform != "linux":
        return
    folder = Path(tempfile.mkdtemp(prefix="protsae-"))
    path = folder / "jobs"
    if len(os.fsencode(path)) > _LONGEST_PATH:
        folder.rmdir()
        return
    one_thread = dict.fromkeys((THREADS, "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    server = subprocess.Popen(
        [sys.executable, "-P", "-c", _SERVER, str(path)],
        stdin=subprocess.PIPE,  # closed when this process ends, however it does
        env=os.environ | one_thread,
        start_new_session=True,  # Ctrl-C reaches a job once, through ``protsae``
    )
    os.environ[SOCKET] = str(path)
    atexit.register(_stop, server)


def _stop(server: "subprocess.Popen[bytes]") -> None:
    assert server.stdin is not None
    server.stdin.close()
    server.wait()


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
        except OSError:  # its run is over, or on another machine
            return None
        request = {"words": list(words), "folder": str(Path.cwd()), "environment": dict(os.environ)}
        text = json.dumps(request).encode()
        socket.send_fds(connection, [_LENGTH.pack(len(text))], _STREAMS)
        connection.sendall(text)
        for number in _PASSED_ON:
            signal.signal(number, lambda number, _: connection.sendall(bytes([number])))
        status = connection.recv(1)
    if not status:
        raise UserError("the process that forks jobs was killed; run it again")
    return status[0]


class ForkServer:
    """Takes requests of `run_forked` until standard input ends and all of its jobs are done.

    Parameters
    ----------
    preload : function
        Imports what a job needs, given its words; called here, before the fork.
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
        shutil.rmtree(Path(path).parent)

    def _close(self, listener: socket.socket, stdin: int) -> None:
        self._selector.unregister(stdin)
        self._selector.unregister(listener)
        listener.close()

    def _accept(self, listener: socket.socket) -> None:
        import multiprocessing  # the client has no need of it

        connection, _ = listener.accept()
        try:
            request, streams = _received(connection)
        except (OSError, ValueError):  # killed meanwhile
            connection.close()
            return
        self._preload(request["words"])
        self._connections.add(connection)
        job = multiprocessing.get_context("fork").Process(
            target=self._run_job, args=(request, streams, listener)
        )
        job.start()
        for stream in streams:
            os.close(stream)
        self._selector.register(connection, selectors.EVENT_READ, partial(self._pass_on, job))
        self._selector.register(
            job.sentinel, selectors.EVENT_READ, partial(self._finish, job, connection)
        )

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
        for other in (listener, *self._connections):
            other.close()
        for stream, own in zip(streams, _STREAMS, strict=True):
            os.dup2(stream, own)
            os.close(stream)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.argv = ["protsae", *request["words"]]
        sys.exit(self._run())


def _received(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    connection.settimeout(_PATIENCE)
    head, streams, _, _ = socket.recv_fds(connection, _LENGTH.size, len(_STREAMS))
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
    return json.loads(text), streams
