"""By hand, against a slow double loop, and where the interval is that of any AUROC."""

import numpy as np
import pytest
from scipy import sparse

from protsae.association.scoring import position_matched as module
from protsae.association.scoring.position_matched import position_matched_auroc
from protsae.association.scoring.preferred_ends import end_distances
from protsae.association.scoring.rank_scores import rank_scores
from protsae.statistics.cluster_intervals import auroc_interval

N, C, NONE = 0, 1, -1
ONE = np.array([0])


def interval(
    x: np.ndarray, has: np.ndarray, distance: np.ndarray, cluster: np.ndarray
) -> np.ndarray:
    """Bounds of one detector and one concept, all of it known."""
    return position_matched_auroc(
        sparse.csc_array(x[:, None]),
        sparse.csc_array(has[:, None]),
        np.ones((len(x), 1), bool),
        ONE,
        np.stack([distance, distance]),
        ONE,
        ONE,
        np.array([N]),
        cluster,
    )[0, 1:]


def by_hand(n_clusters: int) -> np.ndarray:
    """Eight clusters of a residue with the concept at 2 and one without at 0; three (or fewer) of
    one with it at 0 and one without at 1. Each has another with it where there is none without."""
    wrong = np.arange(n_clusters) >= 8
    x = np.stack([np.where(wrong, 0, 2), wrong, np.full(n_clusters, 3)], axis=1).ravel()
    has = np.tile([True, False, True], n_clusters)
    distance = np.tile([0, 0, 1], n_clusters)
    return interval(x.astype(np.float32), has, distance, np.repeat(np.arange(n_clusters), 3))


def test_by_hand() -> None:
    """With the concept at 2: all 11 without it are below. At 0: the eight at 0 are equal, half of
    them are 4. Without it at 0: eight are above and three equal, 9.5. At 1: eight are above."""
    placed, passed, eleven = [11] * 8 + [4] * 3, [9.5] * 8 + [8] * 3, [11] * 11
    expected = auroc_interval(*map(np.array, (placed, eleven, passed, eleven)))
    np.testing.assert_allclose(by_hand(11), expected, rtol=1e-12)
    assert expected[0] < 100 / 121 < expected[1]


def test_fewer_than_ten_clusters_have_none() -> None:
    assert np.isfinite(by_hand(10)).all()
    assert np.isnan(by_hand(9)).all()


def test_at_one_distance_it_is_that_of_the_auroc() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, 211).astype(np.float32)
    has, cluster = rng.random(211) < 0.3, rng.integers(0, 37, 211)
    found = interval(x, has, np.full(211, 5), cluster)
    pair = sparse.csc_array(x[:, None]), sparse.csc_array(has[:, None])
    expected = rank_scores(*pair, ONE, ONE, cluster)[0, 2:]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("at_once", [1, 2, 3, 128])
