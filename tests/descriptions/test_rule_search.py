"""Rules found on small made-up splits, beside a search that tries everything."""

import itertools

import numpy as np
import pytest
from scipy import sparse

from protsae.descriptions.rule_search import Found, Split, _pearson, find_rules, rule_rows

N_TERMS, N_ROWS = 7, 1013
EVERY = np.ones(N_TERMS, dtype=bool)


def split_of(rng: np.random.Generator, n_features: int = 1) -> Split:
    """Terms at random, each residue in one of 11 clusters of unequal weight; no activations yet."""
    held = rng.random((N_TERMS, N_ROWS)) < 0.3
    cluster = rng.integers(0, 11, N_ROWS)
    weight = rng.choice([0.5, 1.0], 11)[cluster]
    return Split(held, sparse.csc_array((N_ROWS, n_features)), weight, cluster)


def with_activations(split: Split, rows: list[np.ndarray]) -> Split:
    columns = np.stack(rows, axis=1).astype(np.float32)
    return Split(split.held, sparse.csc_array(columns), split.weight, split.cluster)


def weighted_r(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    """numpy's own, from the covariance matrix."""
    covariance = np.cov(np.stack([x, y]), aweights=weight, ddof=0)
    return float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))


def detecting(split: Split, terms: list[int], rng: np.random.Generator) -> np.ndarray:
    """Active at 80 % of the residues where all these terms hold, and at 1 % of all."""
    where = split.held[terms].all(0) & (rng.random(N_ROWS) < 0.8)
    where |= rng.random(N_ROWS) < 0.01
    return where * rng.gamma(4, 1, N_ROWS)


PLANTED = [[4], [1, 5], [0, 2, 6]]


@pytest.fixture
def splits() -> tuple[Split, Split]:
    rng = np.random.default_rng(17)
    found = []
    for _ in range(2):
        split = split_of(rng)
        rows = [detecting(split, terms, rng) for terms in PLANTED]
        rows.append(np.zeros(N_ROWS))
        found.append(with_activations(split, rows))
    return found[0], found[1]


def test_planted_conjunctions_are_found_and_no_more(splits: tuple[Split, Split]) -> None:
    found = find_rules(*splits, [EVERY])[0]
    assert [list(each.columns) for each in found] == [*PLANTED, []]
    assert found[3] == Found((), 0.0)


def test_terms_that_are_not_allowed_are_not_used(splits: tuple[Split, Split]) -> None:
    without = np.arange(N_TERMS) != 4
    every, some = find_rules(*splits, [EVERY, without])
    assert 4 not in some[0].columns
    assert [every] == find_rules(*splits, [EVERY])
    assert [some] == find_rules(*splits, [without])


def test_the_correlation_is_numpys(splits: tuple[Split, Split]) -> None:
    train, valid = splits
    for feature, found in enumerate(find_rules(train, valid, [EVERY])[0][:3]):
        inside = np.zeros(N_ROWS)
        inside[rule_rows(valid.held, found.columns)] = 1
        activation = valid.activations[:, [feature]].toarray().ravel()
        expected = weighted_r(inside, activation, valid.weight)
        assert found.valid_correlation == pytest.approx(expected, abs=1e-9)


def test_one_term_rules_are_the_best_of_all(splits: tuple[Split, Split]) -> None:
    """For the feature of one term every rule of up to three is tried: none is much better."""
    train, valid = splits
    activation = valid.activations[:, [0]].toarray().ravel()
    found = find_rules(train, valid, [EVERY])[0][0]
    every = itertools.chain.from_iterable(
        itertools.combinations(range(N_TERMS), size) for size in (1, 2, 3)
    )
    best = max(
        weighted_r(valid.held[list(rule)].all(0) * 1.0, activation, valid.weight) for rule in every
    )
    assert found.valid_correlation == pytest.approx(best)


def test_a_rule_of_one_cluster_is_none() -> None:
    rng = np.random.default_rng(3)
    train, valid = split_of(rng), split_of(rng)
    train.held[2] &= train.cluster == 0
    train = with_activations(train, [train.held[2] * 1.0])
    valid = with_activations(valid, [valid.held[2] * 1.0])
    assert 2 not in find_rules(train, valid, [EVERY])[0][0].columns


def test_a_constant_has_no_correlation() -> None:
    split = with_activations(split_of(np.random.default_rng(5)), [np.ones(N_ROWS)])
    total = split.weight.sum()
    found = _pearson(split, np.array([0]), np.array([total / 3]), np.array([total / 3]))
    assert found.tolist() == [0]
