"""Cross-entropy of masked residues with a layer replaced."""

import numpy as np
import pytest
import torch

from protsae.plm import spliced_loss as splice
from protsae.plm.esm2.batch import pack
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.places import Inside
from protsae.plm.esm2.tokens import MASK, STANDARD_TOKENS, tokenise, windows
from protsae.plm.masking import mask_batch
from protsae.plm.spliced_loss import edit_residues, masked_loss
from tests.helpers.tiny_esm import ALPHABET, build_esm, random_sequence

LENGTHS = (31, 5, 113, 1)
LAYER = 2
EDITS = {"same": torch.clone, "zero": torch.zeros_like, "other": lambda x: -2 * x}


def losses(edits=EDITS, layer=LAYER, model=None, **changes):
    settings = {
        "mask_fraction": 0.15,
        "n_masks": 1,
        "context": 1022,
        "overlap": 256,
        "tokens_per_batch": 61,
        "seed": 0,
        **changes,
    }
    sequences = [random_sequence(length) for length in LENGTHS]
    return masked_loss(FusedEsm2(model or build_esm()), sequences, layer, edits, **settings)


@pytest.mark.parametrize("layer", [0, 1, 2, 3])
def test_an_identity_edit_recovers_all_and_zero_ablation_nothing(layer):
    found = losses(layer=layer)
    clean, same, zero = (found.nats[name].sum() for name in ("clean", "same", "zero"))

    np.testing.assert_allclose(found.nats["same"], found.nats["clean"], rtol=1e-6)
    assert zero != pytest.approx(clean, rel=1e-3)  # or there is nothing to recover
    assert (zero - same) / (zero - clean) == pytest.approx(1, abs=1e-4)


def test_how_many_are_masked():
    # round(0.15 n), at least one: 31 -> 5 (4.65), 5 -> 1 (0.75), 113 -> 17 (16.95), 1 -> 1.
    assert losses().n_masked.tolist() == [[5, 1, 17, 1]]
    assert losses(mask_fraction=0.5).n_masked.tolist() == [[16, 2, 56, 1]]
    assert losses(n_masks=3).n_masked.tolist() == [[5, 1, 17, 1]] * 3


def test_what_is_masked_is_counted_by_letter():
    # All residues masked: the letters of each sequence, twice.
    found = losses({}, mask_fraction=0.999, n_masks=2).tokens
    for of_mask in found:
        for length, counts in zip(LENGTHS, of_mask, strict=True):
            letters = tokenise(random_sequence(length))
            assert counts.tolist() == [(letters == token).sum() for token in range(33)]
    assert found.sum() == found[..., STANDARD_TOKENS].sum()


def test_every_mask_is_a_draw_of_its_own_and_the_first_is_that_of_one_alone():
    alone, three = losses(), losses(n_masks=3)
    for name in alone.nats:
        np.testing.assert_allclose(three.nats[name][0], alone.nats[name][0], rtol=1e-6)
    first, second, third = three.nats["clean"][:, 2]
    assert len({round(first, 3), round(second, 3), round(third, 3)}) == 3
    # The protein of one residue has only one mask.
    np.testing.assert_allclose(three.nats["clean"][:, 3], alone.nats["clean"][0, 3], rtol=1e-6)


def test_the_clean_loss_is_fair_esms():
    # All residues masked, so that the reference needs no draw.
    model = build_esm()
    found = losses({}, model=model, mask_fraction=0.999)
    for length, n_masked, nats in zip(
        LENGTHS, found.n_masked[0], found.nats["clean"][0], strict=True
    ):
        true = tokenise(random_sequence(length))
        tokens = torch.tensor([[ALPHABET.cls_idx, *[MASK] * length, ALPHABET.eos_idx]])
        with torch.no_grad():
            log_p = model(tokens)["logits"].log_softmax(-1)[0, 1:-1]
        expected = -log_p[torch.arange(length), torch.from_numpy(true)].sum()
        assert n_masked == length
        assert nats == pytest.approx(float(expected), rel=1e-5)


def test_batches_do_not_matter():
    one, many = losses(tokens_per_batch=1), losses(tokens_per_batch=4096)
    assert one.n_masked.tolist() == many.n_masked.tolist()
    for name in one.nats:
        np.testing.assert_allclose(one.nats[name], many.nats[name], rtol=1e-5)


def test_same_seed_same_masks():
    first, again, other = losses(), losses(), losses(seed=1)
    assert np.array_equal(first.nats["clean"], again.nats["clean"])
    assert not np.allclose(first.nats["clean"], other.nats["clean"])


