"""Adam against torch.optim.Adam, and without what that imports."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter

from protsae.sae.training.adam import Adam

SHAPES = ((3, 5), (5,), (2, 7))


def drawn(seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in SHAPES]


def stepped(optimiser: Adam, weights: list[Parameter], steps: range) -> None:
    for step in steps:
        for weight, gradient in zip(weights, drawn(100 + step), strict=True):
            weight.grad = gradient
        optimiser.step(0.1 / (1 + step))


def test_bits_are_those_of_torch() -> None:
    """Rates differ from step to step, and one weight has no gradient at two of them."""
    ours, theirs = ([Parameter(w) for w in drawn(0)] for _ in range(2))
    mine, reference = Adam(ours), torch.optim.Adam(theirs, fused=True)
    for step in range(9):
        for weights in (ours, theirs):
            for weight, gradient in zip(weights, drawn(1 + step), strict=True):
                weight.grad = gradient
            if step in (0, 4):
                weights[1].grad = None
        mine.step(0.1 / (1 + step))
        reference.param_groups[0]["lr"] = 0.1 / (1 + step)
        reference.step()
        for weight, other in zip(ours, theirs, strict=True):
            assert torch.equal(weight, other)
    for i, weight in enumerate(theirs):
        wanted = reference.state[weight]
        assert mine.state[i].keys() == wanted.keys()
        for name, value in wanted.items():
            assert torch.equal(mine.state[i][name], value), (i, name)


def test_two_steps_by_hand() -> None:
    """g = 1, then -1. m' = 1, then (0.9 x 0.1 - 0.1) / (1 - 0.81) = -1 / 19; v' = 1."""
    weight = Parameter(torch.zeros(1))
    optimiser = Adam([weight])
    for gradient in (1.0, -1.0):
        weight.grad = torch.tensor([gradient])
        optimiser.step(0.5)
    assert weight.item() == pytest.approx(-0.5 + 0.5 / 19, rel=1e-5)


def test_goes_on_from_its_state() -> None:
    straight = [Parameter(w) for w in drawn(0)]
    stepped(Adam(straight), straight, range(5))
    weights = [Parameter(w) for w in drawn(0)]
    first, second = Adam(weights), Adam(weights)
    assert first.state_dict() == {"state": {}, "param_groups": []}
    stepped(first, weights, range(3))
    second.load_state_dict(first.state_dict())
    stepped(second, weights, range(3, 5))
    for weight, other in zip(weights, straight, strict=True):
        assert torch.equal(weight, other)


@pytest.mark.parametrize("most", [0.5, 100.0], ids=["clipped", "short enough"])
def test_clipped_as_torch_does(most: float) -> None:
    ours, theirs = ([Parameter(w) for w in drawn(0)] for _ in range(2))
    for weights in (ours, theirs):
        for weight, gradient in zip(weights[:2], drawn(1)[:2], strict=True):
            weight.grad = gradient
    Adam(ours).clip_gradient_(most)
    torch.nn.utils.clip_grad_norm_(theirs, most)
    for weight, other in zip(ours[:2], theirs[:2], strict=True):
        assert weight.grad is not None
        assert other.grad is not None
        assert torch.equal(weight.grad, other.grad)
    assert ours[2].grad is None


def test_gradients_are_dropped() -> None:
    weights = [Parameter(w) for w in drawn(0)]
    weights[0].grad = torch.ones(3, 5)
    Adam(weights).zero_grad()
    assert all(weight.grad is None for weight in weights)


def test_torch_s_compiler_is_not_imported() -> None:
    code = (
        "import sys, torch\n"
        "from protsae.sae.training.adam import Adam\n"
        "weight = torch.nn.Parameter(torch.ones(2))\n"
        "weight.grad = torch.ones(2)\n"
        "Adam([weight]).step(0.1)\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
