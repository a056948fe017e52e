from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protsae.association import nulls
from protsae.association import runs as runs_module
from protsae.association.nulls import benjamini_hochberg, least_true, shift_null, tail_bound
from protsae.association.runs import Runs, overlaps
from protsae.association.sums import SumLaw


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lengths of proteins; on and label of their residues, from none to all."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 8, rng.integers(1, 6))
    on, label = (rng.random(lengths.sum()) < rng.random() for _ in range(2))
    return lengths, on, label


def runs(mask: np.ndarray, lengths: np.ndarray) -> Runs:
    return Runs.of_rows(np.flatnonzero(mask), lengths)


def rotations(lengths: np.ndarray, on: np.ndarray, label: np.ndarray) -> list[list[int]]:
    """Residues in both under each rotation, by protein."""
    cuts = np.cumsum(lengths)[:-1]
    return [
        [int((a & np.roll(b, -shift)).sum()) for shift in range(len(a))]
        for a, b in zip(np.split(on, cuts), np.split(label, cuts), strict=True)
    ]


def breaks(label: np.ndarray) -> list[bool]:
    """Whether rotation by 0, 1, ... puts the end of the protein inside a run."""
    return [shift > 0 and bool(label[shift - 1] and label[shift]) for shift in range(len(label))]


@pytest.mark.parametrize("seed", range(200))
def test_against_all_rotations(seed: int) -> None:
    """The law of all combinations of rotations, counted one by one."""
    lengths, on, label = random_case(seed)
    table = rotations(lengths, on, label)
    of_on, of_label = runs(on, lengths), runs(label, lengths)
    assert overlaps(of_on, of_label, lengths).tolist() == [c for row in table for c in row]
    kept = [
        [c for c, broken in zip(row, breaks(part), strict=True) if not broken]
        for row, part in zip(table, np.split(label, np.cumsum(lengths)[:-1]), strict=True)
    ]
    sums = np.array([sum(combination) for combination in product(*kept)])
    null = shift_null([of_on], [of_label], np.array([[0, 0]]), lengths)
    observed = sum(row[0] for row in table)
    assert null.observed[0] == observed == (on & label).sum()
    assert null.expected[0] == pytest.approx(sums.mean())
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


@pytest.mark.parametrize("seed", range(100))
def test_the_bound_is_never_below_the_law(seed: int) -> None:
    rng = np.random.default_rng(seed)
    draws = [rng.integers(0, rng.integers(1, 9), rng.integers(1, 12)) for _ in range(13)]
    law = SumLaw.of_draws(np.concatenate(draws), np.array([len(values) for values in draws]))
    table = np.array([(values.mean(), values.min(), values.max()) for values in draws]).T
    most = int(table[2].sum())
    for observed in range(most + 1):
        exact = law.at_least(observed)
        assert exact * (1 - 1e-9) <= tail_bound(table[0], table[1], table[2], observed) <= 1


def test_small_p_values_are_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """31 proteins of 97 residues, on in 5 at and beside the 3 that are labelled."""
    lengths, place = np.full(31, 97), np.arange(31 * 97) % 97
    data = ([runs((place >= 12) & (place < 17), lengths)], [runs(abs(place - 14) < 2, lengths)])
    bound = shift_null(*data, np.array([[0, 0]]), lengths)
    monkeypatch.setattr(nulls, "BOUNDED_BELOW", 0)
    exact = shift_null(*data, np.array([[0, 0]]), lengths)
    assert exact.p_value[0] < bound.p_value[0] < nulls.BOUNDED_BELOW + 1e-12
    # 93 where 97 - 2 rotations break no run, 3 of them find all of it.
    assert exact.p_value[0] == pytest.approx((3 / 95) ** 31)
    assert (exact.observed[0], exact.expected[0]) == (bound.observed[0], bound.expected[0])


@given(
    draws=st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=9), min_size=1, max_size=12)
)
def test_the_tail_of_a_sum_to_ten_digits(draws: list[list[int]]) -> None:
    """Convolution of tables without FFT: only positive terms are added, so no digit is lost."""
    exact = np.ones(1)
    for values in draws:
        exact = np.convolve(exact, np.bincount(values) / len(values))
    law = SumLaw.of_draws(np.concatenate(draws), np.array([len(values) for values in draws]))
    for observed in {0, *range(1, len(exact), 11), len(exact) - 1}:
        expected = exact[observed:].sum()
        assert law.at_least(observed) == pytest.approx(expected, rel=1e-10)


def test_p_is_as_small_as_all_rotations_allow() -> None:
    """53 proteins of 97 residues, one right place in each: 97^-53, far below rounding."""
    lengths = np.full(53, 97)
    one = runs(np.arange(53 * 97) % 97 == 13, lengths)
    null = shift_null([one], [one], np.array([[0, 0]]), lengths)
    assert np.log(null.p_value[0]) == pytest.approx(-53 * np.log(97))


