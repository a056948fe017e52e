"""What it costs to compute or to store activations in fewer bits."""

import math

import torch
from torch import Tensor

from protsae.errors import UserError
from protsae.plm.esm2.places import Place

MAX_RELATIVE_ERROR = 1e-3
"""Largest |x - stored x| / |x| of a residue (Euclidean norms) at which float16 is used."""


class Float16Error(Exception):
    """A layer, or a place inside of one, that float16 cannot hold; ``place`` says which."""

    def __init__(self, place: Place, lost: float):
        super().__init__(f"layer {place}: float16 would lose {lost:.2g} of a residue's norm")
        self.place = place


def store_rows(x_ND: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Rows in ``dtype``, and the largest |x - stored x| / |x| over rows, a scalar.

    The loss is inf where a value overflows and NaN where one is NaN or infinite.

    Examples
    --------
    >>> rows, lost = store_rows(torch.tensor([[3.0, 4.0], [0.0, 7e4]]), torch.float16)
    >>> rows.tolist(), float(lost)
    ([[3.0, 4.0], [0.0, inf]], inf)
    """
    rows_ND = x_ND.to(dtype)
    size_N = x_ND.norm(dim=1).clamp_min(torch.finfo(x_ND.dtype).tiny)
    return rows_ND, ((x_ND - rows_ND.to(x_ND.dtype)).norm(dim=1) / size_N).max()


def validate_stored(place: Place, lost: float, dtype: torch.dtype) -> None:
    """Refuse what ``store_rows`` lost too much of.

    Raises
    ------
    UserError
        If a value was NaN or infinite before it was stored.
    Float16Error
        If float16 lost more than ``MAX_RELATIVE_ERROR``.
    """
    if math.isnan(lost):
        raise UserError(f"layer {place}: a value is NaN or infinite; check the model's weights")
    if dtype == torch.float16 and lost > MAX_RELATIVE_ERROR:
        raise Float16Error(place, lost)
