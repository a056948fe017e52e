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
from protsae.plm.esm2.tokens import CLS, EOS, MASK, tokenise
from tests.helpers.circuit_pass import BUDGET, SEQUENCE, SITE, circuit_pass
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


def fair_esm(model, x_ND, at, read=None):
    """log p of the masked residue, or activations after block ``read``, by fair-esm's own modules.

    A hook replaces the activations after block ``at``; without ``x_ND`` they are the model's.
    """
    tokens = torch.tensor([[CLS, *tokenise(SEQUENCE).tolist(), EOS]])
    true = tokens[0, SITE + 1].item()
    tokens[0, SITE + 1] = MASK
    kept, handles = [], []

    def replace(module, inputs, output):
        return x_ND[:, None], output[1]

    if x_ND is not None:
        handles.append(model.layers[at - 1].register_forward_hook(replace))
    if read is not None:
        keep = model.layers[read - 1].register_forward_hook(lambda *of: kept.append(of[2][0][:, 0]))
        handles.append(keep)
    logits = model(tokens)["logits"]
    for handle in handles:
        handle.remove()
    return kept[0] if read else logits[0, SITE + 1].log_softmax(-1)[true]


@pytest.mark.parametrize("build", [shipped, shape_of_8m])
def test_nodes_and_edges_are_those_of_hooks_on_fair_esms_own_modules(build):
    model, layers = build(), (2, 4)
    one, dictionaries, saes = circuit_pass(model, layers)
    found = anatomy(one, dictionaries, 1, BUDGET)
    nodes = feature_nodes(found, dictionaries, True)

    x_of = [fair_esm(model, None, None, read=n).detach() for n in layers]
    gradient = []
    for n, x_ND in zip(layers, x_of, strict=True):
        at_ND = x_ND.clone().requires_grad_()
        gradient += torch.autograd.grad(fair_esm(model, at_ND, n), at_ND)
    codes = [sae.encode(x_ND) for sae, x_ND in zip(saes, x_of, strict=True)]
    for place, token, feature, effect in zip(
        *(nodes.place, nodes.token, nodes.feature, nodes.effect), strict=True
    ):
        slope = gradient[place][token] @ saes[place].W_dec[feature]
        expected = float(codes[place][token, feature] * slope)
        assert effect == pytest.approx(expected, rel=2e-3, abs=2e-6)

    assert np.abs(nodes.effect).max() > 1e-3

    # Edges to the ten nodes of the later layer with the largest effects.
    of_late = np.flatnonzero(nodes.place == 1)
    chosen = of_late[np.argsort(-np.abs(nodes.effect[of_late]))[:10]]
    nodes = nodes[np.sort(np.append(np.flatnonzero(nodes.place == 0), chosen))]
    weights = edge_weights(one, dictionaries, found, nodes, 1)
    early, late = (np.flatnonzero(nodes.place == place) for place in (0, 1))
    for d in late:
        token, feature = int(nodes.token[d]), int(nodes.feature[d])
        start_ND = x_of[0].clone().requires_grad_()
        active = saes[1].encode(fair_esm(model, start_ND, layers[0], read=layers[1]))
        [by_ND] = torch.autograd.grad(active[token, feature], start_ND)
        slope = float(gradient[1][token] @ saes[1].W_dec[feature])
        at, of = nodes.token[early], nodes.feature[early]
        written = codes[0][at, of][:, None] * saes[0].W_dec[of]
        expected = slope * (by_ND[at] * written).sum(1).numpy()
        scale = np.abs(expected).max()
        np.testing.assert_allclose(weights[early, d], expected, rtol=1e-2, atol=1e-3 * scale)
        assert scale > 0
