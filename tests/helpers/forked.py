"""Processes forked from one that has imported what takes seconds: PyTorch, Snakemake and stages."""

import multiprocessing
import os
import runpy
import sys
import tempfile
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

from protsae.commands import module_of
from tests.helpers.fenced import ROOT

LONGEST = 300
"""Seconds that `plan` may take."""
PRELOADED = [
    *("tests.helpers.finished_run", "tests.helpers.dying_job"),
    *(module_of(name) for name in ("train", "evaluate", "annotate", "report")),
    "torch._dynamo",  # which the optimisers of torch bring in
    *("snakemake.cli", "snakemake_executor_plugin_slurm"),
]
OWN = ("protsae", "snakemake_logger_plugin_protsae")


def start(function: Callable[..., object], *arguments: object) -> ForkServerProcess:
    """Call a function of a module in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    started = context.Process(target=function, args=arguments)
    started.start()
    return started


def plan(*words: str, cwd: Path, package: Path = ROOT) -> CompletedProcess[str]:
    """As `run_module`, for a dry run of Snakemake, whose import takes longer than the plan."""
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder, name) for name in ("stdout", "stderr")]
        process = start(_plan, words, cwd, package, dict(os.environ), streams)
        process.join(LONGEST)
        if process.exitcode is None:
            process.kill()
            raise AssertionError(f"{' '.join(words)} hangs")
        return CompletedProcess(words, process.exitcode, *(path.read_text() for path in streams))


def _plan(
    words: Sequence[str],
    cwd: Path,
    package: Path,
    environment: dict[str, str],
    streams: Sequence[Path],
) -> None:
    for number, path in enumerate(streams, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment, PYTHONPATH=str(package))
    sys.path = [str(cwd), str(package), *(path for path in sys.path if path != str(ROOT))]
    for name in [name for name in sys.modules if name.split(".")[0] in OWN]:
        del sys.modules[name]
    with mock.patch("os.execv", lambda _, command: _run_as_main(command[2:])):
        _run_as_main(["-m", *words])


def _run_as_main(words: Sequence[str]) -> None:
    option, module, *arguments = words
    assert option == "-m", words
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
