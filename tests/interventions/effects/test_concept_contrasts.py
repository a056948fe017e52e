"""What a feature does at residues with its concept and without, beside plain loops."""

import numpy as np
import pytest
from scipy import sparse, stats

from benchmarks.planted_effects import CONTEXT, N_FEATURES, N_LETTERS, World
from protsae.config.stage_settings import EffectSettings
from protsae.interventions.effects.concept_contrasts import (
    CONTRASTS,
    PER_CLUSTER,
    ConceptRows,
    PairedSites,
    choose_paired_sites,
    contrast_fields,
)
from protsae.interventions.effects.effect_sites import SiteRows
from protsae.interventions.effects.feature_effects import feature_effects

N_ROWS, N_CLUSTERS, D_MODEL = 211, 13, 7
OF_CONCEPT = ["A", None, "B"]


def random_rows() -> tuple[SiteRows, ConceptRows]:
    rng = np.random.default_rng(0)
    codes = rng.exponential(size=(N_ROWS, 3)) * (rng.random((N_ROWS, 3)) < 0.6)
    cluster = rng.integers(0, N_CLUSTERS, N_ROWS)
    number = np.zeros(N_ROWS, int)
    rows = SiteRows(number, np.arange(N_ROWS), cluster, cluster, number, sparse.csc_array(codes))
    # "B" is nowhere in the clusters below 5, and everywhere in those above 9.
    labels = {name: rng.integers(-1, 2, N_ROWS).astype(np.int8) for name in "AB"}
    labels["B"][cluster < 5] = 0
    labels["B"][cluster > 9] = 1
    return rows, ConceptRows(OF_CONCEPT, labels)


def test_sites_are_active_and_known_and_in_clusters_with_both_kinds() -> None:
    rows, concepts = random_rows()
    found = choose_paired_sites(rows, concepts, N_CLUSTERS, seed=0)
    assert found.keys() == {0, 2}
    for feature, sites in found.items():
        column = rows.codes[:, [feature]].toarray().ravel()
        label = concepts.labels[OF_CONCEPT[feature]]
        both = [
            cluster
            for cluster in range(N_CLUSTERS)
            if {0, 1} <= set(label[(rows.cluster == cluster) & (column > 0)])
        ]
        assert sorted(set(rows.cluster[sites.rows])) == both
        assert sites.n_clusters == len(both)
        np.testing.assert_array_equal(np.array(both)[sites.cluster], rows.cluster[sites.rows])
        np.testing.assert_array_equal(column[sites.rows], sites.activation)
        assert (sites.activation > 0).all()
        np.testing.assert_array_equal(label[sites.rows], sites.has_concept)
        assert len(set(sites.rows)) == len(sites.rows)
        for cluster in both:
            for kind in (0, 1):
                n_there = ((rows.cluster == cluster) & (column > 0) & (label == kind)).sum()
                chosen = (rows.cluster[sites.rows] == cluster) & (sites.has_concept == kind)
                assert chosen.sum() == min(PER_CLUSTER, n_there)
    assert set(rows.cluster[found[2].rows]) <= set(range(5, 10))


def test_as_many_clusters_as_asked_for_drawn_by_the_seed() -> None:
    rows, concepts = random_rows()
    few = [choose_paired_sites(rows, concepts, 3, seed)[0] for seed in (0, 0, 1)]
    assert [sites.n_clusters for sites in few] == [3, 3, 3]
    assert few[0].rows.tolist() == few[1].rows.tolist() != few[2].rows.tolist()


def test_a_feature_that_is_never_active_has_no_sites() -> None:
    rows, concepts = random_rows()
    silent = SiteRows(
        *(rows.pass_number, rows.index, rows.protein, rows.cluster, rows.letter),
        sparse.csc_array((N_ROWS, 3)),
    )
    sites = choose_paired_sites(silent, concepts, 5, 0)[0]
    assert (sites.n_clusters, len(sites.rows)) == (0, 0)
    found = contrast_fields(np.ones(D_MODEL), sites, np.empty((0, 2, D_MODEL)))
    assert found == {"n_concept_clusters": 0, **dict.fromkeys(CONTRASTS)}


def test_fields_are_those_of_plain_loops() -> None:
    rows, concepts = random_rows()
    sites = choose_paired_sites(rows, concepts, N_CLUSTERS, seed=0)[0]
    rng = np.random.default_rng(1)
    direction, drawn = rng.normal(size=D_MODEL), rng.normal(size=(len(sites.rows), 2, D_MODEL))
    found = contrast_fields(direction, sites, drawn)
    for name, power in (("inside_kl", 2), ("inside_unit_kl", 0)):
        means: dict[bool, list[float]] = {True: [], False: []}
        for cluster in range(sites.n_clusters):
            for kind, own in means.items():
                values = [
                    sites.activation[n] ** power * np.mean([(direction @ g) ** 2 for g in drawn[n]])
                    for n in range(len(sites.rows))
                    if sites.cluster[n] == cluster and sites.has_concept[n] == kind
                ]
                own.append(np.mean(values) / 2)
        difference = np.array(means[True]) - np.array(means[False])
        assert found[f"{name}_difference"] == pytest.approx(difference.mean())
        low, high = stats.ttest_1samp(difference, 0).confidence_interval(0.95)
        assert found[f"{name}_difference_low"] == pytest.approx(low)
        assert found[f"{name}_difference_high"] == pytest.approx(high)
        if power:
            expected = (np.mean(means[True]), np.mean(means[False]))
            assert (found["inside_kl"], found["outside_kl"]) == pytest.approx(expected)
    assert found["n_concept_clusters"] == sites.n_clusters


def test_four_clusters_are_too_few() -> None:
    pairs = np.arange(8)
    sites = PairedSites(pairs, np.ones(8), pairs // 2, pairs % 2 == 0)
    found = contrast_fields(np.ones(D_MODEL), sites, np.ones((8, 1, D_MODEL)))
    assert found == {"n_concept_clusters": 4, **dict.fromkeys(CONTRASTS)}


def test_what_is_read_in_a_context_alone_does_more_there() -> None:
    """Features 0 and 1 are read at a quarter of the residues, the others at all of them alike."""
    world = World("plain", 0)
    passes = world.passes()
    has_context = np.concatenate([one.letters == 0 for one in passes]).astype(np.int8)
    concepts = ConceptRows(["context"] * N_FEATURES, {"context": has_context})
    letters = {chr(ord("a") + n): n for n in range(N_LETTERS)}
    settings = EffectSettings(exact_features=0)
    of_world = (passes, world.encode, world.decoder, letters, settings, 4096)
    rows = feature_effects(*of_world, concepts=concepts)
    more = [row["inside_unit_kl_difference_low"] > 0 for row in rows]
    assert more[:2] == [True, True]
    assert CONTEXT == (0, 1)
    # At 2.5 % one of 40 may be wrong, rarely three. Random directions lie along what is read, too.
    assert sum(more[2:40]) <= 2
    assert all(row["outside_kl"] < row["inside_kl"] / 4 for row in rows[:2])
    without = feature_effects(*of_world)
    assert {row["n_concept_clusters"] for row in without} == {None}
    same = [row["necessity_kl"] for row in rows], [row["necessity_kl"] for row in without]
    assert same[0] == same[1], "concepts change nothing else"
