"""Effects of nodes: against autograd by other paths, and against what ablation does."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from protsae.interventions.circuits.ablated_runs import Kept, outputs
from protsae.interventions.circuits.circuit_nodes import (
    EVERY,
    Nodes,
    anatomy,
    error_nodes,
    feature_nodes,
)
from tests.helpers.circuit_pass import BUDGET, LENGTH, circuit_pass
from tests.helpers.tiny_esm import build_esm
from tests.interventions.test_edited_predictions import shipped

LAYERS = (1, 2, 3)
ARCHITECTURES = ["relu", "topk", "batchtopk", "jumprelu", "gated", "matryoshka"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_nodes_errors_and_bias_sum_to_gradient_times_activation(architecture):
    one, dictionaries, _ = circuit_pass(build_esm(), LAYERS, architecture)
    found = anatomy(one, dictionaries, 1, BUDGET)
    features, errors = feature_nodes(found, dictionaries, True), error_nodes(found, True)
    x_ND = one.first_ND
    for place, dictionary in enumerate(dictionaries):
        x_ND = x_ND.detach().requires_grad_()
        [g_ND] = torch.autograd.grad(one.forward(place, x_ND[None])[0], x_ND)
        summed = features.effect[features.place == place].sum()
        summed += errors.effect[errors.place == place].sum()
        of_bias = float((g_ND @ dictionary.bias_D).sum())
        assert summed + of_bias == pytest.approx(float((g_ND * x_ND.detach()).sum()), abs=1e-5)
        if place < 2:
            x_ND = one.steps[place](x_ND[None])[0]
    # Of <cls> and <eos> all is error.
    assert not set(features.token) & {0, LENGTH + 1}
    assert len(errors) == 3 * (LENGTH + 2)


def test_over_a_fine_path_features_sum_to_what_ablating_them_all_does():
    one, dictionaries, _ = circuit_pass(shipped(), (2, 4, 6), "relu")
    # As strong as features of a trained SAE.
    dictionaries = [replace(one, decoder_FD=30 * one.decoder_FD) for one in dictionaries]
    coarse, fine = (
        feature_nodes(anatomy(one, dictionaries, steps, 2000), dictionaries, True)
        for steps in (1, 200)
    )
    for place, dictionary in enumerate(dictionaries):
        n = len(dictionary.decoder_FD)
        every = Nodes(np.full(n, place), np.full(n, EVERY), np.arange(n), np.zeros(n), np.zeros(n))
        without, full = outputs(one, dictionaries, [Kept(every, True), Kept(every[:0], True)], 99)
        by_ablation = full - without
        sums = [nodes.effect[nodes.place == place].sum() for nodes in (coarse, fine)]
        assert sums[1] == pytest.approx(by_ablation, abs=3e-6)
        # Or the test would not see whether the path is taken at all.
        assert abs(sums[0] - by_ablation) > 1e-4


def test_all_tokens_together_are_the_sum_of_each():
    one, dictionaries, _ = circuit_pass(build_esm(), LAYERS)
    found = anatomy(one, dictionaries, 3, BUDGET)
    for of in (
        lambda by: feature_nodes(found, dictionaries, by),
        lambda by: error_nodes(found, by),
    ):
        single, together = of(True), of(False)
        for key, effect, activation in zip(
            together.keys, together.effect, together.activation, strict=True
        ):
            own = (single.place == key[0]) & (single.feature == key[2])
            assert effect == pytest.approx(single.effect[own].sum())
            assert activation == pytest.approx(single.activation[own].sum(), rel=1e-6)
