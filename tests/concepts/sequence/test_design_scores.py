"""Scores of designs against brute force."""

import itertools

import numpy as np
import pytest

from protsae.concepts.sequence.design_scores import pairwise_identity


@pytest.mark.parametrize("n", [2, 3, 7])
def test_pairwise_identity_is_the_mean_over_all_pairs(n: int) -> None:
    rng = np.random.default_rng(n)
    sequences = ["".join(rng.choice(list("ACD"), 23)) for _ in range(n)]
    same = {
        pair: np.mean([a == b for a, b in zip(*(sequences[i] for i in pair), strict=True)])
        for pair in itertools.permutations(range(n), 2)
    }
    found = pairwise_identity(sequences)
    for i, value in enumerate(found):
        assert value == pytest.approx(np.mean([same[i, j] for j in range(n) if j != i]))
    assert np.mean(found) == pytest.approx(np.mean(list(same.values())))


def test_equal_sequences_are_identical() -> None:
    assert pairwise_identity(["MKV"] * 4) == [1.0] * 4
    assert pairwise_identity([]) == []
