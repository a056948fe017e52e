"""Our forward pass against fair-esm's own, and edits of its layers."""

import numpy as np
import pytest
import torch

from protsae.plm.forward import forward
from protsae.plm.tokens import MASK, pad, tokenise
from tests.tiny_esm import build_esm, random_sequence

LENGTHS = (1, 2, 30, 300, 1022)
TOLERANCE = 1e-5


def batch(lengths, mask_every=0):
    """A padded batch; every ``mask_every``-th residue is <mask>."""
    rows = [tokenise(random_sequence(length)) for length in lengths]
    for row in rows:
        if mask_every:
            row[::mask_every] = MASK
    return pad(rows)


def both(model, tokens_BT):
    """Ours and fair-esm's, with every layer."""
    layers = range(model.num_layers + 1)
    with torch.no_grad():
        ours = forward(model, tokens_BT, layers, logits=True)
        theirs = model(tokens_BT, repr_layers=layers)
    return ours, theirs


def assert_equal_to_fair_esm(model, tokens_BT):
    ours, theirs = both(model, tokens_BT)
    real = tokens_BT != model.padding_idx  # what stands in <pad> means nothing
    assert set(ours.representations) == set(theirs["representations"])
    for layer, x_BTD in ours.representations.items():
        theirs_BTD = theirs["representations"][layer]
        assert (x_BTD - theirs_BTD)[real].abs().max() < TOLERANCE, layer
    assert (ours.logits - theirs["logits"])[real].abs().max() < TOLERANCE


@pytest.mark.parametrize("mask_every", [0, 7])
def test_every_layer_and_the_logits_in_one_padded_batch(mask_every):
    assert_equal_to_fair_esm(build_esm(), batch(LENGTHS, mask_every))


# The rotary tables have half as many frequencies as a head has columns.
@pytest.mark.parametrize(("width", "heads"), [(14, 7), (22, 1), (20, 2)], ids=["2", "22", "10"])
def test_head_sizes(width, heads):
    assert_equal_to_fair_esm(build_esm(2, width, heads), batch((1, 2, 30, 113), mask_every=7))


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("mask_every", [0, 7])
def test_a_sequence_alone(length, mask_every):
    assert_equal_to_fair_esm(build_esm(), batch([length], mask_every))


def test_without_token_dropout():
    model = build_esm()
    model.token_dropout = False
    assert_equal_to_fair_esm(model, batch((5, 13), mask_every=3))


def test_padding_changes_nothing():
    model = build_esm()
    together = forward(model, batch((3, 31)), [3]).representations[3]
    alone = forward(model, batch((3,)), [3]).representations[3]
    torch.testing.assert_close(together[0, :5], alone[0], atol=TOLERANCE, rtol=0)


def test_layer_0_is_the_embedding_times_088():
    # Token dropout rescales by 1 - 0.15 x 0.8 even where nothing is masked.
    model, tokens_BT = build_esm(), batch((11,))
    found = forward(model, tokens_BT, [0]).representations[0]
    torch.testing.assert_close(found, 0.88 * model.embed_tokens.weight[tokens_BT])


def test_layer_0_with_a_mask():
    # 2 of 4 tokens (<cls> and <eos> count) are masked: (1 - 0.12) / (1 - 2/4) = 1.76.
    model = build_esm()
    tokens_BT = pad([np.array([MASK, MASK])])
    found = forward(model, tokens_BT, [0]).representations[0][0]
    assert (found[1:3] == 0).all()
    torch.testing.assert_close(found[0], 1.76 * model.embed_tokens.weight[0])


def test_layer_0_of_padding_is_zero_whatever_its_embedding():
    model, tokens_BT = build_esm(), batch((2, 5))
    with torch.no_grad():
        model.embed_tokens.weight[model.padding_idx] = 1.0
    ours, theirs = both(model, tokens_BT)
    assert (ours.representations[0][0, 4:] == 0).all()
    torch.testing.assert_close(ours.representations[0], theirs["representations"][0])


def test_the_last_layer_is_after_the_final_layer_norm():
    model, tokens_BT = build_esm(2, 24, 4), batch((13,))
    seen = {}
    handle = model.emb_layer_norm_after.register_forward_hook(
        lambda _, inputs, output: seen.update(before=inputs[0], after=output)
    )
    found = forward(model, tokens_BT, [2]).representations[2]
    handle.remove()
    assert torch.equal(found, seen["after"])
    assert not torch.allclose(found, seen["before"], atol=0.1)


def test_only_what_is_asked_for():
    out = forward(build_esm(), batch((5,)), [2])
    assert set(out.representations) == {2}
    assert out.logits is None


@pytest.mark.parametrize("edited", [0, 1, 2, 3])
def test_an_edit_changes_what_comes_after_and_nothing_before(edited):
    model, tokens_BT = build_esm(), batch((5, 17))
    layers = range(4)
    clean = forward(model, tokens_BT, layers, logits=True)
    out = forward(model, tokens_BT, layers, {edited: lambda x: -2 * x}, logits=True)
    for layer in layers:
        same = torch.equal(out.representations[layer], clean.representations[layer])
        assert same == (layer < edited), layer
    assert torch.equal(out.representations[edited], -2 * clean.representations[edited])
    assert not torch.allclose(out.logits, clean.logits)


def test_the_logits_come_from_the_edited_last_layer():
    model, tokens_BT = build_esm(), batch((5,))
    out = forward(model, tokens_BT, edits={3: torch.zeros_like}, logits=True)
    torch.testing.assert_close(out.logits, model.lm_head(torch.zeros(1, 7, 24)))


@pytest.mark.parametrize("edited", [0, 1, 2, 3])
def test_an_identity_edit_changes_no_bit(edited):
    model, tokens_BT = build_esm(), batch((5, 17), mask_every=4)
    clean = forward(model, tokens_BT, range(4), logits=True)
    out = forward(model, tokens_BT, range(4), {edited: torch.clone}, logits=True)
    assert torch.equal(out.logits, clean.logits)
    for layer in range(4):
        assert torch.equal(out.representations[layer], clean.representations[layer])


def test_nothing_given_is_changed():
    # fair-esm zeroes masked embeddings in place; here tokens, weights and outputs stay.
    model, tokens_BT = build_esm(), batch((5, 17), mask_every=4)
    tokens, weights = tokens_BT.clone(), {n: v.clone() for n, v in model.state_dict().items()}
    kept = {}

    def edit(x_BTD):
        kept["given"], kept["copy"] = x_BTD, x_BTD.clone()
        return x_BTD + 1

    with torch.no_grad():
        first = forward(model, tokens_BT, range(4), logits=True)
        copies = {layer: x.clone() for layer, x in first.representations.items()}
        forward(model, tokens_BT, range(4), {1: edit}, logits=True)
    assert torch.equal(tokens_BT, tokens)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert all(torch.equal(first.representations[layer], copies[layer]) for layer in copies)
    assert torch.equal(kept["given"], kept["copy"])


def test_gradients_reach_every_weight():
    # Pretraining goes through this function; only contact prediction is left out of it.
    model, tokens_BT = build_esm(), batch((5, 17), mask_every=4)
    logits = forward(model, tokens_BT, logits=True).logits
    logits.logsumexp(-1).sum().backward()
    without = {name for name, p in model.named_parameters() if p.grad is None}
    assert without == {"contact_head.regression.weight", "contact_head.regression.bias"}
