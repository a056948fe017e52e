"""Python modules run as a user runs them: in a process of their own, in any folder."""

import os
import subprocess
import sys
from pathlib import Path

from tests.helpers.fenced import ROOT


def run_module(*words: str, cwd: Path, package: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """``python -m`` with these words, in ``cwd``, with the protsae that lies in ``package``."""
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
