"""What float16 loses of a row, and how much is too much."""

import math

import pytest
import torch

from protsae.errors import UserError
from protsae.plm.precision import Float16Error, store_rows, validate_stored


def test_the_loss_is_that_of_the_worst_row() -> None:
    """1 + 2^-11 lies half way between two numbers of float16, the lower of which is even."""
    rows = torch.tensor([[2.0, 0, 0], [0, 1 + 2**-11, 0], [0, 0, 0], [0, 4, 4]])
    stored, lost = store_rows(rows, torch.float16)
    assert stored.tolist() == [[2, 0, 0], [0, 1, 0], [0, 0, 0], [0, 4, 4]]
    assert float(lost) == pytest.approx(2**-11 / (1 + 2**-11))


def test_a_thousandth_of_a_row_may_be_lost() -> None:
    validate_stored(3, 1e-3, torch.float16)
    with pytest.raises(Float16Error, match=r"^layer 3: float16 would lose 0\.0011 of a residue"):
        validate_stored(3, 1.1e-3, torch.float16)
    validate_stored(3, 0.5, torch.bfloat16)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_what_is_not_finite_is_told(dtype: torch.dtype) -> None:
    with pytest.raises(UserError, match=r"^layer 3: a value is NaN or infinite"):
        validate_stored(3, math.nan, dtype)
