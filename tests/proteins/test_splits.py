import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from protsae.errors import UserError
from protsae.proteins.alphabet import STANDARD
from protsae.proteins.split_names import LEFT_OUT, SPLITS, check_splits
from protsae.proteins.splits import (
    assign_splits,
    drawn_parts,
    extend_splits,
    joining_clusters,
)


def random_sequences(lengths: np.ndarray, seed: int = 0) -> list[str]:
    letters = "".join(np.random.default_rng(seed).choice(list(STANDARD), lengths.sum()))
    ends = np.cumsum(lengths)
    return [letters[end - n : end] for end, n in zip(ends, lengths, strict=True)]


def shares(split: np.ndarray, length: np.ndarray) -> list[float]:
    return [float(length[split == name].sum() / length.sum()) for name in SPLITS]


@given(
    cluster=st.lists(st.integers(0, 60), min_size=100, max_size=200),
    seed=st.integers(0, 1000),
)
@settings(max_examples=20)
def test_no_cluster_crosses(cluster: list[int], seed: int) -> None:
    numbers = np.array(cluster)
    length = np.random.default_rng(seed).integers(30, 60, len(cluster))
    try:
        split = assign_splits(numbers, random_sequences(length), 0.2, 0.2, seed)
    except UserError:  # too few clusters: nothing was assigned
        return
    assert all(len(set(split[numbers == c])) == 1 for c in numbers)


def test_shares_are_near_those_wanted() -> None:
    rng = np.random.default_rng(0)
    length = rng.integers(30, 500, 1009)
    split = assign_splits(rng.integers(0, 601, 1009), random_sequences(length), 0.1, 0.3, seed=0)
    assert shares(split, length) == pytest.approx([0.6, 0.1, 0.3], abs=0.0101)


def test_a_huge_cluster_goes_to_train() -> None:
    cluster = np.array([7] * 50 + list(range(100, 150)))
    length = np.full(100, 31)
    for seed in range(20):
        split = assign_splits(cluster, random_sequences(length), 0.2, 0.2, seed)
        assert set(split[:50]) == {"train"}
        assert shares(split, length) == pytest.approx([0.6, 0.2, 0.2], abs=0.0201)


def test_the_seed_decides() -> None:
    cluster, sequences = np.arange(50), random_sequences(np.full(50, 31))
    one, two, other = (assign_splits(cluster, sequences, 0.2, 0.2, seed) for seed in (0, 0, 1))
    assert one.tolist() == two.tolist() != other.tolist()


def test_a_share_of_zero_leaves_the_split_out() -> None:
    split = assign_splits(np.arange(50), random_sequences(np.full(50, 31)), 0.2, 0, seed=0)
    assert set(split) == {"train", "valid"}


def test_no_share_is_left_for_train() -> None:
    split = assign_splits(np.arange(50), random_sequences(np.full(50, 31)), 0.5, 0.5, seed=0)
    assert set(split) == {"valid", "test"}


def test_the_draw_is_the_same_in_every_version() -> None:
    """Bytes 9 to 16 of the SHA-256 of seed and sequence, the first bit the most significant: 53 of
    them as a fraction. Below 0.3 is test, below 0.5 valid."""
    sequences = random_sequences(np.full(101, 31))
    expected = []
    for sequence in sequences:
        bits = int.from_bytes(hashlib.sha256(f"7 {sequence}".encode()).digest()[8:16], "big")
        fraction = (bits >> 11) / 2**53
        expected.append(2 if fraction < 0.3 else 1 if fraction < 0.5 else 0)
    assert drawn_parts(np.arange(101), sequences, 0.2, 0.3, seed=7).tolist() == expected
    assert set(expected) == {0, 1, 2}


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        pytest.param(
            [0, 0, 0],
            "split: nothing left for valid and test: 3 proteins in 1 homology clusters; give more "
            "diverse proteins",
            id="one cluster",
        ),
        pytest.param(
            [0] * 19 + [1],
            "split: nothing left for test: 20 proteins in 2 homology clusters; give more diverse "
            "proteins",
            id="two clusters",
        ),
    ],
)
def test_too_few_clusters(cluster: list[int], message: str) -> None:
    sequences = random_sequences(np.full(len(cluster), 31))
    with pytest.raises(UserError, match=f"^{message}$"):
        assign_splits(np.array(cluster), sequences, 0.2, 0.2, seed=0)


def test_what_can_be_scored_is_scored() -> None:
    """A concept of 7 of 211 clusters: 3 in valid and 3 in test, whatever the seed."""
    concepts = np.zeros((211, 2), dtype=np.int64)
    concepts[:7, 0], concepts[50:150, 1] = 5, 5
    sequences = random_sequences(np.full(211, 31))
    for seed in range(10):
        split = assign_splits(np.arange(211), sequences, 0.2, 0.2, seed, sparse.csr_array(concepts))
        rare, common = (split[concepts[:, column] > 0].tolist() for column in range(2))
        assert [rare.count(name) for name in SPLITS] == [1, 3, 3]
        assert min(common.count("valid"), common.count("test")) >= 20
        assert common.count("train") >= 58