def test_pairs_that_are_taken_together_change_no_bit(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    lengths = np.full(211, 17)
    n_residues = int(lengths.sum())
    x = sparse.csc_array(rng.random((n_residues, 23)) * (rng.random((n_residues, 23)) < 0.3))
    has = sparse.csc_array(rng.random((n_residues, 1)) < 0.3)
    known, cluster = np.ones((n_residues, 1), bool), np.repeat(np.arange(211), lengths)
    given = x, has, known, ONE, end_distances(lengths)
    ends, concept = np.array([N]), np.zeros(23, int)
    whole = position_matched_auroc(*given, np.arange(23), concept, ends, cluster)
    assert np.isfinite(whole).all()
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", at_once)
    assert np.array_equal(
        position_matched_auroc(*given, np.arange(23), concept, ends, cluster), whole
    )
    for pair in range(23):
        alone = position_matched_auroc(*given, np.array([pair]), ONE, ends, cluster)
        assert np.array_equal(alone[0], whole[pair])


def slow(
    x: np.ndarray, has: np.ndarray, known: np.ndarray, distance: np.ndarray, cluster: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Every residue with the concept against every one without at the same distance."""
    sums = np.zeros((4, cluster.max() + 1))
    for i in np.flatnonzero(has & known):
        for j in np.flatnonzero(~has & known):
            if distance[i] == distance[j]:
                won = (x[i] > x[j]) + 0.5 * (x[i] == x[j])
                sums[:2, cluster[i]] += won, 1
                sums[2:, cluster[j]] += won, 1
    area = sums[0].sum() / sums[1].sum() if sums[1].any() else np.nan
    return area, *auroc_interval(*sums)


@pytest.mark.parametrize("seed", range(5))
def test_against_a_double_loop(seed: int) -> None:
    """Many equal, many zero; concepts known in part, of either end and of none."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 13, 31)
    cluster = np.repeat(rng.permutation(31) // 2, lengths)
    n_residues = int(lengths.sum())
    x = rng.integers(0, 4, (n_residues, 5)) * (rng.random((n_residues, 5)) < 0.7)
    x[:, 3] = 0
    has = rng.random((n_residues, 3)) < [0.1, 0.4, 0.5]
    known = rng.random((n_residues, 2)) < 0.8
    known[:, 0] = True
    known_column, end = np.array([1, 0, 1]), np.array([N, C, NONE])
    distances = end_distances(lengths)
    feature, concept = (grid.ravel() for grid in np.indices((5, 3)))
    given = (sparse.csc_array(x.astype(np.float32)), sparse.csc_array(has), known, known_column)
    found = position_matched_auroc(*given, distances, feature, concept, end, cluster)
    n_told = 0
    for pair, (f, k) in enumerate(zip(feature, concept, strict=True)):
        if end[k] == NONE:
            assert np.isnan(found[pair]).all()
            continue
        of_known = known[:, known_column[k]]
        expected = slow(x[:, f], has[:, k], of_known, distances[end[k]], cluster)
        np.testing.assert_allclose(found[pair], expected, rtol=1e-12)
        if np.isfinite(found[pair]).all():
            assert found[pair, 1] <= found[pair, 0] <= found[pair, 2]
            n_told += 1
    assert n_told >= 5


def test_a_rule_on_the_place_is_worth_nothing_and_a_detector_what_it_is() -> None:
    """Residues 1 to 22 of every third protein; on at 1 to 22 of all, of the right ones, falling."""
    lengths = np.full(31, 47)
    distances = end_distances(lengths)
    early = distances[N] < 22
    right = early & (np.repeat(np.arange(31), 47) % 3 == 0)
    found = position_matched_auroc(
        sparse.csc_array(
            np.stack([early, right, early * (47 - distances[N])], axis=1).astype(float)
        ),
        sparse.csc_array(right[:, None]),
        np.ones((31 * 47, 1), bool),
        np.zeros(1, int),
        distances,
        np.arange(3),
        np.zeros(3, int),
        np.array([N]),
        np.repeat(np.arange(31), 47),
    )
    assert found[:, 0].tolist() == [0.5, 1.0, 0.5]


def test_stored_zeros_are_zeros() -> None:
    """Of two residues at the same distance, neither is on."""
    stored = sparse.csc_array((np.zeros(1), np.array([0]), np.array([0, 1])), shape=(2, 1))
    first = np.array([0])
    found = position_matched_auroc(
        stored,
        sparse.csc_array(np.array([[1], [0]])),
        np.ones((2, 1), bool),
        first,
        end_distances(np.array([1, 1])),
        first,
        first,
        np.array([N]),
        np.arange(2),
    )
    assert found[:, 0].tolist() == [0.5]


@pytest.mark.parametrize("n_residues", [0, 6])
def test_without_residues_of_both_kinds_at_a_distance_there_is_none(n_residues: int) -> None:
    """Those with the concept are at 0, those without it at 1; or there are no residues."""
    has = np.arange(n_residues) % 2 == 0
    found = position_matched_auroc(
        sparse.csc_array(np.ones((n_residues, 1))),
        sparse.csc_array(has[:, None]),
        np.ones((n_residues, 1), bool),
        ONE,
        np.stack([~has, has]).astype(int),
        ONE,
        ONE,
        np.array([N]),
        np.arange(n_residues) // 2,
    )
    assert np.isnan(found).all()
