import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protsae.errors import UserError
from protsae.split import assign_splits, check_splits


def shares(split: np.ndarray, length: np.ndarray) -> list[float]:
    return [
        float(length[split == name].sum() / length.sum()) for name in ("train", "valid", "test")
    ]


@given(
    cluster=st.lists(st.integers(0, 60), min_size=100, max_size=200),
    seed=st.integers(0, 1000),
)
def test_no_cluster_crosses(cluster: list[int], seed: int) -> None:
    numbers = np.array(cluster)
    length = np.random.default_rng(seed).integers(30, 60, len(cluster))
    try:
        split = assign_splits(numbers, length, 0.2, 0.2, seed)
    except UserError:  # too few clusters: nothing was assigned
        return
    assert all(len(set(split[numbers == c])) == 1 for c in numbers)


def test_shares_are_near_those_wanted() -> None:
    rng = np.random.default_rng(0)
    length = rng.integers(30, 500, 1009)
    split = assign_splits(rng.integers(0, 601, 1009), length, 0.1, 0.3, seed=0)
    assert shares(split, length) == pytest.approx([0.6, 0.1, 0.3], abs=0.01)


def test_a_huge_cluster_goes_to_train() -> None:
    cluster = np.array([7] * 50 + list(range(100, 150)))
    length = np.full(100, 31)
    for seed in range(20):
        split = assign_splits(cluster, length, 0.2, 0.2, seed)
        assert set(split[:50]) == {"train"}
        assert shares(split, length) == pytest.approx([0.6, 0.2, 0.2], abs=0.02)


def test_the_seed_decides() -> None:
    cluster, length = np.arange(50), np.full(50, 31)
    one, two, other = (assign_splits(cluster, length, 0.2, 0.2, seed) for seed in (0, 0, 1))
    assert one.tolist() == two.tolist() != other.tolist()


def test_a_share_of_zero_leaves_the_split_out() -> None:
    split = assign_splits(np.arange(50), np.full(50, 31), valid=0.2, test=0, seed=0)
    assert set(split) == {"train", "valid"}


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
    with pytest.raises(UserError, match=f"^{message}$"):
        assign_splits(np.array(cluster), np.full(len(cluster), 31), 0.2, 0.2, seed=0)


def test_problems_are_named() -> None:
    proteins = pd.DataFrame(
        {
            "cluster": ["B", "A", "C", "A", "C", "C", "B"],
            "split": ["test", "valid", "train", "train", "test", "valid", "test"],
        }
    )
    assert check_splits(proteins) == [
        "cluster A is in train and valid",
        "cluster C is in train and valid and test",
    ]
    assert check_splits(proteins[proteins["cluster"] == "B"]) == []
