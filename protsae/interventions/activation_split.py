"""Activations taken apart by an SAE, x = f W + b + e, and what each part does to first order.

f are features, W has the decoder's rows, b is the bias, and e the error: what the SAE does not
rebuild. With g the gradient of an output by x, a feature adds f (g . W) to it and an error e . g.
For NumPy's arrays and PyTorch's tensors alike; nothing is rounded on the way.
"""

from typing import TypeVar

import numpy as np
from torch import Tensor

Numbers = TypeVar("Numbers", np.ndarray, Tensor)


def error_part(x_ND: Numbers, f_NF: Numbers, decoder_FD: Numbers, bias_D: Numbers) -> Numbers:
    """e = x - f W - b, shape (..., n, d_model).

    Examples
    --------
    >>> x, f, decoder = np.array([[3.0, 5.0]]), np.array([[2.0]]), np.array([[1.0, 2.0]])
    >>> error_part(x, f, decoder, np.array([0.5, 0.0])).tolist()
    [[0.5, 1.0]]
    """
    return x_ND - f_NF @ decoder_FD - bias_D


def along_decoder(gradient_ND: Numbers, decoder_FD: Numbers) -> Numbers:
    """g . W of every feature: what a feature adds for each unit of activation, shape (n, F).

    Examples
    --------
    >>> along_decoder(np.array([[1.0, -1.0]]), np.array([[1.0, 2.0], [3.0, 0.0]])).tolist()
    [[-1.0, 3.0]]
    """
    return gradient_ND @ decoder_FD.T


def error_effects(error_ND: Numbers, gradient_ND: Numbers) -> Numbers:
    """e . g of every row, shape (n,).

    Examples
    --------
    >>> error_effects(np.array([[1.0, -1.0]]), np.array([[3.0, 0.5]])).tolist()
    [2.5]
    """
    return (error_ND * gradient_ND).sum(1)
