"""Which device the arithmetic runs on, and its memory."""

import ctypes
import sys

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


def keep_freed_memory() -> None:
    """Let this process keep memory that it frees, for its next arrays of that size.

    glibc gives large arrays back at once, and every step of training faults all their pages in
    again: a tenth to a quarter of its time. Elsewhere than on Linux with glibc nothing changes.
    """
    if sys.platform == "linux":
        c_library = ctypes.CDLL(None)
        if hasattr(c_library, "mallopt"):
            for option in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
                c_library.mallopt(option, 2**31 - 1)


# Numbers of mallopt's options, from glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
