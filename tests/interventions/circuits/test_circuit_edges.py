"""Edges: against full Jacobians, and against the effects of the nodes that they leave."""

import numpy as np
import pytest
import torch

from protsae.interventions.circuits.circuit_edges import edge_weights
from protsae.interventions.circuits.circuit_nodes import (
    ERROR,
    anatomy,
    error_nodes,
    feature_nodes,
    joined_nodes,
)
from tests.helpers.circuit_pass import BUDGET, circuit_pass
from tests.helpers.tiny_esm import build_esm
from tests.interventions.test_edited_predictions import shape_of_8m, shipped

LAYERS = (1, 2, 3)
ARCHITECTURES = ["relu", "topk", "batchtopk", "jumprelu", "gated", "matryoshka"]


def every_node(found, dictionaries, by_token):
    return joined_nodes(
        [feature_nodes(found, dictionaries, by_token), error_nodes(found, by_token)]
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("by_token", [True, False])
def test_the_edges_that_leave_a_node_sum_to_its_effect(architecture, by_token):
    one, dictionaries, _ = circuit_pass(build_esm(), LAYERS, architecture)
    found = anatomy(one, dictionaries, 1, BUDGET)
    nodes = every_node(found, dictionaries, by_token)
    weights = edge_weights(one, dictionaries, found, nodes, 1)
    early = nodes.place < 2
    np.testing.assert_allclose(weights[early].sum(1), nodes.effect[early], rtol=1e-3, atol=2e-6)
    successive = nodes.place[:, None] + 1 == nodes.place
    assert not weights[~successive].any()
    assert np.abs(nodes.effect[early]).max() > 1e-2


@pytest.mark.parametrize("build", [build_esm, shipped, shape_of_8m])
def test_edges_are_those_of_full_jacobians(build):
    """Of all features and errors of a place by all of x of the one before, formed as matrices."""
    one, dictionaries, _ = circuit_pass(build(), (1, 2))
    found = anatomy(one, dictionaries, 1, BUDGET)
    nodes = every_node(found, dictionaries, True)
    # A few of each kind; the Jacobian has them all.
    chosen = np.random.default_rng(0).permutation(len(nodes))[:60]
    nodes = nodes[np.sort(chosen)]
    weights = edge_weights(one, dictionaries, found, nodes, 1)

    before, after = dictionaries
    x_ND = one.first_ND

    def features(x_ND):
        return after.encode(one.steps[0](x_ND[None])[0])

    def errors(x_ND):
        next_ND = one.steps[0](x_ND[None])[0]
        f_NF = after.encode(next_ND) * one.is_residue[:, None]
        return ((next_ND - (f_NF @ after.decoder_FD + after.bias_D)) * g_ND).sum(1)

    next_ND = one.steps[0](x_ND[None])[0].detach().requires_grad_()
    [g_ND] = torch.autograd.grad(one.output(next_ND[None])[0], next_ND)
    jacobian = torch.autograd.functional.jacobian
    by_feature, by_error = jacobian(features, x_ND), jacobian(errors, x_ND)
    f_NF = before.encode(x_ND) * one.is_residue[:, None]
    e_ND = x_ND - f_NF @ before.decoder_FD - before.bias_D

    n_checked = 0
    for u, (place, token, feature) in enumerate(nodes.keys):
        if place:
            continue
        written = (
            e_ND[token] if feature == ERROR else f_NF[token, feature] * before.decoder_FD[feature]
        )
        for d, (next_place, to, target) in enumerate(nodes.keys):
            if not next_place:
                continue
            if target == ERROR:
                expected = by_error[to, token] @ written
            else:
                slope = g_ND[to] @ after.decoder_FD[target]
                expected = slope * (by_feature[to, target, token] @ written)
            assert weights[u, d] == pytest.approx(float(expected), rel=1e-3, abs=1e-6)
            n_checked += abs(float(expected)) > 1e-5
    assert n_checked > 30
