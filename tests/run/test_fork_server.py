"""Jobs by a fork server, held against the same jobs in processes of their own."""

import contextlib
import itertools
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from protsae.run.fork_server import SOCKET, THREADS, start_fork_server

CLIENT = (
    "from protsae.run.fork_server import run_forked; import sys; sys.exit(run_forked(sys.argv[1:]))"
)
SERVER = """
import os, signal, sys, time
from pathlib import Path
from protsae.run.fork_server import ForkServer

# Tests may run in the background, where these are ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
loaded = []

def preload(words):
    if words[0] == "unloadable":
        raise BlockingIOError("as of a fork for which there is no room")
    loaded.append(words)

def run():
    word = sys.argv[1]
    if word == "say":
        print(os.getcwd(), os.environ["WORD"], sys.argv[2:], loaded)
        print("on the other stream", file=sys.stderr)
        return 7
    if word == "read":
        print(sys.stdin.read().upper() if sys.stdin else Path("/dev/stdin").read_text().upper())
        return 0
    if word == "fail":
        raise ValueError("of the job")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        Path(sys.argv[2]).write_text(str(os.getpid()))
        time.sleep(60)
    except KeyboardInterrupt:
        return 130
    finally:
        Path(sys.argv[2]).with_suffix(".ended").touch()

ForkServer(preload, run).serve(sys.argv[1])
"""


@contextlib.contextmanager
def started(code: str, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A server by this code; its socket is ``tmp_path``'s s/jobs."""
    (tmp_path / "s").mkdir()
    path = tmp_path / "s/jobs"
    process = subprocess.Popen([sys.executable, "-P", "-c", code, str(path)], stdin=subprocess.PIPE)
    until(path.exists)
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
    assert process.wait(20) in (0, -signal.SIGKILL)


@pytest.fixture
def server(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """One whose commands are those of `SERVER`."""
    with started(SERVER, tmp_path) as process:
        yield process


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


Client = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """Starts a client of the server with these words."""
    clients: list[subprocess.Popen[str]] = []
    variables = {SOCKET: str(tmp_path / "s/jobs"), THREADS: "1", "WORD": "w"}

    def start(*words: str, cwd: Path = tmp_path, **changes: str) -> "subprocess.Popen[str]":
        clients.append(
            subprocess.Popen(
                [sys.executable, "-P", "-c", CLIENT, *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=cwd,
                env=os.environ | variables | changes,
            )
        )
        return clients[-1]

    yield start
    for process in clients:
        process.kill()
        process.communicate()


def waiting(client: Client, file: Path) -> tuple["subprocess.Popen[str]", Path, int]:
    """A client whose job sleeps, the file that the job makes as it ends, and the job's process."""
    process = client("wait", str(file))
    until(lambda: file.exists() and file.read_text() != "")
    return process, file.with_suffix(".ended"), int(file.read_text())


def test_a_job_has_the_words_folder_environment_streams_and_status(
    server: object, tmp_path: Path, client: Client
) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    process = client("say", "a b", "é\n", cwd=folder)
    out, error = process.communicate(timeout=20)
    words = ["say", "a b", "é\n"]
    assert out == f"{folder} w {words[1:]} [{words}]\n", "and the server has loaded for it"
    assert error == "on the other stream\n"
    assert process.returncode == 7


def test_what_one_job_loads_the_next_finds(server: object, tmp_path: Path, client: Client) -> None:
    for number in range(1, 4):
        out, _ = client("say").communicate(timeout=20)
        assert out.count("'say'") == number


def test_an_exception_is_told_on_the_streams_of_the_job(
    server: object, tmp_path: Path, client: Client
) -> None:
    process = client("fail")
    assert "ValueError: of the job" in process.communicate(timeout=20)[1]
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 128 + signal.SIGHUP)],
)
def test_signals_reach_the_job(
    server: object, tmp_path: Path, number: signal.Signals, status: int, client: Client
) -> None:
    process, ended, _ = waiting(client, tmp_path / "job")
    process.send_signal(number)
    assert process.wait(20) == status
    assert ended.exists() is (number is not signal.SIGHUP), "by default, that ends it at once"


