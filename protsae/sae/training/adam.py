"""Adam by PyTorch's fused kernel, without the second that its optimisers take to be imported.

``torch.optim.Adam`` imports PyTorch's compiler when it is made (0.9 s, 150 MB), which nothing here
uses. The function that it calls does not.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Adam:
    """m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, w -= rate m' / (sqrt(v') + epsilon).

    m' = m / (1 - b1^t) and v' = v / (1 - b2^t) after t steps. Bits are those of
    ``torch.optim.Adam(weights, fused=True)``, and so is what a checkpoint keeps.

    Parameters
    ----------
    weights : iterable of Parameter
        float32, of any shape; those without a gradient stay as they are.

    Attributes
    ----------
    state : dict
        By number of the weight: ``step``, scalar, ``exp_avg`` (m) and ``exp_avg_sq`` (v), of the
        shape of the weight. Empty before the first step.

    References
    ----------
    Kingma and Ba 2015, arXiv:1412.6980.

    Examples
    --------
    The first step has the length of the rate, whatever the gradient:

    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> optimiser = Adam([weight])
    >>> weight.grad = torch.tensor([7.0])
    >>> optimiser.step(0.25)
    >>> weight.tolist()
    [0.75]
    """

    def __init__(self, weights: Iterable[torch.nn.Parameter]):
        self.weights = list(weights)
        self.state: dict[int, dict[str, Tensor]] = {}

    def zero_grad(self) -> None:
        """Drop the gradients."""
        for weight in self.weights:
            weight.grad = None

    @torch.no_grad()
    def clip_gradient_(self, most: float) -> None:
        """Scale all gradients by one factor if their norm, as of one vector, exceeds ``most``.

        Bits of ``torch.nn.utils.clip_grad_norm_``, in half its time where weights are small.
        """
        gradients = [weight.grad for weight in self.weights if weight.grad is not None]
        norms = [torch.linalg.vector_norm(gradient) for gradient in gradients]
        factor = most / (torch.linalg.vector_norm(torch.stack(norms)) + 1e-6)
        factor.clamp_(max=1.0)
        for gradient in gradients:
            gradient.mul_(factor)

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One step against the gradients: one pass over weights, gradients and moments."""
        moved = {i: weight for i, weight in enumerate(self.weights) if weight.grad is not None}
        for i in moved.keys() - self.state.keys():
            self.state[i] = _no_moments(moved[i])
        states = [self.state[i] for i in moved]
        adam(
            list(moved.values()),
            [weight.grad for weight in moved.values() if weight.grad is not None],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=rate,
            weight_decay=0.0,
            eps=EPSILON,
            maximize=False,
        )

    def state_dict(self) -> dict[str, Any]:
        """As of ``torch.optim.Optimizer``; there are no groups of weights."""
        return {"state": self.state, "param_groups": []}

    def load_state_dict(self, found: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.state = {
            i: {name: value.to(self.weights[i].device) for name, value in state.items()}
            for i, state in found["state"].items()
        }


def _no_moments(weight: Tensor) -> dict[str, Tensor]:
    return {
        "step": torch.zeros((), device=weight.device),
        "exp_avg": torch.zeros_like(weight),
        "exp_avg_sq": torch.zeros_like(weight),
    }
