"""Runs along edges: with all of them the nodes alone decide; with some, one target at a time."""

import numpy as np
import pytest
import torch

from protsae.interventions.circuits.ablated_runs import Kept, outputs
from protsae.interventions.circuits.circuit_nodes import anatomy, feature_nodes
from protsae.interventions.circuits.graph_runs import graph_output
from tests.helpers.circuit_pass import BUDGET, circuit_pass
from tests.helpers.tiny_esm import build_esm

LAYERS = (1, 2, 3)


def some_nodes(one, dictionaries, by_token, n=17):
    found = anatomy(one, dictionaries, 1, BUDGET)
    nodes = feature_nodes(found, dictionaries, by_token)
    return nodes[np.sort(np.random.default_rng(3).permutation(len(nodes))[:n])]


@pytest.mark.parametrize("by_token", [True, False])
def test_with_all_edges_it_is_the_run_with_the_nodes_kept(by_token):
    one, dictionaries, _ = circuit_pass(build_esm(), LAYERS)
    nodes = some_nodes(one, dictionaries, by_token)
    every = np.ones((len(nodes), len(nodes)), dtype=bool)
    [kept] = outputs(one, dictionaries, [Kept(nodes)], BUDGET)
    assert graph_output(one, dictionaries, nodes, every, BUDGET) == pytest.approx(kept, abs=1e-6)
    none = graph_output(one, dictionaries, nodes, ~every, BUDGET)
    assert abs(none - kept) > 1e-4


def test_with_some_edges_it_is_what_the_definition_says():
    """Written out for three places, target by target, without masks."""
    one, dictionaries, _ = circuit_pass(build_esm(), LAYERS)
    nodes = some_nodes(one, dictionaries, True)
    is_edge = np.random.default_rng(5).random((len(nodes), len(nodes))) < 0.5
    first, second, third = dictionaries

    def encode(dictionary, x_ND):
        return dictionary.features(x_ND[None], one.is_residue)[0]

    def step(place, x_ND):
        with torch.no_grad():
            return one.steps[place](x_ND[None])[0]

    values = {}
    x_ND = one.first_ND - encode(first, one.first_ND) @ first.decoder_FD
    for n, (place, token, feature) in enumerate(nodes.keys):
        if place == 0:
            values[n] = encode(first, one.first_ND)[token, feature]
            x_ND[token] += values[n] * first.decoder_FD[feature]
    for place, (before, after) in ((1, (first, second)), (2, (second, third))):
        base_ND = step(place - 1, x_ND)
        new_ND = base_ND - encode(after, base_ND) @ after.decoder_FD
        for d, (of, token, feature) in enumerate(nodes.keys):
            if of != place:
                continue
            alone_ND = x_ND.clone()
            for u, (source, at, written) in enumerate(nodes.keys):
                if source == place - 1 and not is_edge[u, d]:
                    alone_ND[at] -= values[u] * before.decoder_FD[written]
            values[d] = encode(after, step(place - 1, alone_ND))[token, feature]
            new_ND[token] += values[d] * after.decoder_FD[feature]
        x_ND = new_ND
    with torch.no_grad():
        expected = float(one.output(x_ND[None]))
    found = graph_output(one, dictionaries, nodes, is_edge, BUDGET)
    assert found == pytest.approx(expected, abs=1e-6)
    every = np.ones_like(is_edge)
    assert abs(graph_output(one, dictionaries, nodes, every, BUDGET) - expected) > 1e-4