def test_only_residues_are_edited():
    # <cls> 5 residues <eos> <cls> 2 residues <eos>.
    residues_N = pack([tokenise("MKTAY"), tokenise("MK")]).residues_N
    assert residues_N.tolist() == [False, *[True] * 5, False, False, True, True, False]
    x_ND = torch.arange(11 * 3, dtype=torch.float32).reshape(11, 3)
    before = x_ND.clone()
    seen = []

    def edit(rows):
        seen.append(rows)
        return rows - 1000

    out_ND = edit_residues(edit, residues_N)(x_ND)
    expected = before.clone()
    expected[1:6] -= 1000
    expected[8:10] -= 1000
    assert torch.equal(out_ND, expected)
    assert torch.equal(x_ND, before)
    assert len(seen) == 1
    assert torch.equal(seen[0], torch.cat([before[1:6], before[8:10]]))


def test_an_edit_sees_each_residue_of_each_protein_once():
    rows = []
    losses({"count": lambda x: rows.append(len(x)) or x})
    assert sum(rows) == sum(LENGTHS)


def test_windows_mask_each_residue_at_most_once(monkeypatch):
    context, overlap = 31, 13
    seen = []

    def spy(originals, positions):
        masked = mask_batch(originals, positions)
        seen.extend(tokens.tolist() for tokens in masked.batch.tokens_N.split(masked.batch.lengths))
        return masked

    monkeypatch.setattr(splice, "mask_batch", spy)
    found = losses(
        {"same": torch.clone}, context=context, overlap=overlap, mask_fraction=0.9, seed=5
    )

    times = np.zeros(113, dtype=int)
    long = windows(2, 113, context, overlap)
    sequence = tokenise(random_sequence(113))
    for row in seen:
        tokens = np.array(row[1 : row.index(ALPHABET.eos_idx)])
        real = tokens != MASK
        for w in long:
            if len(tokens) == w.length and (tokens == sequence[w.start : w.stop])[real].all():
                masked = w.start + np.flatnonzero(~real)
                assert ((w.keep_start <= masked) & (masked < w.keep_stop)).all()
                times[masked] += 1
                break
    kept = [w.keep_stop - w.keep_start for w in long]
    assert times.max() == 1
    assert times.sum() == sum(round(0.9 * n) for n in kept) == found.n_masked[0, 2]
    np.testing.assert_allclose(found.nats["same"], found.nats["clean"], rtol=1e-6)


def test_letters_that_are_no_standard_residue_are_not_masked():
    found = masked_loss(
        FusedEsm2(build_esm()), ["XXBZ", "XMX"], LAYER, {}, 0.9, 2, 1022, 256, 61, 0
    )
    assert found.n_masked.tolist() == [[0, 1], [0, 1]]


def on_residues(edit, x_TBD):
    """fair-esm's tokens come first, <cls> and <eos> at the ends of the only sequence."""
    return torch.cat([x_TBD[:1], edit(x_TBD[1:-1]), x_TBD[-1:]])


def hooked(block, site, edit):
    """fair-esm's own module of a block, made to edit what it is given or gives."""
    if site == "attention":
        return block.self_attn.register_forward_hook(
            lambda _, __, output: (on_residues(edit, output[0]), *output[1:])
        )
    if site == "mlp_out":
        return block.fc2.register_forward_hook(lambda _, __, output: on_residues(edit, output))
    module = {"mlp_in": block.fc1, "mlp_hidden": block.fc2}[site]
    return module.register_forward_pre_hook(lambda _, given: (on_residues(edit, given[0]),))


@pytest.mark.parametrize("site", ["attention", "mlp_in", "mlp_hidden", "mlp_out"])
@pytest.mark.parametrize("layer", [1, 3])
def test_an_edit_inside_of_a_block_is_fair_esms_own_module_edited(site, layer):
    model, edit = build_esm(), (lambda x: -2 * x)
    edits = {"same": torch.clone, "edited": edit}
    found = losses(edits, Inside(layer, site), model, mask_fraction=0.999)
    np.testing.assert_allclose(found.nats["same"], found.nats["clean"], rtol=1e-6)
    handle = hooked(model.layers[layer - 1], site, edit)
    for length, nats in zip(LENGTHS, found.nats["edited"][0], strict=True):
        true = tokenise(random_sequence(length))
        tokens = torch.tensor([[ALPHABET.cls_idx, *[MASK] * length, ALPHABET.eos_idx]])
        with torch.no_grad():
            log_p = model(tokens)["logits"].log_softmax(-1)[0, 1:-1]
        expected = -log_p[torch.arange(length), torch.from_numpy(true)].sum()
        assert nats == pytest.approx(float(expected), rel=1e-5)
    handle.remove()
    assert not np.allclose(found.nats["edited"], found.nats["clean"], rtol=1e-3)
