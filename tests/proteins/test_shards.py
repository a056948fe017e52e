"""Shards: contiguous, none empty, about equal in residues."""

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protsae.errors import UserError
from protsae.proteins.shards import shard_bounds, shard_proteins

LENGTHS_AND_SHARDS = st.lists(st.integers(1, 2000), min_size=1, max_size=41).flatmap(
    lambda lengths: st.tuples(st.just(lengths), st.integers(1, len(lengths)))
)


@given(LENGTHS_AND_SHARDS)
def test_shards_cover_all_proteins_in_order_and_none_is_empty(case):
    lengths, n_shards = case
    bounds = shard_bounds(lengths, n_shards)
    assert len(bounds) == n_shards
    assert [i for start, stop in bounds for i in range(start, stop)] == list(range(len(lengths)))
    assert all(start < stop for start, stop in bounds)


@given(st.lists(st.integers(1, 211), min_size=20, max_size=41), st.integers(1, 5))
def test_shards_differ_from_an_equal_share_by_a_protein_at_most(lengths, n_shards):
    share = sum(lengths) / n_shards
    if share < 2 * max(lengths):
        return  # a single protein may be a shard's worth
    for start, stop in shard_bounds(lengths, n_shards):
        # Each of the two cuts is off by half a protein at most.
        assert abs(sum(lengths[start:stop]) - share) <= max(lengths)


@pytest.mark.parametrize(
    ("lengths", "n_shards", "bounds"),
    [
        ([5, 7, 11], 1, [(0, 3)]),
        ([5, 7, 11], 2, [(0, 2), (2, 3)]),  # 12 + 11, against 5 + 18
        ([5, 7, 11], 3, [(0, 1), (1, 2), (2, 3)]),
        ([1, 1, 100], 3, [(0, 1), (1, 2), (2, 3)]),
        ([100, 1, 1, 1], 2, [(0, 1), (1, 4)]),
        ([2, 2, 2, 2, 2, 2, 2], 3, [(0, 2), (2, 5), (5, 7)]),  # cuts wanted at 4.67 and 9.33
    ],
)
def test_bounds_by_hand(lengths, n_shards, bounds):
    assert shard_bounds(lengths, n_shards) == bounds


def refuses(message, call, *arguments):
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        call(*arguments)


@pytest.mark.parametrize(("n_proteins", "n_shards"), [(2, 3), (0, 1)])
def test_more_shards_than_proteins(n_proteins, n_shards):
    refuses(
        f"cache.shards: {n_shards} shards for {n_proteins} proteins; expected at most {n_proteins}",
        shard_bounds,
        [10] * n_proteins,
        n_shards,
    )


def proteins():
    return pd.DataFrame({"accession": list("abcde"), "length": [3, 5, 7, 11, 13]}, index=range(5))


def test_proteins_of_a_shard():
    # 39 residues; the cut nearest to 19.5 is after the third protein (15), not the fourth (26).
    first, second = (shard_proteins(proteins(), shard, 2) for shard in (0, 1))
    assert first["accession"].tolist() == ["a", "b", "c"]
    assert second["accession"].tolist() == ["d", "e"]
    assert second.index.tolist() == [0, 1]


@pytest.mark.parametrize("shard", [-1, 2, 7])
def test_a_shard_that_is_none(shard):
    message = f"--shard {shard}: expected 0 to 1 with --shards 2"
    refuses(message, shard_proteins, proteins(), shard, 2)


@pytest.mark.parametrize("n_shards", [0, -3])
def test_no_shards(n_shards):
    refuses(f"--shards {n_shards}: expected 1 or more", shard_proteins, proteins(), 0, n_shards)
