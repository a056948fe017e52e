"""How many donors each cluster has, and which: most like it in length and size."""

import numpy as np
import pytest

from protsae.association.significance.concatenated_proteins import Chains
from protsae.association.significance.label_exchange import Exchange, nearest


@pytest.mark.parametrize(
    ("n_clusters", "n_donors"),
    [(7, 7), (13, 12), (48, 12), (52, 13), (101, 25), (256, 64), (1009, 64)],
)
def test_a_quarter_of_all_clusters_but_12_to_64(n_clusters: int, n_donors: int) -> None:
    """Or all, where there are fewer."""
    places = np.random.default_rng(0).random((n_clusters, 1))
    found = nearest(places)
    assert found.shape == (n_clusters, n_donors)
    distance = np.abs(places - places.T)
    limit = np.sort(distance, axis=1)[:, n_donors - 1]
    np.testing.assert_allclose(distance[np.arange(n_clusters)[:, None], found].max(1), limit)
    assert found[:, 0].tolist() == list(range(n_clusters))


def test_equally_near_ones_are_not_the_same_for_all() -> None:
    found = nearest(np.zeros((101, 1)))
    assert found[:, 0].tolist() == list(range(101))
    assert len({tuple(sorted(row)) for row in found[:, 1:].tolist()}) == 101


@pytest.mark.parametrize("factor", [1.4, 1.6])
def test_a_factor_in_size_weighs_as_one_and_a_half_in_length(factor: float) -> None:
    """Donors of two relatives of 1,000 residues are eleven pairs of 1,000, they themselves among
    them; the twelfth is the pair of 1,000 * 2^1.4, but one alone rather than 1,000 * 2^1.6."""
    long = round(1000 * 2**factor)
    lengths = np.array([1000] * 22 + [long] * 2 + [1000] + [20_000] * 24)
    cluster = np.array([*np.repeat(np.arange(12), 2), *range(12, 37)])
    exchange = Exchange.of(Chains(lengths, cluster, np.ones(lengths.sum(), bool)))
    donors = set(cluster[exchange.giver[exchange.taker == 0]].tolist())
    assert donors == {*range(11), 11 if factor < 1.5 else 12}


def test_every_member_of_a_cluster_has_a_relative_of_its_rank_by_length() -> None:
    """Of three that take from five, the j-th takes from number floor((2 j + 1) 5 / 6): 0, 2, 4."""
    lengths = np.array([30, 10, 20, 5, 3, 1, 4, 2])
    chains = Chains(lengths, np.array([4, 4, 4, 7, 7, 7, 7, 7]), np.ones(75, bool))
    exchange = Exchange.of(chains)
    taken = {t: g for t, g in zip(exchange.taker, exchange.giver, strict=True) if t < 3 <= g}
    assert {int(lengths[t]): int(lengths[g]) for t, g in taken.items()} == {10: 1, 20: 3, 30: 5}
    given = {t: g for t, g in zip(exchange.taker, exchange.giver, strict=True) if g < 3 <= t}
    expected = {1: 10, 2: 10, 3: 20, 4: 30, 5: 30}
    assert {int(lengths[t]): int(lengths[g]) for t, g in given.items()} == expected


def test_a_cluster_takes_part_from_one_known_residue_on() -> None:
    """Two proteins with one between them, one with none, one with three."""
    known = np.array([0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0], bool)
    chains = Chains(np.array([3, 2, 5, 7]), np.array([4, 4, 6, 9]), known)
    exchange = Exchange.of(chains)
    assert exchange.cluster.tolist() == [0, 0, -1, 1]
    assert exchange.n_clusters == 2


def test_without_proteins_no_cluster_takes_part() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert Exchange.of(Chains(nothing, nothing, nothing.astype(bool))).n_clusters == 0
