import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from safetensors import SafetensorError

import protsae
from protsae import cli
from protsae.cli import command, main
from protsae.commands import ALIASES, COMMANDS, PASSING_ON
from protsae.errors import UserError
from tests.helpers.configured_run import write_configured_run
from tests.helpers.fenced import ROOT


def exit_status(argv: list[str]) -> int:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    return int(caught.value.code or 0)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A stand-in for the module of the stage ``report``, which raises ``stage.error``."""

    def run(_: object) -> None:
        if stage.error:
            raise stage.error

    stage = SimpleNamespace(
        __doc__="Stand-in.", add_arguments=lambda parser: None, run=run, error=None
    )
    monkeypatch.setitem(sys.modules, "protsae.commands.run.report", stage)  # type: ignore[arg-type]
    return stage


def test_imports_without_the_collector_and_with_it_again(tmp_path: Path) -> None:
    """In a process of its own: of what was imported, nothing is looked at again."""
    (tmp_path / "seen_by_imports.py").write_text("import gc\nwas_on = gc.isenabled()\n")
    (tmp_path / "broken_import.py").write_text("raise ValueError\n")
    code = (
        "import gc\n"
        "from protsae.cli import imported\n"
        "assert imported('seen_by_imports').was_on is False\n"
        "assert gc.isenabled()\n"
        "assert gc.get_freeze_count() > 1000\n"
        "frozen = gc.get_freeze_count()\n"
        "assert imported('seen_by_imports').was_on is False\n"
        "assert gc.get_freeze_count() == frozen, 'only after an import'\n"
        "try:\n"
        "    imported('broken_import')\n"
        "except ValueError:\n"
        "    assert gc.isenabled()\n"
        "else:\n"
        "    raise AssertionError\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": path})


@pytest.mark.parametrize("lost", [False, True], ids=["plain", "in a callback"])
def test_an_interrupt_while_modules_load_ends_the_process(tmp_path: Path, lost: bool) -> None:
    """Even where Python ignores exceptions; later it is an exception again, unless ignored."""
    kill = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
    in_callback = (
        "import os, signal, weakref\n"
        "class Thing: pass\n"
        "thing = Thing()\n"
        "seen = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))\n"
        "del thing\n"
    )
    (tmp_path / "interrupted.py").write_text(in_callback if lost else kill)
    (tmp_path / "quiet.py").write_text("")
    code = (
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.{})\n"
        "from protsae.cli import imported\n"
        "imported('quiet')\n"
        "assert signal.getsignal(signal.SIGINT) is signal.{}\n"
        "imported('interrupted')\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    for handler, status in (("default_int_handler", -signal.SIGINT), ("SIG_IGN", 0)):
        words = [sys.executable, "-c", code.format(handler, handler)]
        assert subprocess.run(words, check=False, env={"PYTHONPATH": path}).returncode == status


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(["--help"]) == 0
    out = capsys.readouterr().out
    assert "example: protsae fetch --help" in out
    assert all(f"\n  {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_stage_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"usage: protsae {name}" in out
    assert re.search(rf"^examples?:\n  protsae {name} ", out, re.MULTILINE)


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_another_name_of_a_command(
    alias: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for given in (alias, name):
        with pytest.raises(SystemExit):
            main([given, "--help"])
    first, second = capsys.readouterr().out.split(f"usage: protsae {name}")[1:]
    assert first == second
    assert f"(or: {alias})" in COMMANDS[name]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(["--version"]) == 0
    assert capsys.readouterr().out == f"protsae {protsae.__version__}\n"


@pytest.mark.parametrize("argv", [[], ["trian"], ["report", "--no-such-flag"]], ids=str)
def test_a_wrong_command_line(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(argv) == 2
    assert "usage: protsae" in capsys.readouterr().err


def test_a_missing_argument_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(["split", "--input", "x"]) == 2
    err = capsys.readouterr().err
    assert err.endswith("error: the following arguments are required: --output\n")


def test_flags_are_not_abbreviated(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(["split", "--input", "x", "--output", "y", "--ident", "0.5"]) == 2
    assert "unrecognized arguments: --ident 0.5" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "flag"),
    [(["split", "--input", "x", "--output", ""], "--output"), (["init", ""], "DIR")],
)
def test_an_output_without_a_name(
    argv: list[str], flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_status(argv) == 2
    said = f"error: argument {flag}: '' is no path; . is the current folder\n"
    assert capsys.readouterr().err.endswith(said)


def test_success(stage: SimpleNamespace) -> None:
    assert main(["report"]) == 0


def test_a_mistake_of_the_user_is_one_line(
    stage: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.error = UserError("x.fasta: no sequences found")
    assert main(["report"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "protsae report: x.fasta: no sequences found\n"
    assert captured.out == ""


def test_as_a_module() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "protsae", "split", "--input", "no.parquet", "--output", "x"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 2
    assert found.stderr == (
        "protsae split: no.parquet: no such file; run the stage that writes it first\n"
    )


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import protsae", id="import"),
        pytest.param(
            "from protsae.cli import main\ntry: main(['-h'])\nexcept SystemExit: pass", id="help"
        ),
        pytest.param(
            "import protsae.config.settings, protsae.errors, protsae.io.atomic, protsae.provenance",
            id="what the Snakefile imports",
        ),
    ],
)
def test_light_imports(code: str) -> None:
    heavy = ("torch", "h5py", "numpy", "pandas", "scipy", "esm", "Bio")
    check = f"{code}\nimport sys\nprint(*[m for m in {heavy} if m in sys.modules], file=sys.stderr)"
    found = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert found.stderr == "\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space"), "No space left on device; make room and run it again"),
        (OSError(27, "Too large", "a.h5"), "a.h5: File too large; make room and run it again"),
        (
            OSError("Can't write data (file write failed: errno = 28, error message = 'x')"),
            "No space left on device; make room and run it again",
        ),
        (
            RuntimeError("Unable to synchronously flush file (errno = 27, error message = 'x')"),
            "File too large; make room and run it again",
        ),
        (
            SafetensorError("Error while serializing: I/O error: No space (os error 28)"),
            "No space left on device; make room and run it again",
        ),
        (PermissionError(13, "No", "out/a"), "out/a: Permission denied"),
        (
            MemoryError(),
            "not enough memory (no more); give it more, or ask for smaller SAEs or batches",
        ),
        (
            ImportError("libgfortran.so: failed to map segment from shared object"),
            "not enough memory (libgfortran.so: failed to map segment from shared object); give it "
            "more, or ask for smaller SAEs or batches",
        ),
        (
            RuntimeError("can't start new thread"),
            "not enough memory (can't start new thread); give it more, or ask for smaller SAEs or "
            "batches",
        ),
        (
            MemoryError("Unable to allocate 51.2 TiB"),
            "not enough memory (Unable to allocate 51.2 TiB); give it more, or ask for smaller "
            "SAEs or batches",
        ),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 51 bytes"),
            "not enough memory ([enforce fail] DefaultCPUAllocator: can't allocate memory: 51 "
            "bytes); give it more, or ask for smaller SAEs or batches",
        ),
    ],
)
def test_faults_of_the_machine_are_one_line(
    stage: SimpleNamespace, capsys: pytest.CaptureFixture[str], error: Exception, line: str
) -> None:
    stage.error = error
    assert main(["report"]) == 2
    assert capsys.readouterr().err == f"protsae report: {line}\n"


@pytest.mark.parametrize("error", [RuntimeError("size mismatch"), OSError("odd"), KeyError("x")])
def test_faults_of_protsae_are_tracebacks(stage: SimpleNamespace, error: Exception) -> None:
    stage.error = error
    with pytest.raises(type(error)):
        main(["report"])


def test_an_interrupt_is_silent(
    stage: SimpleNamespace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage.error = KeyboardInterrupt()
    monkeypatch.setattr(sys, "argv", ["protsae", "report"])
    assert command() == 130
    assert capsys.readouterr().err == ""


def test_an_interrupt_of_a_waiting_client_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "run_forked", Mock(side_effect=KeyboardInterrupt))
    monkeypatch.setattr(sys, "argv", ["protsae", "report"])
    assert command() == 130


def test_a_killed_server_is_told_of_as_other_reasons_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "run_forked", Mock(side_effect=UserError("it was killed")))
    monkeypatch.setattr(sys, "argv", ["protsae", "report"])
    assert command() == 2
    assert capsys.readouterr().err == "protsae report: it was killed\n"


@pytest.mark.parametrize("name", sorted(PASSING_ON))
def test_what_becomes_another_program_is_not_forked(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server would wait until that has ended, and take no other job."""
    monkeypatch.setattr(cli, "run_forked", Mock(side_effect=AssertionError))
    monkeypatch.setattr(cli, "own_command", lambda: 5)
    monkeypatch.setattr(sys, "argv", ["protsae", name])
    assert command() == 5


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_closed_streams(tmp_path: Path, closed: str) -> None:
    done = subprocess.run(
        f"exec {sys.executable} -P -m protsae show nonsense {closed}",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == ("2" not in closed)


def test_too_low_a_limit_on_memory_is_told_at_once() -> None:
    """Just above what scipy takes, OpenBLAS would wait for its buffer for ever."""
    found = subprocess.run(
        ["bash", "-c", f"ulimit -v 924080; {sys.executable} -m protsae encode --help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert found.returncode == 2
    assert found.stdout == ""
    assert re.fullmatch(
        r"protsae encode: the limit on memory \(ulimit -v\) is 924,080 kB; protsae needs at least "
        r"[\d,]+ on this machine; raise the limit\n",
        found.stderr,
    )


@pytest.mark.parametrize("name", protsae.__all__)
def test_public_names_are_there_and_say_what_they_are(name: str) -> None:
    found = getattr(protsae, name)
    assert name in dir(protsae)
    assert isinstance(found, str) or len(found.__doc__) > 100


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="module 'protsae' has no attribute 'nonsense'"):
        protsae.nonsense  # noqa: B018


@pytest.mark.parametrize(
    ("words", "statuses"),
    [
        (("verify", "results"), [128 + signal.SIGPIPE]),
        # argparse does not mind, but in Python 3.11.2 it does.
        (("--help",), [0, 128 + signal.SIGPIPE]),
        (("annotate", "--help"), [0, 128 + signal.SIGPIPE]),
    ],
)
def test_a_reader_that_has_gone_ends_a_command_without_a_word(
    tmp_path: Path, words: tuple[str, ...], statuses: list[int]
) -> None:
    """A real pipe, closed before anything is written: as ``cat`` ends, by SIGPIPE."""
    write_configured_run(tmp_path / "results")
    reading, writing = os.pipe()
    os.close(reading)
    finished = subprocess.run(
        [sys.executable, "-m", "protsae", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
    )
    os.close(writing)
    assert finished.returncode in statuses
    assert [line for line in finished.stderr.splitlines() if "verifying" not in line] == []


def test_head_reads_what_it_wants(tmp_path: Path) -> None:
    """More than a pipe holds, so that the writer is in the middle of it when head ends."""
    (tmp_path / "x.py").write_text(
        "import sys\n"
        "from types import SimpleNamespace\n"
        "from protsae.cli import command\n"
        "def run(_):\n"
        "    for number in range(1_000_000):\n"
        "        print(number)\n"
        "stage = SimpleNamespace(__doc__='', add_arguments=lambda _: None, run=run)\n"
        "sys.modules['protsae.commands.run.report'] = stage\n"
        "sys.argv = ['protsae', 'report']\n"
        "sys.exit(command())\n"
    )
    shell = f'"{sys.executable}" x.py | head -1; echo ${{PIPESTATUS[0]}}'
    finished = subprocess.run(
        ["bash", "-c", shell],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert finished.stdout == f"0\n{128 + signal.SIGPIPE}\n"
    assert finished.stderr == ""


def test_output_that_does_not_fit_is_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        finished = subprocess.run(
            [sys.executable, "-m", "protsae", "show", "2/topk/0", "--results", "results"],
            cwd=write_configured_run(tmp_path / "results").parent,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
    assert finished.returncode == 2
    assert finished.stderr.startswith("protsae show: No space left on device; make room")


def test_another_pipe_that_breaks_is_a_fault(
    stage: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.error = BrokenPipeError(32, "Broken pipe")
    assert main(["report"]) == 2
    assert capsys.readouterr().err == "protsae report: Broken pipe\n"