def test_the_draw_of_a_cluster_depends_on_no_other() -> None:
    sequences = random_sequences(np.full(101, 31))
    drawn = drawn_parts(np.arange(101), sequences, 0.2, 0.2, seed=0)
    assert drawn_parts(np.arange(50), sequences[:50], 0.2, 0.2, 0).tolist() == drawn[:50].tolist()
    assert 0.1 < np.mean(drawn == 1) < 0.3
    assert 0.1 < np.mean(drawn == 2) < 0.3


def test_of_relatives_one_decides() -> None:
    """Each of two sequences may be the one; which of them does not hang on their order."""
    sequences = random_sequences(np.full(202, 31))
    pairs = np.repeat(np.arange(101), 2)
    alone = drawn_parts(np.arange(202), sequences, 0.2, 0.2, seed=0).reshape(101, 2)
    together = drawn_parts(pairs, sequences, 0.2, 0.2, seed=0)
    assert ((together == alone[:, 0]) | (together == alone[:, 1])).all()
    differ = alone[:, 0] != alone[:, 1]
    assert 0 < np.sum(together[differ] == alone[differ, 0]) < differ.sum()
    swapped = [sequences[i ^ 1] for i in range(202)]
    assert drawn_parts(pairs, swapped, 0.2, 0.2, seed=0).tolist() == together.tolist()


