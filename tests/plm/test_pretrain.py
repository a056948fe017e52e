"""Masked-language-model training: schedule, batches, steps and losses."""

import itertools
import math

import numpy as np
import pytest
import torch

from protsae.config import PretrainSettings
from protsae.plm import pretrain
from protsae.plm.tokens import MASK, SPECIAL_TOKENS, pad, tokenise
from tests.tiny_esm import build_esm, random_sequence

SETTINGS = PretrainSettings(
    layers=2,
    width=16,
    heads=2,
    steps=100,
    warmup_steps=20,
    tokens_per_batch=256,
    crop=41,
    lr=0.01,
    bf16=False,
)


def changed(**values):
    return SETTINGS.model_copy(update=values)


@pytest.mark.parametrize(
    ("step", "lr"),
    [
        (0, 0.01 / 20),  # the first step already moves
        (9, 0.005),
        (19, 0.01),
        (20, 0.01),
        (60, 0.01 * (0.1 + 0.9 * 0.5)),
        (99, 0.01 * (0.1 + 0.9 / 80)),
        (100, 0.001),
    ],
)
def test_learning_rate(step, lr):
    assert pretrain.learning_rate(step, SETTINGS) == pytest.approx(lr)


def test_a_run_shorter_than_its_warm_up():
    # Still rising when it ends, and never divided by zero.
    settings = changed(steps=5, warmup_steps=20)
    rates = [pretrain.learning_rate(step, settings) for step in range(5)]
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(0.01 * 5 / 20)


def test_a_new_model():
    model = pretrain.new_esm2(layers=2, width=16, heads=2, seed=3)
    assert (model.num_layers, model.embed_dim, model.attention_heads) == (2, 16, 2)
    weight = model.embed_tokens.weight
    assert float(weight[4:].detach().std()) == pytest.approx(1 / 4, rel=0.15)
    assert (weight[model.padding_idx] == 0).all()
    assert model.lm_head.weight is weight
    same, other = (pretrain.new_esm2(2, 16, 2, seed).state_dict() for seed in (3, 4))
    assert all(torch.equal(value, same[name]) for name, value in model.state_dict().items())
    assert not torch.equal(weight, other["embed_tokens.weight"])


@pytest.mark.parametrize("pool", [7, 4096])
def test_an_epoch_has_every_sequence_once_within_the_budget(monkeypatch, pool):
    monkeypatch.setattr(pretrain, "POOL", pool)
    lengths = np.random.default_rng(0).integers(1, 60, 53)
    found = pretrain.epoch_batches(lengths, tokens=127, seed=0, epoch=0)
    assert sorted(itertools.chain(*found)) == list(range(53))
    for batch in found:
        assert len(batch) * (max(lengths[batch]) + SPECIAL_TOKENS) <= 127


def test_epochs_are_reproducible_and_differ():
    lengths = np.random.default_rng(0).integers(1, 60, 53)
    first, again, next_epoch, other_seed = (
        pretrain.epoch_batches(lengths, 127, seed, epoch)
        for seed, epoch in ((0, 0), (0, 0), (0, 1), (1, 0))
    )
    assert first == again
    assert first != next_epoch
    assert first != other_seed
    longest = [max(lengths[batch]) for batch in first]
    assert longest != sorted(longest, reverse=True)  # batches are mixed, not longest first


@pytest.mark.parametrize("skip", [0, 1, 5, 11, 23, 40])
def test_a_stream_goes_on_where_it_was_left(skip):
    lengths = np.random.default_rng(0).integers(1, 60, 53)
    whole = list(itertools.islice(pretrain.batch_stream(lengths, SETTINGS), 61))
    rest = list(itertools.islice(pretrain.batch_stream(lengths, SETTINGS, skip), 61 - skip))
    assert rest == whole[skip:]
    epoch = len(pretrain.epoch_batches(lengths, 256, 0, 0))
    assert epoch < 23  # or no skip would step over a whole epoch


def test_steps_reduce_the_loss_on_a_repetitive_set():
    # One repeated motif: masked residues follow from their neighbours.
    sequences = [tokenise("ACDEFGH" * 5)] * 7
    settings = changed(steps=60, warmup_steps=5)
    state = pretrain.start(settings)
    losses = [pretrain.train_step(state, sequences, settings) for _ in range(60)]
    assert state.step == 60
    assert losses[0] == pytest.approx(math.log(33), abs=0.7)  # knows nothing of 33 tokens
    assert np.mean(losses[-5:]) < np.log(7)  # knows more than the seven frequencies
    assert np.mean(losses[-5:]) < 0.5 * losses[0]


