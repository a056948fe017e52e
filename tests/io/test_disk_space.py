"""Room on a disk, of which a test cannot be sure: `shutil.disk_usage` is replaced."""

from collections import namedtuple

import pytest

from protsae.errors import UserError
from protsae.io import disk_space
from protsae.io.disk_space import free_bytes, gigabytes, validate_free_space

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def asked(monkeypatch):
    """Folders whose disk was asked for; each has 17 bytes free."""
    folders = []

    def usage(folder):
        folders.append(folder)
        return Usage(100, 83, 17)

    monkeypatch.setattr(disk_space.shutil, "disk_usage", usage)
    return folders


def test_the_nearest_folder_that_exists_is_asked(asked, tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    assert free_bytes("there/not/yet/x.h5") == 17
    assert free_bytes(tmp_path / "x.h5") == 17
    assert free_bytes("x.h5") == 17
    assert asked == [tmp_path / "there", tmp_path, tmp_path]


def test_a_file_as_large_as_what_is_free_fits(asked):
    validate_free_space("x.h5", 17, "letters", "write fewer")
    with pytest.raises(UserError) as refused:
        validate_free_space("out/x.h5", 18, "18 letters", "write fewer")
    assert str(refused.value) == (
        "out/x.h5: 18 letters take 1.8e-08 GB, but 1.7e-08 GB of its disk are free; make room, or "
        "write fewer"
    )


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 GB"),
        (123_456_789, "0.12 GB"),
        (999_999_999, "1 GB"),
        (1_000_000_000, "1.0 GB"),
        (1_234_560_000_000, "1,234.6 GB"),
    ],
)
def test_sizes_in_words(n_bytes, text):
    assert gigabytes(n_bytes) == text