def families(n: int, seed: int) -> np.ndarray:
    """Links of a random graph of n proteins, most of them alone or in small families."""
    rng = np.random.default_rng(seed)
    links = np.sort(rng.integers(0, n, (n // 2, 2)), axis=1)
    return np.unique(links[links[:, 0] < links[:, 1]], axis=0)


def linked(links: np.ndarray, n: int) -> np.ndarray:
    """Cluster of each protein: what its links reach."""
    graph = sparse.coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(n, n))
    return connected_components(graph, directed=False)[1]


@pytest.mark.parametrize("n_old", [120, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_five_more_and_one_of_them_a_bridge(n_old: int, seed: int) -> None:
    n = n_old + 5
    sequences = random_sequences(np.random.default_rng(seed).integers(30, 300, n), seed)
    links = families(n_old, seed)
    before = linked(links, n_old)
    old = assign_splits(before, sequences[:n_old], 0.2, 0.2, seed)
    # A bridge, a relative of the bridge alone, one of each part's, and one without relatives.
    train, valid, test = (int(np.flatnonzero(old == name)[seed]) for name in SPLITS)
    bridge, follower, of_valid, of_test, alone = range(n_old, n)
    more = [(train, bridge), (test, bridge), (bridge, follower), (valid, of_valid), (test, of_test)]
    links = np.concatenate([links, more])
    cluster = linked(links, n)
    old_split = np.append(old, [""] * 5)
    joining = joining_clusters(cluster, old_split)
    assert joining[[train, test, bridge, follower, of_test]].all()
    assert not joining[[of_valid, alone]].any()
    seen = links[joining[links].all(axis=1)]
    split, found = extend_splits(
        cluster, sequences, old_split, np.append(before, [-1] * 5), seen, 0.2, 0.2, seed
    )
    assert split[:n_old].tolist() == old.tolist(), "no old protein moves"
    assert check_splits(pd.DataFrame({"cluster": found, "split": split})) == []
    assert linked(links[: -len(more)], n_old).tolist() == before.tolist()
    same_before = before[:, None] == before
    assert (found[:n_old, None] == found[:n_old]).tolist() == same_before.tolist()
    assert split[[bridge, follower]].tolist() == [LEFT_OUT] * 2
    assert split[[of_valid, of_test]].tolist() == ["valid", "test"]
    assert found[[of_valid, of_test]].tolist() == found[[valid, test]].tolist()
    drawn = drawn_parts(np.arange(n), sequences, 0.2, 0.2, seed)
    assert split[alone] == SPLITS[drawn[alone]]


@pytest.mark.parametrize("seed", range(20))
def test_no_link_crosses_the_parts_that_are_used(seed: int) -> None:
    """Half of 211 proteins are new, of many links: bridges, chains, and families of one part."""
    rng = np.random.default_rng(seed)
    n = 211
    links = families(n, seed)
    is_old = rng.random(n) < 0.5
    among_old = links[is_old[links].all(axis=1)]
    before = linked(among_old, n)
    part_of_cluster = rng.choice([*SPLITS, LEFT_OUT], n, p=[0.5, 0.2, 0.2, 0.1])
    old_split = np.where(is_old, part_of_cluster[before], "").astype(object)
    cluster = linked(links, n)
    joining = joining_clusters(cluster, old_split)
    assert 0 < joining.sum() < n
    seen = links[joining[links].all(axis=1)]
    sequences = random_sequences(np.full(n, 31))
    split, found = extend_splits(cluster, sequences, old_split, before, seen, 0.2, 0.2, seed)
    assert split[is_old].tolist() == old_split[is_old].tolist()
    assert check_splits(pd.DataFrame({"cluster": found, "split": split})) == []
    used = links[(split[links] != LEFT_OUT).all(axis=1)]
    assert (split[used[:, 0]] == split[used[:, 1]]).all()
    assert (found[used[:, 0]] == found[used[:, 1]]).all()
    out = np.flatnonzero((split == LEFT_OUT) & ~is_old)
    assert joining[out].all(), "who joins nothing is used"
    assert len(out) < (joining & ~is_old).sum(), "who joins one part only is used"
    singles, counts = np.unique(found, return_counts=True)
    assert set(counts[np.isin(singles, np.flatnonzero(split == LEFT_OUT))]) <= {1}


def test_a_new_one_whose_link_is_not_seen_is_left_out() -> None:
    old_split = np.array(["train", "test", "valid", "", ""], dtype=object)
    split, cluster = extend_splits(
        np.array([0, 0, 2, 0, 0]),
        random_sequences(np.full(5, 31)),
        old_split,
        np.array([0, 1, 2, -1, -1]),
        np.array([[0, 3]]),
        *(0.2, 0.2, 0),
    )
    assert split.tolist() == ["train", "test", "valid", "train", LEFT_OUT]
    assert cluster.tolist() == [0, 1, 2, 0, 4]


def test_a_new_one_joins_two_clusters_of_one_part() -> None:
    old_split = np.array(["train", "train", "valid", "test", ""], dtype=object)
    split, cluster = extend_splits(
        np.array([0, 0, 2, 3, 0]),
        random_sequences(np.full(5, 31)),
        old_split,
        np.array([0, 1, 2, 3, -1]),
        np.empty((0, 2), dtype=np.int64),
        *(0.2, 0.2, 0),
    )
    assert split.tolist() == ["train", "train", "valid", "test", "train"]
    assert cluster.tolist() == [0, 0, 2, 3, 0]


def test_a_chain_between_two_parts_takes_no_other_relative_with_it() -> None:
    """3, 4 and 5 are new; 4 and 5 link train and test, and 3 is a relative of 0 in train alone."""
    old_split = np.array(["train", "test", "valid", "", "", ""], dtype=object)
    split, cluster = extend_splits(
        np.array([0, 0, 2, 0, 0, 0]),
        random_sequences(np.full(6, 31)),
        old_split,
        np.array([0, 1, 2, -1, -1, -1]),
        np.array([[0, 3], [0, 4], [4, 5], [1, 5]]),
        *(0.2, 0.2, 0),
    )
    assert split.tolist() == ["train", "test", "valid", "train", LEFT_OUT, LEFT_OUT]
    assert cluster.tolist() == [0, 1, 2, 0, 4, 5]


def test_a_bridge_takes_no_relative_with_it() -> None:
    """3 and 4 are new: 3 is linked to train and test, and 4 to 3, but also to 0 in train."""
    old_split = np.array(["train", "test", "valid", "", ""], dtype=object)
    split, cluster = extend_splits(
        np.array([0, 0, 2, 0, 0]),
        random_sequences(np.full(5, 31)),
        old_split,
        np.array([0, 1, 2, -1, -1]),
        np.array([[0, 3], [1, 3], [3, 4], [0, 4]]),
        *(0.2, 0.2, 0),
    )
    assert split.tolist() == ["train", "test", "valid", LEFT_OUT, "train"]
    assert cluster.tolist() == [0, 1, 2, 3, 0]


def test_five_more_move_few_even_without_the_earlier_table() -> None:
    """At most 8 % of 120, and 1 % of 1,000, on average over seeds."""
    for n_old, most in ((120, 0.08), (1000, 0.01)):
        sequences = random_sequences(np.random.default_rng(1).integers(30, 300, n_old + 5))
        cluster = np.random.default_rng(2).integers(0, n_old // 2, n_old + 5)
        moved = []
        for seed in range(10):
            one = assign_splits(cluster[:n_old], sequences[:n_old], 0.2, 0.2, seed)
            two = assign_splits(cluster, sequences, 0.2, 0.2, seed)
            moved.append(np.mean(one != two[:n_old]))
        assert np.mean(moved) <= most, moved


def test_a_cluster_of_just_the_share_may_be_drawn() -> None:
    """Each of five is a fifth of the residues."""
    sequences = random_sequences(np.full(5, 40))
    drawn = {p for seed in range(20) for p in drawn_parts(np.arange(5), sequences, 0.2, 0.2, seed)}
    assert drawn == {0, 1, 2}
