"""Groups of whole proteins, over the ends of shards, and what a shard says of itself."""

import re
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.hdf5.activation_cache import KIND
from protsae.io.hdf5.shard_index import open_shard
from tests.helpers.tiny_run import open_cache

EVERY = {f"P{i}" for i in range(6)}


@pytest.mark.parametrize(
    ("lengths", "groups"),
    [
        pytest.param([3, 5, 7, 1, 2, 6], [["P0", "P1"], ["P2", "P3"], ["P4", "P5"]], id="filled"),
        pytest.param(
            [3, 5, 1, 8, 1, 7], [["P0", "P1"], ["P2"], ["P3"], ["P4", "P5"]], id="too many"
        ),
        pytest.param([11, 2, 13, 9, 5, 4], [[f"P{i}"] for i in range(6)], id="too long"),
        pytest.param([1, 2, 1, 2, 1, 1], [[f"P{i}" for i in range(6)]], id="all"),
    ],
)
def test_groups_of_at_most_eight_rows(
    tmp_path: Path, lengths: list[int], groups: list[list[str]]
) -> None:
    """P4 begins another shard."""
    index = open_cache(tmp_path, lengths=lengths).index
    assert [names for names, _ in index.groups(EVERY, 8)] == groups


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b"\x89HDF\r\n\x1a", "not an HDF5 file; delete it and", id="seven bytes"),
        pytest.param(b"\x89HDF\r\n\x1a\n", "HDF5 cannot open it (", id="its first bytes alone"),
    ],
)
def test_a_file_is_told_by_its_first_eight_bytes(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    path = tmp_path / "x.h5"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"^{re.escape(f'{path}: {problem}')}"):
        open_shard(path, KIND)


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^{tmp_path}: a folder; expected an HDF5 file$"):
        open_shard(tmp_path, KIND)
