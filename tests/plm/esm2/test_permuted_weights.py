"""A randomised model has the numbers of the model and none of its order."""

import torch

from protsae.plm.esm2.permuted_weights import randomise_
from tests.helpers.tiny_esm import build_esm


def sorted_entries(weights):
    return weights.flatten().sort().values


def test_every_tensor_keeps_its_entries_and_no_order():
    model, shuffled = build_esm(), randomise_(build_esm(), seed=0)
    pairs = zip(model.parameters(), shuffled.parameters(), strict=True)
    for before, after in pairs:
        assert torch.equal(sorted_entries(before), sorted_entries(after))
        if before.unique().numel() > 5:
            assert not torch.equal(before, after)


def test_the_output_layer_stays_tied_to_the_embedding():
    shuffled = randomise_(build_esm(), seed=0)
    assert shuffled.lm_head.weight is shuffled.embed_tokens.weight


def test_the_order_follows_from_the_seed():
    first, same, other = (randomise_(build_esm(), seed).embed_tokens.weight for seed in (3, 3, 5))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
