"""Which device the arithmetic runs on."""

import torch

from protsae.errors import UserError


def find_device(name: str) -> torch.device:
    """The device for ``auto`` (cuda where there is one), ``cpu`` or ``cuda``.

    Raises
    ------
    UserError
        If cuda is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UserError(
            "device: cuda was asked for, but torch finds no CUDA device; set auto or cpu"
        )
    return torch.device("cuda" if name == "cuda" or (name == "auto" and available) else "cpu")
