"""Rows of every residue against fair-esm's own representations."""

from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch

from protsae.config.stage_settings import EmbedSettings
from protsae.errors import UserError
from protsae.plm.embedding import Embedder, precision_errors, token_budget
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.tokens import batches, tokenise, windows
from protsae.plm.precision import Float16Error
from tests.helpers.tiny_esm import STANDARD, build_esm, fair_esm_layers, random_sequence

LAYERS = (0, 1, 3)
TOLERANCE = 1e-5
LENGTHS = (5, 1, 31, 13, 2, 113, 31)


@pytest.fixture(scope="module")
def model():
    return build_esm()


def embedder(model, dtype=torch.float32, layers=LAYERS, **settings):
    return Embedder(FusedEsm2(model), dict.fromkeys(layers, dtype), **settings)


def whole(model, sequences, **settings):
    """Rows of each protein and layer, put together from the pieces; each row written once."""
    rows = [
        {layer: np.full((len(sequence), model.embed_dim), np.nan, np.float32) for layer in LAYERS}
        for sequence in sequences
    ]
    for piece in embedder(model, **settings)(sequences):
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


def test_windows_are_those_of_the_settings(model):
    found, settings = embedder(model), EmbedSettings()
    assert (found.context, found.overlap) == (settings.context, settings.overlap)


# One sequence at a time; a few together; all in one forward pass.
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
    (piece,) = embedder(model, layers=(2,))(["MKT"])
    assert set(piece.rows) == {2}
    assert piece.rows[2].shape == (3, 24)


def test_no_gradients_are_recorded(model):
    assert torch.is_grad_enabled()
    next(embedder(model, layers=(2,))(["MKT"]))
    assert torch.is_grad_enabled()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_long_protein_of_a_model_without_attention_is_exact():
    # Where nothing flows between residues windows lose nothing: fair-esm on the whole protein,
    # 2,500 residues at the default context, is the truth.
    model = build_esm()
    with torch.no_grad():
        for block in model.layers:
            block.self_attn.out_proj.weight.zero_()
    sequence = random_sequence(2500)
    (rows,) = whole(model, [sequence])
    assert_rows_equal(rows, fair_esm_layers(model, sequence, LAYERS))


def test_workers_and_stored_precision_change_no_value(model):
    sequences = [random_sequence(length) for length in LENGTHS * 5]
    one, three = (
        {
            (piece.protein, piece.start): piece.rows
            for piece in embedder(model, torch.float16, tokens_per_batch=50, workers=workers)(
                sequences
            )
        }
        for workers in (1, 3)
    )
    assert one.keys() == three.keys()
    for at, rows in one.items():
        for layer in LAYERS:
            assert rows[layer].dtype == np.float16
            assert np.array_equal(rows[layer], three[at][layer])


def test_no_more_than_two_batches_per_worker_are_ahead(model, monkeypatch):
    found = embedder(model, tokens_per_batch=1, workers=2)
    started = []
    real = found._rows
    monkeypatch.setattr(found, "_rows", lambda *given: started.append(1) or real(*given))
    pieces = found(["MKT"] * 31)
    next(pieces)
    assert len(started) <= 5  # the one given and four ahead
    assert len(list(pieces)) == 30


def test_an_error_in_a_worker_reaches_the_caller_and_ends_the_rest(model, monkeypatch):
    found = embedder(model, tokens_per_batch=1, workers=2)

    def fail(*_):
        raise UserError("no")

    monkeypatch.setattr(found, "_rows", fail)
    with pytest.raises(UserError, match=r"^no$"):
        list(found(["MKT"] * 31))


def out_of_memory_above(found, most, monkeypatch):
    """A GPU that holds at most so many residues at once; the sizes tried are listed."""
    tried = []
    real = found._rows

    def rows(chosen, sequences):
        tried.append(sum(window.length for window in chosen))
        if tried[-1] > most:
            raise torch.OutOfMemoryError
        return real(chosen, sequences)

    monkeypatch.setattr(found, "_rows", rows)
    return tried


def test_a_full_gpu_halves_the_batches_and_loses_nothing(model, monkeypatch):
    sequences = [random_sequence(10, seed) for seed in range(16)]
    # 96 tokens are eight sequences of 10 + 2.
    expected = list(embedder(model, tokens_per_batch=96)(sequences))
    found = embedder(model, tokens_per_batch=96)
    tried = out_of_memory_above(found, 25, monkeypatch)
    pieces = list(found(sequences))
    # 80 residues fail, so does the first 40; then 20 at a time to the end.
    assert tried == [80, 40, *[20] * 8]
    assert found.out_of_memory == 2
    assert found.tokens_per_batch == 20
    for piece, other in zip(pieces, expected, strict=True):
        assert piece.protein == other.protein
        assert_rows_equal(piece.rows, other.rows)


