from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protsae.association import nulls
from protsae.association.nulls import Runs, SumLaw, benjamini_hochberg, overlaps, shift_null
from protsae.association.pairs import circular_shift


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


@pytest.mark.parametrize("seed", range(200))
def test_against_all_rotations(seed: int) -> None:
    """The law of all combinations of rotations, counted one by one."""
    lengths, on, label = random_case(seed)
    table = rotations(lengths, on, label)
    of_on, of_label = runs(on, lengths), runs(label, lengths)
    assert overlaps(of_on, of_label, lengths).tolist() == [c for row in table for c in row]
    sums = np.array([sum(combination) for combination in product(*table)])
    null = shift_null([of_on], [of_label], np.array([[0, 0]]), lengths)
    observed = sum(row[0] for row in table)
    assert null.observed[0] == observed == (on & label).sum()
    assert null.expected[0] == pytest.approx(sums.mean())
    assert null.sd[0] == pytest.approx(sums.std(), abs=1e-6)
    assert null.p_value[0] == pytest.approx((sums >= observed).mean(), rel=1e-10)


@pytest.mark.parametrize("block", [1, 7])
def test_overlaps_do_not_depend_on_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths, on, label = random_case(11)
    of_on, of_label = runs(on, lengths), runs(label, lengths)
    whole = overlaps(of_on, of_label, lengths)
    monkeypatch.setattr(nulls, "BLOCK_RESIDUES", block)
    np.testing.assert_array_equal(overlaps(of_on, of_label, lengths), whole)


@given(
    draws=st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=9), min_size=1, max_size=12)
)
def test_the_tail_of_a_sum_to_ten_digits(draws: list[list[int]]) -> None:
    """Convolution of tables without FFT: only positive terms are added, so no digit is lost."""
    exact = np.ones(1)
    for values in draws:
        exact = np.convolve(exact, np.bincount(values) / len(values))
    law = SumLaw.of_draws(np.concatenate(draws), np.array([len(values) for values in draws]))
    assert law.mean == pytest.approx(exact @ np.arange(len(exact)))
    for observed in range(len(exact)):
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
    assert null.expected[0] == null.observed[0] == (on & label).sum()
    assert null.sd[0] == 0


def test_a_run_ends_with_its_protein() -> None:
    """Rows 2 and 3 are the last of one protein and the first of the next."""
    found = runs(np.array([0, 0, 1, 1, 0, 0, 0, 1], bool), np.array([3, 4, 1]))
    assert found.protein.tolist() == [0, 1, 2]
    assert found.begin.tolist() == [2, 0, 0]
    assert found.end.tolist() == [3, 1, 1]


def test_against_drawn_rotations() -> None:
    """Proteins of many lengths, a feature loosely at the place; 4,000 draws."""
    rng = np.random.default_rng(5)
    lengths = rng.integers(50, 300, 41)
    place = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    label = (place > 20) & (place < 45)
    on = (rng.random(len(label)) < 0.04) | (label & (rng.random(len(label)) < 0.01))
    null = shift_null([runs(on, lengths)], [runs(label, lengths)], np.array([[0, 0]]), lengths)
    drawn = np.array([(on & label[circular_shift(lengths, rng)]).sum() for _ in range(4000)])
    chance = (drawn >= null.observed[0]).mean()
    # circular_shift leaves out the rotation by 0; of 50 to 299 that is within the error here.
    assert 0.001 < null.p_value[0] < 0.2
    assert null.p_value[0] == pytest.approx(chance, abs=4 * (chance / 4000) ** 0.5 + 0.004)
    assert null.sd[0] == pytest.approx(drawn.std(), rel=0.05)


def test_p_is_uniform_where_the_null_holds() -> None:
    """On and label at places of their own: P(p <= a) is at most a, and near it."""
    rng = np.random.default_rng(1)
    lengths = np.full(11, 101)
    first = np.arange(11) * 101
    p_values = []
    for _ in range(500):
        one, two = (
            runs(
                np.isin(
                    np.arange(1111),
                    first[:, None] + (rng.integers(0, 101, (11, 1)) + np.arange(17)) % 101,
                ),
                lengths,
            )
            for _ in range(2)
        )
        p_values.append(shift_null([one], [two], np.array([[0, 0]]), lengths).p_value[0])
    for level in (0.05, 0.2, 0.5):
        share = (np.array(p_values) <= level).mean()
        error = (level * (1 - level) / 500) ** 0.5
        assert level - 4 * error - 0.02 < share < level + 3 * error


def test_no_pairs() -> None:
    null = shift_null([], [], np.zeros((0, 2), int), np.array([3]))
    assert null.observed.shape == null.p_value.shape == (0,)


def test_benjamini_hochberg_by_hand() -> None:
    """Sorted 0.01, 0.02, 0.03, 0.5 times 4 / rank; each at most what follows."""
    found = benjamini_hochberg(np.array([0.5, 0.02, np.nan, 0.01, 0.03]))
    np.testing.assert_allclose(found, [0.5, 0.04, np.nan, 0.04, 0.04])
    assert np.isnan(benjamini_hochberg(np.full(3, np.nan))).all()
    assert benjamini_hochberg(np.zeros(0)).shape == (0,)
