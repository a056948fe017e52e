"""Linear maps whose products are of 8-bit integers, for CPUs."""

import torch
from torch import Tensor

MOST_X, MOST_W = 127, 63
"""Largest integers. Processors without VNNI add two products in 16 bits, x shifted by 128:
2 x 255 x 63 fits, 2 x 255 x 127 does not. So the sums are exact on every processor."""


class Int8Linear:
    """x -> x W^T + b, with x and W rounded to integers; takes and returns float32.

    Each row of x and each output of W has a scale of its own: x = s_n p and w = s_o q, with p from
    -127 to 127, q from -63 to 63, and y = s_n s_o (p q) + b. A row's result does not depend on the
    rows beside it. NaN and infinity come out as NaN. For CPUs, without gradients.

    Parameters
    ----------
    weight : tensor of float32, shape (n_out, n_in)
    bias : tensor of float32, shape (n_out,)

    References
    ----------
    Dettmers et al. 2022, arXiv:2208.07339, section 2.2: row-wise and column-wise scales.

    Examples
    --------
    >>> linear = Int8Linear(torch.tensor([[63.0, 1.0]]), torch.tensor([0.5]))
    >>> linear(torch.tensor([[127.0, 0.0], [2.0, 254.0]])).tolist()
    [[8001.5], [380.5]]
    """

    def __init__(self, weight: Tensor, bias: Tensor):
        scale_O1 = _scale(weight.detach(), MOST_W)
        self._rounded_IO = (weight.detach() / scale_O1).round().to(torch.int8).t()
        self._scale_O = scale_O1[:, 0]
        self._bias = bias.detach()

    def __call__(self, x_ND: Tensor) -> Tensor:
        scale_N1 = _scale(x_ND, MOST_X)
        rounded_ND = (x_ND / scale_N1).round_().to(torch.int8)
        sums_NO = torch._int_mm(rounded_ND, self._rounded_IO).to(x_ND.dtype)
        return sums_NO.mul_(scale_N1).mul_(self._scale_O).add_(self._bias)


def _scale(rows_ND: Tensor, most: int) -> Tensor:
    """What the integer 1 stands for in each row, shape (n, 1); any number for a row of zeros."""
    low_N1, high_N1 = rows_ND.aminmax(dim=1, keepdim=True)
    largest_N1 = torch.maximum(-low_N1, high_N1)
    return (largest_N1 / most).clamp_min_(torch.finfo(rows_ND.dtype).tiny)
