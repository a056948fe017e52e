from itertools import permutations, product

import numpy as np
import pytest

from protsae.association.significance.concatenated_proteins import Chains
from protsae.association.significance.family_null import _Families, cluster_null


def exact_p(
    on: np.ndarray, label: np.ndarray, lengths: np.ndarray, cluster: np.ndarray, known: np.ndarray
) -> float:
    """All permutations within clusters, one by one."""
    first = np.cumsum(lengths) - lengths
    some = [bool(known[first[p] : first[p] + lengths[p]].any()) for p in range(len(lengths))]
    cluster = np.where(some, cluster, 100 + np.arange(len(lengths)))  # others are alone

    def true_positives(p: int, q: int) -> int:
        total = 0
        for i in range(lengths[p]):
            own = first[p] + i
            other = first[q] + (2 * i + 1) * lengths[q] // (2 * lengths[p])
            total += bool(on[own] and known[own] and label[other if known[other] else own])
        return total

    members = [np.flatnonzero(cluster == c).tolist() for c in np.unique(cluster)]
    sums = [
        [sum(map(true_positives, group, order)) for order in permutations(group)]
        for group in members
    ]
    observed = sum(each[0] for each in sums)  # the first permutation moves nothing
    return float(np.mean([sum(each) >= observed for each in product(*sums)]))


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 9, 8)
    cluster = rng.permutation([3, 3, 3, 5, 5, 5, 7, 7])
    on, label = (rng.random(lengths.sum()) < 0.4 for _ in range(2))
    return lengths, cluster, on, label


def p_value(
    case: tuple[np.ndarray, ...], n_permutations: int = 999, stop_after: int = 10, seed: int = 0
) -> float:
    lengths, cluster, on, label = case[:4]
    known = case[4] if len(case) > 4 else np.ones(len(on), bool)
    return float(
        cluster_null(
            [np.flatnonzero(on)],
            [np.flatnonzero(label)],
            np.array([[0, 0]]),
            Chains(lengths, cluster, known),
            n_permutations,
            stop_after,
            seed,
        )[0]
    )


@pytest.mark.parametrize("share_known", [1.0, 0.7])
@pytest.mark.parametrize("seed", range(30))
def test_against_all_permutations(seed: int, share_known: float) -> None:
    lengths, cluster, on, label = random_case(seed)
    known = np.random.default_rng(seed).random(len(on)) < share_known
    label &= known
    expected = exact_p(on, label, lengths, cluster, known)
    families = _Families.of(Chains(lengths, cluster, known))
    exchange = families.exchange(np.flatnonzero(on), np.flatnonzero(label))
    assert exchange is None or exchange.observed == (on & label).sum()
    found = p_value((lengths, cluster, on, label, known), n_permutations=2000, stop_after=2000)
    assert np.isnan(found) == (exchange is None)
    # Undefined where every permutation is as good.
    assert np.nan_to_num(found, nan=1) == pytest.approx(
        expected, abs=4 * (expected * (1 - expected) / 2000) ** 0.5 + 1e-3
    )


