"""Rows of every residue against fair-esm's own representations."""

import numpy as np
import pytest
import torch

from protsae.plm.embed import embed
from protsae.plm.tokens import batches, windows
from tests.tiny_esm import STANDARD, build_esm, fair_esm_layers, random_sequence

LAYERS = (0, 1, 3)
TOLERANCE = 1e-5
LENGTHS = (5, 1, 31, 13, 2, 113, 31)


@pytest.fixture(scope="module")
def model():
    return build_esm()


def whole(model, sequences, **settings):
    """Rows of each protein and layer, put together from the pieces; each row written once."""
    rows = [
        {layer: np.full((len(sequence), model.embed_dim), np.nan, np.float32) for layer in LAYERS}
        for sequence in sequences
    ]
    for piece in embed(model, sequences, LAYERS, **settings):
        assert set(piece.rows) == set(LAYERS)
        for layer, part in piece.rows.items():
            assert part.dtype == np.float32
            there = rows[piece.protein][layer][piece.start : piece.start + len(part)]
            assert np.isnan(there).all()
            there[:] = part
    return rows


def assert_rows_equal(found, expected):
    for layer in LAYERS:
        assert found[layer].shape == expected[layer].shape
        assert np.abs(found[layer] - expected[layer]).max() < TOLERANCE


# One sequence at a time; a few padded together; all in one forward pass.
@pytest.mark.parametrize("tokens_per_batch", [1, 79, 4096])
def test_rows_equal_fair_esms(model, tokens_per_batch):
    sequences = [random_sequence(length) for length in LENGTHS]
    n_batches = len(list(batches(LENGTHS, tokens_per_batch)))
    assert n_batches == {1: 7, 79: 3, 4096: 1}[tokens_per_batch]
    found = whole(model, sequences, tokens_per_batch=tokens_per_batch)
    for rows, sequence in zip(found, sequences, strict=True):
        assert_rows_equal(rows, fair_esm_layers(model, sequence, LAYERS))


def test_one_residue(model):
    (rows,) = whole(model, ["M"])
    assert_rows_equal(rows, fair_esm_layers(model, "M", LAYERS))


def test_j_reads_as_x(model):
    with_j, with_x = whole(model, ["MJLJ", "MXLX"])
    for layer in LAYERS:
        assert np.array_equal(with_j[layer], with_x[layer])


def test_letters_beyond_the_standard_ones(model):
    sequence = "MUOBZX" + STANDARD
    (rows,) = whole(model, [sequence])
    assert_rows_equal(rows, fair_esm_layers(model, sequence, LAYERS))


@pytest.mark.parametrize(("context", "overlap"), [(31, 0), (31, 13), (31, 30), (7, 3)])
def test_a_long_protein_is_fair_esm_run_on_each_window(model, context, overlap):
    sequences = [random_sequence(length) for length in (113, 5, 32)]
    found = whole(model, sequences, context=context, overlap=overlap, tokens_per_batch=211)
    for rows, sequence in zip(found, sequences, strict=True):
        for w in windows(0, len(sequence), context, overlap):
            seen = fair_esm_layers(model, sequence[w.start : w.stop], LAYERS)
            kept = slice(w.keep_start, w.keep_stop)
            inside = slice(w.keep_start - w.start, w.keep_stop - w.start)
            assert_rows_equal(
                {layer: rows[layer][kept] for layer in LAYERS},
                {layer: seen[layer][inside] for layer in LAYERS},
            )


def test_layers_that_are_not_asked_for_are_not_kept(model):
    (piece,) = embed(model, ["MKT"], (2,))
    assert set(piece.rows) == {2}
    assert piece.rows[2].shape == (3, 24)


def test_no_gradients_are_recorded(model):
    assert torch.is_grad_enabled()
    next(embed(model, ["MKT"], (2,)))
    assert torch.is_grad_enabled()
    assert all(parameter.grad is None for parameter in model.parameters())
