"""What tests of several commands start from."""

from pathlib import Path

import pytest

from tests.helpers.finished_run import finished_run


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: that of a finished run, not to be changed."""
    folder = finished_run(tmp_path_factory)
    monkeypatch.chdir(folder)
    return folder