def halves_of_relatives(n_families: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two alike in each family, of ten residues: the first half of one is known, the second half of
    the other. Lengths, families and known residues."""
    half = np.repeat([True, False, False, True], 5)
    return np.full(2 * n_families, 10), np.arange(2 * n_families) // 2, np.tile(half, n_families)


def test_relatives_known_in_other_parts_differ_in_nothing() -> None:
    """On where the label is in all; which of these residues are known says nothing of relatives.

    Were unknown labels negatives, the one exchange of each family would lose all true positives,
    and p would be 2^-8.
    """
    lengths, cluster, known = halves_of_relatives(8)
    place = np.tile(np.isin(np.arange(10), [2, 7]), 16)
    assert np.isnan(p_value((lengths, cluster, place, place & known, known)))


def test_what_is_known_of_both_relatives_still_tells() -> None:
    """Residue 0 is known of all, too. Of each family it is labelled in one, where the detector is
    on: as good as that is one of two exchanges in each of eight families."""
    lengths, cluster, known = halves_of_relatives(8)
    known = known | (np.arange(160) % 10 == 0)
    on = np.arange(160) % 20 == 0
    found = p_value((lengths, cluster, on, on, known), n_permutations=4000, stop_after=4000)
    assert found == pytest.approx(2**-8, abs=4 * 2**-4 / 4000**0.5)


def test_a_relative_of_which_nothing_is_known_takes_no_part() -> None:
    """With it, nothing changes: neither p nor a draw."""
    lengths, cluster, on, label = random_case(5)
    more = np.append(lengths, 4), np.append(cluster, 3)
    known = np.repeat([True, False], [len(on), 4])
    with_it = (*more, np.append(on, np.ones(4, bool)), np.append(label, np.zeros(4, bool)), known)
    for seed in range(5):
        alone = p_value((lengths, cluster, on, label), stop_after=999, seed=seed)
        assert p_value(with_it, stop_after=999, seed=seed) == alone


def test_stops_early_where_nothing_is_there() -> None:
    """Ten exceedances of n: p is 10 / n, n at least 10; on average 10 / p draws."""
    values = [p_value(random_case(seed)) for seed in range(30)]
    drawn = 10 / np.array(values)
    whole = np.abs(drawn - drawn.round()) < 1e-9
    assert whole.mean() > 0.8
    assert drawn.min() >= 10


def test_the_smallest_p_is_one_of_all_draws() -> None:
    """Eleven relatives, each with a place of its own: one permutation of 11! is right."""
    on = (np.arange(11 * 13) % 13) == np.repeat(np.arange(11), 13)
    case = np.full(11, 13), np.zeros(11, int), on, on
    assert p_value(case, n_permutations=199) == 1 / 200


def test_a_place_that_the_family_shares_is_no_evidence() -> None:
    """The same relative place in relatives of 10 and 20 residues: every exchange is as good."""
    lengths = np.array([10, 20])
    mask = np.zeros(30, bool)
    mask[4], mask[[18, 19]] = True, True
    assert np.isnan(p_value((lengths, np.zeros(2, int), mask, mask)))


@pytest.mark.parametrize(
    ("cluster", "on", "label"),
    [
        pytest.param([0, 1, 2], [1] * 9, [1, 0, 0] * 3, id="no relatives"),
        pytest.param([0, 0, 0], [0] * 9, [1, 0, 0] * 3, id="never on"),
        pytest.param([0, 0, 0], [1] * 9, [0] * 9, id="never labelled"),
        pytest.param([0, 0, 2], [1] * 6 + [0] * 3, [0] * 6 + [1] * 3, id="in other families"),
    ],
)
def test_without_information_p_is_undefined(
    cluster: list[int], on: list[int], label: list[int]
) -> None:
    case = np.full(3, 3), np.array(cluster), np.array(on, bool), np.array(label, bool)
    assert np.isnan(p_value(case))


def test_a_pair_does_not_depend_on_the_others() -> None:
    lengths, cluster, on, label = random_case(3)
    rows = [np.flatnonzero(on), np.flatnonzero(label)]
    settings = (Chains(lengths, cluster, np.ones(len(on), bool)), 99, 10, 7)
    both = cluster_null(rows, rows, np.array([[0, 1], [1, 0]]), *settings)
    alone = cluster_null(rows, rows, np.array([[1, 0]]), *settings)
    assert both[1] == alone[0]


def test_a_family_without_the_label_changes_no_draw() -> None:
    lengths, cluster, on, label = random_case(5)
    with_others = (
        np.append(lengths, [4, 4]),
        np.append(cluster, [9, 9]),
        np.append(on, np.ones(8, bool)),
        np.append(label, np.zeros(8, bool)),
    )
    assert 0.1 < p_value((lengths, cluster, on, label), stop_after=999) < 0.9
    for seed in range(5):
        alone = p_value((lengths, cluster, on, label), stop_after=999, seed=seed)
        assert p_value(with_others, stop_after=999, seed=seed) == alone


def test_a_protein_without_relatives_changes_no_draw() -> None:
    lengths, cluster, on, label = random_case(5)
    with_another = (
        np.append(lengths, 4),
        np.append(cluster, 9),
        np.append(on, np.ones(4, bool)),
        np.append(label, np.ones(4, bool)),
    )
    for seed in range(5):
        alone = p_value((lengths, cluster, on, label), stop_after=999, seed=seed)
        assert p_value(with_another, stop_after=999, seed=seed) == alone


@pytest.mark.parametrize("stop_after", [1, 63, 64, 65, 128, 200])
def test_stops_at_the_draw_that_is_enough(stop_after: int) -> None:
    """On where a relative is labelled: every draw is as good as the data, so that as many draws as
    exceedances are needed, wherever a batch of 64 ends."""
    on, label = np.arange(10) == 2, np.arange(10) == 7
    case = np.full(2, 5), np.zeros(2, int), on, label
    assert p_value(case, 999, stop_after) == 1
