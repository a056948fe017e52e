"""Which device the arithmetic runs on, and its memory."""

import ctypes
import sys
from typing import cast

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


def multiplies_fast(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether a device has instructions for matrix products in bfloat16 or float16.

    Without them a product in half precision takes several times as long as in float32.
    """
    if device.type == "cuda":
        is_emulated = not torch.cuda.is_bf16_supported(including_emulation=False)
        return dtype == torch.float16 or not is_emulated
    has = torch.cpu.get_capabilities()
    return any(has.get(name, False) for name in _PRODUCTS[dtype])


_PRODUCTS = {
    torch.bfloat16: ("avx512_bf16", "amx_bf16"),
    torch.float16: ("avx512_fp16", "amx_fp16"),
}
"""Instructions of CPUs, as torch calls them."""


def products_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Type of the matrix products: bfloat16 for ``auto`` where the device multiplies it fast."""
    if precision == "auto":
        precision = "bfloat16" if multiplies_fast(torch.bfloat16, device) else "float32"
    return cast(torch.dtype, getattr(torch, precision))


def chosen_precision(key: str, device: torch.device) -> str:
    """What ``auto`` of a setting, such as ``"embed.precision"``, has chosen, and why."""
    name, where = _name(products_dtype("auto", device)), _WHERE.get(device.type, "processor")
    if name == "bfloat16":
        return f"{key}: auto is bfloat16 here, which this {where} has instructions for"
    return f"{key}: auto is {name} here, as this {where} has no instructions for bfloat16"


def slow_precision(key: str, precision: str, device: torch.device) -> str:
    """What to say of a setting that asks for products slower than in float32; else nothing."""
    dtype, where = products_dtype(precision, device), _WHERE.get(device.type, "processor")
    if dtype not in _PRODUCTS or multiplies_fast(dtype, device):
        return ""
    return (
        f"{key}: matrix products in {_name(dtype)} are several times slower than in float32 on "
        f"this {where}, which has no instructions for them; set auto or float32"
    )


_WHERE = {"cuda": "GPU"}


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def free_memory(device: torch.device) -> int:
    """Bytes that can still be had on a device; of the machine's memory for the CPU."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def keep_freed_memory() -> None:
    """Let this process keep memory that it frees, for its next arrays of that size.

    glibc gives large arrays back at once, and every step of training, or pair of annotate, faults
    all their pages in again: a tenth to a quarter of the time. Annotating 10,495 proteins takes a
    tenth more memory for it. Elsewhere than on Linux with glibc nothing changes.
    """
    if sys.platform == "linux":
        c_library = ctypes.CDLL(None)
        if hasattr(c_library, "mallopt"):
            for option in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
                c_library.mallopt(option, 2**31 - 1)


# Numbers of mallopt's options, from glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
