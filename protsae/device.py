"""Which device the arithmetic runs on."""

import psutil
import torch

from protsae.errors import UserError


def find_device(name: str, gpu: int = 0) -> torch.device:
    """The device for ``auto`` (cuda where there is one), ``cpu`` or ``cuda``.

    Of several GPUs in sight, number ``gpu`` modulo how many there are.

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
    if name == "cpu" or not available:
        return torch.device("cpu")
    return torch.device("cuda", gpu % torch.cuda.device_count())


def free_memory(device: torch.device) -> int:
    """Bytes that can still be had on a device; of the machine's memory for the CPU."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)
