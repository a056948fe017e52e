"""Tokens as fair-esm's, windows that cover once, batches within budget."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protsae.plm.esm2.tokens import (
    CLS,
    EOS,
    MASK,
    N_TOKENS,
    PAD,
    SPECIAL_TOKENS,
    STANDARD_TOKENS,
    UNKNOWN,
    batches,
    tokenise,
    windows,
)
from protsae.proteins.alphabet import LETTERS
from tests.helpers.tiny_esm import ALPHABET, STANDARD


def test_token_numbers_are_fair_esms():
    names = {"<cls>": CLS, "<pad>": PAD, "<eos>": EOS, "X": UNKNOWN, "<mask>": MASK}
    assert {name: ALPHABET.get_idx(name) for name in names} == names
    assert len(ALPHABET) == N_TOKENS
    assert STANDARD_TOKENS.tolist() == [ALPHABET.get_idx(letter) for letter in STANDARD]


@given(st.text("ABCDEFGHIKLMNOPQRSTUVWXYZ", max_size=53))
def test_tokens_equal_fair_esms(sequence):
    _, _, theirs = ALPHABET.get_batch_converter()([("", sequence)])
    assert [CLS, *tokenise(sequence), EOS] == theirs[0].tolist()


def test_j_reads_as_x_and_no_other_letter_does():
    tokens = tokenise(LETTERS)
    assert [letter for letter, token in zip(LETTERS, tokens, strict=True) if token == UNKNOWN] == [
        "J",
        "X",
    ]
    # U, O, B and Z are tokens of their own, by fair-esm's numbers.
    assert tokenise("UOBZ").tolist() == [26, 28, 25, 27]


def test_no_residue():
    assert tokenise("").shape == (0,)


SIZES = st.integers(4, 37).flatmap(
    lambda context: st.tuples(st.integers(1, 211), st.just(context), st.integers(0, context - 1))
)


def distance_to_cut(position, start, stop, length):
    """Residues between a position and the nearest end of its window that is no end of the chain."""
    left = position - start if start > 0 else np.inf
    right = stop - 1 - position if stop < length else np.inf
    return min(left, right)


@given(SIZES)
def test_each_residue_comes_once_from_where_it_is_farthest_from_a_cut(sizes):
    length, context, overlap = sizes
    found = windows(7, length, context, overlap)
    owner = [
        [w for w in found if w.keep_start <= position < w.keep_stop] for position in range(length)
    ]
    assert {len(windows_here) for windows_here in owner} == {1}
    for position, (kept,) in enumerate(owner):
        best = max(
            distance_to_cut(position, w.start, w.stop, length)
            for w in found
            if w.start <= position < w.stop
        )
        assert distance_to_cut(position, kept.start, kept.stop, length) == best


@given(SIZES)
def test_windows_are_full_and_overlap_enough(sizes):
    length, context, overlap = sizes
    found = windows(7, length, context, overlap)
    assert (found[0].start, found[-1].stop) == (0, length)
    assert {w.protein for w in found} == {7}
    assert {w.length for w in found} == {min(length, context)}
    for left, right in itertools.pairwise(found):
        assert left.start < right.start
        assert left.stop - right.start >= overlap
    for w in found:
        assert w.start <= w.keep_start < w.keep_stop <= w.stop


@pytest.mark.parametrize(
    ("length", "kept"),
    [
        # One residue too many for one window: two windows, shifted by one.
        (11, [(0, 10, 0, 6), (1, 11, 6, 11)]),
        # 17 = 10 + 7: they share exactly the three residues asked for, 7 to 9.
        (17, [(0, 10, 0, 9), (7, 17, 9, 17)]),
        (18, [(0, 10, 0, 9), (7, 17, 9, 13), (8, 18, 13, 18)]),
    ],
)
def test_windows_by_hand(length, kept):
    found = windows(0, length, context=10, overlap=3)
    assert [(w.start, w.stop, w.keep_start, w.keep_stop) for w in found] == kept


def test_a_protein_as_long_as_the_context_is_one_window():
    (window,) = windows(5, 1022, 1022, 256)
    assert (window.protein, window.start, window.stop) == (5, 0, 1022)
    assert (window.keep_start, window.keep_stop) == (0, 1022)


@given(st.lists(st.integers(0, 61), max_size=41), st.integers(1, 211))
def test_batches_hold_each_index_once_within_the_budget(lengths, budget):
    found = list(batches(lengths, budget))
    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    for batch in found:
        n_tokens = sum(lengths[i] + SPECIAL_TOKENS for i in batch)
        assert n_tokens <= budget or len(batch) == 1
    in_order = [lengths[index] for batch in found for index in batch]
    assert in_order == sorted(lengths, reverse=True)


def test_batches_by_hand():
    # 5 + 2 tokens twice are 14; a third sequence would make 21.
    assert list(batches([5, 3, 5, 4, 13], 14)) == [[4], [0, 2], [3, 1]]
    # 7 + 7 + 5 are 19, just as many as fit.
    assert list(batches([5, 3, 5], 19)) == [[0, 2, 1]]
    assert list(batches([], 14)) == []
