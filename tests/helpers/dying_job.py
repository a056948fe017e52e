"""A command in a process of its own that is killed on the way, as a cluster's scheduler does."""

import itertools
import os
import pkgutil
import signal
import sys
from unittest import mock

from protsae.cli import main
from tests.helpers.forked import start


def run_job(arguments: list[str], target: str = "", call: int = 0) -> int:
    """Exit status of ``protsae arguments``, -9 if killed.

    SIGKILL comes at call number ``call`` (1 is the first) of the function ``target``, before it
    does anything.
    """
    job = start(_run, arguments, target, call)
    job.join()
    assert job.exitcode is not None
    return job.exitcode


def _run(arguments: list[str], target: str, call: int) -> None:
    if not target:
        sys.exit(main(arguments))
    original, calls = pkgutil.resolve_name(target), itertools.count(1)

    def call_or_die(*args: object, **options: object) -> object:
        if next(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **options)

    with mock.patch(target, call_or_die):
        sys.exit(main(arguments))
