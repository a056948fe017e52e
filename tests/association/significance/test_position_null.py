from itertools import product

import numpy as np
import pytest

from protsae.association.significance import position_null as position_nulls
from protsae.association.significance.concatenated_proteins import Chains
from protsae.association.significance.label_exchange import Exchange, nearest
from protsae.association.significance.position_null import (
    RESOLVED,
    GivenLabels,
    PositionLaws,
    position_null,
)

PAIR = np.array([[0, 0]])


def chains_of(lengths: list[int], cluster: list[int] | None = None) -> Chains:
    """All known."""
    cluster = list(range(len(lengths))) if cluster is None else cluster
    return Chains(np.array(lengths), np.array(cluster), np.ones(sum(lengths), bool))


def test_no_expected_overlap_is_lost_by_differing_lengths() -> None:
    """On everywhere: clusters expect as many labelled residues as there are, whether the label is
    one site a protein or a share of it."""
    rng = np.random.default_rng(2)
    lengths = rng.integers(60, 500, 83)
    chains = chains_of(lengths.tolist())
    exchange = Exchange.of(chains)
    everywhere = np.arange(lengths.sum())
    site = chains.first + (rng.random(83) * lengths).astype(int)
    third = everywhere[(everywhere - chains.first[chains.protein]) % 3 == 0]
    for labelled in (site, third):
        given = GivenLabels.of(labelled, exchange)
        expected = given.times.sum() / given.n_donors
        assert expected >= 0.99 * len(labelled)


def test_donors_are_the_most_like_and_the_cluster_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protsae.association.significance.label_exchange.LEAST_DONORS", 2)
    assert nearest(np.array([[0.0], [5], [1], [9]])).tolist() == [[0, 2], [1, 2], [2, 0], [3, 1]]


def test_relatives_are_matched_by_length() -> None:
    """Two clusters, of three and of one: each of the three takes from the one, which takes from
    the middle one; within a cluster each takes from itself."""
    exchange = Exchange.of(chains_of([30, 10, 20, 15], [4, 4, 4, 7]))
    takings = set(zip(exchange.taker.tolist(), exchange.giver.tolist(), strict=True))
    assert takings == {(0, 0), (1, 1), (2, 2), (0, 3), (1, 3), (2, 3), (3, 3), (3, 2)}


def test_with_fewer_donors_the_nearest_stay() -> None:
    """83 clusters of one, 20 donors each: of these the first three, in cells that stand close."""
    chains = chains_of(np.random.default_rng(0).integers(30, 300, 83).tolist())
    every, few = Exchange.of(chains), Exchange.of(chains).of_nearest(3)
    assert (every.n_donors, few.n_donors) == (20, 3)
    givers = every.giver[np.argsort(every.cell)].reshape(83, 20)
    assert few.giver[np.argsort(few.cell)].reshape(83, 3).tolist() == givers[:, :3].tolist()
    assert sorted(few.cell.tolist()) == list(range(3 * 83))
    assert every.of_nearest(20) is every


def test_so_many_runs_that_fewer_donors_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """83 runs given to 20 donors are 1,660: with 1,200 allowed, 20 * 1,200 / 1,660 is 14."""
    monkeypatch.setattr("protsae.association.significance.position_null.MOST_RUNS", 1200)
    chains = chains_of([30] * 83)
    given = GivenLabels.of(chains.first + 7, Exchange.of(chains))
    assert given.n_donors == 14
    monkeypatch.setattr("protsae.association.significance.position_null.MOST_RUNS", 1)
    assert GivenLabels.of(chains.first + 7, Exchange.of(chains)).n_donors == 12


def slow_p_value(chains: Chains, on: np.ndarray, label: np.ndarray) -> float:
    """All combinations of donors, where all lengths are equal: labels stay where they are."""
    n = chains.n_proteins
    table = on.reshape(n, -1).astype(int) @ label.reshape(n, -1).T.astype(int)
    sums = np.array(
        [table[np.arange(n), list(donors)].sum() for donors in product(range(n), repeat=n)]
    )
    return float((sums >= np.trace(table)).mean())


