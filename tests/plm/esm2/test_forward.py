"""Our forward pass against fair-esm's own, and edits of its layers."""

import numpy as np
import pytest
import torch

from protsae.plm.esm2.batch import Rows, pack
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.places import Inside
from protsae.plm.esm2.tokens import MASK, tokenise
from tests.helpers.tiny_esm import ALPHABET, build_esm, random_sequence

LENGTHS = (1, 2, 30, 300, 1022)
TOLERANCE = 1e-5


def batch(lengths, mask_every=0):
    """A packed batch; every ``mask_every``-th residue is <mask>."""
    sequences = [tokenise(random_sequence(length)) for length in lengths]
    for tokens in sequences:
        if mask_every:
            tokens[::mask_every] = MASK
    return pack(sequences)


def fair_esm(model, packed):
    """fair-esm's representations and logits of each sequence of a batch, padded together."""
    tokens_BT = torch.nn.utils.rnn.pad_sequence(
        packed.tokens_N.split(packed.lengths), batch_first=True, padding_value=model.padding_idx
    )
    real = tokens_BT != model.padding_idx
    with torch.no_grad():
        found = model(tokens_BT, repr_layers=range(model.num_layers + 1))
    return {layer: x[real] for layer, x in found["representations"].items()}, found["logits"][real]


@torch.no_grad()
def ours(model, packed, dtype=torch.float32, **more):
    """Every layer and the logits of every token."""
    esm2 = FusedEsm2(model, dtype)
    out = esm2(packed, range(model.num_layers + 1), **more)
    return out.representations, esm2.logits(out.final_ND)


def assert_equal_to_fair_esm(model, packed):
    layers, logits = ours(model, packed)
    their_layers, their_logits = fair_esm(model, packed)
    assert set(layers) == set(their_layers)
    for layer, x_ND in layers.items():
        assert (x_ND - their_layers[layer]).abs().max() < TOLERANCE, layer
    assert (logits - their_logits).abs().max() < TOLERANCE


@pytest.mark.parametrize("mask_every", [0, 7])
def test_every_layer_and_the_logits_of_a_mixed_batch(mask_every):
    assert_equal_to_fair_esm(build_esm(), batch(LENGTHS, mask_every))


def test_neighbours_of_equal_length():
    # They share one call of the attention kernel.
    packed = pack([tokenise(random_sequence(length, seed=i)) for i, length in enumerate((5, 7, 7))])
    assert_equal_to_fair_esm(build_esm(), packed)


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