def test_a_job_that_is_killed_has_the_status_of_the_shell(
    server: object, tmp_path: Path, client: Client
) -> None:
    process, _, job = waiting(client, tmp_path / "job")
    os.kill(job, signal.SIGKILL)
    assert process.wait(20) == 137


def test_a_job_ends_with_its_client(server: object, tmp_path: Path, client: Client) -> None:
    process, ended, _ = waiting(client, tmp_path / "job")
    process.kill()
    until(ended.exists)
    assert client("say").wait(20) == 7, "the server goes on"


def test_jobs_run_side_by_side(server: object, tmp_path: Path, client: Client) -> None:
    several = [waiting(client, tmp_path / f"job{number}") for number in range(5)]
    assert len({job for _, _, job in several}) == 5
    for process, ended, _ in several[::-1]:
        process.terminate()
        assert process.wait(20) == 143
        assert ended.exists()


def test_the_server_ends_when_its_jobs_have(
    server: "subprocess.Popen[bytes]", tmp_path: Path, client: Client
) -> None:
    process, _, _ = waiting(client, tmp_path / "job")
    assert server.stdin is not None
    server.stdin.close()
    until(lambda: client("say").wait(20) == 0)  # sys.exit(None): nobody takes it
    assert server.poll() is None
    process.terminate()
    assert process.wait(20) == 143
    assert server.wait(20) == 0
    assert not (tmp_path / "s").exists()


def test_half_a_request_does_no_harm(server: object, tmp_path: Path, client: Client) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(tmp_path / "s/jobs"))
        socket.send_fds(connection, [b"\0\0\1\0"], [0, 1, 2])
        connection.sendall(b"{")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(tmp_path / "s/jobs"))
    assert client("say").wait(20) == 7


def test_a_killed_server_is_told_of_in_a_line(
    server: "subprocess.Popen[bytes]", tmp_path: Path, client: Client
) -> None:
    process, _, job = waiting(client, tmp_path / "job")
    server.kill()
    os.kill(job, signal.SIGTERM)
    _, error = process.communicate(timeout=20)
    assert error.splitlines()[-1].endswith("the process that forks jobs was killed; run it again")


def test_a_killed_server_takes_its_jobs_with_it(
    server: "subprocess.Popen[bytes]", tmp_path: Path, client: Client
) -> None:
    process, ended, _ = waiting(client, tmp_path / "job")
    server.kill()
    assert process.wait(20) == 1
    until(ended.exists)


def test_a_job_that_cannot_be_forked_is_not_taken(
    server: object, tmp_path: Path, client: Client
) -> None:
    process = client("unloadable")
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0, "the status of None"
    assert client("say").wait(20) == 7, "the server goes on"


def test_a_server_that_is_killed_before_it_takes_a_job(tmp_path: Path, client: Client) -> None:
    (tmp_path / "s").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s/jobs"))
        listener.listen()
        process = client("say")
        assert select.select([listener], [], [], 20)[0]
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0, "the status of None"


def test_no_server_takes_a_job_of_a_folder_that_is_gone(server: object, tmp_path: Path) -> None:
    code = f"""
import os
from protsae.run.fork_server import run_forked
os.chdir({str(tmp_path)!r})
os.mkdir("gone")
os.chdir("gone")
os.rmdir("../gone")
assert run_forked(["say"]) is None
"""
    variables = {SOCKET: str(tmp_path / "s/jobs"), THREADS: "1"}
    subprocess.run([sys.executable, "-P", "-c", code], env=os.environ | variables, check=True)


def test_a_server_whose_folder_is_gone_ends_without_a_word(
    server: object, tmp_path: Path, client: Client
) -> None:
    """As when something cleans up /tmp; the fixture holds the exit status."""
    (tmp_path / "s/jobs").unlink()
    (tmp_path / "s").rmdir()
    assert client("say").wait(20) == 0, "the status of None"