@pytest.mark.parametrize("seed", range(30))
def test_against_all_combinations_of_donors(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chains = chains_of([13] * 5)
    on, label = (rng.random(65) < rng.uniform(0.1, 0.6) for _ in range(2))
    null = position_null([np.flatnonzero(on)], [np.flatnonzero(label)], PAIR, chains)
    assert null.observed[0] == (on & label).sum()
    table = on.reshape(5, -1).astype(int) @ label.reshape(5, -1).T.astype(int)
    assert null.expected[0] == pytest.approx(table.mean(1).sum())
    p_value = slow_p_value(chains, on, label)
    best = np.prod([(row == row.max()).mean() for row in table])
    if best > RESOLVED and (table != table[:, :1]).any():
        assert np.isnan(null.p_value[0])
    else:
        assert null.p_value[0] == pytest.approx(p_value, rel=1e-9)


def test_what_is_on_at_the_same_place_everywhere_is_explained_by_it() -> None:
    """Residues 2 to 6 of 40 chains of many lengths, labelled in every third of them."""
    rng = np.random.default_rng(0)
    chains = chains_of(rng.integers(30, 300, 40).tolist())
    place = np.arange(len(chains.known)) - chains.first[chains.protein]
    here = (place >= 1) & (place < 6)
    label = here & (chains.protein % 3 == 0)
    null = position_null([np.flatnonzero(here)], [np.flatnonzero(label)], PAIR, chains)
    assert null.p_value[0] > 0.3
    knows = position_null([np.flatnonzero(label)], [np.flatnonzero(label)], PAIR, chains)
    assert knows.p_value[0] < 1e-6


@pytest.mark.parametrize("at_once", [1, 3])
def test_how_many_are_counted_together_changes_nothing(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    chains = chains_of(rng.integers(20, 60, 15).tolist())
    on, label = (rng.random((8, len(chains.known))) < 0.3 for _ in range(2))
    rows = [np.flatnonzero(own | label[0]) for own in on]
    laws = PositionLaws.of(np.flatnonzero(label[0]), Exchange.of(chains))
    expected = laws.pair_nulls(rows)
    monkeypatch.setattr(position_nulls, "CELLS_AT_ONCE", 1)
    monkeypatch.setattr(position_nulls, "LEAST_AT_ONCE", at_once)
    assert (laws.pair_nulls(rows) == expected).all()


def test_labels_keep_their_place_in_the_known_part() -> None:
    """Known are residues 1 to 12 of one chain of 30 and 19 to 30 of another, labelled the fourth to
    sixth of them: within the known part each gives the other the labels that it has."""
    place = np.arange(30)
    chains = Chains(np.full(2, 30), np.arange(2), np.concatenate([place < 12, place >= 18]))
    labels = np.array([3, 4, 5, 51, 52, 53])
    laws = PositionLaws.of(labels, Exchange.of(chains))
    assert laws.within is not None
    assert laws.within.largest.tolist() == [3, 3]
    assert (laws.within.times / laws.within.n_donors).tolist() == 2 * ([0] * 3 + [1] * 3 + [0] * 6)
    assert (laws.ways[0].times[labels] / laws.ways[0].n_donors).tolist() == [0.5] * 6
    assert PositionLaws.of(labels, Exchange.of(chains_of([30] * 2))).within is None


def test_what_keeps_off_the_ends_of_the_known_part_is_explained_by_it() -> None:
    """Forty chains of 200 residues, of which 60 anywhere are known: label and detector are on at
    the same 20 in the middle of the known part, so that the part explains all. A detector that is
    on where a half of the chains is labelled knows which half."""
    rng = np.random.default_rng(0)
    begin = rng.integers(0, 140, 40) + 200 * np.arange(40)
    known = np.zeros(8000, bool)
    known[begin[:, None] + np.arange(60)] = True
    middle = begin[:, None] + np.arange(20, 40)
    chains, pair = Chains(np.full(40, 200), np.arange(40), known), np.array([[0, 0]])
    every, half = middle.ravel(), middle[::2].ravel()
    assert position_null([every], [every], pair, chains).p_value.tolist() == [1.0]
    assert position_null([half], [half], pair, chains).p_value[0] < 1e-4


def test_too_few_clusters_to_tell() -> None:
    """On in one of eight clusters: the best of its donors is one of eight."""
    chains = chains_of([20] * 8)
    here = np.array([7])
    assert np.isnan(position_null([here], [here], PAIR, chains).p_value[0])
    nowhere = np.array([], dtype=np.int64)
    assert np.isnan(position_null([nowhere], [here], PAIR, chains).p_value[0])


def test_as_few_clusters_as_can_tell() -> None:
    """On in one cluster, whose best donor is itself: one of 20, a quarter of 80, so that p is 0.05,
    which will do; not so one of 19."""
    here = np.array([7])
    found = position_null([here], [here], PAIR, chains_of([13] * 80))
    assert found.p_value[0] == pytest.approx(0.05)
    assert np.isnan(position_null([here], [here], PAIR, chains_of([13] * 79)).p_value[0])


def test_clusters_of_which_nothing_is_known_neither_give_nor_take() -> None:
    lengths = [20] * 6
    known = np.repeat([True, True, True, True, False, False], 20)
    chains = Chains(np.array(lengths), np.arange(6), known)
    exchange = Exchange.of(chains)
    assert exchange.n_clusters == 4
    assert set(exchange.giver.tolist()) == set(exchange.taker.tolist()) == {0, 1, 2, 3}


def test_where_nothing_is_known_nothing_is_told() -> None:
    chains = Chains(np.array([20, 20]), np.arange(2), np.zeros(40, bool))
    nothing = np.array([], dtype=np.int64)
    null = position_null([np.array([7])], [nothing], PAIR, chains)
    assert (null.observed[0], null.expected[0]) == (0, 0)
    assert np.isnan(null.p_value[0])


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_p_is_right_where_only_the_position_is_shared(share: float) -> None:
    """Residues 3 to 12 of families, labelled in some of them, on in others, independently."""
    rng = np.random.default_rng(7)
    found = []
    for _ in range(200):
        lengths = np.repeat(rng.integers(40, 120, 31), 2) + rng.integers(0, 9, 62)
        cluster = np.repeat(np.arange(31), 2)
        chains = chains_of(lengths.tolist(), cluster.tolist())
        place = np.arange(len(chains.known)) - chains.first[chains.protein]
        here = (place >= 2) & (place < 12)
        on, label = (
            np.flatnonzero(here & np.repeat(rng.random(31) < rate, 2)[chains.protein])
            for rate in (0.5, share)
        )
        p_value = position_null([on], [label], PAIR, chains).p_value[0]
        found.append(p_value <= 0.05)
    assert np.mean(found) <= 0.05 + 2 * (0.05 * 0.95 / 200) ** 0.5


def test_each_pair_has_its_own_detector_and_concept() -> None:
    """In any order, and some not asked for: as one by one."""
    rng = np.random.default_rng(5)
    chains = Chains(np.full(13, 17), np.arange(13), np.ones(13 * 17, bool))
    on, labels = ([np.flatnonzero(rng.random(13 * 17) < r) for r in (0.1, 0.2, 0.3)] for _ in "ab")
    pairs = np.array([[2, 0], [0, 1], [1, 1], [2, 1]])
    found = position_null(on, labels, pairs, chains)
    for number, (detector, concept) in enumerate(pairs.tolist()):
        alone = position_null([on[detector]], [labels[concept]], np.array([[0, 0]]), chains)
        assert found.observed[number] == len(np.intersect1d(on[detector], labels[concept]))
        assert found.expected[number] == pytest.approx(alone.expected[0])
        assert found.p_value[number] == pytest.approx(alone.p_value[0])
    assert len(set(found.p_value)) == 4


def test_the_expected_overlap_is_the_largest_of_all_ways() -> None:
    """Residues 101 to 110 of every third chain of 120 to 400: far from both ends, they are met
    where labels keep their distance to the start."""
    chains = chains_of(np.random.default_rng(0).integers(120, 400, 60).tolist())
    place = np.arange(len(chains.known)) - chains.first[chains.protein]
    rows = np.flatnonzero((place >= 100) & (place < 110) & (chains.protein % 3 == 0))
    laws = PositionLaws.of(rows, Exchange.of(chains))
    means = [way.times[rows].sum() / way.n_donors for way in laws.ways]
    [(observed, expected, p_value)] = laws.pair_nulls([rows])
    assert p_value <= RESOLVED
    assert means[1] > 1.5 * max(means[0], means[2])
    assert (observed, expected) == (200, pytest.approx(means[1]))