@torch.no_grad()
@pytest.mark.parametrize("stop", [0, 1, 3])
def test_a_pass_that_stops_early_ends_in_that_layer(stop):
    esm2, packed = FusedEsm2(build_esm()), batch((5, 13), mask_every=3)
    layer_ND = esm2(packed, [stop]).representations[stop]
    torch.testing.assert_close(esm2(packed, stop=stop).final_ND, layer_ND, rtol=0, atol=0)
    rows = torch.tensor([7, 2])
    some_ND = esm2(packed, stop=stop, rows=rows).final_ND
    torch.testing.assert_close(some_ND, layer_ND[rows], rtol=0, atol=1e-6)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize(
    ("dtype", "most"),
    [(torch.bfloat16, 3e-2), (torch.float16, 3e-3), (torch.int8, 3e-2)],
    ids=["bf16", "fp16", "int8"],
)
def test_low_precision_is_close_and_the_residual_stream_stays_float32(dtype, most, device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    if device == "cuda" and dtype == torch.int8:
        pytest.skip("int8 is for CPUs")
    model, packed = build_esm(), batch((1, 2, 30, 30, 300), mask_every=7)
    expected, _ = fair_esm(model, packed)
    found, logits = ours(model.to(device), packed.to(torch.device(device)), dtype)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(found[0].cpu(), expected[0])  # nothing multiplied yet
    for layer in (1, 2, 3):
        assert found[layer].dtype == torch.float32
        error = (found[layer].cpu() - expected[layer]).norm() / expected[layer].norm()
        assert 0 < error < most, layer


# Heads of 8, 16 and 64 columns go to the flash kernel, those of 6 do not.
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize(("width", "heads"), [(24, 4), (24, 3), (48, 3), (128, 2)])
@pytest.mark.parametrize(
    ("dtype", "most"), [(torch.bfloat16, 3e-2), (torch.float16, 3e-3)], ids=["bf16", "fp16"]
)
def test_half_precision_on_cuda(width, heads, dtype, most):
    model, packed = build_esm(3, width, heads), batch((1022, 1, 2, 30, 30, 300), mask_every=7)
    expected, _ = fair_esm(model, packed)
    found, _ = ours(model.cuda(), packed.to(torch.device("cuda")), dtype)
    again, _ = ours(model, packed.to(torch.device("cuda")), dtype)
    for layer in (1, 2, 3):
        error = (found[layer].cpu() - expected[layer]).norm() / expected[layer].norm()
        assert 0 < error < most, layer
        assert torch.equal(found[layer], again[layer])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_equals_fair_esm():
    model, packed = build_esm(), batch(LENGTHS, mask_every=7)
    expected, their_logits = fair_esm(model, packed)
    found, logits = ours(model.cuda(), packed.to(torch.device("cuda")))
    for layer, x_ND in found.items():
        assert (x_ND.cpu() - expected[layer]).abs().max() < TOLERANCE, layer
    assert (logits.cpu() - their_logits).abs().max() < TOLERANCE


def test_layer_0_is_the_embedding_times_088():
    # Token dropout rescales by 1 - 0.15 x 0.8 even where nothing is masked.
    model, packed = build_esm(), batch((11,))
    layers, _ = ours(model, packed)
    torch.testing.assert_close(layers[0], 0.88 * model.embed_tokens.weight[packed.tokens_N])


def test_layer_0_with_a_mask():
    # 2 of 4 tokens (<cls> and <eos> count) are masked: (1 - 0.12) / (1 - 2/4) = 1.76. The other
    # sequence has none.
    model = build_esm()
    layers, _ = ours(model, pack([np.array([MASK, MASK]), np.array([5])]))
    assert (layers[0][1:3] == 0).all()
    torch.testing.assert_close(layers[0][0], 1.76 * model.embed_tokens.weight[0])
    torch.testing.assert_close(layers[0][4], 0.88 * model.embed_tokens.weight[0])


def test_the_last_layer_is_after_the_final_layer_norm():
    model, packed = build_esm(2, 24, 4), batch((13,))
    seen = {}
    handle = model.emb_layer_norm_after.register_forward_hook(
        lambda _, inputs, output: seen.update(before=inputs[0], after=output)
    )
    layers, _ = ours(model, packed)
    handle.remove()
    assert torch.equal(layers[2], seen["after"])
    assert not torch.allclose(layers[2], seen["before"], atol=0.1)


def test_only_what_is_asked_for_and_kept():
    esm2, packed = FusedEsm2(build_esm()), batch((5,))
    out = esm2(packed, [2], keep=lambda layer, x_ND: x_ND[:layer].half())
    (kept,) = out.representations.values()
    assert kept.shape == (2, 24)
    assert kept.dtype == torch.float16
    assert torch.equal(kept, esm2(packed, [2]).representations[2][:2].half())
    assert esm2(packed).representations == {}


def rows_of(lengths, n_tokens):
    """Sequences one after another over rows of ``n_tokens``, cut at the ends of rows."""
    packed = batch(lengths, mask_every=5)
    assert sum(packed.lengths) % n_tokens == 0
    segments = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(packed.lengths))
    return Rows(packed.tokens_N.view(-1, n_tokens), segments.view(-1, n_tokens)), packed


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_sequences_in_a_row_do_not_see_each_other(dtype):
    # 3 + 5 + 11 = 19 tokens in one row, and 19 in the next: the numbers of the packed batch.
    rows, packed = rows_of((1, 3, 9, 17), n_tokens=19)
    found, _ = ours(build_esm(), rows, dtype)
    expected, _ = ours(build_esm(), packed, dtype)
    tolerance = TOLERANCE if dtype == torch.float32 else 0.1
    for layer, x_ND in found.items():
        assert (x_ND - expected[layer]).abs().max() < tolerance, layer


def test_a_sequence_cut_at_the_end_of_a_row_sees_its_row_alone():
    model = build_esm()
    tokens = tokenise(random_sequence(14))
    segments = torch.zeros(2, 7, dtype=torch.int64)
    cut, _ = ours(model, Rows(torch.from_numpy(tokens).view(2, 7), segments))
    changed = tokens.copy()
    changed[7:] = tokens[6::-1]
    other, _ = ours(model, Rows(torch.from_numpy(changed).view(2, 7), segments))
    assert torch.equal(cut[3][:7], other[3][:7])
    assert not torch.allclose(cut[3][7:], other[3][7:], atol=1e-3)


