"""Gradients along the path: by hand, complete, and those of hooks on fair-esm's own modules."""

import numpy as np
import pytest
import torch

from protsae.interventions.attribution.output_pass import OutputPass, predicted_pass
from protsae.interventions.attribution.path_gradients import (
    path_gradients,
    tolerance,
    way_points,
)
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.tokens import tokenise
from tests.helpers.tiny_esm import build_esm
from tests.interventions.attribution.attributed_worlds import (
    SEQUENCE,
    SITE,
    WHOLE,
    FairEsm,
    shape_of_8m,
    shipped,
    topk_sae,
)

ONE_TOKEN = torch.tensor([0])


def number_line(function, x=3.0):
    """A pass of one residue with one coordinate."""
    return OutputPass(torch.tensor([[x]]), ONE_TOKEN, lambda x_END: function(x_END[:, 0, 0]))


def test_of_a_linear_output_both_gradients_are_its_weights():
    weights_ND = torch.tensor([[9.0, 9.0], [2.0, -1.0], [0.5, 3.0], [9.0, 9.0]])
    x_ND = torch.tensor([[1.0, 1.0], [4.0, 2.0], [6.0, -1.0], [1.0, 1.0]])
    one = OutputPass(x_ND, torch.tensor([1, 2]), lambda x: (x * weights_ND).sum((1, 2)) + 5)
    found = path_gradients(one, torch.tensor([1.0, 1.0]), tokens_per_batch=8)
    # 9 + 9, 8 - 2, 3 - 3, 9 + 9 and 5; at the baseline 9 + 9, 1, 3.5, 9 + 9 and 5.
    assert (found.value, found.baseline_value) == (47.0, 45.5)
    np.testing.assert_array_equal(found.at_end_RD, [[2, -1], [0.5, 3]])
    np.testing.assert_allclose(found.along_RD, [[2, -1], [0.5, 3]], rtol=1e-7)
    assert found.error == pytest.approx(0, abs=1e-6)


def test_a_saturated_output_has_no_gradient_at_its_end_but_on_the_way():
    """y = min(x, 1) at x = 4: gradient 0 there, 1 on the first quarter of the way from 0."""
    one = number_line(lambda x: x.clamp(max=1), x=4.0)
    found = path_gradients(one, torch.tensor([0.0]), tokens_per_batch=7)
    assert found.at_end_RD.item() == 0
    assert found.along_RD.item() * 4 == pytest.approx(1, abs=tolerance(1.0))
    assert found.is_complete
    assert found.n_steps > 8  # the corner takes more than the first try


def test_what_does_not_become_complete_says_so():
    """A step that all 8 points miss but one."""
    step = number_line(lambda x: 5 * torch.sigmoid(2000 * (x - 2.9)), x=3.0)
    found = path_gradients(step, torch.tensor([0.0]), tokens_per_batch=100, most_steps=8)
    assert found.n_steps == 8
    assert not found.is_complete
    total = found.along_RD.item() * 3
    assert found.error == pytest.approx(total - (found.value - found.baseline_value))
    assert abs(found.error) > 0.05


def test_batches_change_nothing():
    one = number_line(lambda x: x.sin())
    few, many = (path_gradients(one, torch.tensor([-1.0]), n) for n in (3, 1000))
    np.testing.assert_allclose(few.along_RD, many.along_RD, rtol=1e-12)
    # (cos(-1) - ...): the mean of cos over -1 to 3 is (sin 3 - sin -1) / 4.
    assert few.along_RD.item() == pytest.approx((np.sin(3) - np.sin(-1)) / 4, abs=1e-6)


@pytest.mark.parametrize("build", [shipped, shape_of_8m])
@pytest.mark.parametrize("layer", [2, 5])
def test_gradients_are_those_of_hooks_on_fair_esms_own_modules(build, layer):
    model = build()
    esm2, token = FusedEsm2(model), int(tokenise("W")[0])
    sae = topk_sae(esm2.d_model)
    one = predicted_pass(esm2, layer, SEQUENCE, WHOLE, SITE, "W")
    found = path_gradients(one, sae.b_dec, tokens_per_batch=400)

    fair = FairEsm(model, layer)
    x_ND = fair.activations(layer)
    start_ND = x_ND.clone()
    start_ND[1:-1] = sae.b_dec

    def value(at_ND):
        return fair.run(at_ND)[1 + SITE, token]

    def gradient(share):
        at_ND = (start_ND + share * (x_ND - start_ND)).requires_grad_()
        return torch.autograd.grad(value(at_ND), at_ND)[0][1:-1].double().numpy()

    with torch.no_grad():
        assert found.value == pytest.approx(value(x_ND).item(), abs=1e-4)
        assert found.baseline_value == pytest.approx(value(start_ND).item(), abs=1e-4)
    scale = np.abs(found.at_end_RD).max()
    np.testing.assert_allclose(found.at_end_RD, gradient(1.0), atol=1e-4 * scale)
    # By another rule: the middles of 100 equal steps.
    middles = np.mean([gradient((i + 0.5) / 100) for i in range(100)], axis=0)
    np.testing.assert_allclose(found.along_RD, middles, atol=0.02 * np.abs(middles).max())
    assert found.is_complete
    assert abs(found.value - found.baseline_value) > 0.01


def test_points_are_exact_for_polynomials_below_their_number():
    shares, weights = way_points(5)
    for power in range(5):
        assert weights @ shares**power == pytest.approx(1 / (power + 1), rel=1e-12)
    assert weights @ shares**9 != pytest.approx(1 / 10, rel=1e-12)


def test_a_baseline_of_zero_where_layer_norms_jump_is_complete():
    esm2 = FusedEsm2(build_esm().requires_grad_(False))
    for layer in (1, 2, 3):
        one = predicted_pass(esm2, layer, SEQUENCE, WHOLE, SITE, "W")
        assert path_gradients(one, torch.zeros(24), tokens_per_batch=1000).is_complete


@pytest.mark.parametrize("build", [shipped, shape_of_8m])
def test_every_layer_is_complete(build):
    esm2 = FusedEsm2(build())
    sae = topk_sae(esm2.d_model)
    for layer in range(1, 7):
        one = predicted_pass(esm2, layer, SEQUENCE, WHOLE, SITE, "W", "K")
        found = path_gradients(one, sae.b_dec, tokens_per_batch=400)
        assert abs(found.error) <= tolerance(found.value - found.baseline_value), layer


def test_tolerance_is_relative_and_has_a_floor():
    assert [tolerance(d) for d in (0.0, 0.05, 1.0, -3.0)] == [1e-3, 1e-3, 0.01, 0.03]
