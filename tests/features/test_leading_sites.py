import numpy as np
import pytest

from protsae.features import leading_sites as module
from protsae.features.leading_sites import LeadingSites, Sites, drawn

N_GROUPS, MOST = 3, 5


def random_sites(seed: int = 0, n: int = 997) -> Sites:
    """Ranks are whole numbers, so that many are equal."""
    rng = np.random.default_rng(seed)
    protein = rng.integers(0, 47, n)
    residue = np.arange(n)  # no residue twice
    group = rng.integers(0, N_GROUPS, n)
    rank = rng.integers(0, 29, n).astype(float)
    return Sites(group, protein // 3, protein, residue, rank, -rank.astype(np.float32))


def by_hand(sites: Sites) -> list[tuple[int, int, int]]:
    """Group, protein and residue of those kept, one by one."""
    order = sorted(
        range(len(sites)),
        key=lambda i: (sites.group[i], sites.rank[i], sites.protein[i], sites.residue[i]),
    )
    kept: list[tuple[int, int, int]] = []
    clusters: dict[int, set[int]] = {group: set() for group in range(N_GROUPS)}
    for i in order:
        seen = clusters[sites.group[i]]
        if sites.cluster[i] not in seen and len(seen) < MOST:
            seen.add(sites.cluster[i])
            kept.append((sites.group[i], sites.protein[i], sites.residue[i]))
    return kept


@pytest.mark.parametrize("at_once", [1, 101, 997])
@pytest.mark.parametrize("pending", [1, 53, 10_000])
def test_the_lowest_ranks_one_of_a_cluster(
    at_once: int, pending: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PENDING", pending)
    every = random_sites()
    leading = LeadingSites(N_GROUPS, MOST)
    for order in (np.arange(len(every)), np.random.default_rng(1).permutation(len(every))):
        for first in range(0, len(every), at_once):
            leading.offer(every.take(order[first : first + at_once]))
    found = leading.sites()
    kept = list(zip(found.group, found.protein, found.residue, strict=True))
    assert kept == by_hand(every)
    np.testing.assert_array_equal(found.value, -found.rank)


def test_none_offered_none_kept() -> None:
    leading = LeadingSites(N_GROUPS, MOST)
    leading.offer(random_sites().take(np.empty(0, np.int64)))
    assert len(leading.sites()) == 0


def test_draws_are_uniform_and_independent_of_what_else_is_drawn() -> None:
    """10,007 draws: in each tenth of [0, 1) a tenth of them, and no trend with any number."""
    number = np.arange(10_007)
    found = drawn(3, number, 7)
    np.testing.assert_array_equal(found[[0, 41]], drawn(3, number[[0, 41]], 7))
    share = np.histogram(found, 10, (0, 1))[0] / len(number)
    assert np.abs(share - 0.1).max() < 4 * np.sqrt(0.1 * 0.9 / len(number))
    for other in (drawn(4, number, 7), drawn(3, number, 8), np.roll(found, 1), number):
        assert abs(np.corrcoef(found, other)[0, 1]) < 4 / np.sqrt(len(number))
