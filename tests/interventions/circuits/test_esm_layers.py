"""Passes cut at layers are the model, and what hooks on fair-esm's own modules say."""

import pytest
import torch

from protsae.interventions.circuits.ablated_runs import ALL_KEPT, NONE_KEPT, Kept, outputs
from protsae.interventions.circuits.circuit_nodes import EVERY, Nodes
from protsae.plm.esm2.tokens import CLS, EOS, MASK, tokenise
from tests.helpers.circuit_pass import BUDGET, LENGTH, SEQUENCE, SITE, circuit_pass
from tests.helpers.tiny_esm import build_esm
from tests.interventions.test_edited_predictions import shape_of_8m, shipped


def fair_esm_output(model, hooks=None, is_masked=True):
    """log p of the true residue by fair-esm; hooks change the residues' rows of a layer."""
    tokens = torch.tensor([[CLS, *tokenise(SEQUENCE).tolist(), EOS]])
    true = tokens[0, SITE + 1].item()
    if is_masked:
        tokens[0, SITE + 1] = MASK

    def hook(change):
        def changed(module, inputs, output):
            x_TBD, attention = output
            x_TBD = x_TBD.clone()
            x_TBD[1:-1, 0] = change(x_TBD[1:-1, 0])
            return x_TBD, attention

        return changed

    placed = [model.layers[n - 1].register_forward_hook(hook(f)) for n, f in (hooks or {}).items()]
    try:
        with torch.no_grad():
            logits = model(tokens)["logits"]
    finally:
        for one in placed:
            one.remove()
    return float(logits[0, SITE + 1].log_softmax(-1)[true])


@pytest.mark.parametrize("is_masked", [True, False])
@pytest.mark.parametrize("layers", [(1, 2), (0, 1, 3), (3,)])
def test_all_kept_is_the_model(layers, is_masked):
    model = build_esm()
    one, dictionaries, _ = circuit_pass(model, layers, is_masked=is_masked)
    [kept] = outputs(one, dictionaries, [ALL_KEPT], BUDGET)
    x_ND = one.first_ND
    with torch.no_grad():
        for step in one.steps:
            x_ND = step(x_ND[None])[0]
        assert kept == float(one.output(x_ND[None]))  # to the bit
    assert kept == pytest.approx(fair_esm_output(model, is_masked=is_masked), abs=1e-5)


@pytest.mark.parametrize("build", [shipped, shape_of_8m])
@pytest.mark.parametrize("keep_errors", [True, False])
def test_ablations_at_several_layers_are_those_of_hooks_on_fair_esms_own_modules(
    build, keep_errors
):
    model = build()
    layers = (2, 3, 5)
    one, dictionaries, saes = circuit_pass(model, layers)
    # Of layer 2 one feature at all tokens, of layer 3 two at a token each, of layer 5 none. Tokens
    # count from <cls>.
    kept = [(0, EVERY, 7), (1, 3, 11), (1, 9, 5)]
    place, token, feature = (torch.tensor(column).numpy() for column in zip(*kept, strict=True))
    nodes = Nodes(place, token, feature, 0.0 * place, 0.0 * place)

    masks = {layer: torch.zeros(LENGTH, 29, dtype=torch.bool) for layer in layers}
    masks[2][:, 7] = True
    masks[3][3 - 1, 11] = masks[3][9 - 1, 5] = True

    def hook(layer, is_complement):
        sae = saes[layers.index(layer)]

        def change(x_LD):
            f_LF = sae.encode(x_LD)
            error_LD = x_LD - sae.decode(f_LF)
            stays = ~masks[layer] if is_complement else masks[layer]
            return sae.decode(f_LF * stays) + keep_errors * error_LD

        return change

    sets = [Kept(nodes), Kept(nodes, is_complement=True)]
    found = outputs(one, dictionaries, sets, BUDGET, keep_errors)
    for value, is_complement in zip(found, (False, True), strict=True):
        hooks = {layer: hook(layer, is_complement) for layer in layers}
        assert value == pytest.approx(fair_esm_output(model, hooks), rel=2e-6, abs=1e-5)


def test_copies_that_run_together_do_not_meet():
    one, dictionaries, _ = circuit_pass(build_esm(), (1, 2, 3))
    sets = [NONE_KEPT, ALL_KEPT, NONE_KEPT]
    together = outputs(one, dictionaries, sets, 1000)
    alone = [outputs(one, dictionaries, [kept], 1)[0] for kept in sets]
    assert together == pytest.approx(alone, abs=1e-6)
    assert abs(together[0] - together[1]) > 1e-3
