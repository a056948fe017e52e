"""The divergence that SAEs are trained on end to end, against fair-esm's own forward pass."""

import itertools

import pytest
import torch

from protsae.plm.end_to_end_training import (
    Downstream,
    downstream_batches,
    downstream_bytes,
    downstream_residues_drawn,
)
from protsae.plm.esm2.batch import pack
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.tokens import MASK, tokenise
from tests.helpers.tiny_esm import build_esm, random_sequence

LAYERS, LENGTHS = 3, (5, 11, 7)


def fused():
    return FusedEsm2(build_esm(LAYERS).requires_grad_(False))


def downstream(layer, lengths=LENGTHS):
    return Downstream.of(fused(), layer, pack([tokenise(random_sequence(n)) for n in lengths]))


def fair_esm_logp(tokens_T, layer, rows_ND):
    """log p of the residues of one sequence, with their activations of ``layer`` replaced."""
    model = build_esm(LAYERS)

    def replace(module, inputs, output):
        x_TBD = (output[0] if isinstance(output, tuple) else output).clone()
        if layer == LAYERS:  # after the norm, which runs batch first
            x_TBD[0, 1:-1] = rows_ND
        else:
            x_TBD[1:-1, 0] = rows_ND
        return (x_TBD, *output[1:]) if isinstance(output, tuple) else x_TBD

    site = model.emb_layer_norm_after if layer == LAYERS else model.layers[layer - 1]
    with torch.no_grad():
        clean = model(tokens_T[None])["logits"][0, 1:-1].log_softmax(-1)
        if layer == LAYERS:
            site.register_forward_hook(
                lambda m, i, o: replace(m, i, o.transpose(0, 1)).transpose(0, 1)
            )
        else:
            site.register_forward_hook(replace)
        return clean, model(tokens_T[None])["logits"][0, 1:-1].log_softmax(-1)


@pytest.mark.parametrize("layer", [1, 2, LAYERS])
def test_kl_is_that_of_fair_esm(layer):
    found = downstream(layer)
    rebuilt_ND = found.x_ND + 0.3 * torch.randn(found.x_ND.shape, generator=torch.manual_seed(1))
    total = 0.0
    for length, rows_ND in zip(LENGTHS, rebuilt_ND.split(LENGTHS), strict=True):
        tokens_T = pack([tokenise(random_sequence(length))]).tokens_N
        clean, edited = fair_esm_logp(tokens_T, layer, rows_ND)
        total += float((clean.exp() * (clean - edited)).sum())
    assert total > 0.01
    assert found.divergence(rebuilt_ND).item() == pytest.approx(total / sum(LENGTHS), rel=1e-4)


@pytest.mark.parametrize("layer", [0, 2, LAYERS])
def test_what_is_rebuilt_exactly_changes_nothing(layer):
    found = downstream(layer)
    assert found.divergence(found.x_ND).item() == pytest.approx(0, abs=1e-6)


def test_the_gradient_is_the_slope():
    """Along a random direction, against a central difference."""
    found = downstream(1)
    start_ND, direction_ND = (
        0.3 * torch.randn(found.x_ND.shape, generator=torch.manual_seed(seed)) for seed in (2, 3)
    )
    rebuilt_ND = (found.x_ND + start_ND).requires_grad_()
    found.divergence(rebuilt_ND).backward()
    step = 1e-2
    ends = [
        found.divergence(rebuilt_ND.detach() + sign * step * direction_ND).item()
        for sign in (1, -1)
    ]
    slope = float((rebuilt_ND.grad * direction_ND).sum())
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=0.01)


def batches(n, skip=0, n_residues=20, seed=0):
    sequences = [random_sequence(length) for length in (5, 31, 11, 7, 2)]
    esm2 = fused()
    found = downstream_batches(esm2, 1, sequences, n_residues, 13, 3, seed, skip)
    return list(itertools.islice(found, n))


def test_every_window_comes_once_an_epoch_and_batches_are_large_enough():
    """The protein of 31 is cut into windows of 13 at 0, 10 and 18: 64 residues in all."""
    found = batches(7)
    sizes = [len(batch.x_ND) for batch in found]
    assert all(20 <= size < 20 + 13 for size in sizes)
    lengths = [length - 2 for batch in found for length in batch._batch.lengths]
    assert sorted(lengths[:7]) == [2, 5, 7, 11, 13, 13, 13]
    assert sorted(lengths[7:14]) == [2, 5, 7, 11, 13, 13, 13]
    assert lengths[:7] != lengths[7:14]


def test_a_share_of_residues_is_masked():
    for batch in batches(7):
        parts = batch._batch.tokens_N.split(batch._batch.lengths)
        counts = [int((tokens == MASK).sum()) for tokens in parts]
        assert counts == [max(1, round(0.15 * (len(tokens) - 2))) for tokens in parts]


def test_skipping_goes_on_where_an_earlier_run_stopped():
    whole, rest = batches(7), batches(2, skip=5)
    for one, two in zip(whole[5:], rest, strict=True):
        assert torch.equal(one.x_ND, two.x_ND)
        assert torch.equal(one._batch.tokens_N, two._batch.tokens_N)
    other = batches(1, seed=1)[0]
    assert not torch.equal(other._batch.tokens_N, whole[0]._batch.tokens_N)


@pytest.mark.parametrize(("layer", "blocks"), [(1, 2), (3, 0)])
def test_memory_grows_with_the_blocks_that_follow(layer, blocks):
    """20 numbers of 4 bytes for each of 7 tokens and each dimension."""
    assert downstream_bytes(fused(), layer, 7) == 80 * fused().d_model * blocks * 7


def test_residues_drawn_are_those_in_the_batches():
    """Proteins of one length each, the longest in windows of 7 that share 2."""
    sequences = [random_sequence(length) for length in (3, 5, 17)]
    settings = (6, 7, 2, 0)
    every = downstream_batches(fused(), 1, sequences, *settings, skip=0)
    batches = list(itertools.islice(every, 11))
    lengths = list(map(len, sequences))

    def drawn(*counted):
        return downstream_residues_drawn(lengths, counted, *settings, n_batches=11)

    assert drawn(True, True, True) == sum(len(batch.x_ND) for batch in batches)
    # An epoch has 3, 5 and three windows of 7 residues.
    assert drawn(True, False, False) % 3 == drawn(False, True, False) % 5 == 0
    assert drawn(False, False, True) % 7 == 0
    parts = (drawn(True, False, False), drawn(False, True, False), drawn(False, False, True))
    assert sum(parts) == drawn(True, True, True)
    assert all(parts)