@pytest.mark.parametrize("edited", [0, 1, 2, 3])
def test_an_edit_changes_what_comes_after_and_nothing_before(edited):
    model, packed = build_esm(), batch((5, 17))
    clean, clean_logits = ours(model, packed)
    found, logits = ours(model, packed, edits={edited: lambda x: -2 * x})
    for layer in range(4):
        assert torch.equal(found[layer], clean[layer]) == (layer < edited), layer
    assert torch.equal(found[edited], -2 * clean[edited])
    assert not torch.allclose(logits, clean_logits)


@pytest.mark.parametrize("edited", [0, 1, 2, 3])
def test_an_identity_edit_changes_no_bit(edited):
    model, packed = build_esm(), batch((5, 17), mask_every=4)
    clean, clean_logits = ours(model, packed)
    found, logits = ours(model, packed, edits={edited: torch.clone})
    assert torch.equal(logits, clean_logits)
    assert all(torch.equal(found[layer], clean[layer]) for layer in range(4))


@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_a_pass_can_start_at_any_layer(first):
    model, packed = build_esm(), batch((5, 17), mask_every=4)
    clean, clean_logits = ours(model, packed)
    found, logits = ours(model, packed, start=(first, clean[first]))
    assert set(found) == set(range(first, 4))
    assert all(torch.equal(found[layer], clean[layer]) for layer in found)
    assert torch.equal(logits, clean_logits)

    def double(x_ND):
        return 2 * x_ND

    whole, whole_logits = ours(model, packed, edits={first: double})
    later, later_logits = ours(model, packed, edits={first: double}, start=(first, clean[first]))
    assert torch.equal(later_logits, whole_logits)
    assert all(torch.equal(later[layer], whole[layer]) for layer in later)


