"""Which residues are masked and what they become; cross-entropy by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from protsae.plm.masking import choose_masked, corrupt, cross_entropy, target_tensor
from protsae.plm.tokens import MASK, STANDARD_TOKENS, pad


@given(st.integers(1, 211), st.floats(0.01, 0.99), st.integers(0, 2**32 - 1))
def test_positions_are_distinct_sorted_and_inside(n_residues, fraction, seed):
    found = choose_masked(n_residues, fraction, np.random.default_rng(seed))
    assert len(found) == max(1, round(fraction * n_residues))
    assert (np.diff(found) > 0).all()
    assert 0 <= found[0] <= found[-1] < n_residues


@pytest.mark.parametrize(("n_residues", "n_masked"), [(1, 1), (3, 1), (13, 2), (100, 15)])
def test_how_many(n_residues, n_masked):
    assert len(choose_masked(n_residues, 0.15, np.random.default_rng(0))) == n_masked


def test_every_position_can_be_chosen():
    rng = np.random.default_rng(0)
    found = {int(i) for _ in range(211) for i in choose_masked(7, 0.15, rng)}
    assert found == set(range(7))


def test_corruption_is_80_10_10():
    # All residues are X, which is not among the replacements, so each kind shows.
    tokens = np.full(40_009, 24)
    positions = np.arange(0, 40_009, 2)
    noisy = corrupt(tokens, positions, np.random.default_rng(0))
    at = noisy[positions]
    standard = np.isin(at, STANDARD_TOKENS)

    assert (tokens == 24).all()
    assert (np.delete(noisy, positions) == 24).all()
    # Four standard errors of a share of 20,005 draws: 4 sqrt(0.1 x 0.9 / 20005) = 0.0085.
    assert np.mean(at == MASK) == pytest.approx(0.8, abs=0.012)
    assert np.mean(standard) == pytest.approx(0.1, abs=0.0085)
    assert np.mean(at == 24) == pytest.approx(0.1, abs=0.0085)
    assert set(at[standard]) == set(STANDARD_TOKENS)
    _, counts = np.unique(at[standard], return_counts=True)
    assert np.abs(counts - 100).max() < 40  # about 2,000 draws among 20 residues


def test_nothing_chosen_changes_nothing():
    tokens = np.array([4, 5, 6])
    noisy = corrupt(tokens, np.array([], dtype=np.int64), np.random.default_rng(0))
    assert noisy.tolist() == [4, 5, 6]


def test_targets_stand_one_column_on_and_elsewhere_is_minus_1():
    originals = [np.array([4, 5, 6]), np.array([7])]
    targets = target_tensor(pad(originals), [np.array([0, 2]), np.array([0])], originals)
    assert targets.tolist() == [[-1, 4, -1, 6, -1], [-1, 7, -1, -1, -1]]


def test_cross_entropy_by_hand():
    # Logits log 1, log 2, log 5: probabilities 1/8, 2/8, 5/8.
    logits = torch.log(torch.tensor([1.0, 2.0, 5.0])).expand(2, 3, 3)
    targets = torch.tensor([[-1, 0, 2], [1, -1, -1]])
    expected = np.log([8, 8 / 5, 8 / 2])
    found = cross_entropy(logits, targets)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32))


def test_cross_entropy_of_no_target_and_of_half_precision():
    logits = torch.zeros(1, 2, 33, dtype=torch.bfloat16)
    assert cross_entropy(logits, torch.full((1, 2), -1)).shape == (0,)
    found = cross_entropy(logits, torch.tensor([[-1, 5]]))
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(np.log(33), abs=1e-6)  # bfloat16 itself ends at 1e-2
