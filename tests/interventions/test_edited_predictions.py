"""Predictions with interventions, held against hooks on fair-esm's own modules and autograd."""

from pathlib import Path

import numpy as np
import pytest
import torch
from esm.model.esm2 import ESM2

from protsae.config.sae_settings import TrainSettings
from protsae.interventions.edited_predictions import (
    changed_residues,
    packed_passes,
    passes,
    predict,
)
from protsae.interventions.intervention import (
    ACTIONS,
    Intervention,
    feature_directions,
    plain_direction,
)
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.load import load_esm
from protsae.plm.esm2.places import Inside
from protsae.plm.esm2.tokens import MASK
from protsae.sae.architectures.topk import TopkSae
from tests.helpers.tiny_esm import ALPHABET, build_esm, random_sequence

LENGTHS = (31, 5, 1)
SEQUENCES = [random_sequence(length) for length in LENGTHS]
SHIPPED = Path(__file__).parents[2] / "data" / "model" / "esm2_t6_protsae.pt"
PLACES = [0, 1, 3, Inside(2, "attention"), Inside(2, "mlp_in"), Inside(3, "mlp_out")]
SETTINGS = {"is_masked": True, "context": 1022, "overlap": 256, "tokens_per_batch": 61}


def run(esm2, interventions, sequences=SEQUENCES, **changes):
    return dict(predict(esm2, sequences, interventions, **{**SETTINGS, **changes}))


def shipped():
    return load_esm(str(SHIPPED), "cpu").model


def shape_of_8m():
    torch.manual_seed(0)
    return ESM2(6, 320, 20, ALPHABET).eval()


def random_sae(d_model, n_features=4, k=3, seed=0):
    settings = TrainSettings(architecture="topk", k=k)
    n_features *= d_model
    return TopkSae.build(d_model, n_features, settings).init_weights(seed).requires_grad_(False)


@pytest.mark.parametrize("build", [build_esm, shipped, shape_of_8m])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("is_masked", [True, False])
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_an_edit_of_strength_zero_is_the_model_to_the_bit(place, is_masked, dtype, build):
    esm2 = FusedEsm2(build(), dtype)
    along = plain_direction(torch.ones(esm2.d_model))
    null = [Intervention(place, along, "add", (0.0,)), Intervention(place, along, "scale", (1.0,))]
    nowhere = [torch.zeros(length, dtype=torch.bool) for length in LENGTHS]
    null.append(Intervention(place, along, "add", (9.0,), is_edited=nowhere))
    for found in run(esm2, null, is_masked=is_masked).values():
        np.testing.assert_array_equal(found.edited, found.clean)
        assert np.isfinite(found.clean).all()


def test_a_strong_edit_changes_every_protein():
    esm2 = FusedEsm2(build_esm())
    along = plain_direction(torch.arange(1.0, 1 + esm2.d_model))
    for found in run(esm2, [Intervention(1, along, "add", (9.0,))]).values():
        assert (found.kl > 1e-3).all()


@pytest.mark.parametrize("build", [shipped, shape_of_8m])
def test_full_reconstruction_plus_error_is_the_model(build):
    esm2 = FusedEsm2(build().requires_grad_(False))
    sae = random_sae(esm2.d_model)
    sequence = random_sequence(31)
    batch, rows = packed_passes(passes([sequence], 1022, 256, True, 0), True)

    def logp(edits):
        return esm2.logits(esm2(batch, edits=edits, rows=rows).final_ND).log_softmax(1)

    def rebuilt(x_ND):
        return sae(x_ND) + (x_ND - sae(x_ND))

    torch.testing.assert_close(logp({3: rebuilt}), logp({}), rtol=1e-5, atol=1e-5)

    # Without its features it is another model.
    everything = feature_directions(sae, range(sae.n_features))
    (found,) = run(esm2, [Intervention(3, everything, "ablate", ())], [sequence]).values()
    assert found.kl.max() > 1e-4