def test_a_window_too_long_for_the_gpu(model, monkeypatch):
    found = embedder(model)
    out_of_memory_above(found, 12, monkeypatch)
    with pytest.raises(UserError) as raised:
        list(found([random_sequence(13)]))
    assert str(raised.value) == (
        "a piece of 13 residues does not fit the GPU's memory; set a smaller embed.context or "
        "embed.device: cpu"
    )


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (1e5, Float16Error, "layer 0: float16 would lose inf of a residue's norm"),
        (1e-7, Float16Error, r"layer 0: float16 would lose 0\.\d+ of a residue's norm"),
        (np.nan, UserError, "layer 0: a value is NaN or infinite; check the model's weights"),
        (np.inf, UserError, "layer 0: a value is NaN or infinite; check the model's weights"),
    ],
)
def test_what_float16_cannot_hold(value, error, message):
    model = build_esm()
    with torch.no_grad():
        model.embed_tokens.weight[tokenise("W")[0]] = value
    with pytest.raises(error, match=f"^{message}$"):
        list(embedder(model, torch.float16, layers=(0,))(["MKTW"]))


def test_errors_of_precision(model):
    sequences = [random_sequence(length) for length in (300, 31, 1022)]
    exact = precision_errors(embedder(model), sequences)
    assert exact == dict.fromkeys(LAYERS, 0.0)
    stored = precision_errors(embedder(model, torch.float16), sequences)
    assert all(1e-4 < error < 3e-4 for error in stored.values())  # 2^-11 / sqrt(3) and less
    half = Embedder(FusedEsm2(model, torch.bfloat16), dict.fromkeys(LAYERS, torch.float32))
    errors = precision_errors(half, sequences)
    assert errors[0] == 0.0
    assert all(1e-3 < errors[layer] < 3e-2 for layer in (1, 3))


def test_the_token_budget(model, monkeypatch):
    # Width 24: 12 x 24 x 4 + (2 + 3) x 24 x 4 = 1,632 bytes a token.
    for free, workers, expected in ((1632 * 3 * 100, 1, 100), (1632 * 3 * 100, 2, 50), (0, 1, 1)):
        memory = SimpleNamespace(available=free)
        monkeypatch.setattr(psutil, "virtual_memory", lambda memory=memory: memory)
        assert token_budget(model, 2, torch.float32, workers) == expected
    memory.available = 2**40
    assert token_budget(model, 2, torch.float32) == 2048


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("workers", [1, 2])
def test_cuda_gives_the_rows_of_the_cpu(workers):
    sequences = [random_sequence(length) for length in LENGTHS]
    expected = whole(build_esm(), sequences)
    found = whole(build_esm().cuda(), sequences, tokens_per_batch=50, workers=workers)
    for rows, other in zip(found, expected, strict=True):
        assert_rows_equal(rows, other)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_cuda_gives_the_same_rows_again_however_many_workers(dtype):
    sequences = [random_sequence(length, seed) for seed in range(20) for length in LENGTHS]
    esm2 = FusedEsm2(build_esm(width=48, heads=3).cuda(), dtype)
    found = [
        list(
            Embedder(
                esm2, dict.fromkeys(LAYERS, torch.float16), tokens_per_batch=211, workers=workers
            )(sequences)
        )
        for workers in (1, 1, 2, 4)
    ]
    for pieces in found[1:]:
        for piece, other in zip(pieces, found[0], strict=True):
            assert (piece.protein, piece.start) == (other.protein, other.start)
            assert all(np.array_equal(piece.rows[layer], other.rows[layer]) for layer in LAYERS)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_that_is_really_full_halves_the_batches():
    sequences = [random_sequence(1000, seed) for seed in range(60)]
    settings = {"tokens_per_batch": 65536, "workers": 2}
    model = build_esm(width=96).cuda()
    expected = list(embedder(model, **settings)(sequences))
    found = embedder(model, **settings)
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    # Of what is left each worker's cuBLAS takes 32 MiB.
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 192 * 2**20) / total)
    try:
        pieces = list(found(sequences))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert found.out_of_memory > 0
    for piece, other in zip(pieces, expected, strict=True):
        assert piece.protein == other.protein
        assert_rows_equal(piece.rows, other.rows)
