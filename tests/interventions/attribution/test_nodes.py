"""Nodes: sums by hand, effects of ablations by hooks on fair-esm, and a planted output."""

import numpy as np
import pytest
import torch

from protsae.interventions.attribution.node_agreement import rank_correlation, top_nodes
from protsae.interventions.attribution.nodes import ablation_effects, nodes_of
from protsae.interventions.attribution.output_pass import OutputPass, predicted_pass
from protsae.interventions.attribution.path_gradients import path_gradients, tolerance
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.tokens import tokenise
from tests.interventions.attribution.attributed_worlds import (
    SEQUENCE,
    SITE,
    WHOLE,
    FairEsm,
    encode_with,
    shape_of_8m,
    shipped,
    topk_sae,
)


def nodes_with(one, sae):
    return nodes_of(one, encode_with(sae), sae.W_dec.numpy(), sae.b_dec.numpy())


@pytest.mark.parametrize("build", [shipped, shape_of_8m])
def test_features_and_errors_sum_to_the_difference_from_the_baseline(build):
    esm2 = FusedEsm2(build())
    sae = topk_sae(esm2.d_model)
    one = predicted_pass(esm2, 3, SEQUENCE, WHOLE, SITE, "W")
    nodes = nodes_with(one, sae)
    assert np.bincount(nodes.residue).tolist() == [7] * len(SEQUENCE)
    rebuilt = np.zeros_like(nodes.error_RD)
    part_ED = nodes.activation[:, None] * nodes.decoder_FD[nodes.feature]
    np.add.at(rebuilt, nodes.residue, part_ED)
    x_RD = one.x_ND[one.rows].numpy()
    np.testing.assert_allclose(rebuilt + nodes.error_RD + sae.b_dec.numpy(), x_RD, atol=1e-5)
    np.testing.assert_allclose(nodes.length, np.linalg.norm(part_ED, axis=1), rtol=1e-6)

    gradients = path_gradients(one, sae.b_dec, tokens_per_batch=400)
    of_features, of_errors = nodes.attributed(gradients.along_RD)
    difference = gradients.value - gradients.baseline_value
    total = of_features.sum() + of_errors.sum()
    assert total == pytest.approx(difference, abs=tolerance(difference))
    # Errors are a part of it that counts.
    assert np.abs(of_errors).sum() > 10 * tolerance(difference)


@pytest.mark.parametrize("build", [shipped, shape_of_8m])
def test_ablated_nodes_do_what_hooks_on_fair_esm_say(build):
    model = build()
    esm2, token = FusedEsm2(model), int(tokenise("W")[0])
    sae = topk_sae(esm2.d_model)
    one = predicted_pass(esm2, 4, SEQUENCE, WHOLE, SITE, "W")
    nodes = nodes_with(one, sae)
    chosen = np.array([0, 5, 7 * SITE, 7 * SITE + 3, len(nodes.activation) - 1])
    part_ED = nodes.activation[chosen, None] * nodes.decoder_FD[nodes.feature[chosen]]
    few, many = (ablation_effects(one, nodes.residue[chosen], part_ED, n) for n in (1, 500))
    # Three times the spacing of float32 at the log p of random weights, for each of two passes.
    np.testing.assert_allclose(few, many, atol=3e-5)

    fair = FairEsm(model, 4)
    x_ND = fair.activations(4)
    expected = []
    with torch.no_grad():
        clean = fair.run(x_ND)[1 + SITE, token].item()
        for node in chosen:
            f_RF = sae.encode(x_ND[1:-1])
            residue, feature = nodes.residue[node], nodes.feature[node]
            without_ND = x_ND.clone()
            without_ND[1 + residue] -= f_RF[residue, feature] * sae.W_dec[feature]
            expected.append(clean - fair.run(without_ND)[1 + SITE, token].item())
    np.testing.assert_allclose(many, expected, atol=1e-4)
    assert np.abs(expected).max() > 1e-3


class TestPlanted:
    """10 residues, 16 features along the axes. Two nodes matter: 3 at residue 2, 5 at residue 7."""

    @staticmethod
    def planted(function):
        rng = np.random.default_rng(0)
        x_ND = torch.from_numpy(rng.random((12, 16)).astype(np.float32))
        x_ND[1 + 2, 3], x_ND[1 + 7, 5] = 0.2, 0.3  # far from the largest activations
        one = OutputPass(x_ND, torch.arange(1, 11), lambda x: function(x[:, 3, 3], x[:, 8, 5]))
        zero = np.zeros(16)
        nodes = nodes_of(one, lambda rows: rows, np.eye(16, dtype=np.float32), zero)
        gradients = path_gradients(one, torch.zeros(16), tokens_per_batch=60)
        part_ED = nodes.activation[:, None] * nodes.decoder_FD[nodes.feature]
        effect = ablation_effects(one, nodes.residue, part_ED, 60)
        integrated, _ = nodes.attributed(gradients.along_RD)
        at_end, _ = nodes.attributed(gradients.at_end_RD)
        return nodes, integrated, at_end, effect

    def test_attribution_finds_the_two_nodes_and_no_other(self):
        nodes, integrated, at_end, effect = self.planted(lambda a, b: torch.exp(5 * a) - 4 * b)
        chosen = top_nodes(integrated, 2)
        found = {(int(nodes.residue[i]), int(nodes.feature[i])) for i in chosen}
        assert found == {(2, 3), (7, 5)}
        others = np.setdiff1d(np.arange(160), chosen)
        assert not integrated[others].any()
        assert not at_end[others].any()
        # exp(1) - 1, and -4 x 0.3; the output is a sum, so that both are exact.
        np.testing.assert_allclose(sorted(effect[chosen]), [-1.2, np.e - 1], atol=1e-5)
        np.testing.assert_allclose(integrated, effect, atol=1e-5)
        np.testing.assert_allclose(sorted(at_end[chosen]), [-1.2, np.e], atol=1e-5)
        # The rule that the largest activation matters most would not have found them.
        assert not set(np.argsort(-nodes.activation)[:20]) & set(chosen)

    def test_redundant_nodes_share_what_ablating_one_does_not_show(self):
        """y = min(40 a + 40 b, 1): either suffices, so that ablations and gradients see nothing."""
        nodes, integrated, at_end, effect = self.planted(lambda a, b: (40 * (a + b)).clamp(max=1))
        two = np.flatnonzero((nodes.residue == 2) & (nodes.feature == 3))
        two = np.append(two, np.flatnonzero((nodes.residue == 7) & (nodes.feature == 5)))
        assert not effect.any()
        assert not at_end.any()
        np.testing.assert_allclose(integrated[two], [0.4, 0.6], atol=0.01)
        # So the check by ablation has nothing to rank, and does not claim to agree.
        assert np.isnan(rank_correlation(integrated, effect, nodes.residue).r)