def test_a_step_depends_on_seed_and_step_alone():
    sequences = [tokenise(random_sequence(length)) for length in (31, 113)]
    state = pretrain.start(SETTINGS)
    torch.manual_seed(1234)
    first = pretrain.train_step(state, sequences, SETTINGS)
    again = pretrain.start(SETTINGS)
    torch.manual_seed(99)
    assert pretrain.train_step(again, sequences, SETTINGS) == first
    assert all(
        torch.equal(value, again.model.state_dict()[name])
        for name, value in state.model.state_dict().items()
    )


def test_a_step_uses_the_learning_rate_of_its_step():
    state = pretrain.start(SETTINGS)
    state.step = 9
    pretrain.train_step(state, [tokenise("MKTAYIAK")], SETTINGS)
    assert state.optimiser.param_groups[0]["lr"] == pytest.approx(0.005)


def test_long_sequences_are_cropped_anywhere(monkeypatch):
    seen = []
    real = pretrain.corrupt
    monkeypatch.setattr(pretrain, "corrupt", lambda t, *rest: seen.append(t) or real(t, *rest))
    state, tokens = pretrain.start(SETTINGS), np.arange(4, 24).repeat(3)  # 60 residues, crop 41
    for _ in range(29):
        pretrain.train_step(state, [tokens, tokens[:41]], SETTINGS)
    cropped, whole = seen[::2], seen[1::2]
    assert all(np.array_equal(part, tokens[:41]) for part in whole)
    assert {len(part) for part in cropped} == {41}
    firsts = {int(part[0]) for part in cropped}
    assert len(firsts) > 3
    assert firsts <= set(tokens[:20])


def test_validation_loss_is_the_same_every_time_and_has_no_gradient():
    model = build_esm(2, 16, 2)
    sequences = [tokenise(random_sequence(length)) for length in (5, 31, 113)]
    torch.manual_seed(1)
    first = pretrain.validation_loss(model, sequences, SETTINGS)
    torch.manual_seed(2)
    assert pretrain.validation_loss(model, sequences, SETTINGS) == first
    assert pretrain.validation_loss(model, sequences, changed(seed=1)) != first
    # Another packing of the same masks adds up differently only in the last digits.
    packed = pretrain.validation_loss(model, sequences, changed(tokens_per_batch=1))
    assert packed == pytest.approx(first, rel=1e-5)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert [len(tokens) for tokens in sequences] == [5, 31, 113]
    assert MASK not in np.concatenate(sequences)


def test_validation_loss_is_the_mean_over_masked_residues(monkeypatch):
    model = build_esm(2, 16, 2)
    sequences = [tokenise(random_sequence(length)) for length in (31, 113)]  # 113 is cut to 41
    seen = []
    real = pretrain.forward
    monkeypatch.setattr(
        pretrain,
        "forward",
        lambda m, tokens, **more: seen.append(tokens) or real(m, tokens, **more),
    )
    found = pretrain.validation_loss(model, sequences, SETTINGS)

    (tokens_BT,) = seen
    masked = tokens_BT == MASK
    assert masked.sum(1).tolist() == [6, 5]  # round(0.15 x 41), round(0.15 x 31); longest first
    true_BT = pad([sequences[1][:41], sequences[0]])
    assert torch.equal(tokens_BT[~masked], true_BT[~masked])
    with torch.no_grad():
        log_p = model(tokens_BT)["logits"].log_softmax(-1)[masked]
    expected = -log_p[torch.arange(11), true_BT[masked]].mean()
    assert found == pytest.approx(float(expected), rel=1e-5)


def test_unigram_loss_by_hand():
    # Counts + 1 over 20 residues. Train AAAC: p(A) = 4/24, p(C) = 2/24, else 1/24;
    # valid AC: q(A) = q(C) = 2/22, else 1/22.
    expected = -(2 * math.log(4 / 24) + 2 * math.log(2 / 24) + 18 * math.log(1 / 24)) / 22
    found = pretrain.unigram_loss([tokenise("AAA"), tokenise("C")], [tokenise("AC")])
    assert found == pytest.approx(expected)


def test_unigram_loss_of_an_even_composition_is_log_20():
    even = [tokenise("ACDEFGHIKLMNPQRSTVWY")]
    assert pretrain.unigram_loss(even, even) == pytest.approx(math.log(20))
    # Letters outside the 20 are no part of it.
    assert pretrain.unigram_loss([*even, tokenise("XXBZ")], even) == pytest.approx(math.log(20))


def test_perplexity():
    assert pretrain.perplexity(math.log(17)) == pytest.approx(17)
