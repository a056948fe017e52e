"""Neurons: from what an MLP reads, beside fair-esm's own MLP."""

import numpy as np
import pytest
import torch

from protsae.detectors.baselines import neurons
from tests.helpers.tiny_esm import build_esm

LENGTHS = {"P1": 7, "P2": 1, "P3": 13}
WIDTH = 24


def of_fair_esm(rows: np.ndarray) -> np.ndarray:
    """What the second map of a block's MLP is given, by fair-esm's own modules."""
    block, seen = build_esm(width=WIDTH).layers[1], []
    block.fc2.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    with torch.no_grad():
        # The block's own norm is made to pass rows on, and its attention to add nothing.
        block.final_layer_norm = torch.nn.Identity()
        block.self_attn.out_proj.weight.zero_()
        block.self_attn.out_proj.bias.zero_()
        block(torch.from_numpy(rows)[:, None], need_head_weights=False)
    found: np.ndarray = seen[0][:, 0].numpy()
    return found


@pytest.mark.parametrize("most", [1, 8, 1000], ids=["one protein", "two", "all"])
def test_neurons_are_the_positive_outputs_of_gelu_however_they_are_read(most: int) -> None:
    rng = np.random.default_rng(0)
    rows = {name: rng.normal(size=(n, WIDTH)).astype(np.float32) for name, n in LENGTHS.items()}
    first = build_esm(width=WIDTH).layers[1].fc1
    weight, bias = (x.detach().numpy() for x in (first.weight, first.bias))

    def read(names: set[str], _: int):
        return (([name], rows[name]) for name in LENGTHS if name in names)

    codes = neurons(read, weight, bias)
    assert codes.n_features == 4 * WIDTH
    blocks = list(codes.blocks(set(LENGTHS), most))
    assert [name for names, _ in blocks for name in names] == list(LENGTHS)
    found = np.concatenate([part.toarray() for _, part in blocks])
    assert found.dtype == np.float32
    expected = of_fair_esm(np.concatenate(list(rows.values())))
    assert expected.min() < -0.16  # GELU's lowest is -0.17: an off neuron
    np.testing.assert_allclose(found, np.maximum(expected, 0), rtol=1e-5, atol=1e-6)
    assert all((part.data > 0).all() for _, part in blocks)