def test_nothing_given_is_changed():
    # fair-esm zeroes masked embeddings in place; here tokens, weights and outputs stay.
    model, packed = build_esm(), batch((5, 17), mask_every=4)
    tokens = packed.tokens_N.clone()
    weights = {n: v.clone() for n, v in model.state_dict().items()}
    kept = {}

    def edit(x_ND):
        kept["given"], kept["copy"] = x_ND, x_ND.clone()
        return x_ND + 1

    first, _ = ours(model, packed)
    copies = {layer: x.clone() for layer, x in first.items()}
    ours(model, packed, edits={1: edit})
    assert torch.equal(packed.tokens_N, tokens)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert all(torch.equal(first[layer], copies[layer]) for layer in copies)
    assert torch.equal(kept["given"], kept["copy"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_reach_every_weight(dtype):
    # Pretraining goes through this pass; only contact prediction is left out of it.
    model = build_esm()
    rows, _ = rows_of((1, 3, 9, 17), n_tokens=19)
    esm2 = FusedEsm2(model, dtype)
    esm2.logits(esm2(rows).final_ND).logsumexp(-1).sum().backward()
    without = {name for name, p in model.named_parameters() if p.grad is None}
    assert without == {"contact_head.regression.weight", "contact_head.regression.bias"}


def test_gradients_equal_fair_esms():
    packed = batch((5, 17), mask_every=4)
    grads = []
    for fused in (True, False):
        model = build_esm()
        if fused:
            esm2 = FusedEsm2(model)
            logits = esm2.logits(esm2(packed).final_ND)
        else:
            logits = torch.cat(
                [model(t[None])["logits"][0] for t in packed.tokens_N.split([7, 19])]
            )
        logits.square().sum().backward()
        grads.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    assert set(grads[0]) == set(grads[1])
    for name, grad in grads[0].items():
        torch.testing.assert_close(grad, grads[1][name], rtol=1e-3, atol=1e-3)


def test_the_tokens_of_a_batch_are_fair_esms():
    sequences = [("a", "MKTAYIAKXBUZO"), ("b", "M")]
    _, _, tokens_BT = ALPHABET.get_batch_converter()(sequences)
    packed = pack([tokenise(sequence) for _, sequence in sequences])
    assert packed.tokens_N.tolist() == tokens_BT[tokens_BT != ALPHABET.padding_idx].tolist()


@pytest.mark.parametrize("first", [0, 2, 3])
@pytest.mark.parametrize("kept", [(), (3,)])
def test_the_last_layer_can_be_had_of_some_tokens(first, kept):
    esm2, packed = FusedEsm2(build_esm()), batch((5, 17), mask_every=4)
    whole = esm2(packed, layers=range(4))
    rows = torch.tensor([20, 3, 7])
    start = (first, whole.representations[first])
    found = esm2(packed, layers=kept, start=start, rows=rows)
    torch.testing.assert_close(found.final_ND, whole.final_ND[rows])
    assert set(found.representations) == set(kept)
    for layer in kept:
        assert torch.equal(found.representations[layer], whole.representations[layer])


def of_hooks(model, packed):
    """What fair-esm's own modules give inside of every block: its forward, one token a row."""
    found, handles = {}, []

    def remember(place, pick):
        def hook(_, inputs, output):
            found[place] = pick(inputs, output)

        return hook

    for layer, block in enumerate(model.layers, start=1):
        # Attention runs with time before batch.
        of_modules = {
            "attention": (block.self_attn, lambda _, output: output[0].transpose(0, 1)),
            "mlp_in": (block.fc1, lambda inputs, _: inputs[0].transpose(0, 1)),
            "mlp_hidden": (block.fc2, lambda inputs, _: inputs[0].transpose(0, 1)),
            "mlp_out": (block.fc2, lambda _, output: output.transpose(0, 1)),
        }
        for site, (module, pick) in of_modules.items():
            hook = remember(Inside(layer, site), pick)
            handles.append(module.register_forward_hook(hook))
    tokens_BT = torch.nn.utils.rnn.pad_sequence(
        packed.tokens_N.split(packed.lengths), batch_first=True, padding_value=model.padding_idx
    )
    with torch.no_grad():
        model(tokens_BT)
    for handle in handles:
        handle.remove()
    real = tokens_BT != model.padding_idx
    return {place: x_BTD[real] for place, x_BTD in found.items()}


@pytest.mark.parametrize("mask_every", [0, 7])
def test_places_inside_of_blocks_equal_fair_esms_own_modules(mask_every):
    model, packed = build_esm(), batch(LENGTHS, mask_every)
    expected = of_hooks(model, packed)
    assert set(expected) == {
        Inside(layer, site)
        for layer in (1, 2, 3)
        for site in ("attention", "mlp_in", "mlp_hidden", "mlp_out")
    }
    esm2 = FusedEsm2(model)
    with torch.no_grad():
        found = esm2(packed, expected.keys()).representations
    for place, x_NF in found.items():
        assert x_NF.shape == (len(packed.tokens_N), esm2.width(place))
        assert (x_NF - expected[place]).abs().max() < TOLERANCE, place


def test_what_a_block_adds_is_the_difference_of_its_layers():
    esm2, packed = FusedEsm2(build_esm()), batch((5, 17))
    parts = [Inside(2, "attention"), Inside(2, "mlp_out")]
    with torch.no_grad():
        found = esm2(packed, [1, 2, *parts]).representations
    added = found[parts[0]] + found[parts[1]]
    torch.testing.assert_close(found[2] - found[1], added, rtol=0, atol=TOLERANCE)


SITES = ("attention", "mlp_in", "mlp_hidden", "mlp_out")


@pytest.mark.parametrize("site", SITES)
def test_an_edit_inside_of_a_block_changes_what_comes_after_and_nothing_before(site):
    model, packed = build_esm(), batch((5, 17))
    esm2 = FusedEsm2(model)
    places = [Inside(2, each) for each in SITES]
    edited = Inside(2, site)
    with torch.no_grad():
        clean = esm2(packed, [1, 2, *places]).representations
        found = esm2(packed, [1, 2, *places], edits={edited: lambda x: -2 * x}).representations
    assert torch.equal(found[1], clean[1])
    assert not torch.allclose(found[2], clean[2])
    for place in places:
        before = SITES.index(place.site) < SITES.index(site)
        assert torch.equal(found[place], clean[place]) == before, place
    assert torch.equal(found[edited], -2 * clean[edited])


def test_without_what_a_block_adds_the_stream_passes_through():
    esm2, packed = FusedEsm2(build_esm()), batch((5, 17))
    nothing = {Inside(2, site): torch.zeros_like for site in ("attention", "mlp_out")}
    with torch.no_grad():
        found = esm2(packed, [1, 2], edits=nothing).representations
    assert torch.equal(found[2], found[1])


def test_some_tokens_of_the_last_layer_where_a_place_inside_of_it_is_kept():
    """All of its tokens are kept, though the last layer is wanted of some alone."""
    esm2, packed = FusedEsm2(build_esm()), batch((5, 17))
    place, rows = Inside(3, "mlp_out"), torch.tensor([20, 3, 7])
    with torch.no_grad():
        whole = esm2(packed, [3, place])
        found = esm2(packed, [place], rows=rows)
    assert torch.equal(found.representations[place], whole.representations[place])
    torch.testing.assert_close(found.final_ND, whole.final_ND[rows])
