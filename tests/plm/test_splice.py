"""Cross-entropy of masked residues with a layer replaced."""

import math

import numpy as np
import pytest
import torch

from protsae.plm import splice
from protsae.plm.batch import pack
from protsae.plm.forward import FusedEsm2
from protsae.plm.masking import mask_batch
from protsae.plm.splice import edit_residues, loss_recovered, masked_loss
from protsae.plm.tokens import MASK, tokenise, windows
from tests.tiny_esm import ALPHABET, build_esm, random_sequence

LENGTHS = (31, 5, 113, 1)
LAYER = 2
EDITS = {"same": torch.clone, "zero": torch.zeros_like, "other": lambda x: -2 * x}


def losses(edits=EDITS, layer=LAYER, model=None, **changes):
    settings = {
        "mask_fraction": 0.15,
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
    assert loss_recovered(clean, same, zero) == pytest.approx(1, abs=1e-4)
    assert loss_recovered(clean, zero, zero) == pytest.approx(0, abs=1e-4)


def test_how_many_are_masked():
    # round(0.15 n), at least one: 31 -> 5 (4.65), 5 -> 1 (0.75), 113 -> 17 (16.95), 1 -> 1.
    assert losses().n_masked.tolist() == [5, 1, 17, 1]
    assert losses(mask_fraction=0.5).n_masked.tolist() == [16, 2, 56, 1]


def test_the_clean_loss_is_fair_esms():
    # All residues masked, so that the reference needs no draw.
    model = build_esm()
    found = losses({}, model=model, mask_fraction=0.999)
    for length, n_masked, nats in zip(LENGTHS, found.n_masked, found.nats["clean"], strict=True):
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
    assert times.sum() == sum(round(0.9 * n) for n in kept) == found.n_masked[2]
    np.testing.assert_allclose(found.nats["same"], found.nats["clean"], rtol=1e-6)


def test_letters_that_are_no_standard_residue_are_not_masked():
    found = masked_loss(FusedEsm2(build_esm()), ["XXBZ", "XMX"], LAYER, {}, 0.9, 1022, 256, 61, 0)
    assert found.n_masked.tolist() == [0, 1]


def test_loss_recovered_is_not_clipped_and_nan_where_ablation_costs_nothing():
    assert loss_recovered(clean=2.0, spliced=3.5, ablated=3.0) == -0.5
    assert loss_recovered(clean=2.0, spliced=1.5, ablated=3.0) == 1.5
    assert math.isnan(loss_recovered(clean=2.0, spliced=2.5, ablated=2.0))
