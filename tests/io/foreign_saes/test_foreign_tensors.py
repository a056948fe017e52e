"""Single numbers that stand among an SAE's tensors."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from protsae.errors import UserError
from protsae.io.foreign_saes.foreign_tensors import only, scalar

PATH = Path("ae.pt")


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_a_number(shape: tuple[int, ...]) -> None:
    assert scalar(PATH, "k", torch.full(shape, 7)) == 7


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(torch.tensor([3, 3]), id="two"),
        pytest.param(torch.tensor([]), id="none"),
        pytest.param(torch.tensor(3 + 0j), id="complex"),
        pytest.param(torch.tensor(torch.nan), id="NaN"),
    ],
)
def test_what_is_no_single_number(value: Tensor) -> None:
    with pytest.raises(UserError, match=r"^ae\.pt: k is not one finite number; copy it again$"):
        scalar(PATH, "k", value)


def test_five_unused_tensors_are_named() -> None:
    message = r"^ae\.pt: A, B, C, D, E would not be used; expected a topk SAE, W alone; save again "
    with pytest.raises(UserError, match=message):
        only(PATH, ["W", *"GFEDCBA"], ["W"], "topk")
