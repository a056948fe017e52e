"""Masked-language-model training: schedule, rows, masks, steps, losses and their baselines."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch

from protsae.config.stage_settings import PretrainSettings
from protsae.plm.esm2 import pretraining as pretrain
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.tokens import CLS, EOS, MASK, PAD, STANDARD_TOKENS, tokenise
from tests.helpers.tiny_esm import build_esm, random_sequence

SETTINGS = PretrainSettings(
    layers=2,
    width=16,
    heads=2,
    steps=100,
    warmup_steps=20,
    tokens_per_batch=256,
    row_tokens=41,
    decay_steps=80,
    lr=0.01,
    bf16=False,
    device="cpu",
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
        (60, 0.005),
        (99, 0.01 / 80),  # the last step still moves
        (100, 0.0),
    ],
)
def test_learning_rate(step, lr):
    assert pretrain.learning_rate(step, SETTINGS) == pytest.approx(lr)


def test_a_constant_rate_between_warm_up_and_decay():
    settings = changed(steps=100, warmup_steps=20, decay_steps=30)
    found = [pretrain.learning_rate(step, settings) for step in (0, 19, 20, 45, 70, 71, 85, 99)]
    expected = [0.01 / 20, 0.01, 0.01, 0.01, 0.01, 0.01 * 29 / 30, 0.005, 0.01 / 30]
    assert found == pytest.approx(expected)


def test_a_decay_begins_after_the_warm_up():
    rates = [
        [pretrain.learning_rate(step, changed(decay_steps=steps)) for step in range(101)]
        for steps in (80, 81, 100, 1000)
    ]
    assert rates[1:] == rates[:1] * 3


def test_a_run_shorter_than_its_warm_up():
    # Still rising when it ends, and never divided by zero.
    settings = changed(steps=5, warmup_steps=20)
    rates = [pretrain.learning_rate(step, settings) for step in range(5)]
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(0.01 * 5 / 20)


def attention_of_biases(model, block, n_tokens=41):
    """Attention (heads, query, key) of a block whose weights are zero: what its biases say."""
    attention = model.layers[block].self_attn
    heads = (attention.num_heads, attention.head_dim)
    q_HTK, k_HTK = (
        attention.rot_emb(*[projection.bias.view(*heads)[:, None].repeat(1, n_tokens, 1)] * 2)[0]
        for projection in (attention.q_proj, attention.k_proj)
    )
    return torch.softmax(q_HTK @ k_HTK.mT / attention.head_dim**0.5, -1).detach()


@pytest.mark.parametrize(("heads", "width"), [(4, 128), (7, 7 * 22)])
def test_heads_of_a_new_model_look_at_their_offsets(heads, width):
    model = pretrain.new_esm2(layers=5, width=width, heads=heads, seed=0)
    offsets = pretrain.local_offsets(5, heads)
    assert None not in offsets[0] + offsets[1]  # the first third, rounded up
    assert {None, *pretrain.OFFSETS} >= set(offsets[2])
    for block, of_block in enumerate(offsets):
        found = attention_of_biases(model, block)
        for head, offset in enumerate(of_block):
            if offset is not None:
                middle = found[head, 20]
                assert int(middle.argmax()) == 20 + offset
                assert 0.6 < middle.max() < 0.8
            else:
                assert found[head].max() < 0.2  # of 41 tokens


def test_heads_look_by_their_four_fastest_rotary_frequencies() -> None:
    """q = a (1, 0) in the plane of each, a^2 = 3 sqrt(22): one bias a frequency. Other biases are
    below 1."""
    attention = pretrain.new_esm2(layers=5, width=7 * 22, heads=7, seed=0).layers[0].self_attn
    biases = attention.q_proj.bias.detach().view(7, 22)
    large = biases[biases > 1]
    assert large.tolist() == pytest.approx([(3 * 22**0.5) ** 0.5] * 4 * 7)


def test_heads_that_look_at_an_offset_listen_little_to_content() -> None:
    """Weights of q and k are a quarter of those of the heads beside them, which begin anywhere."""
    model = pretrain.new_esm2(layers=5, width=256, heads=4, seed=0)
    offsets = pretrain.local_offsets(5, 4)[4]
    assert [offset is None for offset in offsets] == [False, True, False, True]
    attention = model.layers[4].self_attn
    for projection in (attention.q_proj, attention.k_proj):
        spread = projection.weight.detach().view(4, -1).std(1)
        assert (spread[::2] / spread[1::2]).tolist() == pytest.approx([0.25] * 2, rel=0.05)


@pytest.mark.parametrize(("layers", "n_local"), [(1, 1), (3, 1), (4, 2), (6, 2), (7, 3), (13, 5)])
def test_the_first_third_of_blocks_is_local_and_half_of_the_others(
    layers: int, n_local: int
) -> None:
    n_offsets = [
        sum(offset is not None for offset in block)
        for block in pretrain.local_offsets(layers, heads=6)
    ]
    assert n_offsets == [6] * n_local + [3] * (layers - n_local)


def test_local_heads_cover_both_sides_evenly():
    found = [o for block in pretrain.local_offsets(6, 8) for o in block if o is not None]
    assert sorted({abs(o) for o in found}) == [1, 2, 3, 4]
    assert sum(found) == 0


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


# Residues here are numbers of their own, so that each can be told from all others.
DISTINCT = np.split(np.arange(4, 204), np.cumsum([1, 59, 7, 30, 2, 41, 13, 17, 29]))


@pytest.mark.parametrize(
    ("row_tokens", "n_padding"),
    # 200 residues in ten sequences (the last of one) are 220 tokens.
    [(41, 26), (7, 4), (11, 0), (220, 0), (1000, 780), (1, 0)],
)
def test_an_epoch_has_every_residue_once(row_tokens, n_padding):
    rows = pretrain.epoch_rows(DISTINCT, row_tokens, seed=0, epoch=0)
    assert rows.dtype == np.uint8
    assert rows.shape == (-(-220 // row_tokens), row_tokens)
    counts = np.bincount(rows.ravel(), minlength=256)
    assert (counts[4:204] == 1).all()
    assert counts[[CLS, EOS, PAD]].tolist() == [10, 10, n_padding]
    assert counts.sum() == rows.size
    padded = (rows == PAD).any(axis=1)
    assert padded.sum() == (n_padding > 0)
    # Padding stands at the end of its row.
    assert (np.diff((rows == PAD).astype(int), axis=1) >= 0).all()


@pytest.mark.parametrize("row_tokens", [7, 41, 220, 1000])
def test_a_sequence_begins_and_ends_only_where_it_does(row_tokens):
    firsts, lasts = ([tokens[i] for tokens in DISTINCT] for i in (0, -1))
    followers = {CLS: {*firsts}, EOS: {CLS, PAD}, PAD: {PAD}}
    followers |= {residue: {residue + 1} for residue in range(4, 204)}
    followers |= {residue: {EOS} for residue in lasts}
    for row in pretrain.epoch_rows(DISTINCT, row_tokens, seed=0, epoch=0).astype(int):
        assert all(after in followers[before] for before, after in itertools.pairwise(row))


def test_epochs_are_reproducible_and_differ():
    first, again, next_epoch, other_seed = (
        pretrain.epoch_rows(DISTINCT, 41, seed, epoch)
        for seed, epoch in ((0, 0), (0, 0), (0, 1), (1, 0))
    )
    assert np.array_equal(first, again)
    for other in (next_epoch, other_seed):
        # Another order of sequences, so other cuts: not the same rows in another order.
        assert not {row.tobytes() for row in first} & {row.tobytes() for row in other}


def test_rows_and_sequences_are_shuffled():
    begins = pretrain.epoch_rows(DISTINCT, 1000, seed=0, epoch=0)
    order = begins[0][np.flatnonzero(begins[0] == CLS) + 1].tolist()
    assert order != sorted(order)
    # With one sequence, the stream is known, and only the rows can be out of order.
    (sequence,) = (np.arange(4, 204),)
    firsts = pretrain.epoch_rows([sequence], 11, seed=0, epoch=0)[:, 0].tolist()
    assert sorted(firsts) == [CLS, *range(14, 204, 11)]
    assert firsts != sorted(firsts)


@pytest.mark.parametrize("skip", [0, 1, 5, 11, 23, 40])
def test_a_stream_goes_on_where_it_was_left(skip):
    settings = changed(row_tokens=11, tokens_per_batch=40)  # three rows of 11 fit, four do not
    whole = list(itertools.islice(pretrain.batch_stream(DISTINCT, settings), 61))
    rest = list(itertools.islice(pretrain.batch_stream(DISTINCT, settings, skip), 61 - skip))
    assert np.array_equal(rest, whole[skip:])
    assert {batch.shape for batch in whole} == {(3, 11)}
    # 20 rows an epoch: 20 batches are three whole epochs, and the seventh spans two.
    epochs = [pretrain.epoch_rows(DISTINCT, 11, settings.seed, epoch) for epoch in range(3)]
    assert np.array_equal(np.concatenate(whole[:20]), np.concatenate(epochs))


def test_a_batch_of_more_than_an_epoch():
    # 220 tokens an epoch, 500 a batch: 45 rows of 11 from three epochs.
    batch = next(pretrain.batch_stream(DISTINCT, changed(row_tokens=11, tokens_per_batch=500)))
    assert batch.shape == (45, 11)
    assert set(np.bincount(batch.ravel(), minlength=204)[4:]) == {2, 3}


def test_some_standard_residues_are_to_be_predicted():
    letters = "ACDEFGHIKLMNPQRSTVWYXBZUO"
    sequences = [tokenise(random_sequence(n, letters=letters)) for n in range(300, 400)]
    rows = pretrain.epoch_rows(sequences, 127, seed=0, epoch=0)
    before = rows.copy()
    batch, targets_BT = pretrain.make_batch(rows, np.random.default_rng(0))
    noisy, targets = batch.tokens_BT.numpy(), targets_BT.numpy()

    assert np.array_equal(rows, before)
    assert noisy.shape == targets.shape == rows.shape
    chosen = targets >= 0
    assert np.array_equal(targets[chosen], rows[chosen])
    assert set(targets[~chosen]) == {-1}
    assert np.array_equal(noisy[~chosen], rows[~chosen])
    standard = np.isin(rows, STANDARD_TOKENS)
    assert not (chosen & ~standard).any()
    # 27,960 standard residues: six standard errors are 0.013 of them, and 0.04 of the chosen.
    assert chosen.sum() / standard.sum() == pytest.approx(0.15, abs=0.013)
    masked = noisy[chosen] == MASK
    same = noisy[chosen] == rows[chosen]
    assert masked.mean() == pytest.approx(0.8, abs=0.04)
    # 10 % stay, and of the 10 % random ones a twentieth is what it was.
    assert same.mean() == pytest.approx(0.105, abs=0.03)
    random = noisy[chosen][~masked & ~same]
    assert set(random) == set(STANDARD_TOKENS)
    # The same generator, the same batch.
    again = pretrain.make_batch(rows, np.random.default_rng(0))
    assert torch.equal(again[0].tokens_BT, batch.tokens_BT)
    assert not torch.equal(
        pretrain.make_batch(rows, np.random.default_rng(1))[0].tokens_BT, batch.tokens_BT
    )


def test_segments_are_the_sequences_of_each_row():
    rows = pretrain.epoch_rows(DISTINCT, 41, seed=0, epoch=0)
    batch, _ = pretrain.make_batch(rows, np.random.default_rng(0))
    segments = batch.segments_BT.numpy()
    sequence = np.zeros(256, dtype=int)
    for number, tokens in enumerate(DISTINCT):
        sequence[tokens] = number
    for row, found in zip(rows, segments, strict=True):
        residues = row >= 4
        for token, segment in zip(row[residues], found[residues], strict=True):
            # Together in a segment are the residues of one sequence, all that this row has of it.
            same = sequence[row[residues]] == sequence[token]
            assert np.array_equal(found[residues] == segment, same)
        # <cls> goes with what follows, <eos> with what precedes.
        assert all(found[at] == found[at + 1] for at in np.flatnonzero(row[:-1] == CLS))
        assert all(found[at] == found[at - 1] for at in np.flatnonzero(row[1:] == EOS) + 1)
    # No segment crosses rows; a padding token is one by itself.
    assert all(not set(a) & set(b) for a, b in itertools.combinations(segments, 2))
    padding = segments[rows == PAD]
    assert len(padding) == 26
    assert (np.bincount(segments.ravel())[padding] == 1).all()


def test_a_sequence_is_computed_as_if_it_were_alone():
    # Reference: fair-esm on each piece by itself. Some pieces have masks, others none, so that a
    # token-dropout scale taken over the row instead of the piece would show.
    model = build_esm(2, 16, 2)
    sequences = [tokenise(random_sequence(length)) for length in (3, 5, 7, 11, 31, 60)]
    rows = pretrain.epoch_rows(sequences, 41, seed=0, epoch=0)
    batch, _ = pretrain.make_batch(rows, np.random.default_rng(0))
    tokens_N, segments_N = batch.tokens_BT.flatten(), batch.segments_BT.flatten()
    pieces = [torch.nonzero(segments_N == s)[:, 0] for s in segments_N.unique()]
    pieces = [at for at in pieces if tokens_N[at[0]] != PAD]
    shares = {float((tokens_N[at] == MASK).float().mean()) for at in pieces}
    assert 0.0 in shares
    assert len(shares) > 3
    assert any(tokens_N[at[0]] != CLS for at in pieces)  # cut off at the start of a row

    esm2 = FusedEsm2(model)
    with torch.no_grad():
        logits_NV = esm2.logits(esm2(batch).final_ND)
        assert logits_NV.isfinite().all()  # padding too, or the gradient would not be
        for at in pieces:
            alone = model(tokens_N[at][None])["logits"][0]
            torch.testing.assert_close(logits_NV[at], alone, rtol=1e-4, atol=1e-4)


def rows_of(sequences, settings=SETTINGS):
    return pretrain.epoch_rows([tokenise(s) for s in sequences], settings.row_tokens, 0, 0)


def test_steps_reduce_the_loss_on_a_repetitive_set():
    # One repeated motif: masked residues follow from their neighbours.
    settings = changed(steps=60, warmup_steps=5)
    rows = rows_of(["ACDEFGH" * 5] * 7, settings)
    state = pretrain.start(settings)
    losses = [float(pretrain.train_step(state, rows, settings)) for _ in range(60)]
    assert state.step == 60
    assert losses[0] == pytest.approx(math.log(33), abs=1)  # knows nothing of 33 tokens
    assert np.mean(losses[-5:]) < np.log(7)  # knows more than the seven frequencies
    assert np.mean(losses[-5:]) < 0.5 * losses[0]


@pytest.mark.parametrize("bf16", [False, True])
def test_a_step_depends_on_seed_and_step_alone(bf16):
    settings = changed(bf16=bf16)
    rows = rows_of([random_sequence(length) for length in (31, 113)])
    state = pretrain.start(settings)
    torch.manual_seed(1234)
    first = pretrain.train_step(state, rows, settings)
    again = pretrain.start(settings)
    torch.manual_seed(99)
    assert pretrain.train_step(again, rows, settings) == first
    assert all(
        torch.equal(value, again.model.state_dict()[name])
        for name, value in state.model.state_dict().items()
    )
    for other in (changed(seed=1, bf16=bf16), settings):  # another seed; the next step
        assert pretrain.train_step(again, rows, other) != first


def test_a_step_in_bfloat16_trains_float32_weights():
    rows = rows_of([random_sequence(length) for length in (31, 113)])
    exact, rough = pretrain.start(SETTINGS), pretrain.start(changed(bf16=True))
    loss = pretrain.train_step(exact, rows, SETTINGS)
    found = pretrain.train_step(rough, rows, changed(bf16=True))
    assert found != loss
    assert float(found) == pytest.approx(float(loss), rel=1e-2)
    assert {parameter.dtype for parameter in rough.model.parameters()} == {torch.float32}


def test_gradients_are_clipped_to_length_1() -> None:
    """Of logits that are too large by far."""
    rows = rows_of([random_sequence(length) for length in (31, 113)])
    state = pretrain.start(SETTINGS)
    with torch.no_grad():
        state.model.embed_tokens.weight.mul_(30)
    pretrain.train_step(state, rows, SETTINGS)
    gradients = [p.grad.flatten() for p in state.model.parameters() if p.grad is not None]
    assert float(torch.cat(gradients).norm()) == pytest.approx(1, rel=1e-4)


def test_the_loss_is_the_mean_over_the_chosen_residues(monkeypatch):
    seen = []
    real = pretrain.make_batch
    monkeypatch.setattr(pretrain, "make_batch", lambda *a: seen.append(real(*a)) or seen[-1])
    state = pretrain.start(SETTINGS)
    reference = pretrain.new_esm2(SETTINGS.layers, SETTINGS.width, SETTINGS.heads, SETTINGS.seed)
    # One sequence in each row, so that fair-esm needs no segments.
    rows = np.stack([[CLS, *tokenise(random_sequence(39, seed)), EOS] for seed in range(5)])
    found = pretrain.train_step(state, rows, SETTINGS)
    ((batch, targets_BT),) = seen
    with torch.no_grad():
        log_p = reference(batch.tokens_BT)["logits"].log_softmax(-1)
    chosen = targets_BT >= 0
    expected = -log_p[chosen][torch.arange(chosen.sum()), targets_BT[chosen]].mean()
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, on importing its compiler
def test_a_step_compiles_in_one_piece():
    from torch._dynamo.testing import CompileCounterWithBackend

    # As on a GPU, but for the code that is generated: nothing in the step falls back to Python, and
    # a second batch of other sequences needs no second compilation.
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(pretrain._masked_loss, backend=counter, fullgraph=True)
    model = pretrain.start(SETTINGS).model
    for seed in (0, 1):
        rows = rows_of([random_sequence(length, seed) for length in (31, 113, 99)])
        batch, targets_BT = pretrain.make_batch(rows, np.random.default_rng(seed))
        given = (model, batch.tokens_BT, batch.segments_BT, targets_BT, torch.float32)
        gradients = []
        for loss_of in (pretrain._masked_loss, compiled):
            model.zero_grad()
            loss_of(*given).backward()
            used = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
            gradients.append(torch.cat(used))
        torch.testing.assert_close(*gradients)
    assert counter.frame_count == 1


def test_weight_decay_is_adamws():
    # Decoupled: each step multiplies a weight by 1 - lr x weight_decay.
    rows = rows_of([random_sequence(31)])
    state = pretrain.start(changed(weight_decay=0.5))
    plain = pretrain.start(changed(weight_decay=0.0))
    for each, settings in ((state, changed(weight_decay=0.5)), (plain, changed(weight_decay=0.0))):
        pretrain.train_step(each, rows, settings)
    lr = pretrain.learning_rate(0, SETTINGS)
    before = pretrain.start(SETTINGS).model.layers[0].fc1.weight
    decayed, undecayed = (each.model.layers[0].fc1.weight for each in (state, plain))
    torch.testing.assert_close(decayed, undecayed - lr * 0.5 * before)


def test_a_step_uses_the_learning_rate_of_its_step():
    state = pretrain.start(SETTINGS)
    state.step = 9
    pretrain.train_step(state, rows_of([random_sequence(100)]), SETTINGS)
    assert state.optimiser.param_groups[0]["lr"] == pytest.approx(0.005)


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
    real = pretrain.mask_batch
    monkeypatch.setattr(
        pretrain, "mask_batch", lambda *given: seen.extend(zip(*given, strict=True)) or real(*given)
    )
    # As the command has them: one byte a token.
    found = pretrain.validation_loss(model, [t.astype(np.uint8) for t in sequences], SETTINGS)

    expected = []
    cut = {len(tokens): (tokens, positions) for tokens, positions in seen}
    for true, n_masked in ((sequences[0], 5), (sequences[1][:41], 6)):  # round(0.15 n)
        tokens, positions = cut[len(true)]
        assert np.array_equal(tokens, true)
        assert len(positions) == n_masked
        noisy = true.copy()
        noisy[positions] = MASK
        with torch.no_grad():
            logits = model(torch.tensor([[CLS, *noisy, EOS]]))["logits"][0, 1:-1]
        expected.extend(-logits.log_softmax(-1)[positions, true[positions]].numpy())
    assert found == pytest.approx(float(np.mean(expected)), rel=1e-5)


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


def counted(sequences):
    """Occurrences of each (left, residue, right) by a plain loop; "-" is an end."""
    return [
        triple
        for sequence in sequences
        for triple in zip(f"-{sequence}", sequence, f"{sequence[1:]}-", strict=False)
    ]


def test_neighbour_loss_by_hand():
    # Train AC, AC, DC: counts + 1 over 20 residues give p(A) = 3/26, p(C) = 4/26, p(D) = 2/26.
    # Between the start and C stood A twice and D once; between A and the end, C twice.
    train, valid = [tokenise(s) for s in ("AC", "AC", "DC")], [tokenise("AC")]
    before_c = (2 + 100 * 3 / 26) / (3 + 100)
    after_a = (2 + 100 * 4 / 26) / (2 + 100)
    expected = -(math.log(before_c) + math.log(after_a)) / 2
    assert pretrain.neighbour_loss(train, valid) == pytest.approx(expected)


def test_the_ends_of_a_chain_are_neighbours_of_their_own():
    """A after Y, A at the start, and A before Y: of Y, A Y and Y A, each once."""
    counts = pretrain._neighbour_counts([tokenise(s) for s in ("Y", "AY", "YA")])
    a, y, end = 0, 19, 21
    found = {tuple(map(int, place)): counts[tuple(place)] for place in np.argwhere(counts)}
    expected = {(end, y, end), (end, a, y), (a, y, end), (end, y, a), (y, a, end)}
    assert found == dict.fromkeys(expected, 1)


def test_neighbour_loss_without_a_known_neighbourhood_is_that_of_frequencies():
    # CA has none of the neighbourhoods of AC.
    found = pretrain.neighbour_loss([tokenise("AC")], [tokenise("CA")])
    assert found == pytest.approx(-math.log(2 / 22))


def test_neighbour_loss_equals_a_plain_count(monkeypatch):
    monkeypatch.setattr(pretrain, "PRIOR", 3.0)
    train, valid = (
        [random_sequence(n, seed, letters="ACDXU") for n in (1, 2, 13, 97)] for seed in (0, 1)
    )
    residues = Counter("".join(train))
    share = {a: (residues[a] + 1) / (sum(residues[x] for x in "ACD") + 20) for a in "ACD"}
    # X, U and whatever else is not standard are neighbours of one kind, and never predicted.
    table = str.maketrans("XU", "??")
    triples = Counter(counted([s.translate(table) for s in train]))
    losses = []
    for left, residue, right in counted([s.translate(table) for s in valid]):
        if residue != "?":
            among = sum(triples[left, a, right] for a in "ACD")
            p = (triples[left, residue, right] + 3.0 * share[residue]) / (among + 3.0)
            losses.append(-math.log(p))
    assert 20 < len(losses) < 113
    given = [[tokenise(s).astype(np.uint8) for s in sequences] for sequences in (train, valid)]
    assert pretrain.neighbour_loss(*given) == pytest.approx(np.mean(losses))


def test_neighbours_tell_nothing_of_independent_residues_and_all_of_a_motif():
    train, valid = (
        [tokenise(random_sequence(500, seed)) for seed in range(first, first + 200)]
        for first in (0, 1000)
    )
    excess = pretrain.neighbour_loss(train, valid) - pretrain.unigram_loss(train, valid)
    assert 0 < excess < 0.03  # 400 neighbourhoods of 250 residues each, fitted for nothing
    motif = [tokenise("ACDEFGH" * 100)] * 30  # 100 parts of chance among 3,000 of evidence
    assert pretrain.neighbour_loss(motif, motif) < 0.04
    assert pretrain.unigram_loss(motif, motif) == pytest.approx(math.log(7), abs=0.01)


def test_perplexity():
    assert pretrain.perplexity(math.log(17)) == pytest.approx(17)
