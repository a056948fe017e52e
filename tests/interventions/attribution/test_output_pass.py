"""Outputs as functions of activations: the numbers that variants and probes give."""

import numpy as np
import pytest
import torch

from protsae.interventions.attribution.output_pass import Reading, predicted_pass, read_pass
from protsae.interventions.log_odds import log_odds, masked_log_p, window_of
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.places import Inside
from protsae.proteins.substitutions import parse_mutant
from tests.helpers.tiny_esm import build_esm, fair_esm_layers, random_sequence

PLACES = [0, 1, 3, Inside(2, "mlp_out")]


@pytest.fixture(scope="module")
def esm2():
    return FusedEsm2(build_esm().requires_grad_(False))


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("length", [31, 113])
def test_a_variants_log_odds_are_those_of_protsae_variants(esm2, place, length):
    """Of a protein in one piece, and of one in windows."""
    sequence, site = random_sequence(length), 29
    reference = sequence[site]
    letter = "W" if reference != "W" else "Y"
    mutant = parse_mutant(f"{reference}{site + 1}{letter}")
    [(_, log_p)] = masked_log_p(esm2, sequence, [site], 43, 12, 1000)
    [expected] = log_odds([mutant], {site: log_p[0]})
    window = window_of(site, length, 43, 12)
    one = predicted_pass(esm2, place, sequence, window, site, letter, reference)
    assert one.value(one.x_ND[None]).item() == pytest.approx(expected, abs=1e-5)
    true = predicted_pass(esm2, place, sequence, window, site, reference)
    wanted = log_p[0]["ACDEFGHIKLMNPQRSTVWY".index(reference)]
    assert true.value(true.x_ND[None]).item() == pytest.approx(wanted, abs=1e-5)
    assert len(true.rows) == window.length
    assert len(true.x_ND) == window.length + 2


@pytest.mark.parametrize("place", [0, 1, 2, Inside(2, "mlp_out")], ids=str)
def test_a_reading_is_of_fair_esms_activations_with_nothing_masked(esm2, place):
    sequence, site = random_sequence(31), 5
    weights, bias = np.linspace(-1, 2, esm2.d_model), 0.25
    window = window_of(site, 31, 1022, 256)
    one = read_pass(esm2, place, sequence, window, site, Reading(2, weights, bias))
    expected = fair_esm_layers(esm2.model, sequence, [2])[2][site] @ weights + bias
    copies = torch.stack([one.x_ND, 0 * one.x_ND, one.x_ND])
    values = one.value(copies).numpy()
    np.testing.assert_allclose(values[[0, 2]], expected, atol=1e-4)
    assert abs(values[1] - expected) > 1e-3


def test_after_the_last_layer_other_residues_do_not_matter(esm2):
    sequence, site = random_sequence(31), 5
    one = predicted_pass(esm2, 3, sequence, window_of(site, 31, 1022, 256), site, "K")
    x_END = one.x_ND[None].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(one.value(x_END).sum(), x_END)
    assert gradient[0].abs().sum(1).nonzero().flatten().tolist() == [site + 1]
