import os
import re
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.atomic import atomic_path, scratch_folder, validate_writable


def write_half(target: Path, error: BaseException) -> None:
    with atomic_path(target) as temporary:
        temporary.write_text("half")
        raise error


def test_the_target_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "table.tsv.gz"
    with atomic_path(target) as temporary:
        temporary.write_text("a")
        assert not target.exists()
        assert temporary.parent == target.parent
        assert temporary.name.endswith("table.tsv.gz")
    assert target.read_text() == "a"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_after_an_error(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error):
        write_half(tmp_path / "a.txt", error())
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays_after_an_error(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("before")
    with pytest.raises(ValueError, match=r"^stop$"):
        write_half(target, ValueError("stop"))
    assert target.read_text() == "before"


def test_what_was_there_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("before")
    with atomic_path(str(target)) as temporary:
        temporary.write_text("after")
    assert target.read_text() == "after"


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """Of the same target and a dead process; not of a live one, another target or machine."""
    job = subprocess.Popen([sys.executable, "-c", ""])
    job.wait()
    dead, live, host = job.pid, os.getppid(), socket.gethostname()
    kept = {
        f".tmp-{host}-{live}-a.txt",
        f".tmp-{host}-{dead}-b-a.txt",
        f".tmp-{host}-{dead}-a.txt.gz",
        f".tmp-elsewhere-{dead}-a.txt",
    }
    for name in (*kept, f".tmp-{host}-{dead}-a.txt"):
        (tmp_path / name).write_text("half")
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "a.txt"}


@pytest.mark.parametrize("name", [".", "/", "made"])
def test_a_folder_is_no_file_to_write(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "made").mkdir()
    with pytest.raises(UserError, match=f"^{re.escape(name)}: is a folder"), atomic_path(name):
        pass


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    """Nor is /dev/full, which a test must not risk."""
    os.mkfifo(tmp_path / "pipe")
    told = pytest.raises(UserError, match="pipe: is a device or pipe; expected a file")
    with told, atomic_path(tmp_path / "pipe"):
        pass
    assert (tmp_path / "pipe").is_fifo()


def test_a_block_that_writes_nothing_is_our_bug(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_scratch_folders_of_dead_processes_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen(["true"])
    ended.wait()
    host = socket.gethostname()
    names = [f"protsae-{host}-{ended.pid}-a", f"protsae-{host}-{os.getpid()}-b", "protsae-x-1-c"]
    for name in names:
        (tmp_path / name / "within").mkdir(parents=True)
    with scratch_folder() as folder:
        assert folder.parent == tmp_path
        found = sorted(path.name for path in tmp_path.iterdir() if path != folder)
    assert found == sorted(names[1:])
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_is_found_at_once(tmp_path: Path) -> None:
    validate_writable(tmp_path / "new" / "folder")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"Not a directory"):
        validate_writable(tmp_path / "file" / "below")
