from itertools import product

import numpy as np
import pytest

from protsae.association.significance import rotation_null as rotation_module
from protsae.association.significance import rotation_overlap as runs_module
from protsae.association.significance.concatenated_proteins import Chains
from protsae.association.significance.p_values import Null
from protsae.association.significance.rotation_null import (
    RotatedLabels,
    _lower_medians,
    _unbroken,
    rotation_null,
    whole_periods,
)
from protsae.association.significance.rotation_overlap import Runs, overlaps


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lengths of proteins; on and label of their residues, from none to all."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 8, rng.integers(1, 6))
    on, label = (rng.random(lengths.sum()) < rng.random() for _ in range(2))
    return lengths, on, label


def rows(mask: np.ndarray) -> np.ndarray:
    return np.flatnonzero(mask)


def alone(on: np.ndarray, label: np.ndarray, lengths: np.ndarray) -> Null:
    """Of one pair, given as masks, where each protein is a cluster and all is known."""
    chains = Chains(lengths, np.arange(len(lengths)), np.ones(int(lengths.sum()), bool))
    return rotation_null([rows(on)], [rows(label)], np.array([[0, 0]]), chains)


def runs(mask: np.ndarray, lengths: np.ndarray) -> Runs:
    return Runs.of_rows(np.flatnonzero(mask), lengths)


def rotations(lengths: np.ndarray, on: np.ndarray, label: np.ndarray) -> list[list[int]]:
    """Residues in both under each rotation, by protein."""
    cuts = np.cumsum(lengths)[:-1]
    return [
        [int((a & np.roll(b, -shift)).sum()) for shift in range(len(a))]
        for a, b in zip(np.split(on, cuts), np.split(label, cuts), strict=True)
    ]


def slow_counts(on: np.ndarray, label: np.ndarray, known: np.ndarray) -> list[int]:
    """True positives of a protein under every rotation of its known residues that is taken: those
    that break least, if they are a tenth of all."""
    places = np.flatnonzero(known)
    rank, size = np.cumsum(known) - 1, len(places)
    rows = np.flatnonzero(label)
    pieces = [rank[piece] for piece in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)]
    at_ends, at_gaps, together = [], [], []
    for shift in range(size):
        moved = [(piece - shift) % size for piece in pieces]
        hit = np.zeros(len(known), bool)
        hit[places[np.concatenate(moved)]] = True
        count = int((on & hit).sum())
        if all((np.diff(piece) == 1).all() for piece in moved):
            at_ends.append(count)
            if all((np.diff(places[piece]) == 1).all() for piece in moved):
                at_gaps.append(count)
                if (np.diff(np.concatenate(moved)) > 0).all():
                    together.append(count)
    enough = [found for found in (together, at_gaps) if len(found) >= 0.1 * size]
    return enough[0] if enough else at_ends