@pytest.mark.parametrize("build", [shipped, shape_of_8m])
@pytest.mark.parametrize("is_masked", [True, False])
def test_predictions_are_those_of_hooks_on_fair_esms_own_modules(build, is_masked):
    model = build().requires_grad_(False)
    esm2, sequence = FusedEsm2(model), random_sequence(37)
    saes = {2: random_sae(esm2.d_model, seed=1), 4: random_sae(esm2.d_model, seed=2)}
    wanted = torch.arange(37) % 3 > 0
    edits = [
        Intervention(2, feature_directions(saes[2], range(40)), "ablate", ()),
        Intervention(4, feature_directions(saes[4], range(9)), "clamp", (2.0,) * 9, [wanted]),
    ]
    (found,) = run(esm2, edits, [sequence], is_masked=is_masked).values()

    def hook(layer):
        def change(module, inputs, output):
            x_TBD, attention = output
            x_LD = x_TBD[1:-1, 0]
            f_LF = saes[layer].encode(x_LD)
            if layer == 2:
                new_LF = f_LF.clone()
                new_LF[:, :40] = 0.0
                rows = torch.ones(37, dtype=torch.bool)
            else:
                new_LF = f_LF.clone()
                new_LF[:, :9] = 2.0
                rows = wanted
            x_TBD = x_TBD.clone()
            x_TBD[1:-1, 0][rows] += ((new_LF - f_LF) @ saes[layer].W_dec)[rows]
            return x_TBD, attention

        return change

    handles = [model.layers[layer - 1].register_forward_hook(hook(layer)) for layer in saes]
    _, _, tokens = ALPHABET.get_batch_converter()([("", sequence)])
    expected = torch.empty(37, 33)
    for one in passes([sequence], 1022, 256, is_masked, 0):
        masked = tokens.clone()
        if is_masked:
            masked[0, 1 + one.predicted] = MASK
        with torch.no_grad():
            logits = model(masked)["logits"][0, 1:-1]
        expected[one.predicted] = logits.log_softmax(1)[one.predicted]
    for handle in handles:
        handle.remove()
    np.testing.assert_allclose(found.edited, expected, rtol=0, atol=1e-4)
    assert found.kl.max() > 1e-4


@pytest.mark.parametrize("build", [build_esm, shipped, shape_of_8m])
@pytest.mark.parametrize("place", [1, 3, Inside(2, "mlp_out")], ids=str)
def test_a_small_edit_moves_predictions_as_its_gradient_says(place, build):
    esm2 = FusedEsm2(build().double().requires_grad_(False), torch.float64)
    direction_D = torch.linspace(-1, 2, esm2.d_model, dtype=torch.float64)
    unit_D = direction_D / direction_D.norm()
    sequence, small = random_sequence(13), 1e-4
    batch, rows = packed_passes(passes([sequence], 1022, 256, True, 0), True)
    strength = torch.zeros((), dtype=torch.float64, requires_grad=True)
    residues_N1 = batch.residues_N[:, None]
    edits = {place: lambda x_ND: x_ND + strength * unit_D * residues_N1}
    true = torch.tensor([5] * len(rows))

    def logp_of(edits):
        logp = esm2.logits(esm2(batch, edits=edits, rows=rows).final_ND).log_softmax(1)
        return logp.gather(1, true[:, None]).sum()

    (slope,) = torch.autograd.grad(logp_of(edits), strength)

    along = plain_direction(direction_D)
    every = [Intervention(place, along, "add", (sign * small,)).edited for sign in (1.0, -1.0)]
    up, down = (
        logp_of({place: lambda x_ND, edited=edited: edited(x_ND, batch.residues_N)})
        for edited in every
    )
    assert float((up - down) / (2 * small)) == pytest.approx(float(slope), rel=1e-3)
    assert abs(float(slope)) > 1e-3


@pytest.mark.parametrize("is_masked", [True, False])
def test_every_residue_is_predicted_once_whatever_the_windows_and_batches(is_masked):
    found = passes([random_sequence(113)], context=43, overlap=12, is_masked=is_masked, seed=0)
    predicted = np.concatenate([one.window.start + one.predicted for one in found])
    assert sorted(predicted.tolist()) == list(range(113))
    assert max(len(one.tokens) for one in found) == 43

    esm2 = FusedEsm2(build_esm())
    along = plain_direction(torch.ones(esm2.d_model))
    edit = [Intervention(1, along, "add", (2.0,))]
    long = [random_sequence(113)]
    one, other = (
        run(esm2, edit, long, context=43, overlap=12, tokens_per_batch=n, is_masked=is_masked)[0]
        for n in (50, 5000)
    )
    np.testing.assert_allclose(one.edited, other.edited, atol=2e-5)
    np.testing.assert_allclose(one.clean, other.clean, atol=2e-5)


def test_a_protein_has_the_same_predictions_among_others():
    esm2 = FusedEsm2(build_esm())
    along = plain_direction(torch.ones(esm2.d_model))
    edit = [Intervention(2, along, action, (2.0,)) for action in ACTIONS]
    alone, among = run(esm2, edit, SEQUENCES[:1])[0], run(esm2, edit, SEQUENCES)[0]
    np.testing.assert_array_equal(alone.edited, among.edited)


def test_changed_residues_are_those_that_an_edit_changes_in_every_window():
    esm2, sequence = FusedEsm2(build_esm()), random_sequence(113)
    wanted = torch.arange(113) % 7 == 3
    along = plain_direction(torch.ones(esm2.d_model))
    edits = [Intervention(1, along, "add", (2.0,), [wanted]), Intervention(2, along, "scale", (1,))]
    found = changed_residues(esm2, sequence, edits, context=43, overlap=12, tokens_per_batch=61)
    np.testing.assert_array_equal(found, wanted)