@pytest.mark.parametrize("change", [{SOCKET: "/nowhere/jobs"}, {THREADS: "2"}, {SOCKET: ""}])
def test_without_a_server_for_it_nothing_happens(
    server: object, tmp_path: Path, change: dict[str, str], client: Client
) -> None:
    process = client("say", **change)
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0, "the status of None"


JOBS = "import sys; from protsae.cli import fork_jobs; fork_jobs(sys.argv[1])"
PROTSAE = [sys.executable, "-P", "-m", "protsae"]
COMMANDS = (
    ["fetch", "--input", "no.fasta", "--output", "out"],
    ["onehot"],
    ["show", "--help"],
)


def test_closed_streams_are_not_taken_for_the_connection(tmp_path: Path) -> None:
    """Else what the job writes to them goes to the server, as signals."""
    variables = {SOCKET: str(tmp_path / "s/jobs"), THREADS: "1"}
    each = ("show nonsense", "explain --fasta -"), ("0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-")
    with started(JOBS, tmp_path):
        for words, closed in itertools.product(*each):
            done = subprocess.run(
                f"exec {shlex.join(PROTSAE)} {words} {closed}",
                shell=True,
                cwd=tmp_path,
                env=os.environ | variables,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 2, (words, closed)
            assert b"Traceback" not in done.stderr, (words, closed)
            assert done.stderr or "2" in closed, (words, closed)


def test_commands_of_protsae_say_and_return_the_same(tmp_path: Path) -> None:
    """By the server that `start_fork_server` starts, which ends with the process.

    `CLIENT` has no other way to run them.
    """
    code = f"""
import os, subprocess
from protsae.run.fork_server import start_fork_server
start_fork_server()
path = os.environ[{SOCKET!r}]
while not os.path.exists(path): pass
os.environ[{THREADS!r}] = "1"
for words in {COMMANDS!r}:
    own = os.environ | {{{SOCKET!r}: ""}}
    one, two = (
        subprocess.run([*program, *words], env=env, capture_output=True, text=True)
        for program, env in (({PROTSAE!r}, own), ({[*PROTSAE[:2], "-c", CLIENT]!r}, os.environ))
    )
    assert (one.returncode, one.stdout, one.stderr) == (two.returncode, two.stdout, two.stderr), two
    print(one.returncode)
print(path)
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    *statuses, path = done.stdout.split()
    assert statuses == ["2", "2", "0"]
    assert not Path(path).parent.exists()


def test_a_server_ends_when_what_started_it_is_killed(tmp_path: Path) -> None:
    code = f"""
import os, time
from protsae.run.fork_server import start_fork_server
start_fork_server()
print(os.environ[{SOCKET!r}], flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        path = Path(process.stdout.readline().decode().strip())
        until(path.exists)
        process.kill()
    until(lambda: not path.parent.exists())


def test_no_server_where_the_path_of_its_socket_is_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("x" * 90)
    folder.mkdir()
    code = f"""
import os
from protsae.run.fork_server import start_fork_server
start_fork_server()
assert {SOCKET!r} not in os.environ
"""
    monkeypatch.setenv("TMPDIR", str(folder))
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
    assert not list(folder.iterdir())


def test_no_server_where_nothing_is_left_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv(SOCKET, raising=False)
    for owner, name in ((subprocess, "Popen"), (tempfile, "mkdtemp")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, Mock(side_effect=OSError))
            start_fork_server()
        assert SOCKET not in os.environ
        assert not list(tmp_path.iterdir())


def test_what_a_killed_server_leaves_goes_with_what_started_it(tmp_path: Path) -> None:
    code = f"""
import os
from protsae.run import fork_server
fork_server.start_fork_server()
path = os.environ[{SOCKET!r}]
while not os.path.exists(path): pass
children = open("/proc/self/task/%d/children" % os.getpid()).read().split()
os.kill(int(children[0]), 9)
"""
    variables = {"TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-P", "-c", code], env=os.environ | variables, check=True)
    assert not list(tmp_path.iterdir())