def test_p_is_never_zero() -> None:
    """997 proteins: 97^-997 is below any float."""
    lengths = np.full(997, 97)
    one = runs(np.arange(997 * 97) % 97 == 13, lengths)
    assert shift_null([one], [one], np.array([[0, 0]]), lengths).p_value[0] == pytest.approx(1e-300)


@pytest.mark.parametrize(
    ("on", "label"),
    [
        pytest.param(np.arange(21) >= 0, np.arange(21) % 3 == 0, id="always on"),
        pytest.param(np.arange(21) < 10, np.arange(21) < 10, id="whole proteins"),
        pytest.param(np.arange(21) < 5, np.arange(21) >= 10, id="never in one protein"),
        pytest.param(np.arange(21) < 0, np.arange(21) < 0, id="never on, never labelled"),
    ],
)
def test_where_no_rotation_changes_anything_p_is_one(on: np.ndarray, label: np.ndarray) -> None:
    lengths = np.array([10, 11])
    null = shift_null([runs(on, lengths)], [runs(label, lengths)], np.array([[0, 0]]), lengths)
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
    null = shift_null([runs(on, lengths)], [runs(label, lengths)], np.array([[0, 0]]), lengths)
    places = first + rng.integers(0, lengths, (20_000, 41))
    drawn = on[places].sum(1)
    chance = (drawn >= null.observed[0]).mean()
    assert 0.001 < chance < 0.9
    error = (chance * (1 - chance) / 20_000) ** 0.5
    assert null.p_value[0] == pytest.approx(chance, abs=4 * error)


def windows(size: int, rng: np.random.Generator) -> Runs:
    """A window at a random place in each of 11 proteins of 101 residues, none over the end."""
    begin = rng.integers(0, 102 - size, 11)
    return Runs(np.arange(11), begin, begin + size)


@pytest.mark.parametrize("size", [17, 61])
def test_p_is_uniform_where_the_null_holds(size: int) -> None:
    """On and label at places of their own; long windows always meet in the middle."""
    rng = np.random.default_rng(1)
    lengths, pair = np.full(11, 101), np.array([[0, 0]])
    p_values = np.array(
        [
            shift_null([windows(size, rng)], [windows(size, rng)], pair, lengths).p_value[0]
            for _ in range(600)
        ]
    )
    for level in (0.05, 0.2, 0.5):
        error = (level * (1 - level) / 600) ** 0.5
        assert level - 4 * error - 0.02 < (p_values <= level).mean() < level + 3 * error


def test_runs_of_one_residue_rotate_freely() -> None:
    """On at 0 and 1, labelled there: one of five rotations is as good; none that breaks none."""
    lengths, pair = np.array([5]), np.array([[0, 0]])
    on = runs(np.array([1, 1, 0, 0, 0]), lengths)
    single = Runs(np.zeros(2, int), np.array([0, 1]), np.array([1, 2]))
    assert shift_null([on], [on], pair, lengths).p_value[0] == pytest.approx(1 / 4)
    assert shift_null([on], [single], pair, lengths).p_value[0] == pytest.approx(1 / 5)


def test_no_pairs() -> None:
    null = shift_null([], [], np.zeros((0, 2), int), np.array([3]))
    assert null.observed.shape == null.p_value.shape == (0,)


def test_benjamini_hochberg_by_hand() -> None:
    """Sorted 0.01, 0.02, 0.03, 0.5 times 4 / rank; each at most what follows."""
    found = benjamini_hochberg(np.array([0.5, 0.02, np.nan, 0.01, 0.03]))
    np.testing.assert_allclose(found, [0.5, 0.04, np.nan, 0.04, 0.04])
    assert np.isnan(benjamini_hochberg(np.full(3, np.nan))).all()
    assert benjamini_hochberg(np.zeros(0)).shape == (0,)


def test_true_discoveries_are_those_of_closed_testing() -> None:
    """A set of hypotheses is rejected if Simes rejects all sets that hold it: all subsets tried."""
    rng = np.random.default_rng(0)
    counts = set()
    for _ in range(60):
        n = int(rng.integers(1, 7))
        p_values = rng.random(n) ** rng.choice([1, 3, 6])
        chosen = rng.random(n) < 0.7
        sets = [set(s) for k in range(1, n + 1) for s in combinations(range(n), k)]
        kept = [s for s in sets if not simes_rejects(p_values[sorted(s)])]
        all_null = [
            len(s)
            for s in sets
            if s <= set(np.flatnonzero(chosen)) and any(s <= other for other in kept)
        ]
        expected = int(chosen.sum()) - max(all_null, default=0)
        assert least_true(p_values, chosen) == expected
        counts.add(expected)
    assert counts >= {0, 1, 2, 3}


def simes_rejects(p_values: np.ndarray) -> bool:
    n = len(p_values)
    return any(p <= 0.05 * j / n for j, p in enumerate(np.sort(p_values), start=1))


def test_no_true_discovery_without_hypotheses() -> None:
    assert least_true(np.array([]), np.array([], bool)) == 0
