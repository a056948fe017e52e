"""Which residues are masked and what they become; cross-entropy by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protsae.plm.esm2.tokens import CLS, EOS, MASK, STANDARD_TOKENS, tokenise
from protsae.plm.masking import choose_masked, corrupt, mask_batch


@given(st.integers(1, 211), st.floats(0.01, 0.99), st.integers(0, 2**32 - 1))
def test_positions_are_distinct_sorted_and_inside(n_residues, fraction, seed):
    found = choose_masked(np.full(n_residues, 5), fraction, np.random.default_rng(seed))
    assert len(found) == max(1, round(fraction * n_residues))
    assert (np.diff(found) > 0).all()
    assert 0 <= found[0] <= found[-1] < n_residues


@pytest.mark.parametrize(("n_residues", "n_masked"), [(1, 1), (3, 1), (13, 2), (100, 15)])
def test_how_many(n_residues, n_masked):
    tokens = np.full(n_residues, 5)
    assert len(choose_masked(tokens, 0.15, np.random.default_rng(0))) == n_masked


def test_every_standard_position_can_be_chosen_and_no_other():
    rng = np.random.default_rng(0)
    tokens = tokenise("MXKBTUAZO")
    found = {int(i) for _ in range(211) for i in choose_masked(tokens, 0.15, rng)}
    assert found == {0, 2, 4, 6}
    assert len(choose_masked(tokenise("XXBZ"), 0.15, rng)) == 0


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


def test_masked_rows_and_targets():
    # Rows: <cls> 4 5 6 <eos> <cls> 7 <eos>.
    originals = [np.array([4, 5, 6]), np.array([7])]
    masked = mask_batch(originals, [np.array([0, 2]), np.array([0])])
    assert masked.batch.tokens_N.tolist() == [CLS, MASK, 5, MASK, EOS, CLS, MASK, EOS]
    assert masked.rows.tolist() == [1, 3, 6]
    assert masked.targets.tolist() == [4, 6, 7]
    assert [tokens.tolist() for tokens in originals] == [[4, 5, 6], [7]]


def test_nothing_masked():
    masked = mask_batch([np.array([24])], [np.array([], dtype=np.int64)])
    assert masked.batch.tokens_N.tolist() == [CLS, 24, EOS]
    assert masked.rows.tolist() == masked.targets.tolist() == []