def slow_sums(
    lengths: np.ndarray, on: np.ndarray, label: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """Of all combinations of rotations, each protein rotating for itself."""
    cuts = np.cumsum(lengths)[:-1]
    parts = list(zip(*(np.split(x, cuts) for x in (on, label, known)), strict=True))
    kept = [slow_counts(*part) for part in parts if part[1].any()]
    return np.array([sum(combination) for combination in product(*kept)])


@pytest.mark.parametrize("seed", range(200))
def test_against_all_rotations(seed: int) -> None:
    """The law of all combinations of rotations, counted one by one."""
    lengths, on, label = random_case(seed)
    of_on, of_label = runs(on, lengths), runs(label, lengths)
    table = rotations(lengths, on, label)
    assert overlaps(of_on, of_label, lengths).tolist() == [c for row in table for c in row]
    sums = slow_sums(lengths, on, label, np.ones(len(on), bool))
    null = alone(on, label, lengths)
    observed = int((on & label).sum())
    assert null.observed[0] == observed
    assert null.expected[0] == pytest.approx(sums.mean())
    # Where labels cover whole proteins, there is no place to know.
    covered = [part.mean() for part in np.split(label, np.cumsum(lengths)[:-1]) if part.any()]
    if covered and np.median(covered) >= 0.9:
        assert np.isnan(null.p_value[0])
    else:
        assert null.p_value[0] == pytest.approx((sums >= observed).mean(), rel=1e-10)


@pytest.mark.parametrize("block", [1, 7])
@pytest.mark.parametrize("terms", [-1, 10**9])
def test_overlaps_do_not_depend_on_blocks(
    block: int, terms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths, on, label = random_case(11)
    of_on, of_label = runs(on, lengths), runs(label, lengths)
    monkeypatch.setattr(runs_module, "TERMS_PER_RESIDUE", terms)
    whole = overlaps(of_on, of_label, lengths)
    monkeypatch.setattr(runs_module, "BLOCK_RESIDUES", block)
    np.testing.assert_array_equal(overlaps(of_on, of_label, lengths), whole)


@pytest.mark.parametrize("seed", range(50))
def test_overlaps_by_fourier_transforms(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths, on, label = random_case(seed)
    expected = [c for row in rotations(lengths, on, label) for c in row]
    monkeypatch.setattr(runs_module, "TERMS_PER_RESIDUE", -1)
    assert overlaps(runs(on, lengths), runs(label, lengths), lengths).tolist() == expected


def test_fourier_transforms_of_the_longest_protein(monkeypatch: pytest.MonkeyPatch) -> None:
    """35,213 residues, about as many as titin has: float32 still gives whole numbers."""
    lengths = np.array([35_213])
    on, label = (np.random.default_rng(i).random(lengths[0]) < 0.9 for i in range(2))
    monkeypatch.setattr(runs_module, "TERMS_PER_RESIDUE", -1)
    found = overlaps(runs(on, lengths), runs(label, lengths), lengths)
    for shift in (0, 1, 17_011, 35_212):
        assert found[shift] == (on & np.roll(label, -shift)).sum()
    assert found.sum() == on.sum() * label.sum()


def test_small_p_values_are_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """31 proteins of 97 residues, on in 5 at and beside the 3 that are labelled."""
    lengths, place = np.full(31, 97), np.arange(31 * 97) % 97
    data = (place >= 12) & (place < 17), abs(place - 14) < 2, lengths
    bound = alone(*data)
    monkeypatch.setattr(rotation_module, "BOUNDED_BELOW", 0)
    exact = alone(*data)
    assert exact.p_value[0] < bound.p_value[0] < rotation_module.BOUNDED_BELOW + 1e-12
    # 93 where 97 - 2 rotations break no run, 3 of them find all of it.
    assert exact.p_value[0] == pytest.approx((3 / 95) ** 31)
    assert (exact.observed[0], exact.expected[0]) == (bound.observed[0], bound.expected[0])


def test_p_is_as_small_as_all_rotations_allow() -> None:
    """53 proteins of 97 residues, one right place in each: 97^-53, far below rounding."""
    lengths = np.full(53, 97)
    one = np.arange(53 * 97) % 97 == 13
    null = alone(one, one, lengths)
    assert np.log(null.p_value[0]) == pytest.approx(-53 * np.log(97))


def test_p_is_never_zero() -> None:
    """997 proteins: 97^-997 is below any float."""
    lengths = np.full(997, 97)
    one = np.arange(997 * 97) % 97 == 13
    assert alone(one, one, lengths).p_value[0] == pytest.approx(1e-300)


@pytest.mark.parametrize(
    ("on", "label"),
    [
        pytest.param(np.arange(21) >= 0, np.arange(21) % 3 == 0, id="always on"),
        pytest.param(np.arange(21) < 5, np.arange(21) >= 14, id="never in one protein"),
        pytest.param(np.arange(21) < 0, np.arange(21) < 0, id="never on, never labelled"),
    ],
)
def test_where_no_rotation_changes_anything_p_is_one(on: np.ndarray, label: np.ndarray) -> None:
    lengths = np.array([10, 11])
    null = alone(on, label, lengths)
    assert null.p_value[0] == pytest.approx(1)
    assert null.observed[0] == (on & label).sum()
    assert null.expected[0] == pytest.approx(null.observed[0])


def test_a_run_ends_with_its_protein() -> None:
    """Rows 2 and 3 are the last of one protein and the first of the next."""
    found = runs(np.array([0, 0, 1, 1, 0, 0, 0, 1], bool), np.array([3, 4, 1]))
    assert found.protein.tolist() == [0, 1, 2]
    assert found.begin.tolist() == [2, 0, 0]
    assert found.end.tolist() == [3, 1, 1]


@pytest.mark.parametrize("seed", range(20))
def test_runs_of_blocks_join_to_those_of_the_whole(seed: int) -> None:
    lengths, on, _ = random_case(seed)
    cut = len(lengths) // 2
    row = int(lengths[:cut].sum())
    parts = [runs(on[:row], lengths[:cut]), runs(on[row:], lengths[cut:])]
    joined, whole = Runs.joined(parts, [cut, len(lengths) - cut]), runs(on, lengths)
    for name in ("protein", "begin", "end"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))


def test_against_drawn_rotations() -> None:
    """Proteins of many lengths, one residue labelled in each, a feature loosely there."""
    rng = np.random.default_rng(5)
    lengths = rng.integers(50, 300, 41)
    first = np.cumsum(lengths) - lengths
    label = np.isin(np.arange(lengths.sum()), first + 20)
    on = (rng.random(len(label)) < 0.1) | (label & (rng.random(len(label)) < 0.1))
    null = alone(on, label, lengths)
    places = first + rng.integers(0, lengths, (20_000, 41))
    drawn = on[places].sum(1)
    chance = (drawn >= null.observed[0]).mean()
    assert 0.001 < chance < 0.9
    error = (chance * (1 - chance) / 20_000) ** 0.5
    assert null.p_value[0] == pytest.approx(chance, abs=4 * error)


def windows(size: int, rng: np.random.Generator) -> np.ndarray:
    """A window at a random place in each of 11 proteins of 101 residues, none over the end."""
    begin = rng.integers(0, 102 - size, 11)[:, None]
    place = np.arange(101)
    return ((place >= begin) & (place < begin + size)).ravel()


@pytest.mark.parametrize("size", [17, 61])
def test_p_is_uniform_where_the_null_holds(size: int) -> None:
    """On and label at places of their own; long windows always meet in the middle."""
    rng = np.random.default_rng(1)
    lengths = np.full(11, 101)
    p_values = np.array(
        [alone(windows(size, rng), windows(size, rng), lengths).p_value[0] for _ in range(600)]
    )
    for level in (0.05, 0.2, 0.5):
        error = (level * (1 - level) / 600) ** 0.5
        assert level - 4 * error - 0.02 < (p_values <= level).mean() < level + 3 * error


def test_no_pairs() -> None:
    chains = Chains(np.array([3]), np.array([0]), np.ones(3, bool))
    null = rotation_null([], [], np.zeros((0, 2), int), chains)
    assert null.observed.shape == null.p_value.shape == (0,)


def test_whole_proteins_have_no_place_to_know() -> None:
    """Labelled: all of one protein, and 10 of 11 residues of another; a window is tested."""
    lengths = np.array([10, 11])
    everywhere = np.arange(21) < 20
    assert np.isnan(alone(everywhere, everywhere, lengths).p_value[0])
    assert not np.isnan(alone(everywhere, np.arange(21) < 5, lengths).p_value[0])


def test_nine_residues_of_ten_are_a_whole_protein() -> None:
    label = np.arange(10) < 9
    assert np.isnan(alone(label, label, np.array([10])).p_value[0])
    less = np.arange(11) < 9
    assert not np.isnan(alone(less, less, np.array([11])).p_value[0])


@pytest.mark.parametrize("seed", range(100))
def test_rotations_stay_within_the_known_residues(seed: int) -> None:
    """Against all combinations, counted one by one: unknown residues neither take nor give."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, 11, rng.integers(1, 5))
    n = int(lengths.sum())
    known, on = rng.random(n) < 0.75, rng.random(n) < rng.random()
    label = known & (rng.random(n) < 0.5 * rng.random())
    chains = Chains(lengths, np.arange(len(lengths)), known)
    null = rotation_null([rows(on)], [rows(label)], np.array([[0, 0]]), chains)
    observed = int((on & label).sum())
    assert null.observed[0] == observed
    sums = slow_sums(lengths, on, label, known)
    assert null.expected[0] == pytest.approx(sums.mean())
    if not np.isnan(null.p_value[0]):
        assert null.p_value[0] == pytest.approx((sums >= observed).mean(), rel=1e-10)


@pytest.mark.parametrize("seed", range(30))
def test_rotations_that_leave_every_run_whole(seed: int) -> None:
    """Against every rotation: a gap g lies within a run if both g - 1 and g are of it."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, 12, 4)
    labels = runs(rng.random(lengths.sum()) < 0.6, lengths)
    protein = np.repeat(np.arange(4), lengths)
    place = np.concatenate([np.arange(n) for n in lengths])
    some = rng.random(len(place)) < 0.2
    gaps = Runs(protein[some], place[some], place[some] + 1)
    expected = []
    for number, size in enumerate(lengths):
        own = [
            set(range(b, e))
            for p, b, e in zip(labels.protein, labels.begin, labels.end, strict=True)
            if p == number
        ]
        for shift in range(size):
            moved = [[(i - shift) % size for i in sorted(run)] for run in own]
            joints = {second for run in moved for second in run[1:]}
            expected.append(not joints & set(gaps.begin[gaps.protein == number].tolist()))
    assert _unbroken(labels, gaps, lengths).tolist() == expected


def test_lower_medians_by_group() -> None:
    values, group = np.array([5, 1, 9, 7, 4, 2]), np.array([3, 0, 3, 3, 0, 3])
    assert _lower_medians(values, group).tolist() == [5, 1, 5, 5, 1, 5]


def test_whole_periods_lose_less_than_half_a_chain() -> None:
    """Of 11 residues a period of 6 is left; of 12, periods of 5.9 fit no whole number above 6."""
    lengths, slack = np.array([11, 13, 12, 40]), np.zeros(4)
    found = whole_periods(lengths, np.array([6.0, 7, 12, 0]), slack)
    assert found.tolist() == [6, 7, 12, 40]
    assert whole_periods(np.array([12, 13]), np.array([5.9, 6.1]), slack[:2]).tolist() == [12, 13]
    # 13 is 0.3 more than one period, 25 is 0.4 less than two: of 26 residues all stay, of 25 13.
    found = whole_periods(np.array([26, 25]), np.full(2, 12.7), np.full(2, 0.35))
    assert found.tolist() == [26, 13]


def test_runs_are_not_joined_across_a_gap() -> None:
    """Known: 0 to 3 and 6 to 9; labelled: 2, 3 and 6, 7. One run of four could not move at all; two
    runs of two stay clear of the gap by 0, 2 and 6 (by 4 they would be carried over the end)."""
    place = np.arange(10)
    known = (place < 4) | (place > 5)
    label = np.isin(place, [2, 3, 6, 7])
    chains = Chains(np.array([10]), np.array([0]), known)
    null = rotation_null([rows(label)], [rows(label)], np.array([[0, 0]]), chains)
    # Rotated by 2 the labels lie at 0, 1 and 2, 3; by 6 at 6, 7 and 8, 9.
    assert null.expected[0] == pytest.approx((4 + 2 + 2) / 3)
    assert null.p_value[0] == pytest.approx(1 / 3)


def test_relatives_take_the_same_quantile() -> None:
    """One right place of 2, 4 and 4: as relatives all three are right for a u above 3/4, the first
    alone from 1/2 on; as strangers each for itself."""
    lengths = np.array([2, 4, 4])
    one = np.isin(np.arange(10), [1, 3, 7])
    known = np.ones(10, bool)
    pair = np.array([[0, 0]])
    relatives = rotation_null(
        [rows(one)], [rows(one)], pair, Chains(lengths, np.array([5, 5, 5]), known)
    )
    strangers = rotation_null(
        [rows(one)], [rows(one)], pair, Chains(lengths, np.array([5, 6, 7]), known)
    )
    assert relatives.p_value[0] == pytest.approx(1 / 4)
    assert strangers.p_value[0] == pytest.approx(1 / 32)
    assert relatives.expected[0] == strangers.expected[0] == pytest.approx(1 / 2 + 1 / 4 + 1 / 4)


def test_labels_do_not_rotate_into_what_a_relative_gained() -> None:
    """Two relatives of 5 residues with the label at the third, one with three more in front and two
    behind: its label rotates over its residues 4 to 8 only, as of strangers over all ten."""
    lengths, labels = np.array([5, 5, 10]), np.array([2, 7, 15])
    known = np.ones(20, bool)
    relatives = RotatedLabels.of(labels, Chains(lengths, np.array([4, 4, 4]), known))
    assert relatives.share[:10].tolist() == [1 / 5] * 10
    assert relatives.share[10:].tolist() == [0, 0, 0, *[1 / 5] * 5, 0, 0]
    strangers = RotatedLabels.of(labels, Chains(lengths, np.array([4, 4, 6]), known))
    assert strangers.share[10:].tolist() == [1 / 10] * 10


@pytest.mark.parametrize("family", [1, 3, 10])
def test_p_is_right_in_families_with_conserved_places(family: int) -> None:
    """Label and detector at a place of their own in each family, the same in all relatives."""
    rng = np.random.default_rng(family)
    found = []
    for _ in range(150):
        lengths = np.repeat(rng.integers(60, 140, 13), family) + rng.integers(0, 9, 13 * family)
        cluster = np.repeat(np.arange(13), family)
        masks = []
        for _ in range(2):
            begin = np.repeat(rng.random(13), family) * (lengths - 12)
            masks.append(
                np.concatenate(
                    [
                        (np.arange(n) >= b) & (np.arange(n) < b + 12)
                        for n, b in zip(lengths, begin, strict=True)
                    ]
                )
            )
        chains = Chains(lengths, cluster, np.ones(int(lengths.sum()), bool))
        null = rotation_null([rows(masks[0])], [rows(masks[1])], np.array([[0, 0]]), chains)
        found.append(null.p_value[0] <= 0.05)
    assert np.mean(found) <= 0.05 + 2 * (0.05 * 0.95 / 150) ** 0.5


def test_rotations_keep_the_phase_of_periodic_labels() -> None:
    """Every seventh residue is labelled, in a phase of its own in each of 5 proteins of 70; what is
    on at all of them, but not elsewhere, is explained by the phase."""
    place = np.arange(5 * 70) % 70
    phase = np.repeat([0, 2, 3, 5, 6], 70)
    label = place % 7 == phase
    null = alone(label, label, np.full(5, 70))
    assert null.expected[0] == null.observed[0] == 50
    assert null.p_value[0] == pytest.approx(1)


def test_rotations_may_miss_a_period_by_a_tenth_of_a_run() -> None:
    """Ten runs of 10 residues, 30 apart: by one residue to either side."""
    begin = 30 * np.arange(10) + np.array([[3], [305], [607]])
    rows = (begin[:, :, None] + np.arange(10)).ravel()
    chains = Chains(np.full(3, 300), np.arange(3), np.ones(900, bool))
    for allowed in RotatedLabels.of(rows, chains).allowed.reshape(3, 300):
        assert set(np.flatnonzero(allowed) % 30) == {0, 1, 29}


def test_what_is_left_of_a_period_has_no_place() -> None:
    """Every seventh of 73 residues: ten periods are a circle, the last three residues in none."""
    label = np.flatnonzero(np.arange(5 * 73) % 73 % 7 == 2)
    chains = Chains(np.full(5, 73), np.arange(5), np.ones(5 * 73, bool))
    rotated = RotatedLabels.of(label, chains)
    assert rotated.lengths.tolist() == [70] * 5
    place = rotated.place.reshape(5, 73)
    assert place[:, :70].ravel().tolist() == list(range(350))
    assert set(place[:, 70:].ravel()) == {-1}


def test_each_pair_has_its_own_detector_and_concept() -> None:
    """In any order, and some not asked for: as one by one."""
    rng = np.random.default_rng(5)
    chains = Chains(np.full(13, 17), np.arange(13), np.ones(13 * 17, bool))
    on, labels = ([np.flatnonzero(rng.random(13 * 17) < r) for r in (0.1, 0.2, 0.3)] for _ in "ab")
    pairs = np.array([[2, 0], [0, 1], [1, 1], [2, 1]])
    found = rotation_null(on, labels, pairs, chains)
    for number, (detector, concept) in enumerate(pairs.tolist()):
        alone = rotation_null([on[detector]], [labels[concept]], np.array([[0, 0]]), chains)
        assert found.observed[number] == len(np.intersect1d(on[detector], labels[concept]))
        assert found.expected[number] == pytest.approx(alone.expected[0])
        assert found.p_value[number] == pytest.approx(alone.p_value[0])
    assert len(set(found.p_value)) == 4
