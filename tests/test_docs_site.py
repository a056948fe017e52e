"""The documentation site builds without a warning."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.fenced import ROOT

pytest.importorskip("material", reason="mkdocs-material is not installed (make docs installs it)")
pytest.importorskip("mkdocstrings", reason="mkdocstrings is not installed (make docs installs it)")


def test_the_site_builds(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert built.returncode == 0, built.stderr
    api = (tmp_path / "api" / "index.html").read_text()
    assert "score_detectors" in api
    assert "What has a protein language model learned?" in (tmp_path / "index.html").read_text()
