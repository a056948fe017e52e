"""Groups of whole proteins, over the ends of shards, and what a shard says of itself."""

from pathlib import Path

import pytest

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
    assert [table["accession"].tolist() for table in index.groups(EVERY, 8)] == groups
