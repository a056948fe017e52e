"""Co-activation against counts with Python's sets."""

import numpy as np
import pytest
from scipy import sparse

from protsae.neighbours import coactivation
from protsae.neighbours.coactivation import (
    Nearest,
    nearest_by_jaccard,
    peaks,
    present,
    together,
)

N_UNITS, N_FEATURES = 101, 13


def drawn(seed: int, share: float = 0.2) -> np.ndarray:
    found: np.ndarray = np.random.default_rng(seed).random((N_UNITS, N_FEATURES)) < share
    return found


def jaccard(active: np.ndarray, one: int, other: int) -> float:
    a, b = (set(np.flatnonzero(active[:, feature]).tolist()) for feature in (one, other))
    return len(a & b) / len(a | b) if a | b else np.nan


@pytest.mark.parametrize("values", [1, 3 * N_FEATURES, 10**6], ids=["one row", "some", "all"])
def test_nearest_are_those_of_sets(values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coactivation, "PRODUCT_VALUES", values)
    active = drawn(0)
    found = nearest_by_jaccard(sparse.csr_array(active), 3, np.ones(N_FEATURES, bool))
    for feature in range(N_FEATURES):
        every = [(-jaccard(active, feature, o), o) for o in range(N_FEATURES) if o != feature]
        expected = [(other, -value) for value, other in sorted(every)[:3]]
        rows = zip(found.which[feature].tolist(), found.value[feature].tolist(), strict=True)
        assert list(rows) == [(other, pytest.approx(value)) for other, value in expected]


def test_who_may_not_has_no_neighbours_and_is_none() -> None:
    may = np.ones(N_FEATURES, bool)
    may[[2, 7]] = False
    found = nearest_by_jaccard(sparse.csr_array(drawn(1)), 2, may)
    assert (found.which[[2, 7]] == -1).all()
    assert not np.isin(found.which, [2, 7]).any()
    assert (found.which[may] >= 0).all()


def test_features_that_are_never_active_together_are_no_neighbours() -> None:
    active = np.eye(5, dtype=bool)
    found = nearest_by_jaccard(sparse.csr_array(active), 2, np.ones(5, bool))
    nothing = Nearest.none(5, 2)
    np.testing.assert_array_equal(found.which, nothing.which)
    np.testing.assert_array_equal(found.value, nothing.value)


def test_pairs_are_counted_as_by_sets() -> None:
    active, kind = drawn(2), np.arange(N_UNITS) % 3
    own, other = np.divmod(np.arange(N_FEATURES**2), N_FEATURES)
    found = together(sparse.csr_array(active), kind, own, other)
    both = [(active[:, a] & active[:, b]).sum() for a, b in zip(own, other, strict=True)]
    np.testing.assert_array_equal(found.n_both, both)
    np.testing.assert_allclose(
        found.jaccard, [jaccard(active, a, b) for a, b in zip(own, other, strict=True)]
    )
    expected = [
        sum(active[kind == k, a].sum() * active[kind == k, b].mean() for k in range(3))
        for a, b in zip(own, other, strict=True)
    ]
    np.testing.assert_allclose(found.expected, expected)
    np.testing.assert_allclose(found.other_given_own, found.n_both / active.sum(0)[own])
    np.testing.assert_allclose(found.own_given_other, found.n_both / active.sum(0)[other])


def test_what_only_follows_the_kind_is_expected() -> None:
    """Two features of one amino acid each take half of its residues, by chance."""
    rng = np.random.default_rng(3)
    kind = rng.integers(0, 4, 40_000)
    active = np.stack([(kind == 1) & (rng.random(len(kind)) < 0.5) for _ in range(2)], axis=1)
    found = together(sparse.csr_array(active), kind, np.array([0]), np.array([1]))
    assert found.jaccard[0] == pytest.approx(1 / 3, abs=0.02)
    assert found.expected_jaccard[0] == pytest.approx(found.jaccard[0], abs=0.02)
    blind = together(sparse.csr_array(active), np.zeros_like(kind), np.array([0]), np.array([1]))
    assert blind.expected_jaccard[0] < 0.08


def test_no_unit_gives_no_number() -> None:
    found = together(
        sparse.csr_array(np.zeros((3, 2), bool)), np.zeros(3, int), np.array([0]), np.array([1])
    )
    for name in ("jaccard", "expected_jaccard", "other_given_own", "own_given_other"):
        assert np.isnan(getattr(found, name)).all(), name


def test_a_peak_of_half_the_largest_is_presence() -> None:
    codes = np.array([[1.0, 0, 0], [4.0, 0.1, 0], [0, 0, 0], [1.9, 0, 0], [2.0, 0, 0]])
    lengths = np.array([2, 1, 1, 1])
    found = peaks(sparse.csr_array(codes), lengths)
    np.testing.assert_array_equal(found.toarray(), [[4, 0.1, 0], [0, 0, 0], [1.9, 0, 0], [2, 0, 0]])
    there = present(found, np.array([4.0, 0.1, 0]))
    np.testing.assert_array_equal(there.toarray(), [[1, 1, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0]])
    assert there.nnz == 3
