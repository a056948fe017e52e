"""Rules found on small made-up splits, beside a search that tries everything."""

import itertools

import numpy as np
import pytest
from scipy import sparse

from protsae.descriptions import rule_search as module
from protsae.descriptions.rule_search import (
    Found,
    Split,
    TermRows,
    _pearson,
    find_rules,
    rule_rows,
)

N_TERMS, N_ROWS = 7, 1013
EVERY = np.ones(N_TERMS, dtype=bool)


def terms_of(rng: np.random.Generator) -> TermRows:
    """Terms at random, each residue in one of 11 clusters of unequal weight."""
    held = rng.random((N_TERMS, N_ROWS)) < 0.3
    cluster = rng.integers(0, 11, N_ROWS)
    return TermRows(held, rng.choice([0.5, 1.0], 11)[cluster], cluster)


def test_weighted_sums_where_terms_hold() -> None:
    """Beside a dense product; a column without values, and one term that holds nowhere."""
    rng = np.random.default_rng(5)
    own = terms_of(rng)
    own.held[3] = False
    dense = np.where(rng.random((N_ROWS, 11)) < 0.1, rng.normal(size=(N_ROWS, 11)), 0)
    dense[:, 2] = 0
    expected = dense.T @ (own.held * own.weight).T
    np.testing.assert_allclose(own.sums(sparse.csc_array(dense)), expected, atol=1e-12)


def test_the_loop_of_sums_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads nothing outside of its arrays; what is compiled does not look."""
    rng = np.random.default_rng(7)
    own = terms_of(rng)
    columns = sparse.csc_array(np.where(rng.random((N_ROWS, 3)) < 0.1, 1.0, 0))
    compiled = own.sums(columns)
    monkeypatch.setattr(module, "_sums", module._sums.__wrapped__)
    np.testing.assert_allclose(own.sums(columns), compiled, rtol=1e-13)


def with_activations(terms: TermRows, rows: list[np.ndarray]) -> Split:
    return Split(terms, sparse.csc_array(np.stack(rows, axis=1).astype(np.float32)))


def weighted_r(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    """numpy's own, from the covariance matrix."""
    covariance = np.cov(np.stack([x, y]), aweights=weight, ddof=0)
    return float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))


def detecting(own: TermRows, terms: list[int], rng: np.random.Generator) -> np.ndarray:
    """Active at 80 % of the residues where all these terms hold, and at 1 % of all."""
    where = own.held[terms].all(0) & (rng.random(N_ROWS) < 0.8)
    where |= rng.random(N_ROWS) < 0.01
    return where * rng.gamma(4, 1, N_ROWS)


PLANTED = [[4], [1, 5], [0, 2, 6]]


@pytest.fixture
def splits() -> tuple[Split, Split]:
    rng = np.random.default_rng(17)
    found = []
    for _ in range(2):
        own = terms_of(rng)
        rows = [detecting(own, terms, rng) for terms in PLANTED]
        rows.append(np.zeros(N_ROWS))
        found.append(with_activations(own, rows))
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
        inside[rule_rows(valid.terms.held, found.columns)] = 1
        activation = valid.activations[:, [feature]].toarray().ravel()
        expected = weighted_r(inside, activation, valid.terms.weight)
        assert found.valid_correlation == pytest.approx(expected, abs=1e-9)


def test_one_term_rules_are_the_best_of_all(splits: tuple[Split, Split]) -> None:
    """For the feature of one term every rule of up to three is tried: none is much better."""
    train, valid = splits
    activation = valid.activations[:, [0]].toarray().ravel()
    found = find_rules(train, valid, [EVERY])[0][0]
    every = itertools.chain.from_iterable(
        itertools.combinations(range(N_TERMS), size) for size in (1, 2, 3)
    )
    weight = valid.terms.weight
    held = (valid.terms.held[list(rule)].all(0) * 1.0 for rule in every)
    best = max(weighted_r(inside, activation, weight) for inside in held)
    assert found.valid_correlation == pytest.approx(best)


def test_a_rule_of_one_cluster_is_none() -> None:
    rng = np.random.default_rng(3)
    of_train, of_valid = terms_of(rng), terms_of(rng)
    of_train.held[2] &= of_train.cluster == 0
    train = with_activations(of_train, [of_train.held[2] * 1.0])
    valid = with_activations(of_valid, [of_valid.held[2] * 1.0])
    assert of_train.n_clusters.tolist() == [11, 11, 1, 11, 11, 11, 11]
    assert 2 not in find_rules(train, valid, [EVERY])[0][0].columns


def test_a_constant_has_no_correlation() -> None:
    split = with_activations(terms_of(np.random.default_rng(5)), [np.ones(N_ROWS)])
    total = split.terms.weight.sum()
    found = _pearson(split, np.array([0]), np.array([total / 3]), np.array([total / 3]))
    assert found.tolist() == [0]
