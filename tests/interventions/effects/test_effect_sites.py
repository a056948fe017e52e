"""Residues at which the effect of each feature is measured."""

import numpy as np
from scipy import sparse

from protsae.interventions.effects.effect_sites import SiteRows, choose_feature_sites

N_ROWS, N_FEATURES, N_CLUSTERS = 211, 5, 13


def random_rows(seed=0):
    rng = np.random.default_rng(seed)
    protein = np.sort(rng.integers(0, 17, N_ROWS))
    codes = rng.exponential(size=(N_ROWS, N_FEATURES)) * (rng.random((N_ROWS, N_FEATURES)) < 0.3)
    codes[:, 3] = 0.0
    codes[:, 4] = 1.0 + np.arange(N_ROWS)
    return SiteRows(
        np.arange(N_ROWS),
        np.zeros(N_ROWS, int),
        protein,
        protein % N_CLUSTERS,
        rng.integers(0, 3, N_ROWS),
        sparse.csc_array(codes),
    )


def test_active_sites_are_active_each_in_a_cluster_of_its_own():
    rows = random_rows()
    for feature, found in enumerate(choose_feature_sites(rows, n_sites=7, seed=0)):
        column = rows.codes[:, [feature]].toarray()[:, 0]
        assert len(found.active) == (0 if feature == 3 else 7)
        assert len(set(rows.cluster[found.active])) == len(found.active)
        np.testing.assert_array_equal(column[found.active], found.activation)
        assert (found.activation > 0).all()


def test_silent_sites_are_alike_and_silent():
    rows = random_rows()
    for feature, found in enumerate(choose_feature_sites(rows, n_sites=13, seed=0)):
        column = rows.codes[:, [feature]].toarray()[:, 0]
        assert (column[found.silent] == 0).all()
        kinds = set(zip(rows.protein[found.active], rows.letter[found.active], strict=True))
        assert set(zip(rows.protein[found.silent], rows.letter[found.silent], strict=True)) <= kinds
    # Active everywhere, or nowhere: nothing to hold it against.
    assert [len(choose_feature_sites(rows, 13, 0)[n].silent) for n in (3, 4)] == [0, 0]


def test_half_of_the_sites_are_the_strongest_of_their_clusters():
    rows = random_rows()
    found = choose_feature_sites(rows, n_sites=13, seed=0)[4]
    strongest = {c: max(np.flatnonzero(rows.cluster == c)) for c in range(N_CLUSTERS)}
    is_top = [row == strongest[rows.cluster[row]] for row in found.active]
    assert is_top[::2] == [True] * 7
    assert not all(is_top[1::2])


def test_the_clamp_is_a_quantile_of_what_is_positive():
    rows = random_rows()
    found = choose_feature_sites(rows, n_sites=5, seed=0)
    assert [own.clamp for own in found][3:] == [0.0, 1.0 + 189]  # 0.9 x 211 = 189.9: the 190th
    assert choose_feature_sites(rows, 5, 0)[0].active.tolist() == found[0].active.tolist()
